/*
 * server.hpp: the HTTP server on 127.0.0.1.
 */
#pragma once

#include "sandbox.hpp"

struct MHD_Daemon;

namespace sandbox
{

class Server
{
public:
	/* Listens at once; throws std::runtime_error when it can't. */
	explicit Server(Sandbox &box);
	~Server();
	Server(const Server &) = delete;
	Server &operator=(const Server &) = delete;

	int port() const;

private:
	Sandbox &box_;
	MHD_Daemon *daemon_;
};

} // namespace sandbox
