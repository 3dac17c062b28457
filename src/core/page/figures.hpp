/*
 * figures.hpp — what the workers count, as plain records: they lie in shared memory, and copies of
 * them are what a page is made of.
 *
 * Times are Unix seconds, 0 for never.
 */
#pragma once

#include <cstddef>
#include <cstdint>

namespace whatsapp
{

/* What became of an attempt. */
enum class Tried : int { sent, retry, throttle, refused, unknown, account, unsent, count };
/* What webhooks told of messages, each once. */
enum class Told : int { delivered, read, failed, count };
/* What became of a delivery of webhooks, or of another request to the listener. */
enum class Taken : int { stored, malformed, deferred, bad_signature, bad_token, count };
/* The parts of a message's way whose time is measured. */
enum class Step : int { queued, answered, delivered, read, count };
enum class Worker : int { launcher, sender, listener, reader, count };
/* The default account's credentials, as the listener finds them. */
enum class Credential : int { access_token, phone_number_id, app_secret, verify_token, count };
enum class CredentialState : int { unseen, absent, refused, weak, good };
/* Why a sender pauses. */
enum class Pause : int { none, token, account, number, other, count };

/* What Meta says of a template; other: what is none of these, or not known. */
enum class TemplateState : int { approved, pending, paused, disabled, rejected, other, count };
/* What a person wants no more. */
enum class OptOut : int { all, marketing, count };

template <class Enum> inline constexpr int count_of = static_cast<int>(Enum::count);

/* Of an enum above, the word that pages and views show. */
const char *word_of(Tried tried) noexcept;
const char *word_of(Told told) noexcept;
const char *word_of(Taken taken) noexcept;
const char *word_of(Step step) noexcept;
const char *word_of(Worker worker) noexcept;
const char *word_of(Credential credential) noexcept;
const char *word_of(Pause pause) noexcept;
const char *word_of(TemplateState state) noexcept;
const char *word_of(OptOut scope) noexcept;
const char *priority_word(int priority) noexcept;
const char *queue_state_word(int state) noexcept;
inline constexpr int queue_states = 4;
/* -1: none of them. */
int queue_state_of(const char *word) noexcept;

/* status: as whatsapp_templates has it; NULL for a template that is not known. */
TemplateState template_state_of(const char *status) noexcept;

/* The kind of what whatsapp_senders.paused_reason says; none for NULL. */
Pause pause_of(const char *reason) noexcept;

inline constexpr int max_name_bytes = 64;
inline constexpr int latency_bounds = 20;
/* The upper bound of each bucket in seconds; one more bucket has the rest. */
extern const double latency_bound[latency_bounds];

struct LatencyFigures {
	std::uint64_t bucket[latency_bounds + 1];
	double sum;
	/* the last message that was measured, so that a reader of the page finds its row */
	std::int64_t example_id;
	double example_seconds;
	double example_at;
};

/* Place in LatencyFigures::bucket. */
int latency_bucket(double seconds) noexcept;
std::uint64_t count_latencies(const LatencyFigures &figures) noexcept;
/* Interpolated within its bucket; -1 when nothing was measured. */
double latency_quantile(const LatencyFigures &figures, double share) noexcept;

struct SenderFigures {
	char name[max_name_bytes];
	double since;
	std::uint64_t tried[count_of<Tried>];
	std::uint64_t told[count_of<Told>];
	LatencyFigures latency[count_of<Step>];
	double last_sent_at;
	/* as of the last look at whatsapp_senders */
	bool is_known;
	bool enabled;
	bool quality_red;
	Pause pause;
	double paused_until;
	char limit[24]; /* people who may be written to in a day, in Meta's word; empty: not known */
};

struct QueueFigures {
	char sender[max_name_bytes];
	int priority;
	int state;
	std::int64_t messages;
	double oldest_due_at;
};

inline constexpr int max_queue_figures = 48;

/* What became of the messages of one day. */
struct DayFigures {
	std::int64_t day; /* since 1970-01-01, by UTC */
	std::int64_t sent;
	std::int64_t delivered;
	std::int64_t read;
	std::int64_t failed;
};

inline constexpr int max_day_figures = 30;

/* A budget in the day or month that is now. */
struct BudgetFigures {
	char name[max_name_bytes];
	char currency[4];
	double amount;
	double spent;
	double reserved;
	std::int64_t held_messages;
	std::int64_t unpriced;
};

inline constexpr int max_budget_figures = 16;

/* What was delivered on one day, and what it costs in one currency. */
struct CostFigures {
	std::int64_t day; /* since 1970-01-01, in the time zones of the accounts */
	char currency[4]; /* empty: the currency of the account is not known */
	std::int64_t units;
	std::int64_t free;
	std::int64_t unpriced;
	double cost;
	/* the units of which Meta did not tell all that a price depends on, and what these cost */
	std::int64_t estimated_units;
	double estimated;
};

inline constexpr int max_cost_figures = 60;

struct WorkerFigures {
	double started_at;
	double looped_at;
};

struct DatabaseFigures {
	char name[max_name_bytes];
	double since;
	WorkerFigures worker[count_of<Worker>];
	std::uint64_t taken[count_of<Taken>];
	double last_delivery_at;
	double last_status_at;
	std::uint64_t inbound;
	bool listening;
	std::int64_t in_flight;
	std::int64_t slots;
	bool enabled;
	bool held;
	CredentialState credential[count_of<Credential>];
	/* the queue, as it was when it was last counted */
	double counted_at;
	int queue_count;
	QueueFigures queue[max_queue_figures];
	/* the last days, in order; those on which nothing happened are left out */
	int day_count;
	DayFigures day[max_day_figures];
	int budget_count;
	BudgetFigures budget[max_budget_figures];
	/* in the order of days; as they were at costs_at */
	double costs_at;
	int cost_count;
	CostFigures cost[max_cost_figures];
	std::int64_t templates[count_of<TemplateState>];
	std::int64_t opted_out[count_of<OptOut>];
	/* when the first of the accounts' access tokens ends; 0: never, or not known */
	double token_ends_at;
};

/* A sender, and its database: an index of Figures::database. */
struct PlacedSender {
	int database;
	SenderFigures figures;
};

inline constexpr int max_counted_databases = 64;
inline constexpr int max_counted_senders = 256;

/* A copy of all figures at some moment. */
struct Figures {
	WorkerFigures launcher;
	double scraped_at;
	int databases;
	int senders;
	DatabaseFigures *database; /* room for max_counted_databases */
	PlacedSender *sender;      /* room for max_counted_senders */
};

} // namespace whatsapp
