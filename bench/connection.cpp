/*
 * connection.cpp — HTTP/1.1, as much of it as clients of a benchmark speak: a Content-Length, no
 * chunks.
 */
#include "connection.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench
{

namespace
{

constexpr std::size_t read_size = 65536;

std::size_t
content_length(std::string_view head)
{
	constexpr std::string_view name = "\r\ncontent-length:";
	for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
	     at = head.find("\r\n", at + 2))
		if (head.size() - at > name.size() &&
		    strncasecmp(head.data() + at, name.data(), name.size()) == 0)
			return std::strtoul(head.data() + at + name.size(), nullptr, 10);
	return 0;
}

} // namespace

Connection::~Connection()
{
	close(descriptor_);
}

ssize_t
Connection::receive(void *data, std::size_t size)
{
	alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
	iovec part{data, size};
	msghdr message{};
	message.msg_iov = &part;
	message.msg_iovlen = 1;
	message.msg_control = control;
	message.msg_controllen = sizeof control;
	const ssize_t count = recvmsg(descriptor_, &message, MSG_DONTWAIT);
	if (count <= 0)
		return count;
	for (cmsghdr *note = CMSG_FIRSTHDR(&message); note != nullptr;
	     note = CMSG_NXTHDR(&message, note))
		if (note->cmsg_level == SOL_SOCKET && note->cmsg_type == SCM_TIMESTAMPNS) {
			timespec at;
			std::memcpy(&at, CMSG_DATA(note), sizeof at);
			arrived_us_ = static_cast<std::int64_t>(at.tv_sec) * 1000000 + at.tv_nsec / 1000;
		}
	return count;
}

bool
PlainConnection::read()
{
	char data[read_size];
	for (;;) {
		const ssize_t count = receive(data, sizeof data);
		if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
			return false;
		if (count < 0)
			break;
		const std::string_view received(data, static_cast<std::size_t>(count));
		if (in_.empty()) {
			const std::size_t served = serve(received);
			in_.assign(received.substr(served));
		} else {
			in_.append(received);
			in_.erase(0, serve(in_));
		}
		if (received.size() < sizeof data)
			break;
	}
	return write();
}

/* How many bytes were whole requests. */
std::size_t
PlainConnection::serve(std::string_view received)
{
	std::size_t served = 0;
	for (;;) {
		const std::string_view rest = received.substr(served);
		const std::size_t end = rest.find("\r\n\r\n");
		if (end == std::string_view::npos)
			return served;
		const std::string_view head = rest.substr(0, end + 2);
		const std::size_t size = end + 4 + content_length(head);
		if (rest.size() < size)
			return served;
		served += size;
		const std::size_t path = head.find(' ') + 1;
		const std::string_view target = head.substr(path, head.find(' ', path) - path);
		if (target.rfind("/_answerer/", 0) != 0) {
			desk_.message(*this, 0, rest.substr(end + 4, size - end - 4));
			continue;
		}
		std::string said;
		if (desk_.question(*this, target.substr(11), said))
			answer(0, said);
	}
}

void
PlainConnection::answer(std::int32_t, std::string_view body)
{
	char head[160];
	const int length =
	    std::snprintf(head, sizeof head,
	                  "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n"
	                  "Content-Length: %zu\r\n\r\n",
	                  body.size());
	out_.append(head, static_cast<std::size_t>(length));
	out_.append(body);
}

bool
PlainConnection::write()
{
	std::size_t sent = 0;
	while (sent < out_.size()) {
		const ssize_t count =
		    send(descriptor(), out_.data() + sent, out_.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (count >= 0)
			sent += static_cast<std::size_t>(count);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			return false;
	}
	out_.erase(0, sent);
	desk_.watch(*this, !out_.empty());
	return true;
}

} // namespace bench
