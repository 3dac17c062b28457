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
/* with more senders than these, a look at them is not worth each turn */
constexpr std::size_t few_senders = 32;
constexpr std::int64_t senders_ms = 100;
/* what cannot be written because of a lock or a full disk is written later; meanwhile nothing new
 * is claimed */
constexpr std::int64_t first_setback_ms = 1000;
constexpr std::int64_t last_setback_ms = 10000;
/* so long, locked rows are passed over, which costs more than to wait for them */
constexpr std::int64_t careful_ms = 10000;
constexpr int least_window = 2000;
/* of answers that could not be written, so many at a time, and for so long */
constexpr std::size_t kept_at_once = 10;
constexpr std::int64_t kept_round_ms = 300;
constexpr std::int64_t first_kept_ms = 1000;
constexpr std::int64_t last_kept_ms = 60000;
constexpr int most_locks = 2;

void
set_back(Sender &sender)
{
	sender.setback = std::clamp(sender.setback * 2, first_setback_ms, last_setback_ms);
	sender.next_write = pg::monotonic_ms() + sender.setback;
	sender.careful_until = pg::monotonic_ms() + careful_ms;
}

void
settle_results(const Sender &sender, const pg::Settled *rows, std::size_t count)
{
	const char **recovered = static_cast<const char **>(palloc(sizeof(char *) * (count + 1)));
	std::size_t names = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::sent && sender.line->is_sender_paused(rows[i].sender))
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

/* No text of Meta's: the row has it. */
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
settle_one_by_one(Sender &sender)
{
	std::size_t count;
	const pg::Settled *rows = sender.dispatcher->results(count);
	std::size_t tried = 0;
	for (int locks = 0; tried < count && locks < most_locks; tried++)
		if (pg::transact([&] { settle_results(sender, rows + tried, 1); })) {
			count_results(rows + tried, 1);
		} else {
			locks += pg::failure_is_lock() ? 1 : 0;
			sender.dispatcher->keep_result(tried);
		}
	sender.dispatcher->forget_results(tried);
	if (sender.next_kept == 0 && sender.dispatcher->kept_count() > 0) {
		sender.kept_pause = first_kept_ms;
		sender.next_kept = pg::monotonic_ms() + first_kept_ms;
	}
}

} // namespace

void
settle_kept(Sender &sender)
{
	const std::int64_t begin = pg::monotonic_ms();
	bool written[kept_at_once] = {};
	bool any = false;
	std::size_t count;
	std::size_t tried = 0;
	const pg::Settled *rows = sender.dispatcher->kept_results(kept_at_once, count);
	/* a trigger that hangs does so for each of them */
	for (; tried < count && pg::monotonic_ms() - begin < kept_round_ms; tried++) {
		written[tried] = pg::transact([&] {
			pg::leave_without_extension(pg::Role::sender, worker_place());
			settle_results(sender, rows + tried, 1);
		});
		if (written[tried])
			count_results(rows + tried, 1);
		any |= written[tried];
	}
	sender.dispatcher->forget_kept(written, tried);
	const std::int64_t now = pg::monotonic_ms();
	sender.kept_pause = any ? first_kept_ms : std::min(2 * sender.kept_pause, last_kept_ms);
	sender.kept_pause = std::max(sender.kept_pause, 10 * (now - begin));
	sender.next_kept = sender.dispatcher->kept_count() > 0 ? now + sender.kept_pause : 0;
}

void
due_in(Sender &sender, std::int64_t delay_ms)
{
	const std::int64_t at = pg::monotonic_ms() + delay_ms;
	if (sender.next_due == 0 || at < sender.next_due)
		sender.next_due = at;
}

bool
may_claim(const Sender &sender, std::int64_t now)
{
	return pg::settings.enabled && now >= sender.claim_after &&
	       (now >= sender.next_senders ||
	        (!sender.instance.held &&
	         (sender.line->has_ready_message() || sender.line->has_unread_rows())));
}

namespace
{

int
free_slots(const Sender &sender)
{
	return static_cast<int>(sender.dispatcher->slots()) -
	       static_cast<int>(sender.dispatcher->in_flight());
}

} // namespace

void
note_free_slots(Sender &sender, std::int64_t now)
{
	sender.slot_batch.note_free_slots(free_slots(sender), now);
}

