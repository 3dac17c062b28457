/*
 * lineup_test.cpp — order, turns and limits, against a queue in memory.
 */
#include "core/turn/lineup.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace
{

using namespace whatsapp;

/* What the table and the platform do, with a clock that the tests turn. */
class Queue
{
public:
	explicit Queue(std::int64_t start_ms = 1000000) : now(start_ms), lineup(start_ms) {}

	void
	sender(const std::string &name, SenderRules rules = {})
	{
		rules_[name] = rules;
		lineup.begin_rules();
		for (const auto &one : rules_)
			lineup.set_rules(one.first, one.second);
		lineup.end_rules();
	}

	std::int64_t
	put(const std::string &sender, const std::string &recipient, int priority = 1)
	{
		const std::int64_t id = next_++;
		rows_[id] = {sender, recipient, priority, now * 1000, false};
		lineup.read_from_due(now * 1000);
		return id;
	}

	void
	read()
	{
		for (const Reading &reading : lineup.readings(100)) {
			std::vector<std::pair<QueuePlace, Row *>> due;
			for (auto &entry : rows_) {
				Row &row = entry.second;
				const QueuePlace place{row.due_us, entry.first};
				if (!row.sending && row.sender == *reading.sender &&
				    row.priority == reading.priority && row.due_us <= now * 1000 &&
				    std::pair(place.due_us, place.id) >
				        std::pair(reading.after.due_us, reading.after.id))
					due.emplace_back(place, &row);
			}
			std::sort(due.begin(), due.end(), [](const auto &a, const auto &b) {
				return std::pair(a.first.due_us, a.first.id) <
				       std::pair(b.first.due_us, b.first.id);
			});
			if (static_cast<int>(due.size()) > reading.limit)
				due.resize(static_cast<std::size_t>(reading.limit));
			for (const auto &one : due)
				lineup.add_row(reading, {one.first, 0, one.second->recipient, one.second->paced});
			lineup.end_reading(reading, static_cast<int>(due.size()), now);
		}
	}

	/* One turn of the worker: the ids that leave. */
	std::vector<std::int64_t>
	turn(int room = 100)
	{
		for (int i = 0; i < 10; i++)
			read();
		std::vector<Chosen> chosen;
		std::vector<Deferred> deferred;
		lineup.choose_messages(room, now, chosen, deferred);
		std::vector<std::int64_t> ids;
		for (const Chosen &one : chosen) {
			rows_.at(one.id).sending = true;
			out_.emplace(one.id, one);
			ids.push_back(one.id);
		}
		for (const Deferred &one : deferred) {
			Row &row = rows_.at(one.id);
			row.due_us = (now + one.delay_ms) * 1000;
			row.paced = true;
			lineup.read_from_due(row.due_us);
		}
		return ids;
	}

	/* A turn whose transaction fails. */
	void
	fail_turn()
	{
		for (int i = 0; i < 10; i++)
			read();
		std::vector<Chosen> chosen;
		std::vector<Deferred> deferred;
		lineup.choose_messages(100, now, chosen, deferred);
		EXPECT_FALSE(chosen.empty() && deferred.empty());
		for (auto one = chosen.rbegin(); one != chosen.rend(); ++one)
			lineup.end_message(*one, Ended::lost, 0, now);
		lineup.undo_choice();
	}

	void
	end(std::int64_t id, Ended how = Ended::settled, std::int64_t delay_ms = 0)
	{
		lineup.end_message(out_.at(id), how, delay_ms, now);
		out_.erase(id);
		Row &row = rows_.at(id);
		row.sending = false;
		if (how == Ended::again || how == Ended::pair_limit) {
			row.due_us = (now + delay_ms) * 1000;
			lineup.read_from_due(row.due_us);
		} else if (how != Ended::put_back) {
			rows_.erase(id);
		}
	}

	/* Lets time pass until the message leaves; what leaves before it ends at once. */
	std::int64_t
	until(std::int64_t id, std::int64_t step_ms = 100)
	{
		const std::int64_t start = now;
		for (int i = 0; i < 100000; i++, now += step_ms) {
			lineup.read_from_due(INT64_MAX);
			for (const std::int64_t one : turn()) {
				if (one == id)
					return now - start;
				end(one);
			}
		}
		ADD_FAILURE() << "message " << id << " never left";
		return -1;
	}

	std::int64_t now;
	Lineup lineup;

private:
	struct Row {
		std::string sender;
		std::string recipient;
		int priority;
		std::int64_t due_us;
		bool paced;
		bool sending = false;
	};
	std::map<std::string, SenderRules> rules_;
	std::map<std::int64_t, Row> rows_;
	std::map<std::int64_t, Chosen> out_;
	std::int64_t next_ = 1;
};

using Ids = std::vector<std::int64_t>;

TEST(Lineup, OneInFlightForEachRecipientInTheOrderOfTheQueue)
{
	Queue queue;
	queue.sender("s");
	for (int i = 0; i < 3; i++) {
		queue.put("s", "a");
		queue.put("s", "b");
	}
	EXPECT_EQ(queue.turn(), (Ids{1, 2}));
	EXPECT_EQ(queue.turn(), Ids{});
	queue.end(1);
	EXPECT_EQ(queue.turn(), Ids{3});
	queue.end(3);
	queue.end(2);
	EXPECT_EQ(queue.turn(), (Ids{4, 5}));
}

TEST(Lineup, ALateCommitIsFoundBehindTheCursor)
{
	Queue queue;
	queue.sender("s");
	const std::int64_t begun = queue.now;
	queue.now += 5000;
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	std::swap(queue.now, const_cast<std::int64_t &>(begun));
	queue.put("s", "b");
	std::swap(queue.now, const_cast<std::int64_t &>(begun));
	EXPECT_EQ(queue.turn(), Ids{2});
}

TEST(Lineup, WhatIsInFlightIsNotReadAgain)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.lineup.read_from_due(0);
	EXPECT_EQ(queue.turn(), Ids{});
	queue.lineup.restart_reading();
	EXPECT_EQ(queue.turn(), Ids{});
}

