/*
 * exchange.hpp — one request of the server's, from its first line to the end of its answer.
 *
 * It takes the body in, within the limits, and hands the answer to libmicrohttpd. A refused body is
 * read to its end and thrown away where that is short: closing at once would reset the connection
 * and take the answer with it.
 */
#pragma once

#include "net/server/incoming_request.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

struct MHD_Connection;
struct MHD_Response;

namespace whatsapp::net
{

/* Bytes of bodies that all exchanges hold together. */
struct BodyBudget {
	std::size_t limit = 0;
	std::size_t used = 0;

	bool
	take_bytes(std::size_t size) noexcept
	{
		if (used > limit || size > limit - used)
			return false;
		used += size;
		return true;
	}
};

class Exchange
{
public:
	explicit Exchange(BodyBudget &budget) noexcept : budget_(budget) {}
	~Exchange();
	Exchange(const Exchange &) = delete;
	Exchange &operator=(const Exchange &) = delete;

	/* These return false when the connection must be closed, and may throw std::bad_alloc. */
	bool read_request_head(MHD_Connection *handle, const HttpServerOptions &options,
	                       const char *url, const char *method);
	bool absorb_body(std::string_view data, std::size_t max_body_bytes);

	/* Gives the answer, or the refusal, to libmicrohttpd. False: close. */
	bool send_answer(MHD_Connection *handle) noexcept;

	void refuse_request(unsigned status) noexcept;
	void set_answer(unsigned status, const char *content_type, std::string_view body,
	                ReplyHeader header) noexcept;
	void give_back_budget() noexcept; /* what the body was charged with */

	IncomingRequest request; /* with an id once it is whole */
	unsigned refusal = 0;
	bool has_head = false;
	bool whole = false;
	bool answered = false; /* by its owner, and not sent yet */
	bool counted = false;  /* as refused */

private:
	friend class ReadyList;
	bool make_room(std::size_t size, std::size_t max_body_bytes);

	BodyBudget &budget_;
	bool queued_ = false;
	unsigned status_ = 0;
	MHD_Response *response_ = nullptr;
	std::size_t length_ = 0;   /* Content-Length, 0 when there is none */
	std::size_t received_ = 0; /* of the body, kept or not */
	std::size_t charged_ = 0;
	bool ready_ = false;
	Exchange *next_ = nullptr;
	Exchange *previous_ = nullptr;
};

/* Whole and not taken yet, in the order of arrival. */
class ReadyList
{
public:
	Exchange *
	front() const noexcept
	{
		return first_;
	}
	void push_exchange(Exchange &exchange) noexcept;
	/* Nothing happens to one that is not in the list. */
	void remove_exchange(Exchange &exchange) noexcept;

private:
	Exchange *first_ = nullptr;
	Exchange *last_ = nullptr;
};

} // namespace whatsapp::net
