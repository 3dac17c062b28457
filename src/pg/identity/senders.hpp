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
	bool paused;             /* has a reason; sends one message to see whether it is over */
	std::int64_t resumes_ms; /* not before; 0 for now */
};

struct SenderRows {
	SenderRow *rows;
	std::size_t count;
};

/* The row of the sender "default" as the install script makes it makes way for another one. */
void drop_unchanged_default_sender();

/* All of them; "default" needs no row. Copies live in memory. */
SenderRows read_senders(MemoryContextData *memory);

/* Since the last call, or this database's holds have; see table_stamp.hpp. */
bool senders_changed();

/* The pause of a sender: doubled each time, at most 15 minutes. */
void pause_sender(const char *name, std::int64_t delay_ms, const char *reason, const char *hint);
/* Those of them that were paused have sent something. */
void end_pauses_of(const char *const *names, std::size_t count);
/* Probe paused senders now (after a reload, say). */
void probe_paused();
/* By hand. False when there is no such paused sender. */
bool resume_sender(const char *sender);

} // namespace whatsapp::pg
