/*
 * wait_set.hpp — the one wait of a worker: its latch, the postmaster's death and one or two
 * epoll descriptors.
 */
#pragma once

namespace whatsapp::pg
{

class WaitSet
{
public:
	/* name shows as the wait event of the process from PostgreSQL 17 on. */
	explicit WaitSet(int descriptor, const char *name, int other = -1);

	/* Waits until the latch is set (and resets it), a descriptor is readable, or the time is up; -1
	 * waits for ever. True when it was the latch. */
	bool wait_for_event(long timeout_ms);

	void close_set();

private:
	void *set_;
	unsigned event_;
};

} // namespace whatsapp::pg
