/*
 * server.cpp: libmicrohttpd with one epoll thread, and the choice of the handler.
 *
 * One thread runs every handler of HTTP/1.1; those of HTTP/2 and of the control port run in
 * threads of their own, hence the sandbox's mutex, which nobody else wants in a load test. Nothing
 * in a handler waits. Slow answers are suspended connections (see holds.hpp).
 */
#include "server.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <stdexcept>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errors.hpp"

namespace sandbox
{

namespace
{

/* The server clears it after each request; headers must fit in. */
const size_t connection_memory = 12 << 10;

int
socket_of(MHD_Connection *connection)
{
	const MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info == nullptr ? -1 : info->connect_fd;
}

class Http1 final : public Carrier
{
public:
	Http1(MHD_Connection *given, const char *method, const char *path) : connection(given)
	{
		exchange.carrier = this;
		exchange.method = method;
		exchange.path = path;
	}
	std::optional<std::string>
	argument(const char *name) const override
	{
		return value(MHD_GET_ARGUMENT_KIND, name);
	}
	std::optional<std::string>
	header(const char *name) const override
	{
		return value(MHD_HEADER_KIND, name);
	}
	bool
	abandoned() const override
	{
		char byte = 0;
		const ssize_t got = recv(socket_of(connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
	}
	void
	suspend() override
	{
		MHD_suspend_connection(connection);
	}
	void
	resume() override
	{
		MHD_resume_connection(connection);
	}

	MHD_Connection *connection;
	Exchange exchange;

private:
	std::optional<std::string>
	value(MHD_ValueKind kind, const char *name) const
	{
		const char *found = MHD_lookup_connection_value(connection, kind, name);
		return found == nullptr ? std::nullopt : std::optional<std::string>(found);
	}
};

/*
 * Dissolving the association of a TCP socket makes Linux send a reset at once; a linger time of
 * zero would come too late, since the server shuts the socket down in good order before it closes
 * it.
 */
void
reset_connection(MHD_Connection *connection)
{
	sockaddr none{};
	none.sa_family = AF_UNSPEC;
	const int fd = socket_of(connection);
	if (fd >= 0)
		(void)connect(fd, &none, sizeof none); /* best effort: it is closed anyway */
}

/* The first half of the announced body; then the server closes the connection. */
ssize_t
half_of_body(void *cls, uint64_t position, char *buffer, size_t room)
{
	const std::string &body = static_cast<Exchange *>(cls)->reply.body;
	const size_t end = body.size() / 2;
	if (position >= end)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	const size_t size = std::min(room, end - static_cast<size_t>(position));
	std::memcpy(buffer, body.data() + position, size);
	return static_cast<ssize_t>(size);
}

MHD_Result
send_reply(Sandbox &box, Http1 &request)
{
	Exchange &exchange = request.exchange;
	const Reply &reply = exchange.reply;
	if (exchange.is_message) {
		/* Before the answer goes: its reader may send the next one before this thread goes on. */
		const std::lock_guard<std::mutex> lock(box.mutex);
		box.traffic.finished(exchange);
	}
	switch (reply.cut) {
	case Cut::NotHttp: {
		static const char bytes[] = "\x16\x03garbage, and no HTTP\r\n\r\n";
		(void)send(socket_of(request.connection), bytes, sizeof bytes - 1, MSG_NOSIGNAL);
		return MHD_NO;
	}
	case Cut::Close:
		return MHD_NO;
	case Cut::Reset:
	case Cut::Stream:
	case Cut::RefusedStream:
		reset_connection(request.connection);
		return MHD_NO;
	default:
		break;
	}
	/* The exchange outlives the response: no copy. */
	MHD_Response *response =
	    reply.cut == Cut::Truncate
	        ? MHD_create_response_from_callback(reply.body.size(), 65536, half_of_body, &exchange,
	                                            nullptr)
	        : MHD_create_response_from_buffer(
	              reply.body.size(), const_cast<char *>(reply.body.data()), MHD_RESPMEM_PERSISTENT);
	if (response == nullptr)
		return MHD_NO;
	char version[16];
	std::snprintf(version, sizeof version, "v%d.0", exchange.version);
	if (!reply.type.empty())
		MHD_add_response_header(response, "Content-Type", reply.type.c_str());
	MHD_add_response_header(response, "facebook-api-version", version);
	for (const auto &header : reply.headers)
		MHD_add_response_header(response, header.first.c_str(), header.second.c_str());
	if (reply.cut == Cut::Goaway)
		MHD_add_response_header(response, "Connection", "close");
	const MHD_Result result =
	    MHD_queue_response(request.connection, static_cast<unsigned int>(reply.status), response);
	MHD_destroy_response(response);
	return result;
}

/* TLS with HTTP/1.1 is a tunnel from the front. */
bool
came_by_tunnel(Sandbox &box, MHD_Connection *connection)
{
	if (box.front.tunnels_open == 0)
		return false;
	const MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info == nullptr)
		return false;
	const auto *address = reinterpret_cast<const sockaddr_in *>(info->client_addr);
	const std::lock_guard<std::mutex> lock(box.front.mutex);
	return box.front.tunnels.count(ntohs(address->sin_port)) > 0;
}

MHD_Result
answer(void *cls, MHD_Connection *connection, const char *url, const char *method, const char *,
       const char *upload, size_t *upload_size, void **state)
{
	Sandbox &box = *static_cast<Sandbox *>(cls);
	auto *request = static_cast<Http1 *>(*state);
	if (request == nullptr) {
		request = new Http1(connection, method, url);
		request->exchange.tls = came_by_tunnel(box, connection);
		*state = request;
		return MHD_YES;
	}
	Exchange &exchange = request->exchange;
	if (*upload_size > 0) {
		if (exchange.body.size() + *upload_size > longest_body)
			return MHD_NO;
		exchange.body.append(upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!exchange.routed) {
		route(box, exchange);
		if (exchange.held)
			return MHD_YES; /* suspended: called again when it is let go */
	}
	return send_reply(box, *request);
}

void
completed(void *cls, MHD_Connection *, void **state, MHD_RequestTerminationCode)
{
	auto *request = static_cast<Http1 *>(*state);
	Sandbox &box = *static_cast<Sandbox *>(cls);
	if (request != nullptr && request->exchange.is_message) {
		const std::lock_guard<std::mutex> lock(box.mutex);
		box.traffic.finished(request->exchange);
	}
	delete request;
	*state = nullptr;
}

void
connection_changed(void *cls, MHD_Connection *, void **, MHD_ConnectionNotificationCode code)
{
	Sandbox &box = *static_cast<Sandbox *>(cls);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		box.connections++;
		box.connections_opened++;
	} else {
		box.connections--;
	}
}

/* Descriptors for connections: as many as the hard limit allows. */
unsigned int
raise_limit()
{
	rlimit limit{};
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 65536);
	setrlimit(RLIMIT_NOFILE, &limit);
	return static_cast<unsigned int>(limit.rlim_cur > 256 ? limit.rlim_cur - 128 : 128);
}

} // namespace

int
listen_on(int port)
{
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_port = htons(static_cast<uint16_t>(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 || bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0 ||
	    listen(fd, 4096) != 0) {
		const std::string why = std::strerror(errno);
		if (fd >= 0)
			close(fd);
		throw std::runtime_error("can't listen on 127.0.0.1:" + std::to_string(port) + ": " + why);
	}
	return fd;
}

int
port_of(int listener)
{
	sockaddr_in address{};
	socklen_t size = sizeof address;
	getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
	return ntohs(address.sin_port);
}

void
route(Sandbox &box, Exchange &exchange)
{
	static const std::string control_prefix = "/_sandbox/";
	exchange.routed = true;
	const std::lock_guard<std::mutex> lock(box.mutex);
	std::string_view path = exchange.path;
	if (path.compare(0, control_prefix.size(), control_prefix) == 0)
		return control(box, exchange, std::string(path.substr(control_prefix.size())));
	path.remove_prefix(std::min<size_t>(1, path.size()));
	size_t slash = path.find('/');
	if (path.size() > 1 && path[0] == 'v' &&
	    std::isdigit(static_cast<unsigned char>(path[1])) != 0) {
		exchange.version = std::atoi(path.data() + 1);
		path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
		slash = path.find('/');
	}
	const std::string id(path.substr(0, slash));
	const std::string edge(slash == std::string_view::npos ? "" : path.substr(slash + 1));
	graph_node(box, exchange, id, edge);
}

MHD_Daemon *
Server::start(int listener)
{
	static const unsigned int limit = raise_limit();
	MHD_Daemon *daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, answer,
	    &box_, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, limit,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_memory, MHD_OPTION_NOTIFY_COMPLETED,
	    completed, &box_, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, &box_, MHD_OPTION_END);
	if (daemon == nullptr) {
		close(listener);
		throw std::runtime_error(std::string("can't start the server: ") + std::strerror(errno));
	}
	return daemon;
}

Server::Server(Sandbox &box) : box_(box)
{
	const int listener = listen_on(box.options.port);
	port_ = port_of(listener);
	daemons_.push_back(start(listener));
	if (box.options.control_port) {
		const int other = listen_on(*box.options.control_port);
		control_port_ = port_of(other);
		control_ = start(other);
		const std::lock_guard<std::mutex> lock(box.mutex);
		box.refusers.emplace_back([this](bool refused) { refuse(refused); });
	}
}

/* A daemon that gave its listener away can't have it back, hence a new one afterwards. */
void
Server::refuse(bool refused)
{
	if (refused == refused_)
		return;
	if (refused)
		close(MHD_quiesce_daemon(daemons_.back()));
	else
		daemons_.push_back(start(listen_on(port_)));
	refused_ = refused;
}

/* The order matters: a server with suspended connections can't stop. */
Server::~Server()
{
	box_.holds.stop();
	if (control_ != nullptr)
		MHD_stop_daemon(control_);
	for (MHD_Daemon *daemon : daemons_)
		MHD_stop_daemon(daemon);
}

int
Server::port() const
{
	return port_;
}

int
Server::control_port() const
{
	return control_port_;
}

} // namespace sandbox
