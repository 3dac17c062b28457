/*
 * book.hpp — what the answerer received: when, and for which recipient; and the answer to it.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bench
{

std::int64_t realtime_us();
std::int64_t monotonic_us();

class Book
{
public:
	Book();

	/* Notes the arrival, now or then; the answer is a message id that nobody else has. */
	std::string take(std::string_view body, std::int64_t at_us = 0);

	std::size_t
	requests() const
	{
		return arrivals_.size();
	}

	void
	reset()
	{
		arrivals_.clear();
	}

	/* JSON on one line. */
	std::string stats(std::size_t open_connections, std::size_t peak_connections) const;

	/* A line for each request: microseconds since 1970 by the system's clock, recipient. */
	std::string arrivals() const;

private:
	struct Arrival {
		std::int64_t at_us;
		std::uint64_t recipient;
	};

	std::vector<Arrival> arrivals_;
	std::uint64_t life_;
	std::uint64_t answered_ = 0;
};

} // namespace bench
