/*
 * round.cpp — settle and claim in one commit, then bytes; a part of sender.hpp.
 */
#include "entry/sender/sender.hpp"

#include <algorithm>
#include <cstdint>

#include "entry/sender/dispatcher.hpp"
#include "entry/sender/line.hpp"
#include "pg/budgets/budgets.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/queue/campaign_pauses.hpp"
#include "pg/queue/give_up.hpp"
#include "pg/queue/marketing.hpp"
#include "pg/queue/queue.hpp"
#include "pg/identity/senders.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/worker.hpp"

#include "entry/launcher/worker_place.hpp"

extern "C" {
#include "utils/timestamp.h"
}

namespace whatsapp::entry
{

namespace
{

/* between two looks at the senders when nobody has said that one has changed */
constexpr std::int64_t unasked_ms = 1000;
/* more senders than this are not looked at in each turn, but every senders_ms */
constexpr std::size_t few_senders = 32;
constexpr std::int64_t senders_ms = 100;
/* what cannot be written because of a lock or a full disk is written later; meanwhile nothing new
 * is claimed */
constexpr std::int64_t first_setback_ms = 1000;
constexpr std::int64_t last_setback_ms = 10000;
/* so long, locked rows are passed over, which costs more than to wait for them */
constexpr std::int64_t careful_ms = 10000;
constexpr int least_window = 2000;
/* answers that could not be written are tried again so many at a time, and for so long */
constexpr std::size_t kept_at_once = 10;
constexpr std::int64_t kept_round_ms = 300;
constexpr std::int64_t first_kept_ms = 1000;
constexpr std::int64_t last_kept_ms = 60000;
constexpr int most_locks = 2;

void
set_back(SenderWorker &worker)
{
	worker.setback = std::clamp(worker.setback * 2, first_setback_ms, last_setback_ms);
	worker.next_write = pg::monotonic_ms() + worker.setback;
	worker.careful_until = pg::monotonic_ms() + careful_ms;
}

void
settle_results(const SenderWorker &worker, const pg::Settled *rows, std::size_t count)
{
	const char **recovered = static_cast<const char **>(palloc(sizeof(char *) * (count + 1)));
	std::size_t names = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::sent && worker.line->is_sender_paused(rows[i].sender))
			recovered[names++] = rows[i].sender;
	pg::settle_messages(rows, count);
	pg::end_pauses_of(recovered, names);
}

Tried
tried_of(const pg::Settled &row)
{
	switch (row.how) {
	case pg::Settle::sent:
		return Tried::sent;
	case pg::Settle::retry:
		return strcmp(row.outcome, "throttle") == 0 ? Tried::throttle : Tried::retry;
	case pg::Settle::paused:
		return Tried::account;
	case pg::Settle::unknown:
		return Tried::unknown;
	case pg::Settle::failed:
		break;
	}
	return row.http_status == 0 ? Tried::unsent : Tried::refused;
}

/* Writes no text of Meta's into the log: the message's row has it. */
void
log_result(const pg::Settled &row)
{
	const Tried tried = tried_of(row);
	if (pg::settings.log_messages == pg::log_none ||
	    (pg::settings.log_messages == pg::log_failures && tried == Tried::sent))
		return;
	ereport(LOG, (errmsg("WhatsApp message %lld of sender \"%s\": %s",
	                     static_cast<long long>(row.id), row.sender, word_of(tried)),
	              errdetail("Attempt %d, HTTP status %ld, error code %lld, %lld ms, recipient %s.",
	                        row.attempt, row.http_status,
	                        static_cast<long long>(row.has_code ? row.code : 0),
	                        static_cast<long long>(row.took_ms),
	                        row.phone[0] == '\0' ? "unknown" : row.phone)));
}

void
count_results(const pg::Settled *rows, std::size_t count)
{
	for (std::size_t i = 0; i < count; i++) {
		pg::count_tried(rows[i].sender, tried_of(rows[i]));
		log_result(rows[i]);
	}
}

/* One answer that cannot be written must not hold back the others, and no row may be sent again
 * because of it: it stays "sending", and the answer is kept until it can be written. Where locks
 * are in the way of more than a few, the rest is not tried now: each costs the wait for it. */
void
settle_one_by_one(SenderWorker &worker)
{
	std::size_t count;
	const pg::Settled *rows = worker.dispatcher->results(count);
	std::size_t tried = 0;
	for (int locks = 0; tried < count && locks < most_locks; tried++)
		if (pg::run_transaction([&] { settle_results(worker, rows + tried, 1); })) {
			count_results(rows + tried, 1);
		} else {
			locks += pg::failure_is_lock() ? 1 : 0;
			worker.dispatcher->keep_result(tried);
		}
	worker.dispatcher->forget_results(tried);
	if (worker.next_kept == 0 && worker.dispatcher->kept_count() > 0) {
		worker.kept_pause = first_kept_ms;
		worker.next_kept = pg::monotonic_ms() + first_kept_ms;
	}
}

} // namespace

