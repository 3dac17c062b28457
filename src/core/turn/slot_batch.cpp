/*
 * slot_batch.cpp — an eighth of the slots, or ten milliseconds.
 */
#include "core/turn/slot_batch.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr int batches_per_slots = 8;

} // namespace

void
SlotBatch::note_free_slots(int free, std::int64_t now_ms) noexcept
{
	if (free <= 0)
		free_since_ms_ = 0;
	else if (free_since_ms_ == 0)
		free_since_ms_ = now_ms;
}

int
SlotBatch::worthwhile_slots(int free, int slots, bool has_backlog,
                            std::int64_t now_ms) const noexcept
{
	const bool waited = free_since_ms_ != 0 && now_ms >= deadline_ms();
	const int least = has_backlog && !waited ? std::max(1, slots / batches_per_slots) : 1;
	return free < least ? 0 : free;
}

std::int64_t
SlotBatch::deadline_ms() const noexcept
{
	return free_since_ms_ == 0 ? 0 : free_since_ms_ + max_wait_ms;
}

} // namespace whatsapp
