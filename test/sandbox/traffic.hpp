/*
 * traffic.hpp: what came in and when: rates in sliding windows, requests in flight, order of
 * arrival. Refused requests count as well: a sender must keep to a limit, not be kept to it.
 *
 * Used under the sandbox's mutex only.
 */
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exchange.hpp"

namespace sandbox
{

class Book;
struct Message;

/* The most events in any window of a length, wherever it starts. */
struct Window {
	void count(int64_t at, int64_t length);

	size_t most = 0;
	std::vector<int64_t> times = {}; /* those before first have left the window */
	size_t first = 0;
};

class Traffic
{
public:
	explicit Traffic(bool counters_only) : counters_only_(counters_only) {}

	/* POST …/messages: received; its sender known; its recipient known; its outcome known. */
	void started(Exchange &exchange);
	void reached(const std::string &number_id, int64_t at);
	void addressed(Exchange &exchange, const Message &message);
	void accepted(Exchange &exchange, const Message &message, uint64_t serial);
	void refused(Exchange &exchange, const std::string &outcome);
	/* Answered, or given up by the client. May be called again. */
	void finished(Exchange &exchange);

	/* JSON members, without the braces. */
	std::string summary() const;
	/* JSON lines. */
	std::string arrivals(const Book &book, const std::string &to, bool only_accepted, size_t offset,
	                     size_t limit) const;
	std::string pairs(const std::string &to) const;
	void clear();

private:
	struct Rate {
		uint64_t requests = 0, accepted = 0;
		Window all = {}, good = {};
	};
	struct Pair {
		uint32_t number;
		std::string to;
		uint32_t requests = 0, accepted = 0, max_in_flight = 0;
		int64_t last = 0, gap = -1;
		Window window = {};
		std::vector<Exchange *> flying = {};
	};
	struct Arrival {
		int64_t at;
		uint64_t serial; /* 0: refused */
		uint32_t pair, outcome;
		bool http2, tls;
		std::string callback;
		std::array<unsigned char, 32> hash;
	};

	uint32_t intern(const std::string &name);
	uint32_t pair_of(const Message &message);
	void write(std::string &out, const Book &book, size_t index) const;
	void settle(Exchange &exchange, const std::string &outcome, uint64_t serial);

	const bool counters_only_;
	uint64_t epoch_ = 1; /* of the latest reset: exchanges from before are counted no more */
	uint64_t requests_ = 0, refused_ = 0, in_flight_ = 0, max_in_flight_ = 0;
	uint64_t http2_ = 0, tls_ = 0;
	Window accepted_ = {};
	std::map<int64_t, uint32_t> per_second_;
	std::map<std::string, uint64_t> refused_by_code_;
	std::map<std::string, Rate> numbers_;
	std::vector<std::string> names_;
	std::unordered_map<std::string, uint32_t> name_ids_;
	std::deque<Pair> pairs_;
	std::unordered_map<std::string, uint32_t> pair_ids_;
	std::deque<Arrival> arrivals_;
	std::unordered_map<std::string_view, uint32_t> attempts_; /* keys lie in the arrivals */
};

} // namespace sandbox