void
settle_kept(SenderWorker &worker)
{
	const std::int64_t begin = pg::monotonic_ms();
	bool written[kept_at_once] = {};
	bool any = false;
	std::size_t count;
	std::size_t tried = 0;
	const pg::Settled *rows = worker.dispatcher->kept_results(kept_at_once, count);
	/* limited by time, too: a user's trigger that hangs would do so for each of them */
	for (; tried < count && pg::monotonic_ms() - begin < kept_round_ms; tried++) {
		written[tried] = pg::run_transaction([&] {
			pg::leave_without_extension(pg::Role::sender, worker_place());
			settle_results(worker, rows + tried, 1);
		});
		if (written[tried])
			count_results(rows + tried, 1);
		any |= written[tried];
	}
	worker.dispatcher->forget_kept(written, tried);
	const std::int64_t now = pg::monotonic_ms();
	worker.kept_pause = any ? first_kept_ms : std::min(2 * worker.kept_pause, last_kept_ms);
	worker.kept_pause = std::max(worker.kept_pause, 10 * (now - begin));
	worker.next_kept = worker.dispatcher->kept_count() > 0 ? now + worker.kept_pause : 0;
}

void
due_in(SenderWorker &worker, std::int64_t delay_ms)
{
	const std::int64_t at = pg::monotonic_ms() + delay_ms;
	if (worker.next_due == 0 || at < worker.next_due)
		worker.next_due = at;
}

bool
may_claim(const SenderWorker &worker, std::int64_t now)
{
	return pg::settings.enabled && now >= worker.claim_after &&
	       (now >= worker.next_senders ||
	        (!worker.instance.held &&
	         (worker.line->has_ready_message() || worker.line->has_unread_rows())));
}

namespace
{

int
free_slots(const SenderWorker &worker)
{
	return static_cast<int>(worker.dispatcher->slots()) -
	       static_cast<int>(worker.dispatcher->in_flight());
}

} // namespace

void
note_free_slots(SenderWorker &worker, std::int64_t now)
{
	worker.slot_batch.note_free_slots(free_slots(worker), now);
}

int
count_free_places(const SenderWorker &worker)
{
	if (worker.dispatcher->free_bytes() == 0)
		return 0;
	const int slots = static_cast<int>(worker.dispatcher->slots());
	return worker.slot_batch.worthwhile_slots(free_slots(worker), slots, worker.saturated,
	                                          pg::monotonic_ms());
}

void
look_at_senders(SenderWorker &worker)
{
	const std::int64_t now = pg::monotonic_ms();
	const bool due = now >= worker.next_senders;
	if (!due && worker.sender_count > few_senders && now - worker.senders_at < senders_ms)
		return;
	worker.senders_at = now;
	if (!pg::senders_changed() && !due)
		return;
	worker.next_senders = now + unasked_ms;
	const bool was_held = worker.instance.held;
	worker.instance.held = pg::instance_is_held();
	if (worker.instance.held) {
		if (!was_held)
			pg::warn_of_hold();
		return;
	}
	/* it was released: from now on under the nonce that wa_release() made */
	if (was_held) {
		pg::begin_epoch(worker.instance, worker_place());
		pg::park_poison();
	}
	const pg::SenderRows senders = pg::read_senders(worker.batch);
	worker.sender_count = senders.count;
	/* an error, since a sender that was switched off a moment ago would go on sending */
	if (!worker.line->set_senders(senders.rows, senders.count))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("out of memory for the rules of the senders of WhatsApp messages")));
	for (std::size_t i = 0; i < senders.count; i++)
		if (senders.rows[i].enabled && senders.rows[i].resumes_ms > 0)
			worker.next_senders = std::min(worker.next_senders, now + senders.rows[i].resumes_ms);
}

