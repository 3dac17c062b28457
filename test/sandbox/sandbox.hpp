/*
 * sandbox.hpp: everything there is one of, in the order in which it must be built and torn down.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "book.hpp"
#include "exchange.hpp"
#include "faults.hpp"
#include "graph_limits.hpp"
#include "holds.hpp"
#include "media_calls.hpp"
#include "settings.hpp"
#include "templates.hpp"
#include "traffic.hpp"
#include "webhooks.hpp"

namespace sandbox
{

/* When a pair may send again (GCRA), in microseconds. */
using Pace = std::unordered_map<std::string, int64_t>;

/* When a number's latest messages were accepted: no more of them than its limit per second. */
using Recent = std::unordered_map<std::string, std::deque<int64_t>>;

/* Connections of the TLS port and of HTTP/2. */
struct FrontCounts {
	std::atomic<uint64_t> tls_opened{0}, tls_failed{0}, http2{0}, http2_opened{0}, max_streams{0};
	std::mutex mutex;
	std::string tls_error; /* the latest */
	/* Local ports of tunnels from the TLS port to the plain one. */
	std::unordered_set<uint16_t> tunnels;
	std::atomic<size_t> tunnels_open{0};
};

struct Sandbox {
	explicit Sandbox(const Options &given)
	    : options(given), settings(given.settings), book(given.counters_only),
	      traffic(given.counters_only), webhooks(book, holds, given)
	{
	}

	/* Held by every handler, and by whoever else touches what follows. */
	std::mutex mutex;
	const Options options;
	Settings settings;
	Templates templates;
	Book book;
	Traffic traffic;
	GraphCalls graph_calls;
	MediaFiles media;
	Uploads uploads;
	Faults faults;
	Outage outage;
	Holds holds;
	Webhooks webhooks;
	std::unordered_map<std::string, int64_t> windows; /* wa_id → open until; "*" for everybody */
	std::unordered_map<std::string, int> failures;    /* how often a message failed on purpose */
	Pace pair_pace;
	Recent number_recent;
	std::vector<std::function<void(bool)>> refusers; /* the listeners: whether to refuse */
	std::function<void()> goaway, disconnect;        /* of the front, if there is one */
	FrontCounts front;
	std::atomic<uint64_t> connections{0};
	std::atomic<uint64_t> connections_opened{0};
};

/* The handlers, by kind of path. */
void post_message(Sandbox &box, Exchange &exchange, const Number &number);
void graph_node(Sandbox &box, Exchange &exchange, const std::string &id, const std::string &edge);
void control(Sandbox &box, Exchange &exchange, const std::string &what);

/* Chooses the handler. */
void route(Sandbox &box, Exchange &exchange);

} // namespace sandbox
