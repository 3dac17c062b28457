/*
 * sender.cpp — the worker that drains the queue of one database: settle and claim in one commit,
 * then bytes, then wait.
 *
 * No transaction is open while bytes travel; it never waits while work is ready and a slot is free.
 */
#include <algorithm>
#include <cstdint>

#include "entry/dispatcher.hpp"
#include "entry/line.hpp"
#include "pg/fault_point.hpp"
#include "pg/instance.hpp"
#include "pg/queue.hpp"
#include "pg/senders.hpp"
#include "pg/settings.hpp"
#include "pg/shmem.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"

#include "entry/entry.hpp"

#include "pg/events.hpp"

extern "C" {
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

/* The queue from its very beginning: for what no bell rang (COMMIT PREPARED, logical replication, a
 * clock that was set), and for what was locked when its turn came. */
constexpr std::int64_t look_ms = 5000;
constexpr std::int64_t tick_ms = 1000;
constexpr std::int64_t beat_ms = 30000;
constexpr std::int64_t expire_ms = 60000;
constexpr std::int64_t sweep_ms = 5000;
/* with more senders than these, a look at them is not worth each turn */
constexpr std::size_t few_senders = 32;
constexpr std::int64_t senders_ms = 100;
/* at a high rate, some messages by one commit */
constexpr std::int64_t pace_step_ms = 5;
constexpr std::int64_t drain_ms = 500;
/* an answer of a busy sender waits so long at most for others to be written with it */
constexpr std::int64_t gather_ms = 10;
/* what cannot be written because of a lock or a full disk is written later; meanwhile nothing new
 * is claimed */
constexpr std::int64_t first_setback_ms = 1000;
constexpr std::int64_t last_setback_ms = 10000;
/* so long, locked rows are passed over, which costs more than to wait for them */
constexpr std::int64_t careful_ms = 10000;
constexpr int least_window = 2000;

struct Sender {
	Line *line;
	Dispatcher *dispatcher;
	MemoryContext batch;
	pg::Instance instance;
	bool ask_due;   /* next_due is not known */
	bool saturated; /* more could leave than there was room for */
	std::size_t sender_count;
	std::int64_t claim_after;  /* the end of a quarantine */
	std::int64_t senders_at;   /* the last look at them */
	std::int64_t next_senders; /* the next one, whether something is to be sent or not */
	std::int64_t first_result; /* when the oldest of those to be written came; 0 for none */
	std::int64_t next_due;     /* 0: nothing waits for its time */
	std::int64_t next_look;
	std::int64_t next_tick;
	std::int64_t next_beat;
	std::int64_t next_expire;
	std::int64_t next_sweep;
	std::int64_t next_write; /* after a setback; 0 without one */
	std::int64_t setback;
	std::int64_t careful_until;
};

void
due_in(Sender &sender, std::int64_t delay_ms)
{
	const std::int64_t at = pg::monotonic_ms() + delay_ms;
	if (sender.next_due == 0 || at < sender.next_due)
		sender.next_due = at;
}

void
set_back(Sender &sender)
{
	sender.setback = std::clamp(sender.setback * 2, first_setback_ms, last_setback_ms);
	sender.next_write = pg::monotonic_ms() + sender.setback;
	sender.careful_until = pg::monotonic_ms() + careful_ms;
}

void
settle(const Sender &sender, const pg::Settled *rows, std::size_t count)
{
	const char **recovered = static_cast<const char **>(palloc(sizeof(char *) * (count + 1)));
	std::size_t names = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::sent && sender.line->is_paused(rows[i].sender))
			recovered[names++] = rows[i].sender;
	pg::settle(rows, count);
	pg::end_pauses_of(recovered, names);
}

/* One answer that cannot be written must not hold back the others, and no row may be sent again
 * because of it: it stays "sending". */
void
settle_one_by_one(Sender &sender)
{
	std::size_t count;
	const pg::Settled *rows = sender.dispatcher->results(count);
	for (std::size_t i = 0; i < count; i++)
		pg::transact([&] { settle(sender, rows + i, 1); });
	sender.dispatcher->forget_results();
}

bool
may_claim(const Sender &sender, std::int64_t now)
{
	return pg::settings.enabled && now >= sender.claim_after &&
	       (now >= sender.next_senders ||
	        (!sender.instance.held && (sender.line->ready() || sender.line->unread())));
}

int
room(const Sender &sender)
{
	const int slots = static_cast<int>(sender.dispatcher->slots());
	const int free = slots - static_cast<int>(sender.dispatcher->in_flight());
	/* with a backlog, wait for an eighth: a commit for each slot would cost more than it brings */
	const int worthwhile = sender.saturated ? std::max(1, slots / 8) : 1;
	return free >= worthwhile ? free : 0;
}

