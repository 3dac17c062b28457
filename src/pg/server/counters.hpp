/*
 * counters.hpp — what the workers have counted, in shared memory: by database and by its senders.
 *
 * It is written by workers and read by anybody, and neither waits for a table or holds a snapshot.
 * After a crash of the server counting begins anew, and "since" says when. What must survive is in
 * tables: see pg/counts/day_counts.hpp.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/page/figures.hpp"

namespace whatsapp::pg
{

enum class Role : int;

/* At a worker's start: this process counts for the database of this place. */
void start_counting(Role role, int place, const char *database);
/* In each turn of a worker's loop. */
void note_loop(Role role);

/* In workers; elsewhere they do nothing. A sender that is not known yet gets figures of its own, as
 * long as there is room, and shares those of "(others)" then. */
void count_tried(const char *sender, Tried tried);
void count_told(const char *sender, Told told);
void note_latency(const char *sender, Step step, double seconds, std::int64_t message_id);
void count_taken(Taken taken);
void count_inbound();
/* Statuses have come, of whatever message. */
void note_status();
/* Whether this process takes webhooks, so that what it changes was told by them. */
bool is_counting_webhooks();

/* Gauges of this database. */
void note_listening(bool listening);
void note_wire(std::size_t in_flight, std::size_t slots);
void note_enabled(bool enabled);
void note_held(bool held);
void note_credential(Credential credential, CredentialState state);
/* Somebody has read the metrics by HTTP. */
void note_scrape();
void note_days(const DayFigures *days, int count);
void note_budgets(const BudgetFigures *budgets, int count);
void note_costs(const CostFigures *costs, int count);
void note_templates(const std::int64_t (&count)[count_of<TemplateState>]);
void note_opt_outs(const std::int64_t (&count)[count_of<OptOut>]);
void note_token_end(double at);
void note_queue(const QueueFigures *figures, int count);
struct SenderState {
	const char *name;
	bool enabled;
	bool quality_red;
	Pause pause;
	double paused_until;
	const char *limit; /* NULL: not known */
};
void note_senders(const SenderState *senders, std::size_t count);

/* Copies all figures into room of the caller's. False when the library was not preloaded: then
 * there are none. */
bool read_figures(Figures &figures);

/* The counters of a database begin anew; its gauges stay. */
bool reset_counters(const char *database);

double unix_now();
double unix_seconds(std::int64_t timestamp);

} // namespace whatsapp::pg
