/*
 * server.hpp: the HTTP/1.1 server on 127.0.0.1.
 */
#pragma once

#include <vector>

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
	/* 0: there is none. */
	int control_port() const;

private:
	/* Whether connections are refused; with the sandbox's mutex held. */
	void refuse(bool refused);
	MHD_Daemon *start(int listener);

	Sandbox &box_;
	int port_ = 0;
	int control_port_ = 0;
	bool refused_ = false;
	/* The last one listens, unless refused; earlier ones serve what they accepted. */
	std::vector<MHD_Daemon *> daemons_;
	MHD_Daemon *control_ = nullptr;
};

/* A socket that listens on 127.0.0.1; throws std::runtime_error. */
int listen_on(int port);
int port_of(int listener);

} // namespace sandbox