/* A commit for each answer would cost more than it is worth when others are about to come. */
std::int64_t
settle_at(const Sender &sender, std::int64_t now)
{
	if (!sender.dispatcher->has_results())
		return 0;
	const std::size_t enough = std::max<std::size_t>(1, sender.dispatcher->slots() / 8);
	return !sender.saturated || sender.dispatcher->result_count() >= enough ||
	               sender.dispatcher->in_flight() == 0
	           ? now
	           : sender.first_result + gather_ms;
}

/* The holds and the senders, as they are now. */
void
look_at_senders(Sender &sender)
{
	const std::int64_t now = pg::monotonic_ms();
	const bool due = now >= sender.next_senders;
	if (!due && sender.sender_count > few_senders && now - sender.senders_at < senders_ms)
		return;
	sender.senders_at = now;
	if (!pg::senders_changed() && !due)
		return;
	sender.next_senders = now + tick_ms;
	const bool was_held = sender.instance.held;
	sender.instance.held = pg::is_held();
	if (sender.instance.held) {
		if (!was_held)
			pg::warn_of_hold();
		return;
	}
	/* released: under the identity that wa_release() made */
	if (was_held)
		pg::begin_epoch(sender.instance, worker_place());
	const pg::SenderRows senders = pg::read_senders(sender.batch);
	sender.sender_count = senders.count;
	sender.line->set_senders(senders.rows, senders.count);
	for (std::size_t i = 0; i < senders.count; i++)
		if (senders.rows[i].enabled && senders.rows[i].resumes_ms > 0)
			sender.next_senders = std::min(sender.next_senders, now + senders.rows[i].resumes_ms);
}

pg::Claims
claim(Sender &sender, int limit)
{
	std::size_t count;
	const pg::ReadFrom *from = sender.line->wanted(
	    std::max(least_window, 4 * static_cast<int>(sender.dispatcher->slots())), count);
	if (count > 0) {
		const pg::ReadyRows ready = pg::read_ready(from, count);
		sender.line->read(ready.rows, ready.count);
	}
	const pg::Candidate *candidates = sender.line->choose(limit, GetCurrentTimestamp(), count);
	pg::Claims claims = {nullptr, 0};
	if (count > 0)
		claims = pg::mark(sender.instance, candidates, count,
		                  pg::monotonic_ms() < sender.careful_until, sender.batch);
	const pg::Postponed *postponed = sender.line->postponed(count);
	if (count > 0)
		pg::postpone(postponed, count);
	for (std::size_t i = 0; i < count; i++)
		due_in(sender, (postponed[i].due - GetCurrentTimestamp()) / 1000 + 1);
	return claims;
}

void
settle_and_claim(Sender &sender, int limit)
{
	std::size_t count;
	sender.dispatcher->tell_ends();
	const pg::Settled *rows = sender.dispatcher->results(count);
	pg::fault_point(pg::FaultPoint::settle_begin, count);
	const pg::Instance before = sender.instance;
	pg::Claims claims = {nullptr, 0};
	const bool done = pg::transact([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		settle(sender, rows, count);
		if (limit == 0)
			return;
		look_at_senders(sender);
		if (!sender.instance.held)
			claims = claim(sender, limit);
	});
	if (!done) {
		sender.instance = before;
		sender.next_senders = 0;
		sender.line->give_up();
		if (!pg::failure_passes())
			settle_one_by_one(sender);
		set_back(sender);
		return;
	}
	pg::fault_point(pg::FaultPoint::claim_committed, claims.count);
	if (sender.next_write != 0)
		sender.line->look_everywhere();
	sender.next_write = sender.setback = 0;
	sender.first_result = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::retry || rows[i].how == pg::Settle::paused)
			due_in(sender, rows[i].delay_ms);
	sender.dispatcher->forget_results();
	sender.line->marked(claims.rows, claims.count);
	for (std::size_t i = 0; i < claims.count; i++) {
		pg::fault_point(pg::FaultPoint::half_sent, i == claims.count / 2);
		sender.dispatcher->send(claims.rows[i], sender.instance);
	}
	pg::fault_point(pg::FaultPoint::all_sent, claims.count);
	sender.saturated = sender.line->ready();
}

void
tick(Sender &sender, std::int64_t now)
{
	const bool expire = now >= sender.next_expire && !sender.instance.held;
	pg::transact([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		if (pg::resolve_unknown(sender.instance) > 0)
			sender.line->look_everywhere();
		pg::match_lately_parked();
		if (expire)
			pg::expire();
		if (now >= sender.next_beat)
			pg::beat(sender.instance, false);
	});
	if (now >= sender.next_beat)
		sender.next_beat =
		    now + std::min<std::int64_t>(beat_ms, pg::settings.resume_gap * 1000L / 3);
	/* it reads the whole queue: a hundredth of the time at most */
	if (expire)
		sender.next_expire = now + std::max(expire_ms, 100 * (pg::monotonic_ms() - now));
	if (now >= sender.next_sweep) {
		sender.line->sweep();
		sender.next_sweep = now + sweep_ms;
	}
	sender.next_tick = now + tick_ms;
}

