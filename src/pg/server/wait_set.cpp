/*
 * wait_set.cpp — events cannot be taken out of a server wait set, so the libraries' many sockets
 * stand in it as one epoll descriptor.
 */
#include "pg/server/wait_set.hpp"

#include <initializer_list>

#include "pg/server/compat.hpp"

namespace whatsapp::pg
{

WaitSet::WaitSet(int descriptor, const char *name, int other)
    : set_(create_wait_event_set(4)), event_(wait_event(name))
{
	auto *set = static_cast<WaitEventSet *>(set_);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, nullptr);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, nullptr, nullptr);
	for (const int each : {descriptor, other})
		if (each >= 0)
			AddWaitEventToSet(set, WL_SOCKET_READABLE, each, nullptr, nullptr);
}

bool
WaitSet::wait_for_event(long timeout_ms)
{
	WaitEvent events[4];
	const int count = WaitEventSetWait(static_cast<WaitEventSet *>(set_), timeout_ms, events,
	                                   lengthof(events), event_);
	bool latch = false;
	for (int i = 0; i < count; i++)
		latch |= (events[i].events & WL_LATCH_SET) != 0;
	if (latch)
		ResetLatch(MyLatch);
	return latch;
}

void
WaitSet::close_set()
{
	FreeWaitEventSet(static_cast<WaitEventSet *>(set_));
	set_ = nullptr;
}

} // namespace whatsapp::pg
