/*
 * known_nonces.cpp — a copy of a small table, read again when the table has changed.
 */
#include "pg/identity/known_nonces.hpp"

#include <cstdint>

#include "pg/identity/instance.hpp"
#include "pg/identity/restore_hold.hpp"
#include "pg/rows/table_stamp.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/statement.hpp"

extern "C" {
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

struct KnownNonce {
	char nonce[max_nonce_length + 1];
	bool own;
};

KnownNonce *known = nullptr;
std::uint64_t known_count = 0;
bool known_read = false;
/* the server was promoted, and the sender has no new nonce yet: the old primary may have sent more
 * under this one than the rows tell */
bool promoted = false;

/* The sender clears the flag after it has committed its new nonce. So the flag is read before the
 * table: the other way round, both could be missed. */
bool
is_just_promoted()
{
	const SeatedWorker own_seat = find_worker(Role::listener, MyDatabaseId);
	return own_seat.latch != nullptr && was_promoted(own_seat.place);
}

} // namespace

void
read_known_nonces()
{
	static Statement statement = {
	    "SELECT i.nonce, " IS_OWN_INSTANCE("i", "$1", "$2") " AND NOT " IS_RESTORED(
	        "i", "$3") " FROM @s@.whatsapp_instances AS i",
	    3,
	    {TEXTOID, OIDOID, TEXTOID}};
	static TableStamp stamp("whatsapp_instances");
	promoted = is_just_promoted();
	if (!has_changed(stamp) && known_read)
		return;
	known_read = false;
	Values values;
	set_identity(values, 0);
	values.set_text(2, restore_id());
	const Result rows = run_statement(statement, values);
	if (known != nullptr)
		pfree(known);
	known = static_cast<KnownNonce *>(
	    MemoryContextAlloc(TopMemoryContext, sizeof(KnownNonce) * (rows.count() + 1)));
	known_count = rows.count();
	for (uint64 i = 0; i < rows.count(); i++) {
		strlcpy(known[i].nonce, rows.text_at(i, 1), sizeof known[i].nonce);
		known[i].own = rows.bool_at(i, 2);
	}
	known_read = true;
}

NonceOrigin
origin_of_nonce(std::string_view nonce)
{
	for (std::uint64_t i = 0; i < known_count; i++)
		if (nonce == known[i].nonce)
			return known[i].own && !promoted ? NonceOrigin::own : NonceOrigin::older;
	return NonceOrigin::foreign;
}

} // namespace whatsapp::pg
