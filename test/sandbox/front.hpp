/*
 * front.hpp: the TLS port (HTTP/2 and HTTP/1.1 by ALPN) and the port of plain HTTP/2.
 *
 * One thread with libevent. A stream of HTTP/2 goes to the same handlers as a request of HTTP/1.1
 * (h2.cpp); a TLS connection that speaks HTTP/1.1 is a tunnel to the plain port.
 */
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sandbox.hpp"
#include "tls.hpp"

struct bufferevent;
struct event;
struct event_base;

namespace sandbox
{

class Front;

/* A connection that lives in the front's thread. */
class Link
{
public:
	virtual ~Link() = default;
	/* No new streams; nothing for HTTP/1.1. */
	virtual void
	goaway()
	{
	}
	/* Sends what there is. */
	virtual void
	turn()
	{
	}
	/* Resets the connection; the caller deletes it. */
	virtual void cut() = 0;
};

class Front
{
public:
	/* Listens where the options say; throws std::runtime_error. */
	Front(Sandbox &box, int plain_port);
	~Front();
	Front(const Front &) = delete;
	Front &operator=(const Front &) = delete;

	int tls_port() const;
	int h2c_port() const;

	/* Runs it in the front's thread. From any thread. */
	void post(std::function<void()> what);

	/* The rest is for connections, in the front's thread. */
	Sandbox &box();
	event_base *base();
	int plain_port() const;
	void keep(std::unique_ptr<Link> link);
	/* At the end of this round of the loop, when nobody is inside of it any more. */
	void drop(Link *link);

private:
	struct Port {
		Front *front;
		bool tls;
		int number, listener;
		event *readable;
	};

	void listen(Port &port, int listener);
	void refuse(bool refused);
	void each(void (*what)(Link &));
	void run_posted();
	static void accept_one(int listener, short what, void *cls);
	static void woken(int fd, short what, void *cls);

	Sandbox &box_;
	const int plain_port_;
	TlsContext context_;
	event_base *base_;
	int wake_;
	event *woken_;
	std::vector<std::unique_ptr<Port>> ports_;
	bool refused_ = false;
	std::mutex mutex_;
	std::vector<std::function<void()>> posted_;
	bool stopping_ = false; /* in the front's thread */
	std::unordered_map<Link *, std::unique_ptr<Link>> links_;
	std::vector<Link *> dropped_;
	std::thread thread_;
};

/* Makes Linux send a reset at once. */
void reset_socket(int fd);

/* A connection whose TLS isn't agreed on yet; then it is HTTP/2 (h2.cpp) or a tunnel. */
std::unique_ptr<Link> handshake(Front &front, bufferevent *stream);
std::unique_ptr<Link> http2_connection(Front &front, bufferevent *stream, bool tls);

} // namespace sandbox
