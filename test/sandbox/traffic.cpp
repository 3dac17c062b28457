/*
 * traffic.cpp: rates, requests in flight and the order of arrival.
 */
#include "traffic.hpp"

#include <algorithm>
#include <cstdio>

#include <openssl/sha.h>

#include "book.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

const int64_t second_us = 1000000;
const int64_t pair_interval_us = 6 * second_us; /* of Meta's pair limit */

std::string
in_ms(int64_t us)
{
	char text[32];
	std::snprintf(text, sizeof text, "%.3f", static_cast<double>(us) / 1e3);
	return us < 0 ? "null" : text;
}

std::string
canonical(const std::string &to)
{
	const bool user_id = to.size() > 2 && to[2] == '.';
	return user_id ? to : digits(to);
}

} // namespace

void
Window::count(int64_t at, int64_t length)
{
	while (first < times.size() && at - times[first] >= length)
		first++;
	if (first > 1024 && first > times.size() / 2) {
		times.erase(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(first));
		first = 0;
	} else if (first == times.size()) {
		times.clear();
		first = 0;
	}
	times.push_back(at);
	most = std::max(most, times.size() - first);
}

uint32_t
Traffic::intern(const std::string &name)
{
	const auto made = name_ids_.emplace(name, static_cast<uint32_t>(names_.size()));
	if (made.second)
		names_.push_back(name);
	return made.first->second;
}

uint32_t
Traffic::pair_of(const Message &message)
{
	const std::string to = message.by_user_id ? message.recipient : digits(message.recipient);
	const auto made =
	    pair_ids_.emplace(message.number_id + "/" + to, static_cast<uint32_t>(pairs_.size()));
	if (made.second)
		pairs_.push_back(Pair{intern(message.number_id), to});
	return made.first->second;
}

void
Traffic::started(Exchange &exchange)
{
	exchange.epoch = epoch_;
	requests_++;
	http2_ += exchange.http2 ? 1 : 0;
	tls_ += exchange.tls ? 1 : 0;
	max_in_flight_ = std::max(max_in_flight_, ++in_flight_);
}

void
Traffic::reached(const std::string &number_id, int64_t at)
{
	Rate &rate = numbers_[number_id];
	rate.requests++;
	rate.all.count(at, second_us);
}

void
Traffic::addressed(Exchange &exchange, const Message &message)
{
	if (counters_only_)
		return;
	const uint32_t id = pair_of(message);
	Pair &pair = pairs_[id];
	exchange.pair = id;
	pair.requests++;
	if (pair.last > 0 && (pair.gap < 0 || message.received_us - pair.last < pair.gap))
		pair.gap = message.received_us - pair.last;
	pair.last = message.received_us;
	pair.window.count(message.received_us, pair_interval_us);

	/* A request whose client gave it up isn't in flight, though its answer may still be held. */
	const auto left = [](const Exchange *other) {
		return other->held && other->carrier->abandoned();
	};
	pair.flying.erase(std::remove_if(pair.flying.begin(), pair.flying.end(), left),
	                  pair.flying.end());
	pair.flying.push_back(&exchange);
	pair.max_in_flight = std::max(pair.max_in_flight, static_cast<uint32_t>(pair.flying.size()));

	Arrival arrival{message.received_us,   0, id, intern("refused"), exchange.http2, exchange.tls,
	                message.callback_data, {}};
	SHA256(reinterpret_cast<const unsigned char *>(exchange.body.data()), exchange.body.size(),
	       arrival.hash.data());
	exchange.arrival = arrivals_.size();
	arrivals_.push_back(std::move(arrival));
	if (!message.callback_data.empty())
		attempts_[arrivals_.back().callback]++;
}

void
Traffic::settle(Exchange &exchange, const std::string &outcome, uint64_t serial)
{
	if (!exchange.arrival || exchange.epoch != epoch_)
		return;
	Arrival &arrival = arrivals_[*exchange.arrival];
	arrival.outcome = intern(outcome);
	arrival.serial = serial;
	pairs_[arrival.pair].accepted += serial > 0 ? 1 : 0;
}

void
Traffic::accepted(Exchange &exchange, const Message &message, uint64_t serial)
{
	accepted_.count(message.received_us, second_us);
	per_second_[message.received_us / second_us]++;
	Rate &rate = numbers_[message.number_id];
	rate.accepted++;
	rate.good.count(message.received_us, second_us);
	settle(exchange, "accepted", serial);
}

void
Traffic::refused(Exchange &exchange, const std::string &outcome)
{
	refused_++;
	refused_by_code_[outcome]++;
	settle(exchange, outcome, 0);
}

void
Traffic::finished(Exchange &exchange)
{
	if (exchange.epoch == 0)
		return;
	in_flight_--;
	if (exchange.pair && exchange.epoch == epoch_) {
		std::vector<Exchange *> &flying = pairs_[*exchange.pair].flying;
		flying.erase(std::remove(flying.begin(), flying.end(), &exchange), flying.end());
	}
	exchange.epoch = 0;
}

