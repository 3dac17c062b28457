/*
 * exchange.hpp — one request to the server, from its first byte to its answer.
 *
 * It takes the body in, within the limits, and writes the answer. A refused body is read to its end
 * and thrown away where that is short: closing at once would reset the connection and take the
 * answer with it.
 */
#pragma once

#include "net/server/incoming_request.hpp"
#include "net/server/request_head.hpp"
#include "net/server/request_parser.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp::net
{

/* Bytes of bodies that all exchanges hold together. */
struct BodyBudget {
	std::size_t limit = 0;
	std::size_t kept = 0; /* how many of the limit are for small bodies only */
	std::size_t used = 0;

	void set_limits(const HttpServerOptions &options) noexcept;
	bool take_bytes(std::size_t size, bool is_small) noexcept;
};

class Exchange
{
public:
	Exchange(BodyBudget &budget, const HttpServerOptions &options);
	~Exchange() { give_back_budget(); }
	Exchange(const Exchange &) = delete;
	Exchange &operator=(const Exchange &) = delete;

	/* take_head() is called after ParseStep::head, take_piece() for each piece of the body for
	 * which make_room() has said yes. Both may throw std::bad_alloc. */
	void take_head(const HttpServerOptions &options);
	void take_piece(std::string_view piece);
	/* False: the budget has no room for so much more. */
	bool make_room(std::size_t size);

	/* True when enough of a refused body has been read, and the connection is to be cut. With
	 * close_now nothing of it is read. */
	bool is_beyond_patience() const noexcept;

	void refuse_request(unsigned status) noexcept;
	/* The bytes of the answer. close: the last one of the connection. */
	std::string answer_text(bool close) const;
	void set_answer(unsigned status, const char *content_type, std::string_view body,
	                ReplyHeader header);
	/* The same with a body that says what the status means; after refuse_request(). */
	void set_refusal();
	void give_back_budget() noexcept; /* what the body was charged with */

	std::size_t
	charged_bytes() const noexcept
	{
		return charged_;
	}
	bool
	is_small() const noexcept
	{
		return received_ <= small_bytes_;
	}

	RequestParser parser;
	RequestHead head;
	IncomingRequest request; /* with an id once it is whole */
	unsigned refusal = 0;
	bool has_head = false;
	bool whole = false;
	bool answered = false; /* by its owner */

private:
	friend class ReadyList;

	BodyBudget &budget_;
	std::size_t max_body_bytes_;
	std::size_t small_bytes_;
	bool is_head_ = false; /* its answer has no body */
	unsigned status_ = 0;
	std::string headers_; /* of the answer */
	std::string content_;
	std::size_t received_ = 0; /* of the body, kept or not */
	std::size_t charged_ = 0;
	bool ready_ = false;
	Exchange *next_ = nullptr;
	Exchange *previous_ = nullptr;
};

/* Whole and not taken yet. Small ones first, each kind in the order of arrival: what is large costs
 * its owner more, and must not keep him from the others. A large one's turn comes all the same. */
class ReadyList
{
public:
	Exchange *front() const noexcept;
	void push_exchange(Exchange &exchange) noexcept;
	/* Nothing happens to one that is not in the list. */
	void remove_exchange(Exchange &exchange) noexcept;

private:
	struct Chain {
		Exchange *first = nullptr;
		Exchange *last = nullptr;
	};
	Chain small_;
	Chain large_;
	unsigned overtakes_ = 0; /* small ones that have gone first since the last large one left */
};

} // namespace whatsapp::net