TEST(Lineup, WhatIsPassedOverIsReadFromBehind)
{
	Lineup lineup(0);
	lineup.begin_rules();
	lineup.set_rules("s", {});
	lineup.end_rules();
	const auto bulk = [&lineup] {
		for (const Reading &reading : lineup.readings(100))
			if (reading.priority == 2)
				return std::optional<Reading>(reading);
		return std::optional<Reading>();
	};
	/* rows of a paused campaign, and there may be more behind them: the reading is not at its end
	 */
	lineup.pass_rows(*bulk(), {5000, 42});
	ASSERT_TRUE(bulk().has_value());
	EXPECT_EQ(bulk()->after.due_us, 5000);
	EXPECT_EQ(bulk()->after.id, 42);
	lineup.end_reading(*bulk(), 0, 0);
	EXPECT_FALSE(bulk().has_value());
	/* what comes later does not lead over them once more */
	lineup.read_from_due(6000);
	EXPECT_EQ(bulk()->after.due_us, 5000);
	lineup.restart_reading();
	EXPECT_LT(bulk()->after.due_us, 0);
}

TEST(Lineup, UrgentBeforeNormalBeforeBulk)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a", 2);
	queue.put("s", "b", 1);
	queue.put("s", "c", 0);
	queue.put("s", "a", 0);
	EXPECT_EQ(queue.turn(2), (Ids{3, 4}));
	EXPECT_EQ(queue.turn(1), Ids{2});
	EXPECT_EQ(queue.turn(1), Ids{1});
}

