/*
 * exchange.cpp — the body in, the answer out.
 *
 * Memory is charged for what a body occupies, not for what its Content-Length announces: a few idle
 * connections with great promises must not shut everybody else out.
 */
#include "net/server/exchange.hpp"

#include <algorithm>
#include <ctime>
#include <string>

#include "net/server/http_status.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr unsigned max_overtakes = 200;

struct StatusText {
	unsigned status;
	const char *reason;
	const char *body; /* of a refusal */
};

constexpr StatusText status_texts[] = {
    {200, "OK", ""},
    {bad_request, "Bad Request", "bad request\n"},
    {401, "Unauthorized", ""},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", ""},
    {content_too_large, "Content Too Large", "body too large\n"},
    {headers_too_large, "Request Header Fields Too Large", "headers too large\n"},
    {unavailable, "Service Unavailable", "busy\n"},
};

const StatusText &
text_of_status(unsigned status) noexcept
{
	static constexpr StatusText other = {0, "Other", ""};
	for (const StatusText &text : status_texts)
		if (text.status == status)
			return text;
	return other;
}

/* RFC 9110 section 5.6.7, whatever the locale. */
std::string
date_text()
{
	static constexpr char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static constexpr char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	const std::time_t now = std::time(nullptr);
	std::tm utc{};
	char rest[32] = "";

	gmtime_r(&now, &utc);
	std::strftime(rest, sizeof rest, " %Y %H:%M:%S GMT", &utc);
	char day[8] = "";
	std::strftime(day, sizeof day, "%d", &utc);
	return std::string(days[utc.tm_wday]) + ", " + day + " " + months[utc.tm_mon] + rest;
}

} // namespace

void
BodyBudget::set_limits(const HttpServerOptions &options) noexcept
{
	limit = options.max_buffered_bytes;
	/* a body of the largest size must fit in what is left */
	kept = limit > options.max_body_bytes ? std::min(limit / 8, limit - options.max_body_bytes) : 0;
}

bool
BodyBudget::take_bytes(std::size_t size, bool is_small) noexcept
{
	const std::size_t most = is_small ? limit : limit - kept;
	if (used > most || size > most - used)
		return false;
	used += size;
	return true;
}

Exchange::Exchange(BodyBudget &budget, const HttpServerOptions &options)
    : parser(options.max_header_bytes), budget_(budget), max_body_bytes_(options.max_body_bytes),
      small_bytes_(options.small_body_bytes)
{
}

void
Exchange::take_head(const HttpServerOptions &options)
{
	has_head = true;
	max_body_bytes_ = options.max_body_bytes;
	head = judge_head(parser.head(), options, request);
	is_head_ = request.method == "HEAD";
	if (head.refusal)
		refuse_request(head.refusal);
	/* what announces too much, or asks first, need not send its body */
	if (head.refusal &&
	    (head.expects_continue || head.length > max_body_bytes_ + max_body_bytes_ + 1))
		head.close_now = true;
}

void
Exchange::take_piece(std::string_view piece)
{
	received_ += piece.size();
	if (!refusal && received_ > max_body_bytes_)
		refuse_request(content_too_large);
	if (!refusal)
		request.body.append(piece);
}

/* Grows by doubling, as a string does, within the budget; when that has no room for it, only by
 * what is needed. */
bool
Exchange::make_room(std::size_t size)
{
	const std::size_t needed = request.body.size() + size;
	if (refusal || needed <= charged_ || needed > max_body_bytes_)
		return true;
	const std::size_t most = head.has_length ? head.length : max_body_bytes_;
	const std::size_t generous = std::max(needed, std::min(charged_ * 2, most));
	const bool small = (head.has_length ? head.length : needed) <= small_bytes_;
	for (const std::size_t room : {generous, needed}) {
		if (budget_.take_bytes(room - charged_, small)) {
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

bool
Exchange::is_beyond_patience() const noexcept
{
	return refusal && (head.close_now || received_ > max_body_bytes_ * 2 + 1);
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
                     ReplyHeader header)
{
	status_ = status;
	headers_ = std::string("Content-Type: ") + content_type + "\r\n";
	if (header.name)
		headers_.append(header.name).append(": ").append(header.value).append("\r\n");
	content_ = body;
	give_back_budget();
}

void
Exchange::set_refusal()
{
	const bool comes_again = refusal == unavailable;
	set_answer(refusal, "text/plain", text_of_status(refusal).body,
	           comes_again ? ReplyHeader{"Retry-After", "1"} : ReplyHeader{});
}

std::string
Exchange::answer_text(bool close) const
{
	std::string text = "HTTP/1.1 " + std::to_string(status_) + " " +
	                   text_of_status(status_).reason + "\r\nDate: " + date_text() + "\r\n" +
	                   headers_ + "Content-Length: " + std::to_string(content_.size()) + "\r\n" +
	                   (close ? "Connection: close\r\n\r\n" : "\r\n");
	if (!is_head_)
		text += content_;
	return text;
}

Exchange *
ReadyList::front() const noexcept
{
	return small_.first && (!large_.first || overtakes_ < max_overtakes) ? small_.first
	                                                                     : large_.first;
}

void
ReadyList::push_exchange(Exchange &exchange) noexcept
{
	Chain &line = exchange.is_small() ? small_ : large_;
	exchange.ready_ = true;
	exchange.next_ = nullptr;
	exchange.previous_ = line.last;
	(line.last ? line.last->next_ : line.first) = &exchange;
	line.last = &exchange;
}

void
ReadyList::remove_exchange(Exchange &exchange) noexcept
{
	if (!exchange.ready_)
		return;
	Chain &line = exchange.is_small() ? small_ : large_;
	overtakes_ = exchange.is_small() && large_.first ? overtakes_ + 1 : 0;
	(exchange.previous_ ? exchange.previous_->next_ : line.first) = exchange.next_;
	(exchange.next_ ? exchange.next_->previous_ : line.last) = exchange.previous_;
	exchange.ready_ = false;
}

} // namespace whatsapp::net
