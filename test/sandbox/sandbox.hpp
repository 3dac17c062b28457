/*
 * sandbox.hpp: everything there is one of, in the order in which it must be built and torn down.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "book.hpp"
#include "exchange.hpp"
#include "holds.hpp"
#include "settings.hpp"
#include "templates.hpp"
#include "webhooks.hpp"

namespace sandbox
{

/* When a pair may send again (GCRA), in microseconds. */
using Pace = std::unordered_map<std::string, int64_t>;

/* When a number's latest messages were accepted: no more of them than its limit per second. */
using Recent = std::unordered_map<std::string, std::deque<int64_t>>;

struct Sandbox {
	explicit Sandbox(const Options &given)
	    : options(given), settings(given.settings), webhooks(book, holds, given)
	{
	}

	const Options options;
	Settings settings;
	Templates templates;
	Book book;
	Holds holds;
	Webhooks webhooks;
	std::unordered_map<std::string, int64_t> windows; /* wa_id → open until; "*" for everybody */
	std::unordered_map<std::string, int> failures;    /* how often a message failed on purpose */
	Pace pair_pace;
	Recent number_recent;
	uint64_t connections = 0;
	uint64_t connections_opened = 0;
};

/* The handlers, by kind of path. */
void post_message(Sandbox &box, Exchange &exchange, const Number &number);
void graph_node(Sandbox &box, Exchange &exchange, const std::string &id, const std::string &edge);
void control(Sandbox &box, Exchange &exchange, const std::string &what);

/* Chooses the handler. */
void route(Sandbox &box, Exchange &exchange);

} // namespace sandbox
