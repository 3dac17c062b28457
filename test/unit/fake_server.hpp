/*
 * fake_server.hpp — an HTTP server that answers, hangs, lies and dies on cue: plain sockets and one
 * thread per connection; what it saw decides whether anything was sent twice.
 */
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace whatsapp::net
{

inline std::string
ok_answer(const std::string &body, const std::string &headers = "")
{
	return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
	       "\r\n" + body;
}

struct Action {
	enum Then { keep, close_it, reset_it, hang } then = keep;
	std::string send;
};

inline sockaddr_in
loopback(unsigned port)
{
	sockaddr_in address{};
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(static_cast<std::uint16_t>(port));
	return address;
}

inline unsigned
port_of(int fd)
{
	sockaddr_in address{};
	socklen_t size = sizeof address;
	getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size);
	return ntohs(address.sin_port);
}

class FakeServer
{
public:
	/* connection and request count from 1; a request is its head and body as they came */
	using Script = std::function<Action(int connection, int request, const std::string &text)>;

	explicit FakeServer(Script script) : script_(std::move(script))
	{
		fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		const sockaddr_in address = loopback(0);
		if (bind(fd_, reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0 ||
		    listen(fd_, 512) != 0)
			throw std::runtime_error("no socket");
		port_ = port_of(fd_);
		acceptor_ = std::thread([this] { accept_all(); });
	}

	~FakeServer()
	{
		stop_ = true;
		shutdown(fd_, SHUT_RDWR);
		acceptor_.join();
		{
			const std::lock_guard<std::mutex> lock(mutex_);
			for (const int fd : open_)
				shutdown(fd, SHUT_RDWR);
		}
		for (std::thread &thread : threads_)
			thread.join();
		close(fd_);
	}

	std::string
	url(const std::string &path = "/v1/messages") const
	{
		return "http://127.0.0.1:" + std::to_string(port_) + path;
	}

	int
	connections() const
	{
		return connections_;
	}

	std::size_t
	open_connections() const
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		return open_.size();
	}

	std::vector<std::string>
	requests() const
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		return requests_;
	}

private:
	void
	accept_all()
	{
		for (;;) {
			const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
			if (fd < 0) {
				if (stop_)
					return;
				continue;
			}
			const int number = ++connections_;
			const std::lock_guard<std::mutex> lock(mutex_);
			open_.insert(fd);
			threads_.emplace_back([this, fd, number] { serve(fd, number); });
		}
	}

	static bool
	read_request(int fd, std::string &buffer, std::string &text)
	{
		for (;;) {
			const auto end = buffer.find("\r\n\r\n");
			if (end != std::string::npos) {
				const auto at = buffer.find("Content-Length: ");
				const std::size_t body = at < end ? std::stoul(buffer.substr(at + 16)) : 0;
				if (buffer.size() >= end + 4 + body) {
					text = buffer.substr(0, end + 4 + body);
					buffer.erase(0, end + 4 + body);
					return true;
				}
			}
			char chunk[65536];
			const ssize_t got = recv(fd, chunk, sizeof chunk, 0);
			if (got <= 0)
				return false;
			buffer.append(chunk, static_cast<std::size_t>(got));
		}
	}

	void
	serve(int fd, int number)
	{
		std::string buffer;
		std::string text;
		for (int request = 1; read_request(fd, buffer, text); request++) {
			{
				const std::lock_guard<std::mutex> lock(mutex_);
				requests_.push_back(text);
			}
			const Action action = script_(number, request, text);
			for (std::size_t sent = 0; sent < action.send.size();) {
				const ssize_t step =
				    send(fd, action.send.data() + sent, action.send.size() - sent, MSG_NOSIGNAL);
				if (step <= 0)
					break;
				sent += static_cast<std::size_t>(step);
			}
			if (action.then == Action::hang) {
				char unused;
				while (recv(fd, &unused, 1, 0) > 0) {
				}
			}
			if (action.then == Action::reset_it) {
				const linger now{1, 0};
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
			}
			if (action.then != Action::keep)
				break;
		}
		const std::lock_guard<std::mutex> lock(mutex_);
		close(fd);
		open_.erase(fd);
	}

	Script script_;
	int fd_ = -1;
	unsigned port_ = 0;
	std::atomic<bool> stop_{false};
	std::atomic<int> connections_{0};
	mutable std::mutex mutex_;
	std::vector<std::string> requests_;
	std::set<int> open_;
	std::thread acceptor_;
	std::vector<std::thread> threads_;
};

} // namespace whatsapp::net
