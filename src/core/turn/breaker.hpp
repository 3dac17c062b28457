/*
 * breaker.hpp — whether the platform behind one base URL is asked at all: a circuit breaker.
 *
 * After a number of failures in a row nothing leaves for a while, then one request tries (a probe).
 * Retries have a budget of their own besides: a platform that answers every other request never
 * fails so often in a row, and would get each message many times. Pure arithmetic; the clock comes
 * from outside.
 */
#pragma once

#include "core/turn/gate.hpp"

#include <cstdint>

namespace whatsapp
{

class Breaker
{
public:
	/* count_answer(): a request got an answer of the platform, whatever it said. count_failure():
	 * it got none (a dead network, a gateway's error). Requests that were started before the gate
	 * fell are not counted: their late success would let many requests at a platform that is down,
	 * and their late failure would be taken for that of a probe. */
	void count_answer(std::int64_t started_ms) noexcept;
	void count_failure(std::int64_t started_ms, std::int64_t now_ms) noexcept;

	/* The platform named a time before which nothing is to be sent. */
	void rest_until(std::int64_t at_ms) noexcept;
	/* Somebody asked to try at once: the next request is a probe when the gate had fallen. */
	void end_rest() noexcept;

	/* open: ask; shut: do not; probe: one at a time. */
	Gate gate(std::int64_t now_ms) const noexcept;

	/* When a shut gate becomes a probe; 0 when it is not shut. */
	std::int64_t next_probe_ms(std::int64_t now_ms) const noexcept;

	/* The delay of a retry that was to be made in delay_ms. There are at most a tenth as many
	 * retries as requests, and one a second when there are no requests. */
	std::int64_t retry_delay_ms(std::int64_t delay_ms, std::int64_t now_ms) noexcept;
	void count_request() noexcept;

	/* The failures in a row that shut the gate. */
	static constexpr int most_failures = 10;
	static constexpr std::int64_t first_rest_ms = 1000;
	static constexpr std::int64_t last_rest_ms = 60000;

private:
	int failures_ = 0; /* in a row */
	std::int64_t rest_ms_ = 0;
	std::int64_t rest_until_ms_ = 0;
	std::int64_t fell_ms_ = -1;    /* when the gate fell last */
	double retries_ = retry_burst; /* that may be made at once */
	std::int64_t refilled_ms_ = 0;

	static constexpr double retry_burst = 100;
};

} // namespace whatsapp