TEST(Lineup, SendersTakeTurns)
{
	Queue queue;
	for (const char *name : {"a", "b", "c"})
		queue.sender(name);
	for (int i = 0; i < 100; i++)
		queue.put("a", "1" + std::to_string(i));
	for (int i = 0; i < 10; i++) {
		queue.put("b", "2" + std::to_string(i));
		queue.put("c", "3" + std::to_string(i));
	}
	std::map<bool, int> of;
	for (const std::int64_t id : queue.turn(9))
		of[id <= 100]++;
	EXPECT_EQ(of[true], 3);
	EXPECT_EQ(of[false], 6);
	/* the next turn goes on where the last one ended */
	Queue narrow;
	narrow.sender("a");
	narrow.sender("b");
	for (int i = 0; i < 4; i++) {
		narrow.put("a", "1" + std::to_string(i));
		narrow.put("b", "2" + std::to_string(i));
	}
	EXPECT_EQ(narrow.turn(1), Ids{1});
	EXPECT_EQ(narrow.turn(1), Ids{2});
	EXPECT_EQ(narrow.turn(1), Ids{3});
}

TEST(Lineup, AShutSenderKeepsNothingAndHoldsUpNobody)
{
	Queue queue;
	SenderRules shut;
	shut.gate = Gate::shut;
	queue.sender("paused", shut);
	queue.sender("s");
	for (int i = 0; i < 1000; i++)
		queue.put("paused", std::to_string(i));
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1001});
	EXPECT_FALSE(queue.lineup.has_ready_message(queue.now));
	shut.gate = Gate::open;
	queue.sender("paused", shut);
	EXPECT_EQ(queue.turn(1), Ids{1});
	/* shut in the middle: nothing more leaves, and nothing is lost */
	shut.gate = Gate::shut;
	queue.sender("paused", shut);
	EXPECT_EQ(queue.turn(), Ids{});
	queue.end(1, Ended::put_back);
	shut.gate = Gate::open;
	queue.sender("paused", shut);
	EXPECT_EQ(queue.turn(3), (Ids{1, 2, 3}));
}

TEST(Lineup, AProbeIsOneMessage)
{
	Queue queue;
	SenderRules probe;
	probe.gate = Gate::probe;
	queue.sender("s", probe);
	for (int i = 0; i < 10; i++)
		queue.put("s", std::to_string(i));
	EXPECT_EQ(queue.turn(), Ids{1});
	EXPECT_EQ(queue.turn(), Ids{});
	queue.end(1);
	EXPECT_EQ(queue.turn(), Ids{2});
}

TEST(Lineup, AProbeOfAPlatformIsOneMessageOfAllItsSenders)
{
	Queue queue;
	SenderRules other;
	other.group = 1;
	queue.sender("a");
	queue.sender("b");
	queue.sender("c", other);
	for (const char *name : {"a", "b", "c"})
		for (int i = 0; i < 5; i++)
			queue.put(name, std::to_string(i));
	queue.lineup.set_group_gate(0, Gate::shut);
	EXPECT_EQ(queue.turn(2), (Ids{11, 12}));
	queue.lineup.set_group_gate(0, Gate::probe);
	EXPECT_EQ(queue.turn().size(), 1U + 3U);
	queue.lineup.set_group_gate(0, Gate::open);
	EXPECT_EQ(queue.turn().size(), 9U);
}

