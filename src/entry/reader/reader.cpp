/*
 * reader.cpp — the worker that acts upon what webhooks brought beside statuses, so that neither the
 * listener nor the sender ever waits for a user's trigger.
 */
#include <algorithm>
#include <cstdint>

#include "pg/budgets/budgets.hpp"
#include "pg/campaigns/campaign_units.hpp"
#include "pg/campaigns/campaign_watch.hpp"
#include "pg/counts/cost_figures.hpp"
#include "pg/counts/day_counts.hpp"
#include "pg/counts/gauges.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/webhooks/parked_statuses.hpp"
#include "pg/reader/intake.hpp"
#include "pg/callbacks/callback_guard.hpp"
#include "pg/callbacks/callback_turn.hpp"
#include "pg/changes/callback_list.hpp"
#include "pg/requests/requests.hpp"
#include "pg/requests/sync_schedule.hpp"
#include "pg/retention/codes.hpp"
#include "pg/retention/retention.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/wait_set.hpp"
#include "pg/queue/wamids.hpp"
#include "pg/server/worker.hpp"
#include "pg/watches/watch_collector.hpp"

#include "entry/launcher/worker_place.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace whatsapp::entry
{

namespace
{

/* the fall-back when no bell rang */
constexpr std::int64_t poll_ms = 5000;
constexpr std::int64_t next_round_ms = 10000;
/* the sender looks after what is parked for seconds; this is for what waits longer */
constexpr std::int64_t match_ms = 60000;
constexpr int match_seconds = 8 * 24 * 3600;
/* at a start, what is that fresh will do: a worker that ends again and again must not use up Meta's
 * budget */
constexpr std::int64_t fresh_sync_ms = 900000;

void
read_event_queue(std::int64_t &next_due)
{
	bool more = true;
	while (more && !pg::shutdown_requested()) {
		CHECK_FOR_INTERRUPTS();
		if (!pg::run_transaction(
		        [] { pg::leave_without_extension(pg::Role::reader, worker_place()); }))
			return;
		more = pg::work_off_event_queue(next_due);
	}
}

/* One callback has its turn, then the reader's other work goes on. */
void
serve_callbacks(std::int64_t &next_due)
{
	bool more = false;
	const bool handed_on = pg::run_transaction([&] { more = pg::hand_on_changes(); });
	std::int64_t due = -1;
	pg::take_callback_turn(due);
	if (more)
		due = 0;
	if (!handed_on && (due < 0 || due > 1000))
		due = 1000;
	if (due >= 0 && (next_due < 0 || due < next_due))
		next_due = due;
}

/* Matches statuses that were parked for days, but only with what was learnt since the last look:
 * who shares a number with another system has many that will never match. */
void
match_waiting_statuses(std::int32_t &learnt)
{
	std::int32_t newest = 0;
	bool all = false;
	if (pg::run_transaction([&] {
		    newest = pg::newest_generation();
		    all = pg::match_parked_statuses(match_seconds, learnt);
	    }) &&
	    all)
		learnt = newest;
}

void
request_due_syncs(bool is_start)
{
	const std::int64_t interval_ms = pg::settings.sync_interval * std::int64_t{1000};
	pg::run_transaction([=] {
		pg::request_due_syncs(is_start ? std::min(fresh_sync_ms, interval_ms) : interval_ms,
		                      interval_ms);
	});
}

/* Writes down what monitoring shows, and folds the tables of counts. Each of these reads a whole
 * table: so together they may take a hundredth of the time at most. */
void
keep_figures(std::int64_t &next_figures)
{
	const std::int64_t begin = pg::monotonic_ms();
	if (begin < next_figures)
		return;
	pg::run_transaction([] { pg::note_gauges(); });
	pg::run_transaction([] { (void)pg::fold_day_counts(); });
	pg::run_transaction([] { pg::fold_campaign_units(); });
	pg::run_transaction([] { pg::fold_budget_ledger(); });
	next_figures = begin + std::max(poll_ms - 100, 100 * (pg::monotonic_ms() - begin));
}

/* Sums up a slice of the costs; returns in how many milliseconds the next one may begin. Slices
 * take a tenth of the time at most. */
std::int64_t
sum_up_costs()
{
	static std::int64_t next_slice = 0;
	const std::int64_t begin = pg::monotonic_ms();
	if (begin < next_slice)
		return next_slice - begin;
	bool more = false;
	if (!pg::run_transaction([&] { more = pg::sum_cost_slice(); })) {
		pg::forget_cost_round();
		more = false;
	}
	const std::int64_t rest = 10 * (pg::monotonic_ms() - begin) + 1;
	next_slice = begin + (more ? rest : std::max(next_round_ms, rest));
	return next_slice - begin;
}

std::int64_t
sooner_time(std::int64_t due, std::int64_t other)
{
	return due < 0 || other < due ? other : due;
}

} // namespace

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_reader_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::start_worker(pg::Role::reader, worker_place(), worker_database());
	MemoryContext batch =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(batch);

	static pg::WaitSet waits(-1, "WhatsappReader");
	std::int64_t next_match = pg::monotonic_ms() + match_ms;
	std::int64_t next_call = 0;
	request_due_syncs(true);
	pg::blame_left_callback();
	std::int64_t next_figures = 0;
	std::int32_t learnt = 0;
	while (!pg::shutdown_requested()) {
		CHECK_FOR_INTERRUPTS();
		pg::note_loop(pg::Role::reader);
		pg::reload_if_requested();
		std::int64_t next_due = -1;
		read_event_queue(next_due);
		serve_callbacks(next_due);
		const std::int64_t now = pg::monotonic_ms();
		if (now >= next_call) {
			pg::run_transaction([] { pg::call_clerk_for_due_requests(); });
			next_call = now + poll_ms;
		}
		if (now >= next_match) {
			request_due_syncs(false);
			match_waiting_statuses(learnt);
			next_match = now + match_ms;
		}
		pg::run_transaction([] { pg::erase_sent_codes(); });
		const std::int64_t next_retirement = pg::retire_old_rows(now);
		keep_figures(next_figures);
		next_due = sooner_time(next_due, sum_up_costs());
		const std::int64_t next_campaign = pg::watch_campaigns(now);
		const std::int64_t next_collection = pg::collect_watch_items(now);
		MemoryContextReset(batch);
		if (next_due < 0 || next_due > next_retirement)
			next_due = next_retirement;
		next_due = std::min({next_due, next_campaign, next_collection});
		if (!pg::shutdown_requested())
			waits.wait_for_event(static_cast<long>(std::clamp<std::int64_t>(next_due, 1, poll_ms)));
	}
	pg::end_worker();
}
