/*
 * sender.cpp — the worker that drains the queue of one database: what is to be done now, then wait.
 *
 * No transaction is open while bytes travel; it never waits while work is ready and a slot is free.
 */
#include "entry/sender/sender.hpp"

#include <algorithm>
#include <cstdint>

#include "entry/sender/dispatcher.hpp"
#include "entry/sender/line.hpp"
#include "pg/budgets/budgets.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/identity/instance.hpp"
#include "pg/queue/give_up.hpp"
#include "pg/queue/marketing.hpp"
#include "pg/queue/queue.hpp"
#include "pg/identity/senders.hpp"
#include "pg/server/settings.hpp"
#include "pg/identity/restore_hold.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/prepared_rings.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/secrets.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/wait_set.hpp"
#include "pg/server/worker.hpp"

#include "entry/launcher/worker_place.hpp"

#include "pg/webhooks/parked_statuses.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

/* The queue from its very beginning: for what no bell rang (a row that was written by hand, a clock
 * that was set), and for what was locked when its turn came. */
constexpr std::int64_t look_ms = 5000;
constexpr std::int64_t tick_ms = 1000;
constexpr std::int64_t beat_ms = 30000;
constexpr std::int64_t note_ms = 100;
constexpr std::int64_t expire_ms = 60000;
constexpr std::int64_t sweep_ms = 5000;
/* at a high rate, some messages by one commit */
constexpr std::int64_t pace_step_ms = 5;
constexpr std::int64_t drain_ms = 500;
/* an answer of a busy sender waits so long at most for others to be written with it */
constexpr std::int64_t gather_ms = 10;
/* an idle sender waits so long before it writes an answer: if it is called to send meanwhile, it is
 * not busy with flushing WAL */
constexpr std::int64_t quiet_ms = 2;
/* without memory for what becomes of a message, none is claimed */
constexpr std::int64_t no_memory_ms = 1000;

/* A commit for each answer would cost more than it is worth when others are about to come. */
std::int64_t
settle_at(const SenderWorker &worker, std::int64_t now)
{
	if (!worker.dispatcher->has_results())
		return 0;
	const std::size_t enough = std::max<std::size_t>(1, worker.dispatcher->slots() / 8);
	if (worker.dispatcher->result_count() >= enough ||
	    (worker.saturated && worker.dispatcher->in_flight() == 0))
		return now;
	return worker.first_result + (worker.saturated ? gather_ms : quiet_ms);
}

/* All that is marked as sending is on the wire or about to be settled: a claim and its requests are
 * one step of this process. What is neither was lost, by an error or by somebody's UPDATE, and
 * would stay there until the next start. */
void
doubt_lost_messages(const SenderWorker &worker)
{
	pg::MessageIds sending = pg::read_sending();
	std::int64_t *end =
	    std::remove_if(sending.ids, sending.ids + sending.count,
	                   [&worker](std::int64_t id) { return worker.dispatcher->has_in_hand(id); });
	sending.count = static_cast<std::size_t>(end - sending.ids);
	if (sending.count == 0)
		return;
	const std::uint64_t count = pg::doubt_messages(sending);
	if (count > 0)
		ereport(LOG,
		        (errmsg("nobody knows what became of WhatsApp messages that are marked as sending"),
		         errdetail("Messages: " UINT64_FORMAT ".", static_cast<uint64>(count)),
		         errhint("Status webhooks or whatsapp.unknown_policy settle them.")));
}

/* In a transaction of its own: what fails beside it must not make a living sender look dead, which
 * would hold the queue at the next start. */
void
beat_heart(SenderWorker &worker, std::int64_t now)
{
	if (now < worker.next_beat)
		return;
	pg::run_transaction([&] { pg::record_heartbeat(worker.instance, false); });
	worker.next_beat = now + std::min<std::int64_t>(beat_ms, pg::settings.resume_gap * 1000L / 3);
}

/* Both read the whole queue: so they may take a hundredth of the time at most. */
void
expire_and_doubt(SenderWorker &worker, std::int64_t now)
{
	if (now < worker.next_expire || worker.instance.held)
		return;
	pg::run_transaction([] { pg::expire_messages(); });
	pg::run_transaction([&] { doubt_lost_messages(worker); });
	worker.next_expire = now + std::max(expire_ms, 100 * (pg::monotonic_ms() - now));
}

