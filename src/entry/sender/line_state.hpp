/*
 * line_state.hpp — what a Line keeps, for its own files.
 */
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/turn/breaker.hpp"
#include "core/turn/lineup.hpp"
#include "entry/graph/platforms.hpp"
#include "entry/graph/route.hpp"
#include "pg/queue/queue.hpp"
#include "pg/server/clock.hpp"

namespace whatsapp::entry
{

struct LineState {
	Lineup lineup{pg::monotonic_ms()};
	std::map<std::string, Route> routes;
	Platforms platforms;
	std::unordered_map<std::int64_t, Chosen> out; /* chosen and not ended */
	std::vector<Reading> readings;
	std::vector<pg::ReadFrom> wanted;
	std::vector<Chosen> chosen;
	std::vector<Deferred> deferred;
	std::vector<pg::ReadyMessage> candidates;
	std::vector<pg::Postponed> postponed;
	std::vector<std::string> paused;
	std::int64_t chosen_ms = 0; /* the last choice */
	std::int64_t clock_us = 0;  /* the server's time when the monotonic clock was 0 */

	/* Of the message's platform; NULL for one that is not out. */
	Breaker *breaker_of(std::int64_t id);
	/* As the breakers say now. */
	void set_gates(std::int64_t now_ms);
	/* For one that was chosen and does not leave. */
	void end_choice(const Chosen &one, Ended how, std::int64_t now_ms) noexcept;
};

} // namespace whatsapp::entry
