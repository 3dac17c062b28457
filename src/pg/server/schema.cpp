/*
 * schema.cpp — the extension's place, cached until a relation or a schema of the database changes.
 *
 * The server has no invalidation for pg_extension itself before 18, but CREATE, DROP and ALTER
 * EXTENSION of ours always touch tables. ALTER SCHEMA RENAME touches none.
 */
#include "pg/server/schema.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
}

namespace whatsapp::pg
{

namespace
{

/* "…" around a name of NAMEDATALEN with every quote doubled */
char quoted[2 * NAMEDATALEN + 3];
Oid current_schema = InvalidOid;
unsigned generation = 0;

bool catalogs_changed = true;
/* found is what the last look found, and that look came to its end */
bool found_is_known = false;
Extension found = Extension::absent;
Oid first_extension = InvalidOid;
bool callback_registered = false;

extern "C" void
relation_changed(Datum, Oid)
{
	catalogs_changed = true;
}

extern "C" void
schema_changed(Datum, int, uint32)
{
	catalogs_changed = true;
}

/* the function whose schema is in use; none when a function or a schema has changed since */
Oid known_function = InvalidOid;

extern "C" void
names_changed(Datum, int, uint32)
{
	known_function = InvalidOid;
}

void
use_schema(Oid schema)
{
	const char *name = get_namespace_name(schema);
	if (name == nullptr) {
		known_function = InvalidOid;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_SCHEMA),
		                errmsg("schema of extension \"pg_whatsapp\" does not exist")));
	}
	const char *as_sql = quote_identifier(name);
	if (schema == current_schema && strcmp(as_sql, quoted) == 0)
		return;
	strlcpy(quoted, as_sql, sizeof quoted);
	current_schema = schema;
	generation++;
}

void
become_owner(Oid owner)
{
	if (GetUserId() != owner)
		SetSessionAuthorization(owner, superuser_arg(owner));
}

} // namespace

void
use_schema_of_function(unsigned function_oid)
{
	static bool watching = false;
	if (!watching) {
		CacheRegisterSyscacheCallback(PROCOID, names_changed, 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, names_changed, 0);
		watching = true;
	}
	if (function_oid == known_function)
		return;
	known_function = function_oid;
	use_schema(get_func_namespace(function_oid));
}

Extension
look_for_extension()
{
	if (!callback_registered) {
		CacheRegisterRelcacheCallback(relation_changed, 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, schema_changed, 0);
		callback_registered = true;
	}
	if (!catalogs_changed && found_is_known)
		return found;
	/* before the scan: what changes while we look makes us look again, and so does an error */
	catalogs_changed = false;
	found_is_known = false;

	Relation catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
	            CStringGetDatum("pg_whatsapp"));
	SysScanDesc scan = systable_beginscan(catalog, ExtensionNameIndexId, true, nullptr, 1, &key);
	HeapTuple tuple = systable_getnext(scan);
	FormData_pg_extension row;
	const bool exists = HeapTupleIsValid(tuple);
	bool is_own_version = false;
	if (exists) {
		memcpy(&row, GETSTRUCT(tuple), offsetof(FormData_pg_extension, extrelocatable));
		bool null;
		const Datum version =
		    heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(catalog), &null);
		is_own_version = !null && strcmp(TextDatumGetCString(version), PG_WHATSAPP_VERSION) == 0;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	found = Extension::absent;
	if (exists) {
		if (!OidIsValid(first_extension))
			first_extension = row.oid;
		if (row.oid != first_extension)
			found = Extension::replaced;
		else
			found = is_own_version ? Extension::present : Extension::other_version;
		become_owner(row.extowner);
		use_schema(row.extnamespace);
	}
	found_is_known = true;
	return found;
}

unsigned
extension_oid()
{
	return first_extension;
}

const char *
schema_name()
{
	return quoted;
}

unsigned
schema_oid()
{
	return current_schema;
}

unsigned
schema_generation()
{
	return generation;
}

} // namespace whatsapp::pg