/* What left before the trouble may hang until its time-out: the probe does not wait for it. */
TEST(Lineup, AnOldRequestIsNoProbe)
{
	for (const bool of_platform : {true, false}) {
		Queue queue;
		queue.sender("s");
		for (int i = 1; i <= 4; i++)
			queue.put("s", std::string(1, static_cast<char>('a' + i)));
		EXPECT_EQ(queue.turn(2), (Ids{1, 2}));
		SenderRules rules;
		const auto set_gate = [&](Gate gate) {
			rules.gate = of_platform ? Gate::open : gate;
			queue.sender("s", rules);
			if (of_platform)
				queue.lineup.set_group_gate(0, gate);
		};
		set_gate(Gate::shut);
		queue.end(1);
		EXPECT_EQ(queue.turn(), Ids{});
		set_gate(Gate::probe);
		EXPECT_TRUE(queue.lineup.has_ready_message(queue.now) || queue.lineup.has_unread_rows());
		EXPECT_EQ(queue.turn(), Ids{3});
		/* one at a time, whatever becomes of the old one */
		EXPECT_EQ(queue.turn(), Ids{});
		queue.end(2);
		EXPECT_EQ(queue.turn(), Ids{});
		queue.end(3);
		EXPECT_EQ(queue.turn(), Ids{4});
	}
}

TEST(Lineup, AProbeLeavesThoughItsPlatformHasItsShareOfTheSlots)
{
	Queue queue;
	SenderRules here;
	here.group = 1;
	SenderRules there;
	there.group = 2;
	queue.sender("here", here);
	queue.sender("there", there);
	for (int i = 0; i < 10; i++)
		queue.put("here", std::to_string(i));
	EXPECT_EQ(queue.turn(8).size(), 4U);
	queue.lineup.set_group_gate(1, Gate::probe);
	EXPECT_EQ(queue.turn(4).size(), 1U);
	EXPECT_EQ(queue.turn(3).size(), 0U);
}

TEST(Lineup, APlatformThatDoesNotAnswerLeavesSlotsToTheOthers)
{
	Queue queue;
	SenderRules elsewhere;
	elsewhere.group = 1;
	queue.sender("a");
	queue.sender("b", elsewhere);
	for (int i = 0; i < 20; i++)
		queue.put("a", std::to_string(i));
	EXPECT_EQ(queue.turn(8).size(), 4U);
	EXPECT_FALSE(queue.lineup.has_ready_message(queue.now));
	EXPECT_EQ(queue.turn(4), Ids{});
	for (int i = 0; i < 20; i++)
		queue.put("b", std::to_string(i));
	EXPECT_EQ(queue.turn(4), (Ids{21, 22, 23, 24}));
	/* where nothing is sent, nothing is kept free */
	queue.lineup.set_group_gate(1, Gate::shut);
	for (const std::int64_t id : {21, 22, 23, 24})
		queue.end(id);
	EXPECT_EQ(queue.turn(4), (Ids{5, 6, 7, 8}));
}

TEST(Lineup, ThePairLimitPutsBackAndKeepsTheOrder)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	rules.pair_burst = 5;
	queue.sender("s", rules);
	queue.now += 3600000; /* the burst has grown */
	for (int i = 0; i < 50; i++)
		queue.put("s", "a");
	queue.put("s", "b");
	std::vector<std::int64_t> left;
	std::map<std::int64_t, std::int64_t> at;
	for (int i = 0; i < 3000; i++, queue.now += 100) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn()) {
			at[id] = queue.now;
			queue.end(id);
			if (id != 51)
				left.push_back(id);
		}
	}
	ASSERT_EQ(left.size(), 50U);
	EXPECT_TRUE(std::is_sorted(left.begin(), left.end()));
	EXPECT_EQ(at[51], at[1]);
	for (int i = 0; i + 5 < 50; i++)
		EXPECT_GE(at[left[static_cast<std::size_t>(i) + 5]] - at[left[static_cast<std::size_t>(i)]],
		          6000)
		    << i;
	EXPECT_LE(at[50] - at[1], 46 * 6000 + 1000);
}

/* Nothing was sent: its pair owes nothing for it. */
TEST(Lineup, WhatDidNotLeaveIsNotChargedToItsPair)
{
	for (const Ended how : {Ended::put_back, Ended::lost}) {
		Queue queue;
		SenderRules rules;
		rules.pair_interval_ms = 6000;
		queue.sender("s", rules);
		queue.put("s", "a");
		EXPECT_EQ(queue.turn(), Ids{1});
		queue.end(1, how);
		queue.now += 100;
		queue.put("s", "a");
		if (how == Ended::put_back) {
			EXPECT_EQ(queue.turn(), Ids{1});
			queue.end(1);
			EXPECT_LE(queue.until(2), 6000);
		} else {
			EXPECT_EQ(queue.turn(), Ids{2});
		}
	}
}