int
count_free_places(const Sender &sender)
{
	if (sender.dispatcher->free_bytes() == 0)
		return 0;
	const int slots = static_cast<int>(sender.dispatcher->slots());
	return sender.slot_batch.worthwhile_slots(free_slots(sender), slots, sender.saturated,
	                                          pg::monotonic_ms());
}

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
	sender.next_senders = now + unasked_ms;
	const bool was_held = sender.instance.held;
	sender.instance.held = pg::is_held();
	if (sender.instance.held) {
		if (!was_held)
			pg::warn_of_hold();
		return;
	}
	/* released: under the identity that wa_release() made */
	if (was_held) {
		pg::begin_epoch(sender.instance, worker_place());
		pg::park_poison();
	}
	const pg::SenderRows senders = pg::read_senders(sender.batch);
	sender.sender_count = senders.count;
	/* a sender that was switched off a moment ago would go on */
	if (!sender.line->set_senders(senders.rows, senders.count))
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("out of memory for the rules of the senders of WhatsApp messages")));
	for (std::size_t i = 0; i < senders.count; i++)
		if (senders.rows[i].enabled && senders.rows[i].resumes_ms > 0)
			sender.next_senders = std::min(sender.next_senders, now + senders.rows[i].resumes_ms);
}

namespace
{

pg::Claims
claim_messages(Sender &sender, int limit)
{
	std::size_t count;
	if (pg::look_at_campaign_pauses())
		sender.line->forget_read_rows();
	const pg::ReadFrom *from = sender.line->wanted_readings(
	    std::max(least_window, 4 * static_cast<int>(sender.dispatcher->slots())), count);
	if (count > 0) {
		const pg::ReadyRows ready = pg::read_ready(from, count);
		sender.line->add_rows(ready);
		/* what was enqueued after its sender was switched off is not sent: of two commits, whoever
		 * sees the second by now sees the first, too */
		look_at_senders(sender);
		if (sender.instance.held)
			return {};
	}
	const pg::ReadyMessage *candidates =
	    sender.line->choose_messages(limit, GetCurrentTimestamp(), count);
	pg::Claims claims = {};
	if (count > 0)
		claims =
		    pg::mark_messages(sender.instance, candidates, count, sender.dispatcher->free_bytes(),
		                      pg::monotonic_ms() < sender.careful_until, sender.batch);
	const pg::Postponed *postponed = sender.line->postponed_messages(count);
	if (count > 0)
		pg::postpone_messages(postponed, count);
	for (std::size_t i = 0; i < count; i++)
		due_in(sender, (postponed[i].due - GetCurrentTimestamp()) / 1000 + 1);
	return claims;
}

/* Nothing of the turn has happened. */
void
undo_claim(Sender &sender, const pg::Instance &before)
{
	sender.instance = before;
	pg::forget_reservations();
	sender.next_senders = 0;
	pg::forget_campaign_pauses();
	pg::forget_marketing();
	sender.line->drop_choice();
	/* once more, and it is not the whole table but a row, or what a user's trigger waits for */
	if (!pg::failure_passes() || (pg::failure_is_lock() && sender.setback != 0))
		settle_one_by_one(sender);
	set_back(sender);
}

void
send_messages(Sender &sender, const pg::Claims &claims)
{
	for (std::size_t i = 0; i < claims.count; i++) {
		pg::fault_point(pg::FaultPoint::half_sent, i == claims.count / 2);
		sender.dispatcher->send_message(claims.rows[i], sender.instance);
	}
	note_free_slots(sender, pg::monotonic_ms());
	pg::fault_point(pg::FaultPoint::all_sent, claims.count);
	sender.saturated = sender.line->has_ready_message();
}

} // namespace

void
settle_and_claim(Sender &sender, int limit)
{
	std::size_t count;
	sender.dispatcher->report_ends();
	const pg::Settled *rows = sender.dispatcher->results(count);
	pg::fault_point(pg::FaultPoint::settle_begin, count);
	const pg::Instance before = sender.instance;
	pg::Claims claims = {};
	const bool done = pg::transact([&] {
		pg::leave_without_extension(pg::Role::sender, worker_place());
		settle_results(sender, rows, count);
		if (limit > 0)
			look_at_senders(sender);
		if (limit > 0 && !sender.instance.held)
			claims = claim_messages(sender, limit);
	});
	if (!done) {
		undo_claim(sender, before);
		return;
	}
	pg::fault_point(pg::FaultPoint::claim_committed, claims.count);
	pg::report_budgets();
	if (sender.next_write != 0)
		sender.line->read_everything();
	sender.next_write = sender.setback = 0;
	count_results(rows, count);
	sender.first_result = 0;
	for (std::size_t i = 0; i < count; i++)
		if (rows[i].how == pg::Settle::retry || rows[i].how == pg::Settle::paused)
			due_in(sender, rows[i].delay_ms);
	sender.dispatcher->forget_results();
	sender.line->confirm_marks(claims);
	send_messages(sender, claims);
}

} // namespace whatsapp::entry
