/*
 * json_tree.cpp — the reserve: one block of memory, handed out from both of its ends. A vector that
 * grows holds two pieces at a time, and the new one is twice as large as the old one.
 *
 * Trees are freed by one thread at a time (the HTTP thread has none), and a tree's destructor needs
 * one vector, which never holds more values than the tree. The reserve grows before a tree that is
 * larger than all before it, and is kept: 2.4 MB for the largest that parse_bounded() allows.
 */
#include "core/base/json_tree.hpp"

#include <cstddef>
#include <new>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

alignas(std::max_align_t) unsigned char first_reserve[std::size_t{128} << 10];
unsigned char *reserve = first_reserve;
std::size_t reserve_bytes = sizeof(first_reserve);
/* bytes in use at the beginning of the reserve, and at its end */
std::size_t low_bytes = 0;
std::size_t high_bytes = 0;

} // namespace

void
reserve_json_room(std::size_t values)
{
	const std::size_t bytes = (3 * values + 1) * sizeof(json);
	if (bytes <= reserve_bytes || low_bytes + high_bytes != 0)
		return;
	auto *larger = static_cast<unsigned char *>(::operator new(bytes));
	if (reserve != first_reserve)
		::operator delete(reserve);
	reserve = larger;
	reserve_bytes = bytes;
}

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
