/*
 * json_tree.cpp — a reserve of one piece, from both of its ends: a vector that grows has two pieces
 * at a time.
 *
 * Trees are freed by one thread at a time (the HTTP thread has none), and a tree's destructor needs
 * one vector, whose length is that of the longest list and what stands beside it: 5,000 values fit.
 */
#include "core/base/json_tree.hpp"

#include <cstddef>
#include <new>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t reserve_bytes = std::size_t{128} << 10;
alignas(std::max_align_t) unsigned char reserve[reserve_bytes];
/* in use, from the first byte and up to the last */
std::size_t low_bytes = 0;
std::size_t high_bytes = 0;

} // namespace

void *
take_json_room(std::size_t bytes)
{
	constexpr std::size_t step = alignof(std::max_align_t);
	if (void *room = ::operator new(bytes, std::nothrow))
		return room;
	bytes = (bytes + step - 1) / step * step;
	if (bytes > reserve_bytes - low_bytes - high_bytes || (low_bytes != 0 && high_bytes != 0))
		throw std::bad_alloc();
	if (low_bytes == 0) {
		low_bytes = bytes;
		return reserve;
	}
	high_bytes = bytes;
	return reserve + reserve_bytes - bytes;
}

void
give_back_json_room(void *room) noexcept
{
	const auto *place = static_cast<unsigned char *>(room);
	if (place == reserve)
		low_bytes = 0;
	else if (high_bytes != 0 && place == reserve + reserve_bytes - high_bytes)
		high_bytes = 0;
	else
		::operator delete(room);
}

} // namespace whatsapp
