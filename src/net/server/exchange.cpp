/*
 * exchange.cpp — the body in, the answer out.
 *
 * Memory is charged for what a body occupies, not for what its Content-Length announces: a few idle
 * connections with great promises must not shut everybody else out.
 */
#include "net/server/exchange.hpp"

#include "net/server/request_head.hpp"

#include <algorithm>
#include <string>

#include <microhttpd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr unsigned bad_request = 400;
constexpr unsigned content_too_large = 413;
constexpr unsigned headers_too_large = 431;
constexpr unsigned unavailable = 503;

const char *
refusal_text(unsigned status) noexcept
{
	switch (status) {
	case bad_request:
		return "bad request\n";
	case content_too_large:
		return "body too large\n";
	case headers_too_large:
		return "headers too large\n";
	default:
		return "busy\n";
	}
}

/* A copy of body. NULL when memory fails. */
MHD_Response *
make_response(std::string_view body, const char *content_type, ReplyHeader header) noexcept
{
	MHD_Response *response = MHD_create_response_from_buffer(
	    body.size(), const_cast<char *>(body.data()), MHD_RESPMEM_MUST_COPY);
	if (response &&
	    (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES ||
	     (header.name &&
	      MHD_add_response_header(response, header.name, header.value) != MHD_YES))) {
		MHD_destroy_response(response);
		return nullptr;
	}
	return response;
}

MHD_Response *
make_refusal(unsigned status) noexcept
{
	const bool comes_again = status == unavailable;
	return make_response(refusal_text(status), "text/plain",
	                     {comes_again ? MHD_HTTP_HEADER_RETRY_AFTER : MHD_HTTP_HEADER_CONNECTION,
	                      comes_again ? "1" : "close"});
}

/* How much of a refused body is read before the connection is cut. */
std::size_t
refused_body_limit(std::size_t max_body_bytes) noexcept
{
	return max_body_bytes * 2 + 1;
}

} // namespace

Exchange::~Exchange()
{
	give_back_budget();
	if (response_)
		MHD_destroy_response(response_);
}

bool
Exchange::read_request_head(MHD_Connection *handle, const HttpServerOptions &options,
                            const char *url, const char *method)
{
	const RequestHead head = read_head(handle, options, request);
	has_head = true;
	length_ = head.length;
	if (head.refusal) {
		refuse_request(head.refusal);
		if (head.close_now || head.expects_continue ||
		    head.length > refused_body_limit(options.max_body_bytes))
			return send_answer(handle);
		return true;
	}
	request.method = method;
	request.path = url;
	return true;
}

bool
Exchange::absorb_body(std::string_view data, std::size_t max_body_bytes)
{
	received_ += data.size();
	if (!refusal && received_ > max_body_bytes)
		refuse_request(content_too_large);
	if (!refusal && !make_room(data.size(), max_body_bytes))
		refuse_request(unavailable);
	if (refusal)
		return received_ <= refused_body_limit(max_body_bytes);
	request.body.append(data);
	return true;
}

/* Grows as a string does, within the budget; in a pinch by what is needed only. */
bool
Exchange::make_room(std::size_t size, std::size_t max_body_bytes)
{
	const std::size_t needed = request.body.size() + size;
	if (needed <= charged_)
		return true;
	const std::size_t most = length_ ? length_ : max_body_bytes;
	const std::size_t generous = std::max(needed, std::min(charged_ * 2, most));
	for (const std::size_t room : {generous, needed}) {
		if (budget_.take_bytes(room - charged_)) {
			charged_ = room;
			request.body.reserve(room);
			return true;
		}
	}
	return false;
}

void
Exchange::give_back_budget() noexcept
{
	budget_.used -= charged_;
	charged_ = 0;
}

void
Exchange::refuse_request(unsigned status) noexcept
{
	refusal = status;
	request.body = std::string();
	give_back_budget();
}

void
Exchange::set_answer(unsigned status, const char *content_type, std::string_view body,
                     ReplyHeader header) noexcept
{
	response_ = make_response(body, content_type, header);
	status_ = status;
	answered = true;
	give_back_budget();
}

bool
Exchange::send_answer(MHD_Connection *handle) noexcept
{
	if (queued_)
		return true;
	if (refusal && !response_) {
		response_ = make_refusal(refusal);
		status_ = refusal;
	}
	answered = false;
	queued_ = response_ && MHD_queue_response(handle, status_, response_) == MHD_YES;
	return queued_;
}

void
ReadyList::push_exchange(Exchange &exchange) noexcept
{
	exchange.ready_ = true;
	exchange.next_ = nullptr;
	exchange.previous_ = last_;
	(last_ ? last_->next_ : first_) = &exchange;
	last_ = &exchange;
}

void
ReadyList::remove_exchange(Exchange &exchange) noexcept
{
	if (!exchange.ready_)
		return;
	(exchange.previous_ ? exchange.previous_->next_ : first_) = exchange.next_;
	(exchange.next_ ? exchange.next_->previous_ : last_) = exchange.previous_;
	exchange.ready_ = false;
}

} // namespace whatsapp::net