/* In a transaction of its own: what fails here keeps nothing else from being done. */
void
wake_held(SenderWorker &worker)
{
	if (worker.instance.held)
		return;
	bool woken = false;
	if (!pg::run_transaction([&] { woken = pg::wake_held_messages() > 0; }))
		pg::forget_reservations();
	if (!pg::run_transaction([&] { woken |= pg::wake_recategorised_messages(); }))
		pg::forget_marketing();
	if (woken)
		worker.line->read_everything();
}

void
do_timed_work(SenderWorker &worker, std::int64_t now)
{
	pg::run_transaction([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		if (pg::resolve_unknown(worker.instance) > 0)
			worker.line->read_everything();
		pg::match_lately_parked_statuses();
		if (pg::compare_prepared_rings())
			worker.line->read_everything();
	});
	wake_held(worker);
	expire_and_doubt(worker, now);
	beat_heart(worker, now);
	/* a token that was replaced is tried at once, whatever is left of the pause */
	if (worker.line->has_paused_sender() && worker.dispatcher->has_new_secret()) {
		pg::run_transaction([] { pg::probe_paused(); });
		worker.next_senders = 0;
	}
	if (now >= worker.next_sweep) {
		worker.line->forget_idle_pairs();
		worker.dispatcher->give_back_memory();
		worker.next_sweep = now + sweep_ms;
	}
	worker.next_tick = now + tick_ms;
}

void
ask_due(SenderWorker &worker)
{
	std::int64_t due = -1;
	worker.ask_due = false;
	if (!pg::run_transaction([&] { due = pg::next_due_ms(); }))
		due = tick_ms;
	if (due >= 0)
		due_in(worker, due + 1);
}

void
apply_settings(SenderWorker &worker)
{
	worker.dispatcher->reload_settings();
	pg::warn_of_exposed_secrets();
	worker.line->end_rests();
	/* currency and time zone are settings */
	pg::forget_reservations();
	pg::run_transaction([] { pg::probe_paused(); });
	worker.next_senders = 0;
	worker.line->read_everything();
}

/* What is due by now, and what the bells of committed transactions said. */
void
listen_to_bells(SenderWorker &worker, std::int64_t now)
{
	const auto [due, announced] = pg::take_rung(worker_place());
	if (due == pg::any_due || now >= worker.next_look) {
		worker.line->read_everything();
		worker.next_look = now + look_ms;
		worker.next_senders = 0;
		worker.ask_due = true;
	} else if (due != pg::no_due) {
		const std::int64_t wait_us = due - GetCurrentTimestamp();
		if (wait_us > 0)
			due_in(worker, wait_us / 1000 + 1);
		else
			worker.line->read_from_due(due);
	} else if (announced != pg::any_due && announced <= GetCurrentTimestamp()) {
		/* its commit is under way: nothing is found yet, but secrets, plans and pages are at hand
		 * when the bell rings */
		worker.dispatcher->refresh_secrets();
		worker.line->read_from_due(announced);
	}
	if (worker.next_due != 0 && now >= worker.next_due) {
		worker.next_due = 0;
		worker.ask_due = true;
		worker.line->read_from_due(pg::no_due);
	}
}

/* Milliseconds to sleep, 0 when there is work. */
long
idle_ms(const SenderWorker &worker, std::int64_t now)
{
	std::int64_t until = worker.next_write;
	const auto earlier = [&until](std::int64_t at) {
		if (at != 0 && at < until)
			until = at;
	};
	if (now >= worker.next_write) {
		if (worker.ask_due)
			return 0;
		const bool may = may_claim(worker, now);
		if (may && count_free_places(worker) > 0)
			return 0;
		until = std::min(worker.next_look, worker.next_tick);
		earlier(worker.next_kept);
		earlier(settle_at(worker, now));
		/* free slots that wait to be filled together with others */
		earlier(may && worker.slot_batch.deadline_ms() > now ? worker.slot_batch.deadline_ms() : 0);
		earlier(worker.next_due);
		earlier(worker.claim_after > now ? worker.claim_after : 0);
		/* what waits for its number's rate */
		const std::int64_t next = worker.line->next_turn_ms();
		if (next != 0)
			earlier(std::max(next, now + pace_step_ms));
	}
	return static_cast<long>(std::max<std::int64_t>(until - now, 0));
}

