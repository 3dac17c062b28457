/*
 * clerk.cpp — the worker that makes the requests to Meta's API which are no message, so that
 * neither the sender nor the reader ever waits for one. It ends when it has been idle for a while.
 *
 * As in the sender: a request is marked by a commit before its bytes leave, and no transaction is
 * open while they travel.
 */
#include <algorithm>
#include <cstdint>

#include "core/request/request_kind.hpp"
#include "entry/clerk/desk.hpp"
#include "entry/launcher/worker_place.hpp"
#include "pg/identity/instance.hpp"
#include "pg/requests/request_recovery.hpp"
#include "pg/requests/request_rows.hpp"
#include "pg/requests/requests.hpp"
#include "pg/server/clerk_call.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/wait_set.hpp"
#include "pg/server/worker.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t poll_ms = 5000;
constexpr std::int64_t drain_ms = 500;
constexpr std::int64_t no_memory_ms = 1000;
constexpr std::size_t max_kinds = 32;

struct Clerk {
	Desk *desk = nullptr;
	MemoryContext batch = nullptr;
	std::int64_t worked_ms = 0;   /* when it last had something to do */
	std::int64_t next_due_ms = 0; /* of the rows; INT64_MAX for none */
};

bool
may_ask()
{
	return pg::settings.clerk && pg::settings.enabled && !pg::shutdown_requested();
}

/* Takes over the requests that an earlier clerk left running. */
void
recover_requests()
{
	std::size_t count;
	const RequestKind *kinds = request_kinds(count);
	const char *repeatable[max_kinds];
	std::size_t found = 0;
	for (std::size_t i = 0; i < count && found < max_kinds; i++)
		if (kinds[i].repeatable)
			repeatable[found++] = kinds[i].name;
	pg::recover_requests(repeatable, found);
}

void
write_answers(Clerk &clerk)
{
	WrittenAnswer answer;
	while (clerk.desk->next_answer(pg::monotonic_ms(), answer)) {
		const bool written = pg::run_transaction([&] {
			const char *result = nullptr;
			if (answer.answered.rows != nullptr)
				result = pg::write_request_rows(answer.answered);
			if (result != nullptr)
				answer.ended.result = result;
			if (answer.ended.end == pg::RequestEnd::failed)
				pg::write_request_failure(answer.answered.kind, answer.ended.id,
				                          answer.ended.message);
			if (!answer.goes_on)
				pg::settle_request(answer.ended);
			pg::fault_point(pg::FaultPoint::request_written);
		});
		pg::fault_point(pg::FaultPoint::request_settled);
		if (written)
			clerk.desk->answer_written(answer.ended.id);
		else
			clerk.desk->answer_kept(answer.ended.id, pg::monotonic_ms(),
			                        !pg::failure_passes() && !pg::failure_repeats());
		clerk.worked_ms = pg::monotonic_ms();
		MemoryContextReset(clerk.batch);
	}
}

/* There was no memory for it, and nothing of it has left. Should this fail, too, the next clerk
 * finds it. */
void
put_back(const pg::ClaimedRequest &claimed)
{
	pg::EndedRequest ended = {};
	ended.id = claimed.id;
	ended.end = claimed.is_unknown ? pg::RequestEnd::unknown : pg::RequestEnd::put_back;
	ended.delay_ms = no_memory_ms;
	if (!pg::run_transaction([&] { pg::settle_request(ended); }))
		pg::end_worker();
}

