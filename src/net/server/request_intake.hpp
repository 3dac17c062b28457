/*
 * request_intake.hpp — connections in, whole requests ready to be taken: the inside of HttpServer.
 */
#pragma once

#include "net/server/acceptor.hpp"
#include "net/server/connection.hpp"
#include "net/server/connection_watch.hpp"
#include "net/server/exchange.hpp"
#include "net/server/server_options.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whatsapp::net
{

struct RequestIntake {
	HttpServerOptions options;
	Acceptor acceptor;
	int epoll = -1;
	ConnectionWatch watch;
	BodyBudget budget;
	std::unordered_map<std::uint64_t, Connection *> whole; /* ready to be taken, or taken */
	ReadyList ready;
	std::vector<Connection *> runnable;
	std::uint64_t refused = 0;
	bool progress = false; /* in the last turn: there may be more to do at once */

	RequestIntake() = default;
	RequestIntake(const RequestIntake &) = delete;
	RequestIntake &operator=(const RequestIntake &) = delete;
	~RequestIntake();

	bool open_server(const HttpServerOptions &wanted, const char *&error) noexcept;
	bool move_address(const char *address, const char *&error) noexcept;
	void take_limits(const HttpServerOptions &wanted) noexcept;

	/* One turn: what has arrived is read, what is answered is sent. */
	void run_turn() noexcept;
	/* The next turn looks at it. */
	void wake_connection(Connection &connection) noexcept;
	void close_connection(Connection &connection) noexcept;

private:
	void collect_events() noexcept;
	void accept_some() noexcept;
	bool has_room() const noexcept;
	bool is_short_of_descriptors(int fd) const noexcept;
	Connection *find_oldest_incomplete() const noexcept;
	void admit_connection(int fd) noexcept;
	void give_way(Connection &connection) noexcept;
	void close_late_connections() noexcept;
	void bury_closed() noexcept;

	void advance_runnable() noexcept;
	void advance_connection(Connection &connection);
	void read_requests(Connection &connection);
	std::size_t use_bytes(Connection &connection, std::string_view bytes);
	bool use_step(Connection &connection, RequestParser::ParseStep step, std::string_view piece);
	void use_head(Connection &connection);
	void use_piece(Connection &connection, std::string_view piece);
	bool make_room(Connection &connection, std::size_t size);
	void complete_exchange(Connection &connection);
	void refuse_exchange(Connection &connection, unsigned status) noexcept;
	void start_answer(Connection &connection);
	void start_refusal(Connection &connection);
	bool flush_answer(Connection &connection) noexcept;

	std::vector<Connection *> turn_;
	std::vector<char> room_; /* what was received last */
	Connection *closed_ = nullptr;
	std::uint64_t last_id_ = 0;
	int descriptor_limit_ = 0;
	bool has_newcomers_ = false;
};

} // namespace whatsapp::net
