/*
 * watchable.cpp — checked before the server is asked to make a trigger: its own errors would quote
 * our statement, and not say what to do.
 */
#include "entry/watch/watchable.hpp"

#include "pg/watches/watch_triggers.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
}

namespace whatsapp::entry
{

void
check_watchable(Oid relation)
{
	const char *name = get_rel_name(relation);
	const char kind = get_rel_relkind(relation);
	(void)pg::quoted_relation(relation);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE &&
	    kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
		        (errcode(ERRCODE_WRONG_OBJECT_TYPE),
		         errmsg("cannot watch \"%s\" because it is not a table", name),
		         errhint("Watch the tables whose rows it shows: what is done by way of a view is "
		                 "done to them. An expression may read others by a sub-select.")));
	/* a message about a message would be a message, and so on without end */
	if (getExtensionOfObject(RelationRelationId, relation) ==
	    get_extension_oid("pg_whatsapp", true))
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
		                errmsg("cannot watch \"%s\" because it belongs to the extension", name)));
	if (pg_class_aclcheck(relation, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		                errmsg("permission denied for table %s", name),
		                errhint("A watch needs the TRIGGER right on its table.")));
}

} // namespace whatsapp::entry
