/*
 * failing_new.cpp — loaded before the C++ library of a server: operator new fails on order.
 *
 * The order is a file of one page, which the test writes and every process of the server has
 * mapped. It names the process by a part of its title, and says which of its allocations fail.
 */
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace
{

struct Order {
	std::atomic<std::int32_t> given;
	std::int32_t run;               /* so many fail in a row */
	std::int64_t first;             /* this one and those after it; 0: by chance */
	std::int64_t chance;            /* one of so many begins a run */
	std::atomic<std::int64_t> seen; /* by the process that was meant */
	std::atomic<std::int64_t> failed;
	std::atomic<std::int64_t> left; /* of the present run */
	std::uint64_t seed;
	char title[64];
};

Order *
map_order() noexcept
{
	const char *path = std::getenv("PGWA_FAILING_NEW");
	const int file = path == nullptr ? -1 : open(path, O_RDWR | O_CLOEXEC);
	if (file < 0)
		return nullptr;
	void *page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	close(file);
	return page == MAP_FAILED ? nullptr : static_cast<Order *>(page);
}

bool
is_meant(const Order &order) noexcept
{
	char title[256] = "";
	const int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	const ssize_t length = read(file, title, sizeof title - 1);
	close(file);
	return length > 0 && std::strstr(title, order.title) != nullptr;
}

std::uint64_t
mix(std::uint64_t value) noexcept
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53ULL;
	return value ^ value >> 33;
}

bool
must_fail(Order *order) noexcept
{
	if (order == nullptr || order->given == 0 || !is_meant(*order))
		return false;
	const std::int64_t number = ++order->seen;
	if (order->first > 0)
		return number >= order->first && number < order->first + order->run;
	if (order->left > 0) {
		order->left--;
		return true;
	}
	const std::uint64_t drawn = mix(order->seed + static_cast<std::uint64_t>(number));
	if (drawn % static_cast<std::uint64_t>(order->chance) != 0)
		return false;
	order->left = static_cast<std::int64_t>((drawn >> 40) % static_cast<std::uint64_t>(order->run));
	return true;
}

/* Into the log: where nobody has caught it. */
[[maybe_unused]] const std::terminate_handler before = std::set_terminate([] {
	void *frames[64];
	backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
	std::abort();
});

void *
allocate(std::size_t size) noexcept
{
	static Order *const order = map_order();
	if (must_fail(order)) {
		order->failed++;
		return nullptr;
	}
	return std::malloc(size == 0 ? 1 : size);
}

} // namespace

void *
operator new(std::size_t size)
{
	void *memory = allocate(size);
	if (memory == nullptr)
		throw std::bad_alloc();
	return memory;
}

void *
operator new[](std::size_t size)
{
	return operator new(size);
}

void
operator delete(void *memory) noexcept
{
	std::free(memory);
}

void
operator delete[](void *memory) noexcept
{
	std::free(memory);
}

void
operator delete(void *memory, std::size_t) noexcept
{
	std::free(memory);
}

void
operator delete[](void *memory, std::size_t) noexcept
{
	std::free(memory);
}
