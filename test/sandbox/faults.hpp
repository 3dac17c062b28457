/*
 * faults.hpp: faults on demand: what the next requests meet in place of, or besides, what Meta
 * would answer. Set by POST /_sandbox/faults; README.md has the members.
 */
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "exchange.hpp"

namespace sandbox
{

/* What a fault does to the statuses of the message that it accepts. */
struct StatusPlan {
	std::vector<std::string> words; /* in this order, as often as named; none: withheld */
	int failed_code = 131000;
	std::optional<int> delay_ms;
};

struct Fault {
	/* Which requests: those of an edge ("messages", "message_templates", "" for the node itself,
	 * "*"), to a recipient, by a number; empty for any. */
	std::string edge = "messages";
	std::string to;
	std::string number_id;
	int64_t skip = 0;
	std::optional<int64_t> times = 1;
	uint64_t hits = 0;

	bool accept = true; /* the message is booked if nothing is wrong with it */
	std::optional<int> status, code;
	bool never = false; /* no answer at all */
	int delay_ms = 0;
	Cut cut = Cut::No;
	std::string key; /* under which refusals are counted */
	std::optional<StatusPlan> statuses;
	std::string text; /* as it was posted, for the listing */

	/* Puts the fault's marks on an answer. */
	void mark(Reply &reply) const;

private:
	friend Fault read_fault(const nlohmann::json &given);
	void read_answer(const nlohmann::json &given);

	Reply answer_;
	bool replaces_body_ = false;
	std::optional<int> date_in_; /* Retry-After as a date, so many seconds ahead */
};

/* Throws std::runtime_error for what can't be understood. */
Fault read_fault(const nlohmann::json &given);

class Faults
{
public:
	void add(Fault fault);
	/* The first that fits and isn't used up, which counts as a hit. */
	Fault *take(const std::string &edge, const std::string &number_id, const std::string &to);
	bool empty() const;
	std::string list() const;
	void clear();

private:
	std::list<Fault> faults_;
};

/* An outage of everything but the control interface. */
struct Outage {
	enum class Kind : uint8_t { None, Status, Reset, Close, Hang, Refuse };
	Kind kind = Kind::None;
	int status = 503;
	uint64_t requests = 0;        /* that arrived in outages */
	std::vector<int64_t> at = {}; /* when, of the first ones */

	void arrived(int64_t now);
	std::string name() const; /* as JSON */
	std::string summary() const;
};

Outage read_outage(const nlohmann::json &given);

} // namespace sandbox
