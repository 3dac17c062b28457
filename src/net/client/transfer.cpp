/*
 * transfer.cpp — the settings of one request, its callbacks, and what its end means.
 *
 * libcurl repeats a request by itself when a reused connection dies before a byte of the answer
 * (Curl_retry_request), when HTTP/2 refuses the stream, or asks for HTTP/1.1: even if the whole
 * request had left, and the body need not be rewound for it. A message could go out twice. Every
 * such repetition passes CURLOPT_PREREQFUNCTION, which libcurl calls with the connection made and
 * the request about to be written; so that callback is the point of no return. It says yes once.
 * Before the yes nothing left (not_sent); after it, whatever the error code is, nobody can know
 * (unknown). CURLINFO_REQUEST_SIZE is no help: 7.88 does not count what a full socket buffer
 * delayed.
 */
#include "net/client/transfer.hpp"

#include "core/base/ascii.hpp"
#include "core/base/url.hpp"
#include "net/base/clock.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <exception>
#include <new>
#include <string_view>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

/* Idle connections are given up before usual servers give them up: a request on a connection that
 * the server closes at that moment would have an unknown outcome. */
constexpr long max_idle_s = 30;
constexpr long max_lifetime_s = 600;
constexpr std::size_t max_header_value = 4096;
constexpr std::size_t max_kept_body = 16384;

bool
is_loopback(const curl_sockaddr &address) noexcept
{
	if (address.family == AF_INET) {
		sockaddr_in v4;
		std::memcpy(&v4, &address.addr, sizeof v4);
		return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
	}
	if (address.family == AF_INET6 && address.addrlen >= sizeof(sockaddr_in6)) {
		/* curl_sockaddr declares a short sockaddr at its end; libcurl keeps the long one there */
		sockaddr_in6 v6;
		std::memcpy(&v6, reinterpret_cast<const char *>(&address) + offsetof(curl_sockaddr, addr),
		            sizeof v6);
		return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
	}
	return false;
}

curl_socket_t
open_socket(void *sockets, curlsocktype, curl_sockaddr *address) noexcept
{
	const int opened = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	/* what happens on a socket that is not watched would be noticed only when its time is over */
	if (opened >= 0 && !static_cast<SocketSet *>(sockets)->add_connection(opened)) {
		close(opened);
		return CURL_SOCKET_BAD;
	}
	return opened;
}

/* For plain http: whatever the name resolves to, the token stays on this machine. */
curl_socket_t
open_loopback_socket(void *sockets, curlsocktype purpose, curl_sockaddr *address) noexcept
{
	return is_loopback(*address) ? open_socket(sockets, purpose, address) : CURL_SOCKET_BAD;
}

int
close_socket(void *sockets, curl_socket_t socket) noexcept
{
	static_cast<SocketSet *>(sockets)->drop_connection(socket);
	return close(socket);
}

bool
header_value(std::string_view line, std::string_view name, std::string_view &value) noexcept
{
	if (line.size() <= name.size() || line[name.size()] != ':' ||
	    !same_but_for_case(line.substr(0, name.size()), name))
		return false;
	value = trimmed_text(line.substr(name.size() + 1));
	return true;
}

/* The header's other form is a date; who reads the response has no clock. */
std::string
in_seconds(std::string_view retry_after)
{
	std::string text(retry_after.substr(0, max_header_value));
	const time_t at = text.empty() || is_digit(text[0]) ? -1 : curl_getdate(text.c_str(), nullptr);
	if (at >= 0)
		text = std::to_string(std::max<time_t>(at - time(nullptr), 0));
	return text;
}

template <typename Value>
bool
set_option(CURL *easy, CURLoption option, Value value) noexcept
{
	return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

} // namespace

Transfer *
Transfer::create() noexcept
{
	Transfer *made = new (std::nothrow) Transfer;
	if (made && !(made->easy_ = curl_easy_init())) {
		delete made;
		return nullptr;
	}
	return made;
}

Transfer::~Transfer()
{
	if (easy_)
		curl_easy_cleanup(easy_);
}

