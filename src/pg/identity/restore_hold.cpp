/*
 * restore_hold.cpp — the marks of a restore on disk. Neither timeline nor system identifier tells a
 * restore from a failover.
 */
#include "pg/identity/restore_hold.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <unistd.h>

#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/xlog.h"
#include "common/file_perm.h"
#include "storage/fd.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int restore_id_length = 16;

/* relative: the postmaster stands in its data directory */
constexpr char id_file[] = "pg_whatsapp.restore";
constexpr char new_id_file[] = "pg_whatsapp.restore.tmp";

bool
file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

[[noreturn]] void
give_up(const char *action, const char *path)
{
	ereport(FATAL, (errcode_for_file_access(),
	                errmsg("could not %s WhatsApp file \"%s\": %m", action, path)));
	pg_unreachable();
}

void
write_id(const char *id)
{
	const int file =
	    open(new_id_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, pg_file_create_mode);
	if (file < 0)
		give_up("create", new_id_file);
	if (write(file, id, restore_id_length) != restore_id_length || pg_fsync(file) != 0)
		give_up("write", new_id_file);
	close(file);
	(void)durable_rename(new_id_file, id_file, FATAL);
}

void
read_id(char (&id)[restore_id_length + 1])
{
	id[0] = '\0';
	const int file = open(id_file, O_RDONLY | O_CLOEXEC);
	if (file < 0) {
		if (errno != ENOENT)
			give_up("open", id_file);
		return;
	}
	const ssize_t got = read(file, id, restore_id_length);
	close(file);
	if (got != restore_id_length)
		give_up("read", id_file);
	id[restore_id_length] = '\0';
}

void
make_id(char (&id)[restore_id_length + 1])
{
	unsigned char random[restore_id_length / 2];
	if (!pg_strong_random(random, sizeof random))
		ereport(FATAL, (errcode(ERRCODE_INTERNAL_ERROR),
		                errmsg("could not generate a random value for WhatsApp")));
	for (std::size_t i = 0; i < sizeof random; i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
}

void
note_restore(char (&id)[restore_id_length + 1])
{
	const bool restored = file_exists(RECOVERY_SIGNAL_FILE) ||
	                      (file_exists(BACKUP_LABEL_FILE) && !file_exists(STANDBY_SIGNAL_FILE));
	if (!restored) {
		read_id(id);
		return;
	}
	make_id(id);
	write_id(id);
	ereport(LOG,
	        (errmsg("this cluster was restored from a backup: pending WhatsApp messages are held"),
	         errhint("Call wa_release() in each database that is to send from here.")));
}

struct Origin {
	char restore_id[restore_id_length + 1]; /* written once, before any other process */
	bool promoted[max_databases];           /* started as a standby; see forget_promotion() */
};

Origin *origin = nullptr;

void
attach_origin(void *memory, bool is_new)
{
	origin = static_cast<Origin *>(memory);
	if (!is_new)
		return;
	note_restore(origin->restore_id);
	for (bool &one : origin->promoted)
		one = file_exists(STANDBY_SIGNAL_FILE);
}

SharedPart part("pg_whatsapp origin", sizeof(Origin), attach_origin);

} // namespace

const char *
restore_id()
{
	return origin == nullptr ? "" : origin->restore_id;
}

bool
was_promoted(int place)
{
	return origin->promoted[place];
}

void
forget_promotion(int place)
{
	origin->promoted[place] = false;
}

} // namespace whatsapp::pg