/* False: there is nothing that may be asked for now. */
bool
claim_next(Clerk &clerk)
{
	pg::BusyAccounts busy;
	if (!clerk.desk->busy_accounts(pg::monotonic_ms(), busy))
		return false;
	pg::ClaimedRequest claimed;
	bool found = false;
	const bool committed = pg::run_transaction([&] {
		pg::leave_without_extension(pg::Role::clerk, worker_place());
		/* a copy asks for nothing until wa_release(); after a failover webhooks may tell what the
		 * old primary has asked for */
		if (!pg::instance_is_held() && !pg::is_quarantined(worker_place()))
			found = pg::claim_request(busy, clerk.batch, claimed);
		if (!found) {
			const std::int64_t due = pg::next_request_ms();
			clerk.next_due_ms = due < 0 ? INT64_MAX : pg::monotonic_ms() + due;
		}
	});
	if (!committed || !found)
		return false;
	pg::fault_point(pg::FaultPoint::request_claimed);
	if (!clerk.desk->begin_request(claimed))
		put_back(claimed);
	clerk.worked_ms = pg::monotonic_ms();
	MemoryContextReset(clerk.batch);
	return true;
}

long
idle_ms(const Clerk &clerk, std::int64_t now)
{
	std::int64_t wait = poll_ms;
	const long desk = clerk.desk->timeout_ms(now);
	if (desk >= 0)
		wait = std::min<std::int64_t>(wait, desk);
	/* what is due and was not claimed waits for its account */
	if (clerk.next_due_ms > now)
		wait = std::min(wait, clerk.next_due_ms - now);
	return static_cast<long>(std::max<std::int64_t>(wait, 0));
}

/* Then this clerk may end: the reader calls another one when a request is due. */
bool
is_idle_long(const Clerk &clerk, std::int64_t now)
{
	const std::int64_t limit = pg::settings.clerk_idle_timeout * std::int64_t{1000};
	return clerk.desk->in_hand() == 0 && now - clerk.worked_ms >= limit &&
	       (clerk.next_due_ms <= now || clerk.next_due_ms - now > limit);
}

void
do_turn(Clerk &clerk, pg::WaitSet &waits)
{
	CHECK_FOR_INTERRUPTS();
	if (pg::reload_if_requested())
		clerk.desk->reload_settings();
	clerk.desk->collect_answers();
	write_answers(clerk);
	pg::forget_clerk_call();
	while (may_ask() && claim_next(clerk))
		;
	/* if this process dies meanwhile, the launcher starts another one */
	if (clerk.desk->in_hand() > 0)
		pg::note_clerk_call();
	const std::int64_t now = pg::monotonic_ms();
	if (is_idle_long(clerk, now) && !pg::clerk_called(worker_database()))
		pg::end_worker();
	waits.wait_for_event(idle_ms(clerk, now));
}

/* What is answered within half a second is written down. */
void
drain_desk(Clerk &clerk, pg::WaitSet &waits)
{
	const std::int64_t end = pg::monotonic_ms() + drain_ms;
	while (clerk.desk->in_hand() > 0 && pg::monotonic_ms() < end) {
		clerk.desk->collect_answers();
		write_answers(clerk);
		const std::int64_t now = pg::monotonic_ms();
		const long next = clerk.desk->timeout_ms(now);
		const std::int64_t left = std::max<std::int64_t>(end - now, 0);
		if (clerk.desk->in_hand() > 0)
			waits.wait_for_event(
			    static_cast<long>(next < 0 ? left : std::min<std::int64_t>(left, next)));
	}
}

} // namespace

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_clerk_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::start_worker(pg::Role::clerk, worker_place(), worker_database());
	/* static: after a FATAL, what runs at the exit still needs it */
	static Clerk clerk;
	clerk.batch =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(clerk.batch);
	clerk.desk = Desk::create();
	if (clerk.desk == nullptr)
		ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("could not set up the HTTP client of the WhatsApp clerk")));
	clerk.worked_ms = pg::monotonic_ms();
	if (!pg::run_transaction([] {
		    pg::leave_without_extension(pg::Role::clerk, worker_place());
		    recover_requests();
		    pg::forget_old_requests();
	    }))
		pg::end_worker();
	static pg::WaitSet waits(clerk.desk->descriptor(), "WhatsappClerk");
	while (!pg::shutdown_requested())
		do_turn(clerk, waits);
	drain_desk(clerk, waits);
	pg::end_worker();
}
