/*
 * sender.cpp — the worker that drains the queue of one database: settle and claim in one commit,
 * then bytes, then wait.
 *
 * No transaction is open while bytes travel, and it never waits while ready work and a free slot
 * are left.
 */
#include <algorithm>
#include <cstdint>

#include "entry/dispatcher.hpp"
#include "pg/queue.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"

#include "entry/entry.hpp"

#include "pg/events.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace whatsapp::entry
{

namespace
{

/* the fall-back when no bell rang: COMMIT PREPARED, logical replication, a clock that was set */
constexpr std::int64_t poll_ms = 5000;
constexpr std::int64_t tick_ms = 1000;
constexpr std::int64_t beat_ms = 30000;
/* what is due and yet was not claimed is locked by somebody, or waits for a probe's answer */
constexpr std::int64_t blocked_ms = 50;
/* at a high rate, some messages together rather than a commit for each */
constexpr std::int64_t pace_step_ms = 5;
constexpr std::int64_t drain_ms = 500;
/* what cannot be written because of a lock or a full disk is written later; meanwhile nothing new
 * is claimed */
constexpr std::int64_t first_setback_ms = 1000;
constexpr std::int64_t last_setback_ms = 10000;

struct Sender {
	Dispatcher *dispatcher;
	MemoryContext batch;
	pg::Instance instance;
	bool look;      /* the queue may hold something to claim */
	bool saturated; /* the last claim was full, so more is waiting */
	bool ask_due;   /* next_look is not known */
	std::int64_t next_look;
	std::int64_t next_tick;
	std::int64_t next_beat;
	std::int64_t next_write; /* after a setback; 0 without one */
	std::int64_t setback;
};

void
set_back(Sender &sender)
{
	sender.setback = std::clamp(sender.setback * 2, first_setback_ms, last_setback_ms);
	sender.next_write = pg::monotonic_ms() + sender.setback;
}

/* One answer that cannot be written must not hold back the others, and no row may be sent again
 * because of it: it stays "sending". */
void
settle_one_by_one(Sender &sender)
{
	std::size_t count;
	const pg::Settled *rows = sender.dispatcher->results(count);
	for (std::size_t i = 0; i < count; i++)
		pg::transact([&] { pg::settle(rows + i, 1); });
	sender.dispatcher->forget_results();
}

int
room(const Sender &sender)
{
	if (sender.dispatcher->warming_up())
		return 0;
	const int slots = static_cast<int>(sender.dispatcher->slots());
	const int free = slots - static_cast<int>(sender.dispatcher->in_flight());
	/* with a backlog, wait for a quarter of the slots: a commit for each single slot would cost
	 * more than the slot brings */
	const int worthwhile = sender.saturated ? std::max(1, slots / 4) : 1;
	return free >= worthwhile ? free : 0;
}

void
settle_and_claim(Sender &sender, int limit)
{
	std::size_t count;
	const pg::Settled *rows = sender.dispatcher->results(count);
	std::size_t allowance_count;
	const pg::Allowance *allowances = sender.dispatcher->allowances(allowance_count);
	pg::Claims claims = {nullptr, 0, sender.instance};
	sender.look = false;
	const bool done = pg::transact([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		pg::settle(rows, count);
		if (limit > 0)
			claims = pg::claim(sender.instance, limit, allowances, allowance_count, sender.batch);
	});
	if (!done) {
		if (!pg::failure_passes())
			settle_one_by_one(sender);
		set_back(sender);
		sender.look = true;
		return;
	}
	sender.next_write = sender.setback = 0;
	sender.instance = claims.instance;
	sender.dispatcher->forget_results();
	for (std::size_t i = 0; i < claims.count; i++)
		sender.dispatcher->send(claims.rows[i], sender.instance);
	if (limit > 0) {
		sender.saturated = claims.count >= static_cast<std::size_t>(limit);
		sender.next_look = pg::monotonic_ms() + poll_ms;
	}
	/* a result may have made room for a probe, or brought a retry */
	sender.look = sender.saturated;
	sender.ask_due = !sender.saturated;
}

void
tick(Sender &sender, std::int64_t now)
{
	pg::transact([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		if (pg::resolve_unknown(sender.instance) > 0)
			sender.look = true;
		pg::match_parked();
		if (now >= sender.next_beat)
			pg::beat(sender.instance, false);
	});
	if (now >= sender.next_beat)
		sender.next_beat =
		    now + std::min<std::int64_t>(beat_ms, pg::settings.resume_gap * 1000L / 3);
	sender.next_tick = now + tick_ms;
}

void
ask_due(Sender &sender, std::int64_t now)
{
	std::int64_t due = -1;
	sender.ask_due = false;
	if (!pg::transact([&] { due = pg::next_due_ms(); }))
		due = tick_ms;
	if (sender.instance.held)
		due = -1;
	sender.next_look = now + (due < 0 ? poll_ms : std::clamp(due, blocked_ms, poll_ms));
	/* what is due and was not claimed may be waiting for its number's rate */
	const std::int64_t allowed = sender.dispatcher->next_allowance_ms();
	if (due == 0 && allowed > 0)
		sender.next_look = std::max(allowed, now + pace_step_ms);
}

void
reload(Sender &sender)
{
	sender.dispatcher->reload();
	pg::transact([] { pg::end_pauses(); });
	sender.look = true;
}

/* Milliseconds to sleep, 0 when there is work. */
long
idle_ms(const Sender &sender, std::int64_t now)
{
	std::int64_t until = sender.next_write;
	if (now >= sender.next_write) {
		if (sender.dispatcher->has_results() || sender.ask_due ||
		    (pg::settings.enabled && sender.look && room(sender) > 0))
			return 0;
		until = std::min(sender.next_look, sender.next_tick);
	}
	const long wire = sender.dispatcher->timeout_ms();
	if (wire >= 0)
		until = std::min(until, now + wire);
	return static_cast<long>(std::max<std::int64_t>(until - now, 0));
}

void
work(Sender &sender, std::int64_t now)
{
	if (now >= sender.next_look)
		sender.look = true;
	const int limit = pg::settings.enabled && sender.look ? room(sender) : 0;
	if (sender.dispatcher->has_results() || limit > 0)
		settle_and_claim(sender, limit);
	else if (sender.ask_due)
		ask_due(sender, now);
	if (now >= sender.next_tick)
		tick(sender, now);
}

void
turn(Sender &sender, pg::WaitSet &waits)
{
	CHECK_FOR_INTERRUPTS();
	if (pg::reload_if_requested())
		reload(sender);

	sender.dispatcher->collect();
	const std::int64_t now = pg::monotonic_ms();
	if (now >= sender.next_write)
		work(sender, now);
	MemoryContextReset(sender.batch);
	if (waits.wait(idle_ms(sender, pg::monotonic_ms())))
		sender.look = true;
}

/* What is answered within half a second is recorded; the rest stays "sending", which the next start
 * reads as unknown. */
void
drain(Sender &sender, pg::WaitSet &waits)
{
	const std::int64_t end = pg::monotonic_ms() + drain_ms;
	for (;;) {
		sender.dispatcher->collect();
		const std::int64_t left = end - pg::monotonic_ms();
		if (sender.dispatcher->in_flight() == 0 || left <= 0)
			break;
		const long wire = sender.dispatcher->timeout_ms();
		waits.wait(static_cast<long>(wire >= 0 ? std::min<std::int64_t>(left, wire) : left));
	}
	/* without a claim: limit 0 */
	settle_and_claim(sender, 0);
	pg::transact([&] { pg::beat(sender.instance, true); });
}

} // namespace

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_sender_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::start_worker(pg::Role::sender, worker_place(), worker_database());

	/* statics: a FATAL leaves the stack as it is */
	static Sender sender;
	sender.batch =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(sender.batch);
	sender.dispatcher = Dispatcher::create();
	if (sender.dispatcher == nullptr)
		ereport(FATAL,
		        (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not set up the HTTP client")));
	if (!pg::transact([] { pg::begin_epoch(sender.instance); }))
		pg::leave();
	if (sender.instance.held)
		ereport(WARNING,
		        (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		         errmsg("pending WhatsApp messages are held: this database was restored or copied"),
		         errhint("Look at whatsapp_queue, then call wa_release() to send from here.")));
	sender.look = true;
	static pg::WaitSet waits(sender.dispatcher->descriptor(), "WhatsappSender");

	while (!pg::shutdown_requested())
		turn(sender, waits);
	drain(sender, waits);
	pg::leave();
}
