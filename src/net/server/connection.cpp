/*
 * connection.cpp — sockets that never block.
 */
#include "net/server/connection.hpp"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

Connection::~Connection()
{
	if (fd >= 0)
		close(fd);
}

bool
Connection::receive_some(char *room, std::size_t size, std::string_view &got) noexcept
{
	ssize_t length;
	do
		length = recv(fd, room, size, 0);
	while (length < 0 && errno == EINTR);
	got = {room, length > 0 ? static_cast<std::size_t>(length) : 0};
	if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		may_read = false;
		return true;
	}
	/* less than there was room for: what comes later is told by epoll */
	if (got.size() < size && !is_hung_up)
		may_read = false;
	return length > 0;
}

bool
Connection::send_output() noexcept
{
	std::size_t sent = 0;
	while (sent < output.size()) {
		const ssize_t length = send(fd, output.data() + sent, output.size() - sent, MSG_NOSIGNAL);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		if (length <= 0)
			break;
		sent += static_cast<std::size_t>(length);
	}
	output.erase(0, sent);
	return true;
}

void
Connection::end_output() noexcept
{
	shutdown(fd, SHUT_WR);
}

} // namespace whatsapp::net