/* Messages that were to go back to the queue have no turns when that was not written down. */
TEST(Lineup, AChoiceThatIsUndoneLeavesTheSchedulesAsTheyWere)
{
	std::int64_t all_left[2];
	for (const int failures : {0, 60}) {
		Queue queue;
		SenderRules rules;
		rules.pair_interval_ms = 6000;
		queue.sender("s", rules);
		for (int i = 0; i < 5; i++)
			queue.put("s", "a");
		for (int i = 0; i < failures; i++)
			queue.fail_turn();
		all_left[failures > 0] = queue.until(5);
	}
	EXPECT_GE(all_left[0], 4 * 6000);
	EXPECT_EQ(all_left[1], all_left[0]);
}

TEST(Lineup, AChoiceThatIsUndoneChargesNoPairAfterOneThatLeft)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1);
	queue.lineup.confirm_choice();
	queue.lineup.undo_choice();
	queue.put("s", "a");
	EXPECT_GE(queue.until(2), 5900) << "what left stays charged";
}

TEST(Lineup, ARetryOfAChoiceThatIsUndoneStaysOne)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.put("s", "a");
	queue.end(1, Ended::again, 5000);
	queue.now += 5000;
	queue.lineup.read_from_due(INT64_MAX);
	queue.fail_turn();
	EXPECT_EQ(queue.turn(), Ids{1}) << "at once: it was charged when it left for the first time";
}

/* The pair owes for what left behind it. */
TEST(Lineup, WhatLeftBehindAMessageThatIsPutBackStaysCharged)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	queue.put("s", "a", 0);
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.now += 7000;
	queue.put("s", "a", 1);
	EXPECT_EQ(queue.turn(), Ids{2});
	queue.end(1, Ended::put_back);
	EXPECT_GE(queue.until(1), 6000);
}

/* It was charged when it left for the first time. */
TEST(Lineup, ARetryThatIsPutBackStaysOne)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.put("s", "a");
	queue.end(1, Ended::again, 5000);
	queue.now += 5000;
	queue.lineup.read_from_due(INT64_MAX);
	EXPECT_EQ(queue.turn(), Ids{1});
	/* the account is in trouble: the sender is shut, and what it read is forgotten */
	queue.end(1, Ended::put_back);
	SenderRules shut = rules;
	shut.gate = Gate::shut;
	queue.sender("s", shut);
	queue.now += 600000;
	EXPECT_EQ(queue.turn(), Ids{});
	queue.lineup.forget_idle_pairs(queue.now);
	queue.sender("s", rules);
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1);
	EXPECT_LE(queue.until(2), 2000);
}

TEST(Lineup, NoBurstRightAfterTheStart)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	rules.pair_burst = 5;
	queue.sender("s", rules);
	const Ids ids{queue.put("s", "a"), queue.put("s", "a")};
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1);
	EXPECT_GE(queue.until(2), 5500);
}

TEST(Lineup, TurnsThatWereGivenAreKept)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	queue.lineup.reserve_turn("s", "a", 60000, queue.now);
	queue.put("s", "a");
	EXPECT_GE(queue.until(1), 60000);
}