void
serve_queue(SenderWorker &worker, std::int64_t now)
{
	listen_to_bells(worker, now);
	int limit = may_claim(worker, now) ? count_free_places(worker) : 0;
	if (limit > 0 && !worker.dispatcher->reserve_slots(static_cast<std::size_t>(limit))) {
		worker.claim_after = now + no_memory_ms;
		limit = 0;
	}
	if (worker.first_result == 0 && worker.dispatcher->has_results())
		worker.first_result = now;
	const std::int64_t settle = settle_at(worker, now);
	if ((settle != 0 && settle <= now) || limit > 0)
		settle_and_claim(worker, limit);
	else if (worker.ask_due)
		ask_due(worker);
	if (worker.next_kept != 0 && now >= worker.next_kept)
		settle_kept(worker);
	if (now >= worker.next_tick)
		do_timed_work(worker, now);
}

/* For those who look from outside; a turn may be much shorter than this. */
void
note_turn(SenderWorker &worker, std::int64_t now)
{
	if (now < worker.next_note)
		return;
	worker.next_note = now + note_ms;
	pg::note_loop(pg::Role::sender);
	pg::note_wire(worker.dispatcher->in_flight(), worker.dispatcher->slots());
	pg::note_enabled(pg::settings.enabled);
	pg::note_held(worker.instance.held);
}

void
do_turn(SenderWorker &worker, pg::WaitSet &waits)
{
	CHECK_FOR_INTERRUPTS();
	if (pg::reload_if_requested())
		apply_settings(worker);

	worker.dispatcher->collect_answers();
	const std::int64_t now = pg::monotonic_ms();
	note_turn(worker, now);
	note_free_slots(worker, now);
	if (now >= worker.next_write)
		serve_queue(worker, now);
	MemoryContextReset(worker.batch);
	waits.wait_for_event(idle_ms(worker, pg::monotonic_ms()));
}

/* What is answered within half a second is recorded; the rest stays "sending", which the next start
 * reads as unknown. */
void
drain_slots(SenderWorker &worker, pg::WaitSet &waits)
{
	const std::int64_t end = pg::monotonic_ms() + drain_ms;
	for (;;) {
		worker.dispatcher->collect_answers();
		const std::int64_t left = end - pg::monotonic_ms();
		if (worker.dispatcher->in_flight() == 0 || left <= 0)
			break;
		waits.wait_for_event(static_cast<long>(left));
	}
	/* limit 0: nothing is claimed */
	settle_and_claim(worker, 0);
	pg::fault_point(pg::FaultPoint::drain_settled);
	pg::run_transaction([&] { pg::record_heartbeat(worker.instance, true); });
}

} // namespace

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_sender_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::start_worker(pg::Role::sender, worker_place(), worker_database());

	/* static: after a FATAL, what runs at the exit still needs it */
	static SenderWorker worker;
	worker.batch =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(worker.batch);
	worker.line = Line::create();
	if (worker.line != nullptr)
		worker.dispatcher = Dispatcher::create(*worker.line);
	if (worker.dispatcher == nullptr)
		ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("could not set up the HTTP client of the WhatsApp sender")));
	pg::before_exit([] { worker.dispatcher->stop_client(); });
	if (!pg::run_transaction([] {
		    pg::leave_without_extension(pg::Role::sender, worker_place());
		    pg::begin_epoch(worker.instance, worker_place());
		    pg::park_poison();
	    }))
		pg::end_worker();
	pg::fault_point(pg::FaultPoint::epoch_committed);
	pg::warn_of_exposed_secrets();
	pg::forget_promotion(worker_place());
	if (worker.instance.held)
		pg::run_transaction([] { pg::warn_of_hold(); });
	if (worker.instance.quarantine_ms > 0) {
		worker.claim_after = pg::monotonic_ms() + worker.instance.quarantine_ms;
		ereport(LOG, (errmsg("sending WhatsApp messages begins in %d s: this server was promoted",
		                     static_cast<int>((worker.instance.quarantine_ms + 999) / 1000)),
		              errdetail("Meanwhile webhooks may tell what the old primary had sent.")));
	}
	pg::run_transaction([] {
		look_at_senders(worker);
		const pg::PairTurns turns = pg::read_pair_turns();
		worker.line->reserve_pair_turns(turns.rows, turns.count);
	});
	static pg::WaitSet waits(worker.dispatcher->descriptor(), "WhatsappSender");

	while (!pg::shutdown_requested())
		do_turn(worker, waits);
	drain_slots(worker, waits);
	pg::end_worker();
}
