/*
 * front.cpp: the ports of TLS and HTTP/2, their thread, and the tunnel for HTTP/1.1 over TLS.
 */
#include "front.hpp"

#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.hpp"

namespace sandbox
{

namespace
{

const int stream_options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

/* The bytes of a TLS connection that speaks HTTP/1.1, to the plain port and back. */
class Tunnel final : public Link
{
public:
	Tunnel(Front &front, bufferevent *outer) : front_(front), outer_(outer)
	{
		const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		sockaddr_in address{};
		address.sin_family = AF_INET;
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		/* Bound before it connects: the server must know the port when the request comes. */
		(void)bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address);
		local_port_ = static_cast<uint16_t>(port_of(fd));
		{
			FrontCounts &counts = front.box().front;
			const std::lock_guard<std::mutex> lock(counts.mutex);
			counts.tunnels.insert(local_port_);
			counts.tunnels_open++;
		}
		inner_ = bufferevent_socket_new(front.base(), fd, stream_options);
		address.sin_port = htons(static_cast<uint16_t>(front.plain_port()));
		bufferevent_socket_connect(inner_, reinterpret_cast<sockaddr *>(&address), sizeof address);
		for (bufferevent *side : {inner_, outer_}) {
			bufferevent_setcb(side, readable, written, happened, this);
			bufferevent_enable(side, EV_READ | EV_WRITE);
		}
		readable(outer_, this);
	}
	~Tunnel() override
	{
		bufferevent_free(inner_);
		bufferevent_free(outer_);
		FrontCounts &counts = front_.box().front;
		const std::lock_guard<std::mutex> lock(counts.mutex);
		counts.tunnels.erase(local_port_);
		counts.tunnels_open--;
	}
	void
	cut() override
	{
		reset_socket(bufferevent_getfd(outer_));
		reset_socket(bufferevent_getfd(inner_));
	}

private:
	static void
	readable(bufferevent *side, void *cls)
	{
		auto *tunnel = static_cast<Tunnel *>(cls);
		bufferevent *other = side == tunnel->inner_ ? tunnel->outer_ : tunnel->inner_;
		bufferevent_read_buffer(side, bufferevent_get_output(other));
	}
	static void
	written(bufferevent *side, void *cls)
	{
		auto *tunnel = static_cast<Tunnel *>(cls);
		if (tunnel->ending_ && side == tunnel->outer_)
			tunnel->front_.drop(tunnel);
	}
	static void
	happened(bufferevent *side, short what, void *cls)
	{
		auto *tunnel = static_cast<Tunnel *>(cls);
		if ((what & BEV_EVENT_CONNECTED) != 0)
			return;
		/* What the server does to its connection happens to the client's. */
		readable(side, cls);
		const bool reset = side == tunnel->inner_ && (what & BEV_EVENT_ERROR) != 0;
		if (reset)
			reset_socket(bufferevent_getfd(tunnel->outer_));
		tunnel->ending_ = true;
		if (reset || side == tunnel->outer_ ||
		    evbuffer_get_length(bufferevent_get_output(tunnel->outer_)) == 0)
			tunnel->front_.drop(tunnel);
	}

	Front &front_;
	bufferevent *inner_ = nullptr, *outer_;
	uint16_t local_port_ = 0;
	bool ending_ = false;
};

class Handshake final : public Link
{
public:
	Handshake(Front &front, bufferevent *stream) : front_(front), stream_(stream)
	{
		bufferevent_setcb(stream_, nullptr, nullptr, happened, this);
		bufferevent_enable(stream_, EV_READ | EV_WRITE);
	}
	~Handshake() override
	{
		if (stream_ != nullptr)
			bufferevent_free(stream_);
	}
	void
	cut() override
	{
		reset_socket(bufferevent_getfd(stream_));
	}

private:
	static void
	happened(bufferevent *stream, short what, void *cls)
	{
		auto *self = static_cast<Handshake *>(cls);
		FrontCounts &counts = self->front_.box().front;
		if ((what & BEV_EVENT_CONNECTED) != 0) {
			self->stream_ = nullptr;
			if (chose_http2(bufferevent_openssl_get_ssl(stream)))
				self->front_.keep(http2_connection(self->front_, stream, true));
			else
				self->front_.keep(std::make_unique<Tunnel>(self->front_, stream));
		} else {
			char reason[256] = "closed during the handshake";
			if (const unsigned long error = bufferevent_get_openssl_error(stream))
				ERR_error_string_n(error, reason, sizeof reason);
			const std::lock_guard<std::mutex> lock(counts.mutex);
			counts.tls_failed++;
			counts.tls_error = reason;
		}
		self->front_.drop(self);
	}

	Front &front_;
	bufferevent *stream_;
};

} // namespace

void
reset_socket(int fd)
{
	sockaddr none{};
	none.sa_family = AF_UNSPEC;
	if (fd >= 0)
		(void)connect(fd, &none, sizeof none); /* best effort: it is closed anyway */
}

