/*
 * connection.hpp — one client of the answerer, and what it needs of the answerer.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace bench
{

class Connection;

/* The side of the answerer that connections call. */
class Desk
{
public:
	virtual ~Desk() = default;
	/* A message; the answer comes now or later, by Connection::answer(). */
	virtual void message(Connection &from, std::int32_t stream, std::string_view body) = 0;
	/* A question to the answerer itself. False: the answer comes later. */
	virtual bool question(Connection &from, std::string_view path, std::string &answer) = 0;
	/* Whether the socket is to be watched for room to write, too. */
	virtual void watch(Connection &connection, bool write) = 0;
};

class Connection
{
public:
	Connection(int descriptor, std::uint64_t serial) : descriptor_(descriptor), serial_(serial) {}
	virtual ~Connection();
	Connection(const Connection &) = delete;
	Connection &operator=(const Connection &) = delete;

	/* False: the connection is over. */
	virtual bool read() = 0;
	/* False: the connection is over. */
	virtual bool write() = 0;
	virtual void answer(std::int32_t stream, std::string_view body) = 0;

	int
	descriptor() const
	{
		return descriptor_;
	}

	/* Tells a connection from a later one with the same descriptor. */
	std::uint64_t
	serial() const
	{
		return serial_;
	}

	/* By the kernel's clock when bytes came last, microseconds since 1970; 0 when it was not asked
	 * to note it. */
	std::int64_t
	arrived_us() const
	{
		return arrived_us_;
	}

	bool watched_for_write = false;

protected:
	/* recv(), and when. */
	ssize_t receive(void *data, std::size_t size);

private:
	std::int64_t arrived_us_ = 0;
	int descriptor_;
	std::uint64_t serial_;
};

/* HTTP/1.1 with keep-alive; requests that come together are answered in their order. */
class PlainConnection : public Connection
{
public:
	PlainConnection(int descriptor, std::uint64_t serial, Desk &desk)
	    : Connection(descriptor, serial), desk_(desk)
	{
	}

	bool read() override;
	bool write() override;
	void answer(std::int32_t stream, std::string_view body) override;

private:
	std::size_t serve(std::string_view received);

	Desk &desk_;
	std::string in_;
	std::string out_;
};

} // namespace bench
