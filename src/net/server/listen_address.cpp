/*
 * listen_address.cpp — parsing and binding.
 *
 * SO_REUSEADDR, so that a restart does not wait for old connections to be forgotten; never
 * SO_REUSEPORT, which would let two servers share the requests without noticing.
 */
#include "net/server/listen_address.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

constexpr int backlog = 1024; /* the kernel cuts it to its own limit */

bool
refuse_address(const char *&error, const char *what, const char *address, int code) noexcept
{
	static char text[256];
	char reason[128];
	std::snprintf(text, sizeof text, "could not %s \"%.100s\": %s", what, address,
	              strerror_r(code, reason, sizeof reason));
	error = text;
	return false;
}

bool
refuse_malformed_address(const char *&error) noexcept
{
	error = "listen address must be host:port with a numeric host or localhost, [v6]:port, or the "
	        "absolute path of a unix socket";
	return false;
}

/* Nobody accepts there any more, so its file is only in the way. */
bool
is_stale(const sockaddr_un &address) noexcept
{
	const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return false;
	const int code =
	    connect(probe, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 ? 0
	                                                                                      : errno;
	::close(probe);
	return code == ECONNREFUSED;
}

} // namespace

bool
ListenSocket::open_address(const char *address, const char *&error) noexcept
{
	close_socket();
	if (!address)
		return refuse_malformed_address(error);
	const bool opened = address[0] == '/' ? open_unix(address, error) : open_inet(address, error);
	if (!opened)
		close_socket();
	return opened;
}

void
ListenSocket::close_socket() noexcept
{
	if (fd_ >= 0)
		::close(fd_);
	if (path_[0])
		unlink(path_);
	fd_ = -1;
	port_ = 0;
	path_[0] = '\0';
}

bool
ListenSocket::open_unix(const char *path, const char *&error) noexcept
{
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	const std::size_t length = std::strlen(path);
	if (length >= sizeof address.sun_path)
		return refuse_address(error, "use socket path", path, ENAMETOOLONG);
	std::memcpy(address.sun_path, path, length);

	struct stat file;
	if (lstat(path, &file) == 0) {
		if (!S_ISSOCK(file.st_mode))
			return refuse_address(error, "replace", path, EEXIST);
		if (!is_stale(address))
			return refuse_address(error, "bind", path, EADDRINUSE);
		if (unlink(path) != 0)
			return refuse_address(error, "remove", path, errno);
	}
	fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd_ < 0)
		return refuse_address(error, "create socket for", path, errno);
	if (bind(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
		return refuse_address(error, "bind", path, errno);
	std::memcpy(path_, address.sun_path, sizeof path_);
	/* before listen(): until then nobody can connect, whatever the umask left open */
	if (chmod(path, 0660) != 0)
		return refuse_address(error, "set mode of", path, errno);
	if (listen(fd_, backlog) != 0)
		return refuse_address(error, "listen on", path, errno);
	return true;
}

bool
ListenSocket::open_inet(const char *text, const char *&error) noexcept
{
	const char *colon = std::strrchr(text, ':');
	const bool bracketed = text[0] == '[';
	if (!colon || colon == text || !colon[1] || std::strlen(colon) > 6 ||
	    std::strspn(colon + 1, "0123456789") != std::strlen(colon + 1) ||
	    std::atoi(colon + 1) > 65535 || (bracketed && colon[-1] != ']'))
		return refuse_malformed_address(error);

	char host[64];
	const char *first = text + (bracketed ? 1 : 0);
	const std::size_t length = static_cast<std::size_t>(colon - first) - (bracketed ? 1 : 0);
	if (length == 0 || length >= sizeof host)
		return refuse_malformed_address(error);
	std::memcpy(host, first, length);
	host[length] = '\0';
	/* v6 without brackets would hide where the port begins */
	if (!bracketed && std::strchr(host, ':'))
		return refuse_malformed_address(error);

	addrinfo hints{};
	hints.ai_family = bracketed ? AF_INET6 : AF_INET;
	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
	addrinfo *found = nullptr;
	if (getaddrinfo(std::strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, colon + 1, &hints,
	                &found) != 0)
		return refuse_malformed_address(error);
	sockaddr_storage address{};
	const socklen_t size = found->ai_addrlen;
	std::memcpy(&address, found->ai_addr, size);
	freeaddrinfo(found);

	fd_ = socket(hints.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd_ < 0)
		return refuse_address(error, "create socket for", text, errno);
	const int on = 1;
	setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bracketed) /* [::] and 0.0.0.0 are asked for one by one */
		setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd_, reinterpret_cast<const sockaddr *>(&address), size) != 0)
		return refuse_address(error, "bind", text, errno);
	if (listen(fd_, backlog) != 0)
		return refuse_address(error, "listen on", text, errno);
	socklen_t bound = sizeof address;
	if (getsockname(fd_, reinterpret_cast<sockaddr *>(&address), &bound) != 0)
		return refuse_address(error, "learn the port of", text, errno);
	port_ = ntohs(bracketed ? reinterpret_cast<const sockaddr_in6 &>(address).sin6_port
	                        : reinterpret_cast<const sockaddr_in &>(address).sin_port);
	return true;
}

} // namespace whatsapp::net
