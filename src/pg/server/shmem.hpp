/*
 * shmem.hpp — what the processes of one cluster share: who works on which database, and the bell
 * that wakes them at commit.
 *
 * Plain values only. A pointer or descriptor of one process here would crash the next one.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

enum class Role : int { launcher, sender, listener, reader };
inline constexpr int max_databases = 64;

/* What a worker tells the launcher when it goes: nothing, or that its database has no extension, as
 * of that many attaches. */
struct Farewell {
	enum Reason : int { none, no_extension } reason;
	unsigned attaches;
};

/* In _PG_init, while preloading. */
void install_shmem_hooks();
void install_commit_callback();

/* The id of the restore that this cluster last came from, see restore_hold.hpp; empty for none. */
const char *restore_id();

/* False when the library was not preloaded: there is nobody to wake. */
bool preloaded();

/* Worker side. enroll() publishes this process for (role, place), and withdraws it at its exit.
 * place: the index in whatsapp.databases, 0 for the launcher. */
void enroll(Role role, int place, unsigned database_oid);
void say_farewell(Role role, int place, Farewell farewell);
Farewell take_farewell(Role role, int place);

/* A live process holds the place. */
bool seat_taken(Role role, int place);

/* How often an extension was created: the launcher's reason to look again where there was none. */
unsigned attach_count();

/* Backend side: ends the workers of a database and keeps them away until this transaction ends;
 * returns when they have left their seats. Raises on cancel. The launcher asks whether a database
 * is kept clear. */
void send_workers_away(unsigned database_oid);
bool kept_clear(unsigned database_oid);

/* Backend side: when this transaction commits, the sender or the listener of this database (or the
 * launcher) is woken. Forgotten on rollback. due: the earliest time (TimestampTz) at which what was
 * written is to be sent; any_due for what the sender must find wherever it stands. */
inline constexpr std::int64_t any_due = INT64_MIN;
inline constexpr std::int64_t no_due = INT64_MAX;
void wake_sender_at_commit(std::int64_t due);
void wake_listener_at_commit();

/* Worker side: the earliest due times since the last call, no_due for none. What is announced is
 * about to be committed, and will be rung for when it is. */
struct Rung {
	std::int64_t due;
	std::int64_t announced;
};
Rung take_rung(int place);

/* This server was a standby, and the sender of that place has not told it yet. */
bool promoted(int place);
void forget_promotion(int place);
void wake_launcher_at_commit();
void wake_reader_at_commit();

/* Backend side: wakes the listener of this database now, if there is one. */
void ring_listener();

} // namespace whatsapp::pg
