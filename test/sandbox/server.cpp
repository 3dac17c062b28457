/*
 * server.cpp: libmicrohttpd with one epoll thread, and the choice of the handler.
 *
 * One thread runs every handler, so settings, templates and counters need no locks; nothing in a
 * handler waits. Slow answers are suspended connections (see holds.hpp).
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

#include "errors.hpp"

namespace sandbox
{

namespace
{

const size_t longest_body = 16 << 20;

int
socket_of(MHD_Connection *connection)
{
	const MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	return info == nullptr ? -1 : info->connect_fd;
}

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

MHD_Result
send_reply(MHD_Connection *connection, const Exchange &exchange)
{
	const Reply &reply = exchange.reply;
	if (reply.reset) {
		reset_connection(connection);
		return MHD_NO;
	}
	MHD_Response *response = MHD_create_response_from_buffer(
	    reply.body.size(), const_cast<char *>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
	if (response == nullptr)
		return MHD_NO;
	char version[16];
	std::snprintf(version, sizeof version, "v%d.0", exchange.version);
	MHD_add_response_header(response, "Content-Type", reply.type);
	MHD_add_response_header(response, "facebook-api-version", version);
	const MHD_Result result =
	    MHD_queue_response(connection, static_cast<unsigned int>(reply.status), response);
	MHD_destroy_response(response);
	return result;
}

MHD_Result
answer(void *cls, MHD_Connection *connection, const char *url, const char *method, const char *,
       const char *upload, size_t *upload_size, void **state)
{
	Sandbox &box = *static_cast<Sandbox *>(cls);
	auto *exchange = static_cast<Exchange *>(*state);
	if (exchange == nullptr) {
		exchange = new Exchange;
		exchange->connection = connection;
		exchange->method = method;
		exchange->path = url;
		*state = exchange;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		if (exchange->body.size() + *upload_size > longest_body)
			return MHD_NO;
		exchange->body.append(upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (!exchange->routed) {
		exchange->routed = true;
		exchange->held = false;
		route(box, *exchange);
		if (exchange->held)
			return MHD_YES; /* suspended: called again when it is let go */
	}
	return send_reply(connection, *exchange);
}

void
completed(void *cls, MHD_Connection *, void **state, MHD_RequestTerminationCode)
{
	auto *exchange = static_cast<Exchange *>(*state);
	if (exchange != nullptr && exchange->is_message)
		static_cast<Sandbox *>(cls)->book.request_finished();
	delete exchange;
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

std::optional<std::string>
Exchange::argument(const char *name) const
{
	const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
	return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::optional<std::string>
Exchange::header(const char *name) const
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

bool
Exchange::abandoned() const
{
	char byte = 0;
	const ssize_t got = recv(socket_of(connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void
route(Sandbox &box, Exchange &exchange)
{
	static const std::string control_prefix = "/_sandbox/";
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

Server::Server(Sandbox &box) : box_(box)
{
	const unsigned int limit = raise_limit();
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_port = htons(static_cast<uint16_t>(box.options.port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	daemon_ = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr, answer, &box,
	    MHD_OPTION_SOCK_ADDR, reinterpret_cast<sockaddr *>(&address), MHD_OPTION_CONNECTION_LIMIT,
	    limit, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u, MHD_OPTION_NOTIFY_COMPLETED, completed, &box,
	    MHD_OPTION_NOTIFY_CONNECTION, connection_changed, &box, MHD_OPTION_END);
	if (daemon_ == nullptr)
		throw std::runtime_error("can't listen on 127.0.0.1:" + std::to_string(box.options.port) +
		                         ": " + std::strerror(errno));
}

/* The order matters: a server with suspended connections can't stop. */
Server::~Server()
{
	box_.holds.stop();
	MHD_stop_daemon(daemon_);
}

int
Server::port() const
{
	const MHD_DaemonInfo *info = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_BIND_PORT);
	return info == nullptr ? 0 : info->port;
}

} // namespace sandbox