namespace
{

pg::Claims
claim_messages(SenderWorker &worker, int limit)
{
	std::size_t count;
	if (pg::look_at_campaign_pauses())
		worker.line->forget_read_rows();
	const pg::ReadFrom *from = worker.line->wanted_readings(
	    std::max(least_window, 4 * static_cast<int>(worker.dispatcher->slots())), count);
	if (count > 0) {
		const pg::ReadyRows ready = pg::read_ready(from, count);
		worker.line->add_rows(ready);
		/* looked at after the rows were read, so that what was enqueued after its sender was
		 * switched off is not sent: who sees the second of two commits sees the first, too */
		look_at_senders(worker);
		if (worker.instance.held)
			return {};
	}
	const pg::ReadyMessage *candidates =
	    worker.line->choose_messages(limit, GetCurrentTimestamp(), count);
	pg::Claims claims = {};
	if (count > 0)
		claims =
		    pg::mark_messages(worker.instance, candidates, count, worker.dispatcher->free_bytes(),
		                      pg::monotonic_ms() < worker.careful_until, worker.batch);
	const pg::Postponed *postponed = worker.line->postponed_messages(count);
	if (count > 0)
		pg::postpone_messages(postponed, count);
	for (std::size_t i = 0; i < count; i++)
		due_in(worker, (postponed[i].due - GetCurrentTimestamp()) / 1000 + 1);
	return claims;
}

/* The transaction of the turn failed: what is kept in memory must be as before it. */
void
undo_claim(SenderWorker &worker, const pg::Instance &before)
{
	worker.instance = before;
	pg::forget_reservations();
	worker.next_senders = 0;
	pg::forget_campaign_pauses();
	pg::forget_marketing();
	worker.line->drop_choice();
	/* a lock once more: it is not one of the whole table, but of a row, or what a user's trigger
	 * waits for */
	if (!pg::failure_passes() || (pg::failure_is_lock() && worker.setback != 0))
		settle_one_by_one(worker);
	set_back(worker);
}

void
send_messages(SenderWorker &worker, const pg::Claims &claims)
{
	for (std::size_t i = 0; i < claims.count; i++) {
		pg::fault_point(pg::FaultPoint::half_sent, i == claims.count / 2);
		worker.dispatcher->send_message(claims.rows[i], worker.instance);
	}
	note_free_slots(worker, pg::monotonic_ms());
	pg::fault_point(pg::FaultPoint::all_sent, claims.count);
	worker.saturated = worker.line->has_ready_message();
}

} // namespace

void
settle_and_claim(SenderWorker &worker, int limit)
{
	std::size_t count;
	worker.dispatcher->report_ends();
	const pg::Settled *rows = worker.dispatcher->results(count);
	pg::fault_point(pg::FaultPoint::settle_begin, count);
	const pg::Instance before = worker.instance;
	pg::Claims claims = {};
	const bool done = pg::run_transaction([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		settle_results(worker, rows, count);
		if (limit > 0)
			look_at_senders(worker);
		if (limit > 0 && !worker.instance.held)
			claims = claim_messages(worker, limit);
	});
	if (!done) {
		undo_claim(worker, before);
		return;
	}
	pg::fault_point(pg::FaultPoint::claim_committed, claims.count);
	pg::report_budgets();
	if (worker.next_write != 0)
		worker.line->read_everything();
	worker.next_write = worker.setback = 0;
	count_results(rows, count);
	worker.first_result = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::retry || rows[i].how == pg::Settle::paused)
			due_in(worker, rows[i].delay_ms);
	worker.dispatcher->forget_results();
	worker.line->confirm_marks(claims);
	send_messages(worker, claims);
}

} // namespace whatsapp::entry
