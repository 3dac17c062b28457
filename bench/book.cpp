/*
 * book.cpp — arrivals and answers.
 */
#include "book.hpp"

#include <cstdio>
#include <ctime>

#include <sys/resource.h>
#include <unistd.h>

namespace bench
{

namespace
{

std::int64_t
clock_us(clockid_t clock)
{
	timespec now;
	clock_gettime(clock, &now);
	return static_cast<std::int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
}

/* The digits of "to". The body is our own and trusted; a phone number is all that is looked for. */
std::uint64_t
recipient_of(std::string_view body)
{
	constexpr std::string_view key = "\"to\":";
	std::size_t at = body.find(key);
	if (at == std::string_view::npos)
		return 0;
	std::uint64_t digits = 0;
	for (at += key.size(); at < body.size(); at++) {
		const char c = body[at];
		if (c >= '0' && c <= '9')
			digits = digits * 10 + static_cast<std::uint64_t>(c - '0');
		else if (digits != 0)
			break;
	}
	return digits;
}

} // namespace

std::int64_t
realtime_us()
{
	return clock_us(CLOCK_REALTIME);
}

std::int64_t
monotonic_us()
{
	return clock_us(CLOCK_MONOTONIC);
}

Book::Book()
    : life_(static_cast<std::uint64_t>(realtime_us()) << 8 |
            (static_cast<unsigned>(getpid()) & 255))
{
	arrivals_.reserve(1 << 20);
}

std::string
Book::take(std::string_view body, std::int64_t at_us)
{
	const Arrival arrival{at_us != 0 ? at_us : realtime_us(), recipient_of(body)};
	arrivals_.push_back(arrival);
	char text[320];
	const int length = std::snprintf(
	    text, sizeof text,
	    R"({"messaging_product":"whatsapp","contacts":[{"input":"+%llu","wa_id":"%llu"}],)"
	    R"("messages":[{"id":"wamid.HBgLMzQ2MVUCABEYEj%016llX%010llXAA==","message_status":"accepted"}]})",
	    static_cast<unsigned long long>(arrival.recipient),
	    static_cast<unsigned long long>(arrival.recipient), static_cast<unsigned long long>(life_),
	    static_cast<unsigned long long>(++answered_));
	return std::string(text, static_cast<std::size_t>(length));
}

std::string
Book::stats(std::size_t open_connections, std::size_t peak_connections) const
{
	rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	const long long cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
	                         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
	char text[320];
	const int length = std::snprintf(
	    text, sizeof text,
	    R"({"requests":%zu,"open_connections":%zu,"peak_connections":%zu,"cpu_us":%lld,"first_us":%lld,"last_us":%lld})"
	    "\n",
	    arrivals_.size(), open_connections, peak_connections, cpu_us,
	    static_cast<long long>(arrivals_.empty() ? 0 : arrivals_.front().at_us),
	    static_cast<long long>(arrivals_.empty() ? 0 : arrivals_.back().at_us));
	return std::string(text, static_cast<std::size_t>(length));
}

std::string
Book::arrivals() const
{
	std::string text;
	text.reserve(arrivals_.size() * 32);
	for (const Arrival &arrival : arrivals_) {
		text += std::to_string(arrival.at_us);
		text += ' ';
		text += std::to_string(arrival.recipient);
		text += '\n';
	}
	return text;
}

} // namespace bench
