/*
 * senders.hpp — the phone numbers that send, as the sender worker needs them.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

struct SenderRow {
	const char *name;
	const char *phone_number_id; /* NULL: of the default account */
	const char *account;         /* NULL: the default one */
	const char *api_version;     /* NULL: whatsapp.api_version */
	const char *api_base_url;    /* NULL: whatsapp.api_base_url */
	int per_second;              /* 0: not paced */
	std::int64_t pair_interval_ms;
	int pair_burst;
	bool enabled;
	bool paused;             /* for a reason; later one message tries whether it is gone */
	std::int64_t resumes_ms; /* not before; 0 for now */
};

struct SenderRows {
	SenderRow *rows;
	std::size_t count;
};

/* Deletes the row of the sender "default" if nobody has changed it since the install script made
 * it: another one takes its place. */
void drop_unchanged_default_sender();

/* All senders; there is a sender "default" also when it has no row. The copies live in `memory`. */
SenderRows read_senders(MemoryContextData *memory);

/* Whether the senders, their accounts or the holds of this database have changed since the last
 * call; see table_stamp.hpp. */
bool senders_changed();

/* Pauses a sender: twice as long each time, 15 minutes at most. */
void pause_sender(const char *name, std::int64_t delay_ms, const char *reason, const char *hint);
/* These senders have sent something: ends the pauses of those that were paused. */
void end_pauses_of(const char *const *names, std::size_t count);
/* Probe paused senders now (after a reload, say). */
void probe_paused();
/* wa_resume(). False when there is no paused sender of this name. */
bool resume_sender(const char *sender);

} // namespace whatsapp::pg
