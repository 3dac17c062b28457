/*
 * callback_guard.cpp — a timer of the server's, and a place in shared memory for each database.
 */
#include "pg/callbacks/callback_guard.hpp"

#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/statement.hpp"
#include "pg/server/transaction.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/spin.h"
#include "utils/timeout.h"
}

namespace whatsapp::pg
{

namespace
{

/* So long after the cancel, the process ends: nobody needs more to roll back. */
constexpr int grace_ms = 5000;

struct InHand {
	Oid database; /* InvalidOid: free */
	std::int64_t callback;
};

struct Hands {
	slock_t lock;
	InHand hand[max_databases];
};

Hands *hands = nullptr;

void
attach_hands(void *memory, bool is_new)
{
	hands = static_cast<Hands *>(memory);
	if (is_new)
		SpinLockInit(&hands->lock);
}

SharedPart part("pg_whatsapp callbacks in hand", sizeof(Hands), attach_hands);

/* Notes the callback that this database's reader is calling now; 0: none. Returns what was noted
 * before. */
std::int64_t
put_in_hand(std::int64_t callback)
{
	std::int64_t before = 0;
	InHand *place = nullptr;
	SpinLockAcquire(&hands->lock);
	for (InHand &hand : hands->hand)
		if (hand.database == MyDatabaseId)
			place = &hand;
	for (InHand &hand : hands->hand)
		if (place == nullptr && hand.database == InvalidOid)
			place = &hand;
	if (place != nullptr) {
		before = place->database == MyDatabaseId ? place->callback : 0;
		*place = callback == 0 ? InHand{InvalidOid, 0} : InHand{MyDatabaseId, callback};
	}
	SpinLockRelease(&hands->lock);
	return before;
}

/* Called from a signal handler. */
extern "C" void
end_process()
{
	ProcDiePending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

TimeoutId
last_timer()
{
	static const TimeoutId timer = RegisterTimeout(USER_TIMEOUT, end_process);
	return timer;
}

} // namespace

void
guard_callback(std::int64_t callback)
{
	(void)put_in_hand(callback);
}

void
begin_guarded_call(int timeout_ms)
{
	disable_timeout(last_timer(), false);
	enable_timeout_after(last_timer(), timeout_ms + grace_ms);
}

void
release_callback()
{
	disable_timeout(last_timer(), false);
	(void)put_in_hand(0);
}

void
blame_left_callback()
{
	static Statement statement = {
	    "UPDATE @s@.whatsapp_callback_definitions SET paused = true, errors = errors + 1, failed_at = now(),"
	    " error_code = '57P01', error_message = 'the reader was ended because a call did not end'"
	    " WHERE id = $1",
	    1,
	    {INT8OID}};
	const std::int64_t left = put_in_hand(0);
	if (left == 0)
		return;
	run_transaction([=] {
		Values values;
		values.set(0, Int64GetDatum(left));
		run_statement(statement, values);
		ereport(LOG, (errmsg("WhatsApp callback %lld is paused, because a call of it did not end",
		                     static_cast<long long>(left)),
		              errhint("Mend its function, and call wa_callback_resume(). See "
		                      "whatsapp_callbacks.")));
	});
}

} // namespace whatsapp::pg
