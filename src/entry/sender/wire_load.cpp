/*
 * wire_load.cpp — the bounds, and the allocator's free pages.
 */
#include "entry/sender/wire_load.hpp"

#include <algorithm>

#include <malloc.h>

#include "core/base/url.hpp"

namespace whatsapp::entry
{

namespace
{

/* Each body lies in memory several times: as it was read, as a request, and with libcurl. */
constexpr std::size_t max_bytes = std::size_t{16} << 20;
/* from here on it is worth asking the allocator for its free pages */
constexpr std::size_t burst_bytes = std::size_t{8} << 20;

} // namespace

void
WireLoad::add_request(std::size_t bytes) noexcept
{
	bytes_ += bytes;
	bytes_lately_ += bytes;
}

void
WireLoad::end_request(std::size_t bytes) noexcept
{
	bytes_ -= bytes;
}

void
WireLoad::note_answer(bool tls, bool multiplexed) noexcept
{
	if (tls)
		multiplexed_ = multiplexed;
}

std::size_t
WireLoad::slots(std::string_view base_url, std::size_t max_in_flight,
                std::size_t max_connections) const noexcept
{
	return multiplexed_ && !url_is_loopback_http(base_url)
	           ? max_in_flight
	           : std::min(max_in_flight, max_connections);
}

std::size_t
WireLoad::free_bytes() const noexcept
{
	return max_bytes - std::min(max_bytes, bytes_);
}

void
WireLoad::give_back_memory() noexcept
{
	if (bytes_lately_ < burst_bytes || bytes_ > 0)
		return;
	bytes_lately_ = 0;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

} // namespace whatsapp::entry
