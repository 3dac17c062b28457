/*
 * transfer.hpp — one request on its way: a libcurl easy handle, what it sends and what came back.
 *
 * It knows the point of no return: the moment when libcurl may hand the first byte of the request
 * to a connection. That moment is allowed once, so nothing is ever sent twice.
 */
#pragma once

#include "net/client/bearer.hpp"
#include "net/client/http_request.hpp"
#include "net/client/socket_set.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include <curl/curl.h>

namespace whatsapp::net
{

/* Options with strings of their own; version tells a pooled handle that its settings are old. */
struct TransferOptions {
	std::uint64_t version = 0;
	SocketSet *sockets = nullptr; /* outlives every connection */
	long max_connections = 1;
	long connect_timeout_ms = 0;
	long request_timeout_ms = 0;
	std::size_t max_response_bytes = 0;
	std::string user_agent;
	std::string ca_file;
};

class Transfer
{
public:
	/* NULL when memory or libcurl fails. */
	static Transfer *create() noexcept;
	~Transfer();
	Transfer(const Transfer &) = delete;
	Transfer &operator=(const Transfer &) = delete;

	/* False: an option was not taken; nothing may be sent with this handle. */
	bool prepare_request(const HttpRequest &request, const Bearer &bearer,
	                     const TransferOptions &options) noexcept;

	/* Fills in response. */
	void finish_response(CURLcode code) noexcept;

	/* When the client ends the request itself, if libcurl has not: libcurl (up to 8.x) does not
	 * look at the time-out of a request that waits for a connection. */
	std::int64_t
	overdue_us() const noexcept
	{
		return started_us_ + timeout_us_ + grace_us;
	}

	CURL *
	easy_handle() const noexcept
	{
		return easy_;
	}
	void hand_out_response(HttpResponse &response) noexcept;

	/* The number of the multi handle that it is in flight with; 0: none. */
	std::uint32_t owner = 0;

	/* The lists of the client: in flight, ended, or free. */
	Transfer *next = nullptr;
	Transfer *previous = nullptr;

private:
	static constexpr std::int64_t grace_us = 100000;

	Transfer() noexcept = default;
	bool set_lasting(const TransferOptions &options, bool plain) noexcept;
	bool set_safety(const TransferOptions &options, bool plain) noexcept;
	bool set_method(const HttpRequest &request) noexcept;
	const char *timeout_phase() const noexcept;
	void describe_error(CURLcode code);

	static int on_point_of_no_return(void *self, char *, char *, int, int) noexcept;
	static std::size_t on_body(char *data, std::size_t size, std::size_t count,
	                           void *self) noexcept;
	static std::size_t on_header(char *data, std::size_t size, std::size_t count,
	                             void *self) noexcept;

	CURL *easy_ = nullptr;
	std::uint64_t version_ = 0;
	bool plain_ = false;
	HttpMethod method_ = HttpMethod::post; /* that easy_ is set to */
	long lasting_timeout_ms_ = 0;          /* likewise */
	bool offered_ = false;                 /* bytes may have left */
	bool resend_refused_ = false;
	bool too_large_ = false;
	std::size_t max_response_bytes_ = 0;
	std::int64_t started_us_ = 0;
	std::int64_t offered_us_ = 0;
	std::int64_t timeout_us_ = 0;
	std::string url_;
	std::string body_;
	Bearer bearer_;
	HttpResponse response_;
	char words_[CURL_ERROR_SIZE] = "";
};

/* A transfer is in one list at a time. */
class TransferList
{
public:
	Transfer *
	front() const noexcept
	{
		return first_;
	}

	void
	push(Transfer *transfer) noexcept
	{
		insert_after(last_, transfer);
	}

	/* Sorted by overdue_us(): at the end, unless the time-outs were made shorter meanwhile. */
	void
	insert(Transfer *transfer) noexcept
	{
		Transfer *place = last_;
		while (place && place->overdue_us() > transfer->overdue_us())
			place = place->previous;
		insert_after(place, transfer);
	}

	void
	remove(Transfer *transfer) noexcept
	{
		(transfer->previous ? transfer->previous->next : first_) = transfer->next;
		(transfer->next ? transfer->next->previous : last_) = transfer->previous;
		size_--;
	}

	Transfer *
	pop() noexcept
	{
		Transfer *transfer = first_;
		if (transfer)
			remove(transfer);
		return transfer;
	}

	std::size_t
	size() const noexcept
	{
		return size_;
	}

private:
	void
	insert_after(Transfer *place, Transfer *transfer) noexcept
	{
		transfer->previous = place;
		transfer->next = place ? place->next : first_;
		(transfer->previous ? transfer->previous->next : first_) = transfer;
		(transfer->next ? transfer->next->previous : last_) = transfer;
		size_++;
	}

	Transfer *first_ = nullptr;
	Transfer *last_ = nullptr;
	std::size_t size_ = 0;
};

} // namespace whatsapp::net
