/*
 * conversation.cpp — what is said on one connection: the half of RequestIntake that reads requests
 * and sends answers.
 */
#include "net/server/request_intake.hpp"

#include <exception>
#include <memory>
#include <string>

#include "net/server/http_status.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

using Phase = WatchedConnection::Phase;
using ParseStep = RequestParser::ParseStep;

} // namespace

void
RequestIntake::advance_runnable() noexcept
{
	turn_.swap(runnable);
	for (Connection *connection : turn_) {
		connection->is_runnable = false;
		if (connection->phase == Phase::closed)
			continue;
		try {
			advance_connection(*connection);
		} catch (const std::exception &) {
			close_connection(*connection); /* out of memory; the client tries again */
		}
	}
	turn_.clear();
}

void
RequestIntake::advance_connection(Connection &connection)
{
	if (connection.phase == Phase::waiting && connection.exchange->answered)
		start_answer(connection);
	if (connection.phase == Phase::writing && !flush_answer(connection))
		return;
	if (connection.is_incomplete())
		read_requests(connection);
	if (connection.phase == Phase::writing || (connection.is_incomplete() && connection.may_read))
		wake_connection(connection);
}

/* One read at most: the others have their turn, too. */
void
RequestIntake::read_requests(Connection &connection)
{
	if (!connection.input.empty() && connection.phase != Phase::leaving) {
		const std::size_t used = use_bytes(connection, connection.input);
		connection.input.erase(0, used);
	}
	if (!connection.may_read || !connection.is_incomplete())
		return;
	std::string_view got;
	if (!connection.receive_some(room_.data(), room_.size(), got)) {
		close_connection(connection);
		return;
	}
	if (got.empty())
		return;
	progress = true;
	if (connection.phase == Phase::leaving)
		return;
	if (!connection.input.empty()) {
		connection.input.append(got);
		const std::size_t used = use_bytes(connection, connection.input);
		connection.input.erase(0, used);
	} else {
		connection.input = got.substr(use_bytes(connection, got));
	}
}

/* Returns how many of the bytes are done with. They may hold the beginning of more than one
 * request. */
std::size_t
RequestIntake::use_bytes(Connection &connection, std::string_view bytes)
{
	std::size_t used = 0;
	bool go_on = true;
	while (go_on && connection.is_incomplete()) {
		if (!connection.exchange) {
			while (bytes.substr(used, 2) == "\r\n")
				used += 2;
			if (used == bytes.size() || bytes.substr(used) == "\r")
				break;
			connection.exchange = std::make_unique<Exchange>(budget, options);
			watch.enter_phase(connection, Phase::reading);
		}
		std::size_t taken;
		std::string_view piece;
		const ParseStep step =
		    connection.exchange->parser.read_bytes(bytes.substr(used), taken, piece);
		used += taken;
		go_on = use_step(connection, step, piece);
	}
	return used;
}

/* False: there is no more to do with these bytes. */
bool
RequestIntake::use_step(Connection &connection, ParseStep step, std::string_view piece)
{
	switch (step) {
	case ParseStep::more:
		return false;
	case ParseStep::malformed:
	case ParseStep::head_too_large:
		refuse_exchange(connection, step == ParseStep::malformed ? bad_request : headers_too_large);
		connection.exchange->head.close_now = true;
		break;
	case ParseStep::head:
		use_head(connection);
		break;
	case ParseStep::piece:
		use_piece(connection, piece);
		break;
	case ParseStep::done:
		complete_exchange(connection);
		return true;
	}
	if (connection.exchange->is_beyond_patience())
		start_refusal(connection);
	return true;
}

void
RequestIntake::use_head(Connection &connection)
{
	Exchange &exchange = *connection.exchange;
	exchange.take_head(options);
	if (exchange.refusal)
		refused++;
	else if (exchange.head.expects_continue) {
		connection.output += "HTTP/1.1 100 Continue\r\n\r\n";
		connection.send_output(); /* what is left, or broken, is met again with the answer */
	}
}

void
RequestIntake::use_piece(Connection &connection, std::string_view piece)
{
	Exchange &exchange = *connection.exchange;
	const bool was_refused = exchange.refusal != 0;
	if (!make_room(connection, piece.size()))
		exchange.refuse_request(unavailable);
	exchange.take_piece(piece);
	refused += !was_refused && exchange.refusal ? 1 : 0;
}

/* When the memory for bodies is used up, the oldest connection that has sent a part of a body and
 * sends nothing more now gives way. */
bool
RequestIntake::make_room(Connection &connection, std::size_t size)
{
	while (!connection.exchange->make_room(size)) {
		auto *oldest = static_cast<Connection *>(
		    watch.find_oldest_incomplete([&](const WatchedConnection &each) {
			    const auto &other = static_cast<const Connection &>(each);
			    return &other != &connection && !other.may_read && other.exchange &&
			           other.exchange->charged_bytes() > 0;
		    }));
		if (!oldest)
			return false;
		refuse_exchange(*oldest, unavailable);
		start_refusal(*oldest);
		wake_connection(*oldest);
	}
	return true;
}

void
RequestIntake::complete_exchange(Connection &connection)
{
	Exchange &exchange = *connection.exchange;
	progress = true;
	exchange.whole = true;
	if (exchange.refusal) {
		start_refusal(connection);
		return;
	}
	whole.emplace(last_id_ + 1, &connection);
	exchange.request.id = ++last_id_;
	watch.enter_phase(connection, Phase::waiting);
	ready.push_exchange(exchange);
}

void
RequestIntake::refuse_exchange(Connection &connection, unsigned status) noexcept
{
	refused += connection.exchange->refusal ? 0 : 1;
	connection.exchange->refuse_request(status);
}

void
RequestIntake::start_refusal(Connection &connection)
{
	Exchange &exchange = *connection.exchange;
	if (!exchange.refusal)
		exchange.refuse_request(unavailable);
	exchange.set_refusal();
	start_answer(connection);
}

/* The connection closes after this answer when the client wants that, and when the request was not
 * read to its end or not understood: nobody knows then where the next one begins. */
void
RequestIntake::start_answer(Connection &connection)
{
	const Exchange &exchange = *connection.exchange;
	connection.closes = !exchange.head.keep_alive || !exchange.whole ||
	                    (exchange.refusal && exchange.refusal != unavailable);
	connection.output += exchange.answer_text(connection.closes);
	watch.enter_phase(connection, Phase::writing);
	progress = true;
}

/* False: a part of the answer has still to be sent, or the connection is broken and was closed. */
bool
RequestIntake::flush_answer(Connection &connection) noexcept
{
	if (!connection.send_output()) {
		close_connection(connection);
		return false;
	}
	if (!connection.output.empty())
		return false;
	progress = true;
	connection.exchange.reset();
	if (connection.closes) {
		connection.input = std::string();
		connection.end_output();
	}
	watch.enter_phase(connection, connection.closes ? Phase::leaving : Phase::silent);
	connection.may_read = connection.may_read || connection.closes;
	return true;
}

} // namespace whatsapp::net
