/*
 * bearer.cpp — headers of a token, counted by hand: one thread at a time is inside
 * the client that owns them all, so no atomics.
 *
 * Only our own copies can be overwritten; libcurl assembles the request in a buffer of its own.
 */
#include "net/client/bearer.hpp"

#include <cstring>
#include <new>
#include <string>

#include <curl/curl.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr std::string_view authorization = "Authorization: Bearer ";
constexpr std::string_view upload_authorization = "Authorization: OAuth ";

void
wipe_text(std::string &text) noexcept
{
	explicit_bzero(text.data(), text.size());
}

void
wipe_list(curl_slist *list) noexcept
{
	for (const curl_slist *item = list; item; item = item->next)
		explicit_bzero(item->data, std::strlen(item->data));
	curl_slist_free_all(list);
}

/* curl_slist_append() returns NULL and leaves the list as it is when memory fails. */
bool
append_header(curl_slist *&list, const char *line) noexcept
{
	curl_slist *longer = curl_slist_append(list, line);
	if (!longer)
		return false;
	list = longer;
	return true;
}

} // namespace

struct Bearer::Shared {
	std::size_t holders = 1;
	std::string line;
	curl_slist *headers = nullptr;

	Shared() = default;
	Shared(const Shared &) = delete;
	Shared &operator=(const Shared &) = delete;
	~Shared()
	{
		wipe_text(line);
		wipe_list(headers);
	}
};

bool
token_allowed(std::string_view token) noexcept
{
	for (const char c : token)
		if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
			return false;
	return !token.empty();
}

Bearer
Bearer::make_headers(std::string_view token, const std::string &user_agent,
                     std::string_view content_type) noexcept
{
	return make_authorized_headers(authorization, token, user_agent, content_type, nullptr);
}

Bearer
Bearer::make_upload_headers(std::string_view token, const std::string &user_agent,
                            std::string_view content_type) noexcept
{
	return make_authorized_headers(upload_authorization, token, user_agent, content_type,
	                               "file_offset: 0");
}

Bearer
Bearer::make_authorized_headers(std::string_view scheme, std::string_view token,
                                const std::string &user_agent, std::string_view content_type,
                                const char *further_header) noexcept
{
	Bearer made;
	std::string agent;
	std::string type = "Content-Type: ";
	if (content_type.find_first_of("\r\n") != std::string_view::npos)
		return Bearer();
	try {
		type += content_type.empty() ? std::string_view("application/json") : content_type;
		made.shared_ = new Shared;
		/* reserved first: growing would leave pieces of the token behind in freed memory */
		made.shared_->line.reserve(scheme.size() + token.size());
		made.shared_->line.append(scheme).append(token);
		agent = "User-Agent: " + user_agent;
	} catch (const std::bad_alloc &) {
		return Bearer();
	}
	/* A header without a value is not sent: waiting for 100 Continue costs a round trip, and any
	 * type of answer is accepted. Each header costs time, since libcurl prints them byte by byte,
	 * its own ones twice. */
	curl_slist *&list = made.shared_->headers;
	if (!append_header(list, made.shared_->line.c_str()) || !append_header(list, type.c_str()) ||
	    !append_header(list, agent.c_str()) || !append_header(list, "Expect:") ||
	    !append_header(list, "Accept:") ||
	    (further_header != nullptr && !append_header(list, further_header)))
		return Bearer();
	return made;
}

Bearer &
Bearer::operator=(const Bearer &other) noexcept
{
	if (shared_ != other.shared_) {
		reset();
		shared_ = other.shared_;
		add_reference();
	}
	return *this;
}

bool
Bearer::carries_token(std::string_view token) const noexcept
{
	const std::string_view line = shared_ ? std::string_view(shared_->line) : std::string_view();
	return line.size() > authorization.size() &&
	       line.substr(0, authorization.size()) == authorization &&
	       line.substr(authorization.size()) == token;
}

curl_slist *
Bearer::headers() const noexcept
{
	return shared_ ? shared_->headers : nullptr;
}

void
Bearer::add_reference() noexcept
{
	if (shared_)
		shared_->holders++;
}

void
Bearer::reset() noexcept
{
	if (shared_ && --shared_->holders == 0)
		delete shared_;
	shared_ = nullptr;
}

} // namespace whatsapp::net
