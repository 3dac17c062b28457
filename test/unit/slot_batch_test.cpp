/*
 * slot_batch_test.cpp — slots are filled together, and none stays free for long.
 */
#include "core/turn/slot_batch.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

TEST(SlotBatch, WithoutABacklogEachSlotIsFilledAtOnce)
{
	SlotBatch batch;
	batch.note_free_slots(1, 1000);
	EXPECT_EQ(batch.worthwhile_slots(1, 200, false, 1000), 1);
	EXPECT_EQ(batch.worthwhile_slots(0, 200, false, 1000), 0);
}

TEST(SlotBatch, WithABacklogAnEighthIsWaitedFor)
{
	SlotBatch batch;
	batch.note_free_slots(24, 1000);
	EXPECT_EQ(batch.worthwhile_slots(24, 200, true, 1000), 0);
	EXPECT_EQ(batch.worthwhile_slots(25, 200, true, 1000), 25);
	/* of few slots, each */
	EXPECT_EQ(batch.worthwhile_slots(1, 8, true, 1000), 1);
}

/* 20 slots, 19 requests hang: the one that is free must not wait until they have timed out. */
TEST(SlotBatch, AFreeSlotIsUsedWhateverTheOthersDo)
{
	SlotBatch batch;
	batch.note_free_slots(1, 1000);
	EXPECT_EQ(batch.deadline_ms(), 1000 + SlotBatch::max_wait_ms);
	batch.note_free_slots(1, 1005);
	EXPECT_EQ(batch.worthwhile_slots(1, 20, true, 1000 + SlotBatch::max_wait_ms - 1), 0);
	EXPECT_EQ(batch.worthwhile_slots(1, 20, true, 1000 + SlotBatch::max_wait_ms), 1);
	/* when all are taken, the next one that becomes free waits anew */
	batch.note_free_slots(0, 1010);
	EXPECT_EQ(batch.deadline_ms(), 0);
	batch.note_free_slots(1, 2000);
	EXPECT_EQ(batch.worthwhile_slots(1, 20, true, 2000), 0);
	EXPECT_EQ(batch.deadline_ms(), 2000 + SlotBatch::max_wait_ms);
}

} // namespace
} // namespace whatsapp
