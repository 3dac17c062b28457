/*
 * slot_batch.hpp — how many of the free slots are worth a claim now.
 *
 * With a backlog, the sender waits until an eighth of all slots is free: a commit for each slot
 * would cost more than it brings. But none stays free for longer than max_wait_ms, for the others
 * may hang until their time-out. Pure arithmetic; the clock comes from outside.
 */
#pragma once

#include <cstdint>

namespace whatsapp
{

class SlotBatch
{
public:
	static constexpr std::int64_t max_wait_ms = 10;

	/* To be called whenever the number of free slots may have changed. */
	void note_free_slots(int free, std::int64_t now_ms) noexcept;

	/* free, when so many are worth a claim or have waited long enough; else 0. */
	int worthwhile_slots(int free, int slots, bool has_backlog, std::int64_t now_ms) const noexcept;

	/* When the free ones have waited long enough; 0 when none is free. */
	std::int64_t deadline_ms() const noexcept;

private:
	std::int64_t free_since_ms_ = 0; /* 0: none is free */
};

} // namespace whatsapp
