/*
 * request_intake.hpp — connections in, whole requests ready to be taken: the inside of HttpServer.
 */
#pragma once

#include "net/server/acceptor.hpp"
#include "net/server/connection_watch.hpp"
#include "net/server/exchange.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include <microhttpd.h>

namespace whatsapp::net
{

struct Visit;

/* One client's connection, and the request that is under way on it. */
struct Connection {
	WatchedConnection watched;
	Visit *visit = nullptr;
};

struct Visit final : Exchange {
	Visit(Connection &on, BodyBudget &budget) noexcept : Exchange(budget), connection(on) {}
	Connection &connection;
};

struct RequestIntake {
	HttpServerOptions options;
	long first_idle_timeout_ms = 0;
	Acceptor acceptor;
	MHD_Daemon *daemon = nullptr;
	int epoll = -1;
	ConnectionWatch watch;
	BodyBudget budget;
	std::unordered_map<std::uint64_t, Exchange *> whole; /* ready to be taken, or taken */
	ReadyList ready;
	std::uint64_t last_id = 0;
	std::uint64_t refused = 0;
	std::size_t unsent = 0; /* answers that libmicrohttpd has not fetched yet */
	bool progress = false;  /* in the last turn: there may be more to do at once */

	RequestIntake() = default;
	RequestIntake(const RequestIntake &) = delete;
	RequestIntake &operator=(const RequestIntake &) = delete;
	~RequestIntake();

	bool open_server(const HttpServerOptions &wanted, const char *&error) noexcept;
	bool move_address(const char *address, const char *&error) noexcept;
	bool start_daemon(const HttpServerOptions &wanted) noexcept;
	void take_limits(const HttpServerOptions &wanted) noexcept;
	bool has_room() const noexcept;
	void accept_some() noexcept;
	long daemon_timeout_ms() const noexcept;

	bool continue_visit(Visit &visit, MHD_Connection *handle, const char *url, const char *method,
	                    std::string_view data);
	void complete_visit(Visit &visit) noexcept;
	void count_refusal(Exchange &exchange) noexcept;
	void end_visit(Visit &visit) noexcept;

	static void on_connection(void *self, MHD_Connection *handle, void **context,
	                          MHD_ConnectionNotificationCode code) noexcept;
	static void *on_request_line(void *self, const char *uri, MHD_Connection *handle) noexcept;
	static MHD_Result on_request(void *self, MHD_Connection *handle, const char *url,
	                             const char *method, const char *version, const char *data,
	                             std::size_t *size, void **context) noexcept;
	static void on_completed(void *self, MHD_Connection *handle, void **context,
	                         MHD_RequestTerminationCode code) noexcept;
};

} // namespace whatsapp::net