std::unique_ptr<Link>
handshake(Front &front, bufferevent *stream)
{
	return std::make_unique<Handshake>(front, stream);
}

Front::Front(Sandbox &box, int plain_port)
    : box_(box), plain_port_(plain_port), context_(nullptr, SSL_CTX_free), base_(event_base_new()),
      wake_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      woken_(event_new(base_, wake_, EV_READ | EV_PERSIST, woken, this))
{
	const Options &options = box.options;
	if (options.tls_port)
		context_ = tls_context(options.tls);
	for (const bool tls : {true, false}) {
		const std::optional<int> &wanted = tls ? options.tls_port : options.h2c_port;
		if (!wanted)
			continue;
		ports_.push_back(std::make_unique<Port>(Port{this, tls, *wanted, -1, nullptr}));
		listen(*ports_.back(), listen_on(*wanted));
		ports_.back()->number = port_of(ports_.back()->listener);
	}
	event_add(woken_, nullptr);
	thread_ = std::thread([this] {
		while (!stopping_) {
			event_base_loop(base_, EVLOOP_ONCE);
			for (Link *link : std::exchange(dropped_, {}))
				links_.erase(link);
		}
	});
	const std::lock_guard<std::mutex> lock(box.mutex);
	if (ports_.empty())
		return;
	box.refusers.emplace_back([this](bool refused) { refuse(refused); });
	box.goaway = [this] {
		post([this] {
			each([](Link &link) {
				link.goaway();
				link.turn();
			});
		});
	};
	box.disconnect = [this] { post([this] { each([](Link &link) { link.cut(); }); }); };
}

Front::~Front()
{
	{
		const std::lock_guard<std::mutex> lock(box_.mutex);
		box_.goaway = box_.disconnect = nullptr;
		box_.refusers.clear();
	}
	box_.holds.stop(); /* so that no stream is held any more */
	post([this] { stopping_ = true; });
	thread_.join();
	links_.clear();
	for (const auto &port : ports_) {
		event_free(port->readable);
		close(port->listener);
	}
	event_free(woken_);
	event_base_free(base_);
	close(wake_);
}

void
Front::listen(Port &port, int listener)
{
	port.listener = listener;
	port.readable = event_new(base_, listener, EV_READ | EV_PERSIST, accept_one, &port);
	event_add(port.readable, nullptr);
}

/*
 * At once, and in whatever thread: a listening socket that is shut down refuses, though it isn't
 * closed yet.
 */
void
Front::refuse(bool refused)
{
	if (refused == refused_)
		return;
	refused_ = refused;
	for (const auto &each_port : ports_) {
		Port *port = each_port.get();
		if (refused) {
			shutdown(port->listener, SHUT_RDWR);
			continue;
		}
		const int listener = listen_on(port->number);
		post([this, port, listener] {
			event_free(port->readable);
			close(port->listener);
			listen(*port, listener);
		});
	}
}

void
Front::post(std::function<void()> what)
{
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		posted_.push_back(std::move(what));
	}
	const uint64_t one = 1;
	(void)!write(wake_, &one, sizeof one); /* full means that the thread is woken already */
}

void
Front::run_posted()
{
	std::vector<std::function<void()>> posted;
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		posted.swap(posted_);
	}
	for (const auto &what : posted)
		what();
}

void
Front::woken(int fd, short, void *cls)
{
	uint64_t count = 0;
	(void)!read(fd, &count, sizeof count);
	static_cast<Front *>(cls)->run_posted();
}

void
Front::accept_one(int listener, short, void *cls)
{
	Port &port = *static_cast<Port *>(cls);
	Front &front = *port.front;
	const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EINVAL)
			event_del(port.readable); /* shut down: see refuse() */
		return;
	}
	const int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!port.tls) {
		front.keep(http2_connection(front, bufferevent_socket_new(front.base_, fd, stream_options),
		                            false));
		return;
	}
	front.box_.front.tls_opened++;
	front.keep(handshake(
	    front, bufferevent_openssl_socket_new(front.base_, fd, SSL_new(front.context_.get()),
	                                          BUFFEREVENT_SSL_ACCEPTING, stream_options)));
}

void
Front::each(void (*what)(Link &))
{
	std::vector<Link *> links;
	for (const auto &link : links_)
		links.push_back(link.first);
	for (Link *link : links)
		what(*link);
}

void
Front::keep(std::unique_ptr<Link> link)
{
	Link *key = link.get();
	links_.emplace(key, std::move(link));
}

void
Front::drop(Link *link)
{
	dropped_.push_back(link);
}

Sandbox &
Front::box()
{
	return box_;
}

event_base *
Front::base()
{
	return base_;
}

int
Front::plain_port() const
{
	return plain_port_;
}

int
Front::tls_port() const
{
	for (const auto &port : ports_)
		if (port->tls)
			return port->number;
	return 0;
}

int
Front::h2c_port() const
{
	for (const auto &port : ports_)
		if (!port->tls)
			return port->number;
	return 0;
}

} // namespace sandbox
