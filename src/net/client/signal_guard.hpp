/*
 * signal_guard.hpp — no signal handler of the server may run in a thread of libcurl's.
 *
 * libcurl resolves names in threads of its own, which inherit the signal mask of the moment they
 * are made. With an empty mask the kernel may run the server's handlers there (curl issue 8339,
 * pg_duckdb 867). Hold one of these around every call that may make a thread: the new
 * thread has all signals blocked, and this one gets those that are pending when the guard ends.
 */
#pragma once

#include <csignal>

namespace whatsapp::net
{

class SignalGuard
{
public:
	SignalGuard() noexcept
	{
		sigset_t all;
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before_);
	}
	~SignalGuard() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
	SignalGuard(const SignalGuard &) = delete;
	SignalGuard &operator=(const SignalGuard &) = delete;

private:
	sigset_t before_;
};

} // namespace whatsapp::net