TEST(Lineup, ARetryHoldsBackThoseBehindItAndNobodyElse)
{
	for (const Ended how : {Ended::again, Ended::pair_limit}) {
		Queue queue;
		queue.sender("s");
		for (int i = 0; i < 3; i++)
			queue.put("s", "a");
		queue.put("s", "b");
		EXPECT_EQ(queue.turn(), (Ids{1, 4}));
		queue.end(1, how, 4000);
		queue.put("s", "a");
		std::vector<std::int64_t> left;
		for (int i = 0; i < 100; i++, queue.now += 100) {
			queue.lineup.read_from_due(INT64_MAX);
			for (const std::int64_t id : queue.turn()) {
				EXPECT_GE(i, 40);
				left.push_back(id);
				queue.end(id);
			}
		}
		EXPECT_EQ(left, (Ids{1, 2, 3, 5}));
	}
}

TEST(Lineup, ARetryThatNeverComesHoldsBackNobodyForLong)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1, Ended::again, 4000);
	Queue &cancelled = queue;
	EXPECT_EQ(cancelled.turn(), Ids{});
	queue.now += 4000;
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1, Ended::lost);
	EXPECT_LE(queue.until(2), 3000);
}

TEST(Lineup, NewcomersDoNotOvertakeThoseThatWentBackBehindARetry)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1, Ended::again, 500);
	EXPECT_EQ(queue.turn(), Ids{});
	std::vector<std::int64_t> left;
	for (int i = 0; i < 400; i++, queue.now += 10) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn()) {
			left.push_back(id);
			queue.end(id);
		}
		if (i % 20 == 0 && i < 200)
			queue.put("s", "a");
	}
	EXPECT_EQ(left, (Ids{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(Lineup, ALateCommitDoesNotOvertakeThoseThatWentBack)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1, Ended::again, 500);
	EXPECT_EQ(queue.turn(), Ids{});
	queue.now += 500;
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.end(1);
	/* begins before the second one is due again and is committed after */
	queue.now += 999;
	queue.put("s", "a");
	queue.now += 2;
	std::vector<std::int64_t> left;
	for (int i = 0; i < 20; i++, queue.now += 10) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn()) {
			left.push_back(id);
			queue.end(id);
		}
	}
	EXPECT_EQ(left, (Ids{2, 3}));
}

TEST(Lineup, ARetryComesFirstHoweverLongTheGateWasShut)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	queue.put("s", "a");
	queue.end(1, Ended::again, 500);
	queue.lineup.set_group_gate(0, Gate::shut);
	SenderRules shut;
	shut.gate = Gate::shut;
	queue.sender("s", shut);
	queue.now += 600000;
	EXPECT_EQ(queue.turn(), Ids{});
	queue.lineup.forget_idle_pairs(queue.now);
	queue.put("s", "a");
	queue.lineup.set_group_gate(0, Gate::open);
	queue.sender("s");
	EXPECT_EQ(queue.turn(), Ids{1});
}

TEST(Lineup, TurnsThatWereMissedBehindARetryAreNotMadeUpForAtOnce)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 500;
	rules.pair_burst = 2;
	queue.sender("s", rules);
	queue.now += 10000;
	for (int i = 0; i < 20; i++)
		queue.put("s", "a");
	std::vector<std::int64_t> at;
	std::vector<std::int64_t> ids;
	bool failed = false;
	for (int i = 0; i < 3000; i++, queue.now += 10) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn()) {
			if (id == 3 && !failed) {
				failed = true;
				queue.end(id, Ended::again, 3000);
				continue;
			}
			at.push_back(queue.now);
			ids.push_back(id);
			queue.end(id);
		}
	}
	EXPECT_EQ(ids.size(), 20U);
	EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
	/* the retry is one more of them, since what was refused did not reach the recipient */
	for (std::size_t i = 3; i < at.size(); i++)
		EXPECT_GE(at[i] - at[i - 3], 1000 - 500) << i;
}

TEST(Lineup, ARetryOfTheLifeBeforeComesFirst)
{
	Queue queue;
	queue.sender("s");
	const std::int64_t behind = queue.put("s", "a");
	const std::int64_t other = queue.put("s", "b");
	queue.now += 10;
	const std::int64_t retried = queue.put("s", "a");
	queue.lineup.await_retry("s", 1, "a", retried, queue.now);
	EXPECT_EQ(queue.turn(), (Ids{retried, other}));
	queue.end(retried);
	EXPECT_LE(queue.until(behind), 2000);
}

