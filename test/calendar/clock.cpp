/*
 * clock.cpp — a library to be preloaded: the time of day is CALENDAR_OFFSET seconds later than it
 * is.
 *
 * Debian's libfaketime would do, but for two things that PostgreSQL does: a handler of a signal
 * that interrupts a wait gets the true time there, so statement_timeout never comes, and a process
 * that such a handler forks, as the postmaster of 15 does, keeps it. Here, no wait is touched: only
 * the four functions that tell the time of day. The monotonic clock and the times of files stay
 * true.
 */
#include <cstdlib>

#include <ctime>
#include <dlfcn.h>
#include <sys/time.h>

namespace
{

time_t offset;
int (*true_clock)(clockid_t, timespec *);

__attribute__((constructor)) void
set_clock()
{
	const char *seconds = getenv("CALENDAR_OFFSET");
	offset = seconds == nullptr ? 0 : atol(seconds);
	true_clock =
	    reinterpret_cast<int (*)(clockid_t, timespec *)>(dlsym(RTLD_NEXT, "clock_gettime"));
}

} // namespace

extern "C" {

int
clock_gettime(clockid_t clock, timespec *now) noexcept
{
	/* somebody's own constructor may ask before ours has run */
	if (true_clock == nullptr)
		set_clock();
	const int result = true_clock(clock, now);
	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		now->tv_sec += offset;
	return result;
}

int
gettimeofday(timeval *now, void *) noexcept
{
	timespec precise;
	const int result = clock_gettime(CLOCK_REALTIME, &precise);
	*now = {precise.tv_sec, precise.tv_nsec / 1000};
	return result;
}

time_t
time(time_t *now) noexcept
{
	timespec precise;
	clock_gettime(CLOCK_REALTIME, &precise);
	if (now != nullptr)
		*now = precise.tv_sec;
	return precise.tv_sec;
}

int
timespec_get(timespec *now, int base) noexcept
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
}
