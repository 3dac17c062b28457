/*
 * kept_role.cpp — the number of a kept role is this_home(), a slash and its OID.
 */
#include "pg/identity/kept_role.hpp"

#include <cstdlib>
#include <cstring>

extern "C" {
#include "access/xlog.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace whatsapp::pg
{

const char *
this_home()
{
	return psprintf(UINT64_FORMAT "/%u", GetSystemIdentifier(), MyDatabaseId);
}

const char *
number_of_kept_role(Oid role)
{
	return psprintf("%s/%u", this_home(), role);
}

Oid
find_kept_role(const char *name, const char *number)
{
	const char *home = psprintf("%s/", this_home());
	if (number == nullptr || strncmp(number, home, strlen(home)) != 0)
		return get_role_oid(name, true);
	const auto role = static_cast<Oid>(strtoul(number + strlen(home), nullptr, 10));
	return SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)) ? role : InvalidOid;
}

} // namespace whatsapp::pg