std::string
Traffic::summary() const
{
	std::string out = "\"refused\":" + std::to_string(refused_) +
	                  ",\"requests\":" + std::to_string(requests_) + ",\"refused_by_code\":{";
	const char *comma = "";
	for (const auto &code : refused_by_code_) {
		out += comma + quoted_text(code.first) + ":" + std::to_string(code.second);
		comma = ",";
	}
	out += "},\"per_second\":{";
	comma = "";
	uint32_t max = 0;
	for (const auto &second : per_second_) {
		out +=
		    comma + quoted_text(std::to_string(second.first)) + ":" + std::to_string(second.second);
		comma = ",";
		max = std::max(max, second.second);
	}
	out += "},\"max_in_one_second\":" + std::to_string(max) +
	       ",\"max_in_any_second\":" + std::to_string(accepted_.most) +
	       ",\"in_flight\":" + std::to_string(in_flight_) +
	       ",\"max_in_flight\":" + std::to_string(max_in_flight_) + ",\"numbers\":{";
	comma = "";
	for (const auto &number : numbers_) {
		const Rate &rate = number.second;
		out += comma + quoted_text(number.first) +
		       ":{\"requests\":" + std::to_string(rate.requests) +
		       ",\"accepted\":" + std::to_string(rate.accepted) +
		       ",\"max_requests_in_any_second\":" + std::to_string(rate.all.most) +
		       ",\"max_in_any_second\":" + std::to_string(rate.good.most) + "}";
		comma = ",";
	}
	size_t most = 0;
	uint32_t flying = 0;
	int64_t gap = -1;
	for (const Pair &pair : pairs_) {
		most = std::max(most, pair.window.most);
		flying = std::max(flying, pair.max_in_flight);
		if (pair.gap >= 0 && (gap < 0 || pair.gap < gap))
			gap = pair.gap;
	}
	return out + "},\"pairs\":{\"count\":" + std::to_string(pairs_.size()) +
	       ",\"max_in_any_6_s\":" + std::to_string(most) + ",\"smallest_gap_ms\":" + in_ms(gap) +
	       ",\"max_in_flight\":" + std::to_string(flying) +
	       "},\"requests_by_http2\":" + std::to_string(http2_) +
	       ",\"requests_by_tls\":" + std::to_string(tls_);
}

void
Traffic::write(std::string &out, const Book &book, size_t index) const
{
	static const char hex[] = "0123456789abcdef";
	const Arrival &arrival = arrivals_[index];
	const Pair &pair = pairs_[arrival.pair];
	char at[32];
	std::snprintf(at, sizeof at, "%.6f", static_cast<double>(arrival.at) / 1e6);
	out += "{\"seq\":" + std::to_string(index + 1) + ",\"at\":" + at + ",\"outcome\":";
	quote(out, names_[arrival.outcome]);
	if (arrival.serial > 0)
		out += ",\"wamid\":" + quoted_text(book.wamid(arrival.serial, pair.to));
	out += ",\"phone_number_id\":";
	quote(out, names_[pair.number]);
	out += ",\"to\":";
	quote(out, pair.to);
	out += ",\"callback_data\":";
	quote(out, arrival.callback);
	const auto attempts = attempts_.find(arrival.callback);
	out += ",\"attempts\":" + std::to_string(attempts == attempts_.end() ? 1 : attempts->second);
	out += ",\"body_sha256\":\"";
	for (const unsigned char byte : arrival.hash) {
		out += hex[byte >> 4];
		out += hex[byte & 15];
	}
	out += arrival.http2 ? "\",\"http\":\"2\"" : "\",\"http\":\"1.1\"";
	out += arrival.tls ? ",\"tls\":true}\n" : ",\"tls\":false}\n";
}

std::string
Traffic::arrivals(const Book &book, const std::string &to, bool only_accepted, size_t offset,
                  size_t limit) const
{
	const std::string wanted = to.empty() ? to : canonical(to);
	const bool all = wanted.empty() && !only_accepted;
	std::string out;
	for (size_t i = all ? offset : 0; i < arrivals_.size() && limit > 0; i++) {
		const Arrival &arrival = arrivals_[i];
		if (!all && ((only_accepted && arrival.serial == 0) ||
		             (!wanted.empty() && pairs_[arrival.pair].to != wanted)))
			continue;
		if (!all && offset > 0) {
			offset--;
			continue;
		}
		limit--;
		write(out, book, i);
	}
	return out;
}

std::string
Traffic::pairs(const std::string &to) const
{
	const std::string wanted = to.empty() ? to : canonical(to);
	std::string out;
	for (const Pair &pair : pairs_) {
		if (!wanted.empty() && pair.to != wanted)
			continue;
		out += "{\"phone_number_id\":" + quoted_text(names_[pair.number]) +
		       ",\"to\":" + quoted_text(pair.to) +
		       ",\"requests\":" + std::to_string(pair.requests) +
		       ",\"accepted\":" + std::to_string(pair.accepted) +
		       ",\"max_in_any_6_s\":" + std::to_string(pair.window.most) +
		       ",\"smallest_gap_ms\":" + in_ms(pair.gap) +
		       ",\"in_flight\":" + std::to_string(pair.flying.size()) +
		       ",\"max_in_flight\":" + std::to_string(pair.max_in_flight) + "}\n";
	}
	return out;
}

void
Traffic::clear()
{
	epoch_++;
	requests_ = refused_ = http2_ = tls_ = 0;
	max_in_flight_ = in_flight_;
	accepted_ = {};
	per_second_.clear();
	refused_by_code_.clear();
	numbers_.clear();
	attempts_.clear();
	arrivals_.clear();
	pairs_.clear();
	pair_ids_.clear();
}

} // namespace sandbox