TEST(Lineup, ARetryPassesTheBacklogOfOthersAndIsNotPassedByItsOwn)
{
	Queue queue;
	queue.sender("s");
	queue.put("s", "a");
	EXPECT_EQ(queue.turn(), Ids{1});
	for (int i = 0; i < 500; i++)
		queue.put("s", i % 2 == 0 ? "a" : "b" + std::to_string(i));
	queue.end(1, Ended::again, 10);
	std::vector<std::int64_t> of_a;
	for (int i = 0; i < 4000; i++, queue.now += 10) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn(5)) {
			if (id % 2 == 0 || id == 1)
				of_a.push_back(id);
			queue.end(id);
		}
	}
	EXPECT_EQ(of_a.size(), 251U);
	EXPECT_TRUE(std::is_sorted(of_a.begin(), of_a.end()));
}

TEST(Lineup, ACrowdForOneRecipientHoldsUpNobody)
{
	Queue queue;
	queue.sender("s");
	for (int i = 0; i < 3000; i++)
		queue.put("s", "a");
	const std::int64_t other = queue.put("s", "b");
	std::vector<std::int64_t> left;
	for (int i = 0; i < 60 && std::find(left.begin(), left.end(), other) == left.end(); i++)
		for (const std::int64_t id : queue.turn())
			left.push_back(id);
	EXPECT_EQ(left, (Ids{1, other}));
	/* and they leave in their order */
	queue.end(1);
	std::int64_t last = 1;
	for (int i = 0; i < 300000 && last < 3000; i++, queue.now += 10) {
		queue.lineup.read_from_due(INT64_MAX);
		for (const std::int64_t id : queue.turn()) {
			EXPECT_EQ(id, last + 1);
			last = id;
			queue.end(id);
		}
	}
	EXPECT_EQ(last, 3000);
}

TEST(Lineup, ARateIsKeptPerSender)
{
	Queue queue;
	SenderRules paced;
	paced.per_second = 10;
	queue.sender("paced", paced);
	queue.sender("s");
	for (int i = 0; i < 100; i++) {
		queue.put("paced", std::to_string(i));
		queue.put("s", std::to_string(i));
	}
	queue.now += 2000;
	int of_paced = 0;
	for (const std::int64_t id : queue.turn(200))
		of_paced += id % 2;
	EXPECT_EQ(of_paced, 10);
	queue.lineup.pacer_of("paced")->count_messages(10, queue.now);
	EXPECT_EQ(queue.lineup.next_turn_ms(queue.now), queue.now + pacing_window_ms);
	const auto paced_of = [](const Ids &ids) {
		return std::count_if(ids.begin(), ids.end(), [](std::int64_t id) { return id % 2 == 1; });
	};
	EXPECT_EQ(paced_of(queue.turn(200)), 0);
	queue.now += pacing_window_ms;
	EXPECT_EQ(paced_of(queue.turn(200)), 10);
}

TEST(Lineup, PairsThatOweNothingAreForgotten)
{
	Queue queue;
	SenderRules rules;
	rules.pair_interval_ms = 6000;
	queue.sender("s", rules);
	for (int i = 0; i < 90; i++)
		queue.put("s", std::to_string(i));
	for (const std::int64_t id : queue.turn())
		queue.end(id);
	EXPECT_EQ(queue.lineup.pair_count(), 90U);
	queue.lineup.forget_idle_pairs(queue.now + 5000);
	EXPECT_EQ(queue.lineup.pair_count(), 90U);
	queue.lineup.forget_idle_pairs(queue.now + 6000);
	EXPECT_EQ(queue.lineup.pair_count(), 0U);
}

} // namespace