void
ask_due(Sender &sender)
{
	std::int64_t due = -1;
	sender.ask_due = false;
	if (!pg::transact([&] { due = pg::next_due_ms(); }))
		due = tick_ms;
	if (due >= 0)
		due_in(sender, due + 1);
}

void
reload(Sender &sender)
{
	sender.dispatcher->reload();
	pg::transact([] { pg::probe_paused(); });
	sender.next_senders = 0;
	sender.line->look_everywhere();
}

/* What is due by now, and what the bells of committed transactions said. */
void
listen_to_bells(Sender &sender, std::int64_t now)
{
	const auto [due, announced] = pg::take_rung(worker_place());
	if (due == pg::any_due || now >= sender.next_look) {
		sender.line->look_everywhere();
		sender.next_look = now + look_ms;
		sender.next_senders = 0;
		sender.ask_due = true;
	} else if (due != pg::no_due) {
		const std::int64_t wait_us = due - GetCurrentTimestamp();
		if (wait_us > 0)
			due_in(sender, wait_us / 1000 + 1);
		else
			sender.line->look_from(due);
	} else if (announced != pg::any_due && announced <= GetCurrentTimestamp()) {
		/* in vain, but what is needed for it is at hand when its bell rings */
		sender.dispatcher->get_ready();
		sender.line->look_from(announced);
	}
	if (sender.next_due != 0 && now >= sender.next_due) {
		sender.next_due = 0;
		sender.ask_due = true;
		sender.line->look_from(pg::no_due);
	}
}

/* Milliseconds to sleep, 0 when there is work. */
long
idle_ms(const Sender &sender, std::int64_t now)
{
	std::int64_t until = sender.next_write;
	const auto earlier = [&until](std::int64_t at) {
		if (at != 0 && at < until)
			until = at;
	};
	if (now >= sender.next_write) {
		if (sender.ask_due)
			return 0;
		if (may_claim(sender, now) && room(sender) > 0)
			return 0;
		until = std::min(sender.next_look, sender.next_tick);
		earlier(settle_at(sender, now));
		earlier(sender.next_due);
		earlier(sender.claim_after > now ? sender.claim_after : 0);
		/* what waits for its number's rate */
		const std::int64_t next = sender.line->next_ms();
		if (next != 0)
			earlier(std::max(next, now + pace_step_ms));
	}
	return static_cast<long>(std::max<std::int64_t>(until - now, 0));
}

void
work(Sender &sender, std::int64_t now)
{
	listen_to_bells(sender, now);
	const int limit = may_claim(sender, now) ? room(sender) : 0;
	if (sender.first_result == 0 && sender.dispatcher->has_results())
		sender.first_result = now;
	const std::int64_t settle = settle_at(sender, now);
	if ((settle != 0 && settle <= now) || limit > 0)
		settle_and_claim(sender, limit);
	else if (sender.ask_due)
		ask_due(sender);
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
	waits.wait(idle_ms(sender, pg::monotonic_ms()));
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
		waits.wait(static_cast<long>(left));
	}
	/* without a claim: limit 0 */
	settle_and_claim(sender, 0);
	pg::fault_point(pg::FaultPoint::drain_settled);
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
	sender.line = Line::create();
	if (sender.line != nullptr)
		sender.dispatcher = Dispatcher::create(*sender.line);
	if (sender.dispatcher == nullptr)
		ereport(FATAL,
		        (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not set up the HTTP client")));
	pg::before_exit([] { sender.dispatcher->stop(); });
	if (!pg::transact([] { pg::begin_epoch(sender.instance, worker_place()); }))
		pg::leave();
	pg::fault_point(pg::FaultPoint::epoch_committed);
	pg::forget_promotion(worker_place());
	if (sender.instance.held)
		pg::warn_of_hold();
	if (sender.instance.quarantine_ms > 0) {
		sender.claim_after = pg::monotonic_ms() + sender.instance.quarantine_ms;
		ereport(LOG, (errmsg("sending WhatsApp messages begins in %d s: this server was promoted",
		                     static_cast<int>((sender.instance.quarantine_ms + 999) / 1000)),
		              errdetail("Meanwhile webhooks may tell what the old primary had sent.")));
	}
	pg::transact([] {
		look_at_senders(sender);
		const pg::Turns turns = pg::read_turns();
		sender.line->reserve(turns.rows, turns.count);
	});
	static pg::WaitSet waits(sender.dispatcher->descriptor(), "WhatsappSender");

	while (!pg::shutdown_requested())
		turn(sender, waits);
	drain(sender, waits);
	pg::leave();
}
