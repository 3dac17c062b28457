/*
 * exchange.hpp: one HTTP request and its answer, as the handlers see them.
 *
 * A handler fills in the reply, and may have it held back (see holds.hpp). No handler ever waits:
 * one thread serves all connections.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

struct MHD_Connection;

namespace sandbox
{

struct Reply {
	int status = 200;
	std::string body = {};
	const char *type = "application/json; charset=UTF-8";
	bool reset = false; /* no answer: the connection is reset */
};

struct Exchange {
	MHD_Connection *connection = nullptr;
	std::string method = {};
	std::string path = {};
	std::string body = {};
	int version = 25; /* major Graph version of the path */
	Reply reply = {};
	bool routed = false;
	bool held = false; /* the answer waits; see holds.hpp */
	bool is_message = false;

	std::optional<std::string> argument(const char *name) const;
	std::optional<std::string> header(const char *name) const;
	/* True for a connection whose other end has hung up. */
	bool abandoned() const;
};

} // namespace sandbox
