/*
 * figures.cpp — words of the figures, and what is read out of a histogram.
 */
#include "core/page/figures.hpp"

#include <cstring>

#include "core/base/server_free.hpp"

namespace whatsapp
{

const double latency_bound[latency_bounds] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                              0.25,  0.5,    1,     2.5,  5,     10,   30,
                                              60,    300,    1800,  7200, 28800, 86400};

namespace
{

constexpr const char *tried_words[] = {"sent",    "retry",   "throttle", "refused",
                                       "unknown", "account", "unsent"};
constexpr const char *told_words[] = {"delivered", "read", "failed"};
constexpr const char *taken_words[] = {"stored", "malformed", "deferred", "bad_signature",
                                       "bad_token"};
constexpr const char *step_words[] = {"queued", "answered", "delivered", "read"};
constexpr const char *worker_words[] = {"launcher", "sender", "listener", "reader"};
constexpr const char *credential_words[] = {"access_token", "phone_number_id", "app_secret",
                                            "verify_token"};
constexpr const char *pause_words[] = {"none", "token", "account", "number", "other"};
constexpr const char *template_words[] = {"approved", "pending",  "paused",
                                          "disabled", "rejected", "other"};
constexpr const char *opt_out_words[] = {"all", "marketing"};
constexpr const char *priority_words[] = {"urgent", "normal", "bulk"};
constexpr const char *state_words[queue_states] = {"ready", "sending", "unknown", "held"};

static_assert(sizeof tried_words / sizeof *tried_words == count_of<Tried>);
static_assert(sizeof told_words / sizeof *told_words == count_of<Told>);
static_assert(sizeof taken_words / sizeof *taken_words == count_of<Taken>);
static_assert(sizeof step_words / sizeof *step_words == count_of<Step>);
static_assert(sizeof worker_words / sizeof *worker_words == count_of<Worker>);
static_assert(sizeof credential_words / sizeof *credential_words == count_of<Credential>);
static_assert(sizeof pause_words / sizeof *pause_words == count_of<Pause>);
static_assert(sizeof template_words / sizeof *template_words == count_of<TemplateState>);
static_assert(sizeof opt_out_words / sizeof *opt_out_words == count_of<OptOut>);

} // namespace

const char *
word_of(Tried tried) noexcept
{
	return tried_words[static_cast<int>(tried)];
}

const char *
word_of(Told told) noexcept
{
	return told_words[static_cast<int>(told)];
}

const char *
word_of(Taken taken) noexcept
{
	return taken_words[static_cast<int>(taken)];
}

const char *
word_of(Step step) noexcept
{
	return step_words[static_cast<int>(step)];
}

const char *
word_of(Worker worker) noexcept
{
	return worker_words[static_cast<int>(worker)];
}

const char *
word_of(Credential credential) noexcept
{
	return credential_words[static_cast<int>(credential)];
}

const char *
word_of(Pause pause) noexcept
{
	return pause_words[static_cast<int>(pause)];
}

const char *
word_of(TemplateState state) noexcept
{
	return template_words[static_cast<int>(state)];
}

const char *
word_of(OptOut scope) noexcept
{
	return opt_out_words[static_cast<int>(scope)];
}

TemplateState
template_state_of(const char *status) noexcept
{
	constexpr const char *stored[] = {"APPROVED", "PENDING", "PAUSED", "DISABLED", "REJECTED"};
	for (int i = 0; status != nullptr && i < static_cast<int>(TemplateState::other); i++)
		if (std::strcmp(status, stored[i]) == 0)
			return static_cast<TemplateState>(i);
	return TemplateState::other;
}

const char *
priority_word(int priority) noexcept
{
	return priority < 0 || priority > 2 ? "other" : priority_words[priority];
}

const char *
queue_state_word(int state) noexcept
{
	return state < 0 || state >= queue_states ? "other" : state_words[state];
}

int
queue_state_of(const char *word) noexcept
{
	for (int state = 0; state < queue_states; state++)
		if (std::strcmp(state_words[state], word) == 0)
			return state;
	return -1;
}

/* The texts are ours (entry/graph) or Meta's with its code in them. */
Pause
pause_of(const char *reason) noexcept
{
	if (reason == nullptr)
		return Pause::none;
	if (std::strstr(reason, "token") != nullptr || std::strstr(reason, "session") != nullptr)
		return Pause::token;
	if (std::strstr(reason, "phone number") != nullptr ||
	    std::strstr(reason, "Object with ID") != nullptr)
		return Pause::number;
	if (std::strstr(reason, "account") != nullptr || std::strstr(reason, "payment") != nullptr)
		return Pause::account;
	return Pause::other;
}

int
latency_bucket(double seconds) noexcept
{
	int place = 0;
	while (place < latency_bounds && seconds > latency_bound[place])
		place++;
	return place;
}

std::uint64_t
count_latencies(const LatencyFigures &figures) noexcept
{
	std::uint64_t count = 0;
	for (const std::uint64_t bucket : figures.bucket)
		count += bucket;
	return count;
}

double
latency_quantile(const LatencyFigures &figures, double share) noexcept
{
	const std::uint64_t count = count_latencies(figures);
	if (count == 0)
		return -1;
	const double wanted = share * static_cast<double>(count);
	double below = 0;
	for (int place = 0; place < latency_bounds; place++) {
		const auto here = static_cast<double>(figures.bucket[place]);
		if (here > 0 && below + here >= wanted) {
			const double from = place == 0 ? 0 : latency_bound[place - 1];
			return from + (latency_bound[place] - from) * (wanted - below) / here;
		}
		below += here;
	}
	/* longer than the last bound: no more can be said */
	return latency_bound[latency_bounds - 1];
}

} // namespace whatsapp
