/*
 * queue.hpp — the pending queue as the sender works it: claim, settle, settle what nobody answered.
 *
 * One committed mark, not two: a message is picked and marked "sending" by the same commit, never
 * more of them than there are free slots on the wire. Whoever touches both tables touches the queue
 * row first; batches go in order of id. That keeps sender, listener and wa_cancel() from
 * deadlocking.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

struct Instance {
	char nonce[17];
	std::int64_t epoch;
	bool held;
};

/* A new life of the sender: raises the epoch and, in the same transaction, turns what the last life
 * left "sending" into "unknown". After an unclean stop and a gap of more than whatsapp.resume_gap
 * since the last heartbeat (an outage, or a storage snapshot that was rolled back), all that was
 * queued is held instead: who knows what happened meanwhile. A message that was on the wire at
 * three unclean ends is parked as FAILED. */
void begin_epoch(Instance &instance);

/* That this sender is alive; or, at its end, that it stopped in order. */
void beat(const Instance &instance, bool stopping);

struct Claimed {
	std::int64_t id;
	int attempt;
	const char *sender;
	const char *phone_number_id; /* NULL: of the default account */
	const char *account;         /* NULL: the default one */
	const char *api_version;     /* NULL: whatsapp.api_version */
	const char *phone;           /* NULL: the message was deleted */
	const char *payload;
	bool expired;
	int per_second; /* the sender's limit, 0 for none */
};

struct Claims {
	Claimed *rows; /* in order of id */
	std::size_t count;
	Instance instance; /* to go on with, once this is committed */
};

/* What a paced sender may send now. One that is not named has sent nothing lately: its whole rate.
 */
struct Allowance {
	const char *sender;
	int messages;
};

/* At most limit messages that are due, marked as sending by this epoch; nothing while the database
 * is held. Copies live in memory. */
Claims claim(const Instance &instance, int limit, const Allowance *allowances,
             std::size_t allowance_count, MemoryContextData *memory);

enum class Settle : int { sent, retry, failed, paused, unknown };

struct Settled {
	Settle how;
	std::int64_t id;
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
};

/* Records results, in order of id. What a webhook has settled meanwhile stays as it is. */
void settle(const Settled *rows, std::size_t count);

/* Unknown outcomes whose grace is over, by whatsapp.unknown_policy. Returns how many were put back.
 */
std::uint64_t resolve_unknown(const Instance &instance);

/* Milliseconds until a message is due for a sender that may send; -1 when none waits. Unknown
 * outcomes are left to the tick. */
std::int64_t next_due_ms();

/* Probe paused senders now (after a reload, say). */
void end_pauses();

bool resume(const char *sender);

/* Ends a hold; returns the number of messages that wait. */
std::int64_t release();

} // namespace whatsapp::pg
