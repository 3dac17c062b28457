/*
 * exchange.hpp: one HTTP request and its answer, as the handlers see them.
 *
 * A handler fills in the reply, and may have it held back (see holds.hpp). No handler ever waits:
 * one thread serves all connections of a kind.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sandbox
{

/* Of a request: the largest file that may be uploaded is shorter. */
const size_t longest_body = 16 << 20;

/* How the connection is treated in place of an answer. */
enum class Cut : uint8_t {
	No,
	Reset,         /* the connection is reset */
	Close,         /* it is closed in good order, without an answer */
	Truncate,      /* half of the announced body, then the connection is closed */
	NotHttp,       /* bytes that are no HTTP */
	Stream,        /* HTTP/2: only the stream is reset */
	RefusedStream, /* HTTP/2: reset with REFUSED_STREAM: surely not processed */
	Goaway         /* HTTP/2: answered, and then GOAWAY; HTTP/1.1: Connection: close */
};

struct Reply {
	int status = 200;
	std::string body = {};
	std::string type = "application/json; charset=UTF-8";
	Cut cut = Cut::No;
	std::vector<std::pair<std::string, std::string>> headers = {};
};

/* The way by which a request came in: HTTP/1.1 (server.cpp) or a stream of HTTP/2 (h2.cpp). */
class Carrier
{
public:
	virtual ~Carrier() = default;
	virtual std::optional<std::string> argument(const char *name) const = 0;
	virtual std::optional<std::string> header(const char *name) const = 0;
	/* True when the other end has hung up. From any thread, while the exchange is held. */
	virtual bool abandoned() const = 0;
	virtual void suspend() = 0;
	virtual void resume() = 0; /* from any thread */
};

struct Exchange {
	Carrier *carrier = nullptr;
	std::string method = {};
	std::string path = {};
	std::string body = {};
	int version = 25; /* major Graph version of the path */
	Reply reply = {};
	bool routed = false;
	bool held = false; /* the answer waits; see holds.hpp */
	bool is_message = false;
	bool is_marketing = false; /* a message by the endpoint for marketing messages */
	bool http2 = false;
	bool tls = false;
	/* Where the traffic counts it; see traffic.hpp. */
	uint64_t epoch = 0;
	std::optional<uint32_t> pair = {};
	std::optional<size_t> arrival = {};

	std::optional<std::string>
	argument(const char *name) const
	{
		return carrier->argument(name);
	}
	std::optional<std::string>
	header(const char *name) const
	{
		return carrier->header(name);
	}
};

} // namespace sandbox