/* What keeps the token and the server safe; nothing is taken from the environment. */
bool
Transfer::set_safety(const TransferOptions &options, bool plain) noexcept
{
	return set_option(easy_, CURLOPT_NOSIGNAL, 1L) &&
	       set_option(easy_, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https") &&
	       set_option(easy_, CURLOPT_FOLLOWLOCATION, 0L) &&
	       set_option(easy_, CURLOPT_SSL_VERIFYPEER, 1L) &&
	       set_option(easy_, CURLOPT_SSL_VERIFYHOST, 2L) &&
	       set_option(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) &&
	       (options.ca_file.empty() ||
	        set_option(easy_, CURLOPT_CAINFO, options.ca_file.c_str())) &&
	       set_option(easy_, CURLOPT_PROXY, "") && set_option(easy_, CURLOPT_NOPROXY, "*") &&
	       set_option(easy_, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED)) &&
	       set_option(easy_, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
	       set_option(easy_, CURLOPT_HTTP09_ALLOWED, 0L) &&
	       set_option(easy_, CURLOPT_OPENSOCKETFUNCTION,
	                  plain ? &open_loopback_socket : &open_socket) &&
	       set_option(easy_, CURLOPT_OPENSOCKETDATA, options.sockets) &&
	       set_option(easy_, CURLOPT_CLOSESOCKETFUNCTION, &close_socket) &&
	       set_option(easy_, CURLOPT_CLOSESOCKETDATA, options.sockets) &&
	       set_option(easy_, CURLOPT_PREREQFUNCTION, &on_point_of_no_return) &&
	       set_option(easy_, CURLOPT_PREREQDATA, this);
}

/* Settings that stay with a pooled handle until the options or the scheme change. */
bool
Transfer::set_lasting(const TransferOptions &options, bool plain) noexcept
{
	curl_easy_reset(easy_);
	version_ = 0;
	if (!set_safety(options, plain))
		return false;
		/* A look-up that hangs in its thread must not be waited for when its request is over. */
#if LIBCURL_VERSION_NUM >= 0x075700
	(void)set_option(easy_, CURLOPT_QUICK_EXIT, 1L);
#endif
	/* A libcurl built without HTTP/2 refuses this one and speaks HTTP/1.1. */
	(void)set_option(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
	/* Waiting for a stream on a connection that is there beats opening one more; but HTTP/1.1 has
	 * no streams, and the wait would last as long as the first answer. */
	const bool taken = set_option(easy_, CURLOPT_POST, 1L) &&
	                   set_option(easy_, CURLOPT_PIPEWAIT, plain ? 0L : 1L) &&
	                   set_option(easy_, CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout_ms) &&
	                   set_option(easy_, CURLOPT_TIMEOUT_MS, options.request_timeout_ms) &&
	                   set_option(easy_, CURLOPT_TCP_NODELAY, 1L) &&
	                   set_option(easy_, CURLOPT_TCP_KEEPALIVE, 1L) &&
	                   set_option(easy_, CURLOPT_MAXAGE_CONN, max_idle_s) &&
	                   set_option(easy_, CURLOPT_MAXLIFETIME_CONN, max_lifetime_s) &&
	                   set_option(easy_, CURLOPT_WRITEFUNCTION, &on_body) &&
	                   set_option(easy_, CURLOPT_WRITEDATA, this) &&
	                   set_option(easy_, CURLOPT_HEADERFUNCTION, &on_header) &&
	                   set_option(easy_, CURLOPT_HEADERDATA, this) &&
	                   set_option(easy_, CURLOPT_ERRORBUFFER, words_) &&
	                   set_option(easy_, CURLOPT_PRIVATE, this);
	if (taken) {
		version_ = options.version;
		plain_ = plain;
		method_ = HttpMethod::post;
		lasting_timeout_ms_ = options.request_timeout_ms;
	}
	return taken;
}

/* A pooled handle keeps the method of its last request. */
bool
Transfer::set_method(const HttpRequest &request) noexcept
{
	if (request.method != method_) {
		const bool posts = request.method == HttpMethod::post;
		if (!set_option(easy_, CURLOPT_CUSTOMREQUEST,
		                request.method == HttpMethod::del ? "DELETE" : nullptr) ||
		    !set_option(easy_, posts ? CURLOPT_POST : CURLOPT_HTTPGET, 1L))
			return false;
		method_ = request.method;
	}
	return method_ != HttpMethod::post ||
	       (set_option(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body_.size())) &&
	        set_option(easy_, CURLOPT_POSTFIELDS, body_.c_str()));
}

bool
Transfer::prepare_request(const HttpRequest &request, const Bearer &bearer,
                          const TransferOptions &options) noexcept
{
	/* a pooled handle has nearly always been to the same place */
	const bool same = version_ == options.version && url_ == request.url;
	const bool plain = same ? plain_ : url_is_loopback_http(request.url);
	try {
		if (!same)
			url_ = request.url;
		body_ = request.body;
	} catch (const std::exception &) {
		return false;
	}
	bearer_ = bearer;
	response_ = HttpResponse();
	response_.id = request.id;
	words_[0] = '\0';
	offered_ = resend_refused_ = too_large_ = false;
	max_response_bytes_ =
	    request.max_response_bytes > 0 ? request.max_response_bytes : options.max_response_bytes;
	const long timeout_ms =
	    request.timeout_ms > 0 ? request.timeout_ms : options.request_timeout_ms;
	timeout_us_ = timeout_ms * 1000;
	started_us_ = request.asked_us != 0 ? request.asked_us : steady_clock_us();
	if (!(version_ == options.version && plain_ == plain) && !set_lasting(options, plain))
		return false;
	if (timeout_ms != lasting_timeout_ms_ && !set_option(easy_, CURLOPT_TIMEOUT_MS, timeout_ms))
		return false;
	lasting_timeout_ms_ = timeout_ms;
	return (same || set_option(easy_, CURLOPT_URL, url_.c_str())) &&
	       set_option(easy_, CURLOPT_HTTPHEADER, bearer_.headers()) && set_method(request);
}

int
Transfer::on_point_of_no_return(void *self, char *, char *, int, int) noexcept
{
	Transfer &transfer = *static_cast<Transfer *>(self);
	if (transfer.offered_) {
		transfer.resend_refused_ = true;
		return CURL_PREREQFUNC_ABORT;
	}
	transfer.offered_ = true;
	transfer.offered_us_ = steady_clock_us();
	return CURL_PREREQFUNC_OK;
}

std::size_t
Transfer::on_body(char *data, std::size_t size, std::size_t count, void *self) noexcept
{
	Transfer &transfer = *static_cast<Transfer *>(self);
	std::string &body = transfer.response_.body;
	const std::size_t length = size * count;
	if (length > transfer.max_response_bytes_ - body.size()) {
		transfer.too_large_ = true;
		return 0;
	}
	try {
		body.append(data, length);
	} catch (const std::exception &) {
		return 0;
	}
	return length;
}

std::size_t
Transfer::on_header(char *data, std::size_t size, std::size_t count, void *self) noexcept
{
	HttpResponse &response = static_cast<Transfer *>(self)->response_;
	const std::string_view line(data, size * count);
	try {
		std::string_view value;
		if (line.substr(0, 5) == "HTTP/") {
			/* the headers of an interim answer (1xx) are not those of the answer */
			response.retry_after.clear();
			response.usage.clear();
		} else if (header_value(line, "retry-after", value)) {
			response.retry_after = in_seconds(value);
		} else if (header_value(line, "x-business-use-case-usage", value)) {
			response.usage = value.substr(0, max_header_value);
		}
	} catch (const std::exception &) {
		return 0;
	}
	return line.size();
}

/* What the request was doing when its time was over. libcurl's times are 0 until their phase is
 * over; on a reused connection all of them are set, so offered_ is asked first. */
const char *
Transfer::timeout_phase() const noexcept
{
	if (offered_)
		return "waiting for the answer";
	if (!words_[0])
		return "waiting for a free connection";
	curl_off_t resolved = 0;
	curl_off_t connected = 0;
	curl_easy_getinfo(easy_, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
	curl_easy_getinfo(easy_, CURLINFO_CONNECT_TIME_T, &connected);
	if (connected > 0)
		return plain_ ? "waiting to send" : "in the TLS handshake";
	return resolved > 0 ? "connecting" : "resolving the name";
}

void
Transfer::describe_error(CURLcode code)
{
	std::string &error = response_.error;
	if (too_large_) {
		error = "response too large";
	} else if (resend_refused_) {
		error = "connection lost after the request was sent and before an answer; not sent again";
	} else {
		error = words_[0] ? words_ : curl_easy_strerror(code);
		/* libssl's own words may speak of ASN.1 when it is the certificate that is wrong */
		if (words_[0] &&
		    (code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION))
			error.insert(0, ": ").insert(0, curl_easy_strerror(code));
		if (code == CURLE_OPERATION_TIMEDOUT)
			error.append(" (").append(timeout_phase()).append(")");
	}
}

void
Transfer::finish_response(CURLcode code) noexcept
{
	curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &response_.status);
	long version = CURL_HTTP_VERSION_NONE;
	curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &version);
	response_.multiplexed = version >= CURL_HTTP_VERSION_2_0;
	response_.elapsed_us = steady_clock_us() - started_us_;
	response_.queued_us = offered_ ? offered_us_ - started_us_ : response_.elapsed_us;
	if (code == CURLE_OK && response_.status >= 200)
		response_.transport = Transport::answered;
	else
		response_.transport = offered_ ? Transport::unknown : Transport::not_sent;
	if (response_.transport != Transport::answered) {
		try {
			describe_error(code);
		} catch (const std::exception &) {
			response_.error.clear();
		}
	}
}

void
Transfer::hand_out_response(HttpResponse &response) noexcept
{
	response = std::move(response_);
	bearer_.reset();
	/* a pooled handle keeps a small buffer for its next body, and no large one */
	if (body_.capacity() > max_kept_body)
		std::string().swap(body_);
}

} // namespace whatsapp::net
