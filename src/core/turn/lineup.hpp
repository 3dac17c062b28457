/*
 * lineup.hpp — who is next: the ready messages that the sender has read ahead, and the rules that
 * decide which of them may leave now.
 *
 * A number keeps to its rate. Of one number, recipient and priority one message is in flight at a
 * time, in the order of the queue; a number and a recipient also have the pair limit. Numbers take
 * turns. A message that has to wait for its pair goes back to the queue with a later due time:
 * there it holds up no other message and needs no memory. Pure arithmetic; the clock comes from
 * outside.
 */
#pragma once

#include "core/turn/gate.hpp"
#include "core/turn/pacer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace whatsapp
{

inline constexpr int priorities = 3; /* 0 urgent, 1 normal, 2 bulk: the lower one leaves first */

struct SenderRules {
	Gate gate = Gate::open;
	int group = 0;                     /* of those that share a platform's address */
	int per_second = 0;                /* 0: not paced */
	std::int64_t pair_interval_ms = 0; /* 0: no pair limit */
	int pair_burst = 1;                /* at once, before the interval counts */
};

/* A place in the queue's index: due, then id. */
struct QueuePlace {
	std::int64_t due_us = std::numeric_limits<std::int64_t>::min();
	std::int64_t id = 0;
};

/* A row that was read. address: where its owner finds it again, as long as it has not moved. */
struct QueueRow {
	QueuePlace place;
	std::uint64_t address = 0;
	std::string_view recipient;
	bool paced = false; /* its due time is its turn in the pair's schedule */
};

/* Where to read on, and how many rows. */
struct Reading {
	const std::string *sender;
	int priority;
	QueuePlace after;
	int limit;
};

/* One that may leave; the tickets go back with end_message(). */
struct Chosen {
	std::int64_t id;
	std::uint64_t address; /* of the QueueRow */
	std::uint64_t order_ticket;
	std::uint64_t pair_ticket;
	const std::string *sender; /* lives as long as the lineup */
	int priority;
	int group;
	bool probes_sender; /* its gate, or that of its group, said probe when this one was chosen */
	bool probes_group;
	bool is_retry;
	std::int64_t charge_ms; /* what its departure took of its pair's schedule */
	/* The ends of the two schedules of its pair, as of its departure; 0: not charged. */
	std::int64_t turns_until_ms;
	std::int64_t left_until_ms;
};

struct Deferred {
	std::int64_t id;
	std::int64_t delay_ms;
	bool is_turn; /* its next due time is its turn in the pair's schedule */
};

enum class Ended : unsigned char {
	settled,    /* sent, failed, or nobody knows: it is out of the way */
	again,      /* will be due again after a delay; those behind it wait for it */
	pair_limit, /* the same, and the platform named the pair */
	put_back,   /* ready as before: nothing of it counts as sent */
	lost,       /* chosen, and then locked or not there any more: it was not sent */
};

class Lineup
{
public:
	explicit Lineup(std::int64_t now_ms) : started_ms_(now_ms) {}

	/* Senders that are not named any more are shut. */
	void begin_rules();
	void set_rules(const std::string &sender, const SenderRules &rules);
	void end_rules();

	/* Of all senders of a group, together: open, shut, or one request in flight. */
	void set_group_gate(int group, Gate gate);

	/* After a start: messages of the pair have turns up to in_ms from now. */
	void reserve_turn(const std::string &sender, std::string_view recipient, std::int64_t in_ms,
	                  std::int64_t now_ms);

	/* The message will be due again, and those of its sender, priority and recipient wait for it.
	 */
	void await_retry(const std::string &sender, int priority, std::string_view recipient,
	                 std::int64_t id, std::int64_t due_ms);

	/* Rows may have become ready from this due time on. */
	void read_from_due(std::int64_t due_us);
	/* Forget what was read ahead and read from the beginning; what is in flight stays. Allocates
	 * nothing. When a function here has thrown std::bad_alloc, this call makes the object whole
	 * again. */
	void restart_reading() noexcept;

	/* What to read now, at most `window` messages ahead in all; empty when enough is known. */
	std::vector<Reading> readings(int window);
	void add_row(const Reading &reading, const QueueRow &row);
	/* Behind the rows that were added, up to this place, nothing is to be sent: the next reading
	 * begins there. */
	void pass_rows(const Reading &reading, const QueuePlace &place);
	/* count: rows that the reading gave */
	void end_reading(const Reading &reading, int count, std::int64_t now_ms);

	/* Chooses up to `room` messages that may leave now. Those that have to go back to the queue are
	 * put into deferred. Call confirm_choice() when that is written down. If it could not be, end
	 * the chosen messages as lost, the last one first, and call undo_choice(): the schedules are as
	 * before the choice then, and reading begins anew. */
	void choose_messages(int room, std::int64_t now_ms, std::vector<Chosen> &chosen,
	                     std::vector<Deferred> &deferred);
	void confirm_choice() noexcept;
	void undo_choice() noexcept;
	void end_message(const Chosen &chosen, Ended how, std::int64_t delay_ms, std::int64_t now_ms);

	/* Something read ahead could leave now, if there were room. */
	bool has_ready_message(std::int64_t now_ms);
	/* The queue may hold more than was read, for a sender whose gate is not shut. */
	bool has_unread_rows() const noexcept;
	/* When a sender that waits for its rate alone may go on; 0 when none does. */
	std::int64_t next_turn_ms(std::int64_t now_ms);

	/* Forget pairs and orders that nothing has to wait for. */
	void forget_idle_pairs(std::int64_t now_ms);

	/* NULL for a sender that was never named. */
	Pacer *pacer_of(const std::string &sender);

	std::size_t
	pair_count() const noexcept
	{
		return pairs_.size();
	}

private:
	struct WaitingMessage {
		std::int64_t id;
		std::uint64_t address;
		std::uint64_t order;
		std::uint64_t pair;
		bool paced;
		bool called; /* those before it in its order are out of the way */
	};
	struct Lane {
		std::deque<WaitingMessage> line;
		QueuePlace after;
		bool unread = true;
		std::int64_t read_out_ms = 0; /* when it was last read to the end of what is due */
	};
	struct Sender {
		SenderRules rules;
		Pacer pacer;
		bool named = true;
		int probes = 0;           /* in flight */
		std::size_t standing = 0; /* in all lines */
		std::array<Lane, priorities> lanes;

		explicit Sender(std::int64_t now_ms) : pacer(now_ms) {}
	};
	/* The messages of one sender, recipient and priority. */
	struct Order {
		bool busy = false;
		std::int64_t flying_id = 0; /* while it is busy: the message in flight */
		const Lane *lane = nullptr;
		std::int64_t retried_id = 0; /* the message that the others wait for */
		std::int64_t retry_due_ms = 0;
		std::int64_t back_until_ms = 0; /* when those that had to go back to the queue are due */
		std::size_t back = 0;           /* how many of these were not seen again */
		std::int64_t full_ms = 0;       /* the last wait of those for whom there was no room */
		std::deque<WaitingMessage> behind;
	};
	struct Group {
		Gate gate = Gate::open;
		int in_flight = 0;
		int probes = 0;     /* of these */
		bool named = false; /* has a sender whose gate is not shut */
	};
	struct Pair {
		std::int64_t theoretical_ms = 0; /* when the schedule is free again, by the turns that were
		                                    given (GCRA's theoretical arrival time) */
		std::int64_t left_ms = 0;        /* the same by what left: a turn may have been missed */
		std::int64_t not_before_ms = 0;
	};
	/* What a choice has changed, as it was before. */
	struct OrderBefore {
		std::uint64_t ticket;
		std::size_t back;
		std::int64_t back_until_ms;
		std::int64_t full_ms;
	};
	struct PairBefore {
		std::uint64_t ticket;
		std::int64_t theoretical_ms;
		std::int64_t left_ms;
	};
	using Senders = std::map<std::string, Sender>;

	void shut_sender(Sender &sender) noexcept;
	int sender_budget(Sender &sender, int room, std::int64_t now_ms);
	int share_of_group() const;
	bool choose_from_sender(Senders::value_type &entry, std::int64_t now_ms,
	                        std::vector<Chosen> &chosen, std::vector<Deferred> &deferred);
	bool choose_from_lane(Senders::value_type &entry, int priority, std::int64_t now_ms,
	                      std::vector<Chosen> &chosen, std::vector<Deferred> &deferred);
	static bool awaits_retry(const Order &order) noexcept;
	static bool awaits_deferred(const Order &order) noexcept;
	std::int64_t turn_time(const SenderRules &rules, const WaitingMessage &message,
	                       std::int64_t at_ms, std::int64_t now_ms);
	std::int64_t waiting_time(const SenderRules &rules, Order &order, const WaitingMessage &message,
	                          std::int64_t now_ms);
	void put_in_flight(Senders::value_type &entry, int priority, Order &order,
	                   const WaitingMessage &message, std::int64_t now_ms,
	                   std::vector<Chosen> &chosen);
	void charge_pair(Chosen &chosen, bool paced, std::int64_t interval_ms, std::int64_t now_ms);
	void give_back_turn(const Chosen &chosen) noexcept;
	void give_back_departure(const Chosen &chosen) noexcept;
	void call_next_message(Sender &sender, Lane &lane, std::uint64_t ticket);

	std::int64_t started_ms_;
	Senders senders_;
	std::map<int, Group> groups_;
	int slots_ = std::numeric_limits<int>::max(); /* in flight and free, as of the last choice */
	int in_flight_ = 0;
	std::string first_; /* whose turn it is */
	std::unordered_map<std::uint64_t, Order> orders_;
	std::unordered_map<std::uint64_t, Pair> pairs_;
	std::vector<OrderBefore> orders_before_;
	std::vector<PairBefore> pairs_before_;
	std::unordered_set<std::int64_t> known_; /* read ahead */
};

} // namespace whatsapp
