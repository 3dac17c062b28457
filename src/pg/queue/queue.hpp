/*
 * queue.hpp — the pending queue as the sender works it: read ahead, mark, settle, settle what
 * nobody answered.
 *
 * One committed mark, not two: reading ahead marks nothing, and what is marked "sending" leaves as
 * soon as that is committed, never more of them than there are free slots on the wire. Whoever
 * touches both tables touches the queue row first; batches go in order of id. That keeps sender,
 * listener and wa_cancel() from deadlocking.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

struct Instance;

/* Where a row's version lies. It saves a search of the index, and is no more than a hint: the id is
 * compared, too, and what is not there any more is looked for by its id. */
using RowAddress = std::uint64_t;

/* Where to read on in the queue of a sender and priority, and how many rows at most. */
struct ReadFrom {
	const char *sender;
	int priority;
	std::int64_t after_due; /* TimestampTz */
	std::int64_t after_id;
	int limit;
};

struct Ready {
	int from; /* index of the ReadFrom */
	std::int64_t id;
	RowAddress row;
	std::int64_t due;
	const char *recipient;
	bool paced;
};

/* Of one ReadFrom: rows of paused campaigns that were passed over at its end. */
struct PassedOver {
	bool any;
	std::int64_t due; /* of the last one */
	std::int64_t id;
	bool more; /* there may be ready rows behind them */
};

struct ReadyRows {
	Ready *rows;
	std::size_t count;
	/* one for each ReadFrom; NULL where none was passed over */
	PassedOver *passed;
};

/* Ready rows that are due, but for those of paused campaigns; nothing is changed. In SPI's memory.
 */
ReadyRows read_ready(const ReadFrom *from, std::size_t count);

struct ReadyMessage {
	std::int64_t id;
	RowAddress row;
};

struct Claimed {
	std::int64_t id;
	RowAddress queue_row;
	RowAddress message_row;
	int attempt;
	const char *phone; /* NULL: the message has none, or was deleted, or it is too large */
	const char *payload;
	bool expired;
	bool opted_out; /* since it was queued */
	bool free_form; /* no template: it needs an open 24-hour window */
	bool window_closed;
	std::int64_t made_at; /* TimestampTz, for the correlation */
	std::int64_t due_at;  /* TimestampTz */
	bool too_large;       /* phone and payload were not read */
	/* for price and category; read only where there are budgets or marketing templates */
	const char *sender;
	const char *template_name; /* NULL: none */
	const char *template_language;
	int priority;
	bool fresh;              /* never claimed before; only where the direct path has read its row */
	bool marketing_endpoint; /* it leaves by the endpoint for marketing messages */
	/* what holds it, and until when (TimestampTz); NULL: it may leave */
	const char *held_by;
	std::int64_t held_until;
};

struct Claims {
	Claimed *rows; /* in order of id */
	std::size_t count;
	std::size_t looked_at; /* of the candidates; there was no room for the payloads of the rest */
};

/* Marks those (in order of id) that are still ready as sending by this epoch, until their payloads
 * have so many bytes, and at least one. careful: pass over what somebody has locked; otherwise wait
 * for it, which is quicker when nobody has. Copies live in memory. */
Claims mark_messages(const Instance &instance, const ReadyMessage *candidates, std::size_t count,
                     std::size_t bytes, bool careful, MemoryContextData *memory);

struct Postponed {
	std::int64_t id;
	std::int64_t due; /* TimestampTz */
	bool is_turn;     /* in the schedule of its pair */
};

/* Puts messages back into the queue until they are due. It is a time and not a delay, so that
 * messages that are due at the same time stay in order of id, even if several transactions put them
 * back. */
void postpone_messages(const Postponed *rows, std::size_t count);

/* What an earlier life of the sender left, and this one must keep: the pair turns that were given,
 * and a message that is to be tried again before those behind it. */
struct PairTurn {
	const char *sender;
	const char *recipient;
	int priority;
	std::int64_t in_ms;   /* 0: none is given */
	std::int64_t retried; /* 0: none */
	std::int64_t retried_in_ms;
};
struct PairTurns {
	PairTurn *rows;
	std::size_t count;
};
PairTurns read_pair_turns();

enum class Settle : int { sent, retry, failed, paused, unknown };

struct Settled {
	Settle how;
	std::int64_t id;
	RowAddress queue_row;
	RowAddress message_row;
	int attempt;
	const char *sender;
	const char *outcome; /* word for whatsapp_attempts */
	const char *wamid;
	const char *wa_id;
	const char *user_id;
	long http_status; /* 0: none */
	bool has_code;
	std::int64_t code;
	const char *message;
	const char *hint;
	const char *details;   /* JSON or NULL */
	std::int64_t delay_ms; /* retry and paused */
	const char *phone;     /* masked, for the log */
	std::int64_t took_ms;
	std::int64_t
	    answered_at; /* TimestampTz: when the answer came, which may be written down late */
};

/* Records results, in order of id. What a webhook has settled meanwhile stays as it is. */
void settle_messages(const Settled *rows, std::size_t count);

/* Unknown outcomes whose grace is over, by whatsapp.unknown_policy. Returns how many were put back.
 */
std::uint64_t resolve_unknown(const Instance &instance);

/* What is marked as sending; a look at the whole queue. In SPI's memory. */
struct MessageIds {
	std::int64_t *ids;
	std::size_t count;
};
MessageIds read_sending();
/* Makes these messages unknown, since nobody can tell what became of them; see
 * whatsapp.unknown_policy. Returns how many. */
std::uint64_t doubt_messages(const MessageIds &messages);

/* Messages whose time is over though nobody could claim them (a pause, a sender that is gone).
 * Returns how many failed. */
std::uint64_t expire_messages();

/* Milliseconds until the first message that is not due yet; -1 when none waits. */
std::int64_t next_due_ms();

} // namespace whatsapp::pg
