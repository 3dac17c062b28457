/*
 * restore_hold.hpp — a cluster that was restored from a base backup must message nobody before
 * somebody has looked.
 */
#pragma once

namespace whatsapp::pg
{

inline constexpr int restore_id_length = 16;

/*
 * In the postmaster, before the startup process renames what tells: recovery.signal, or
 * backup_label without standby.signal, means a restore (a standby and its promotion do not). Each
 * restore gets an id, kept in the file pg_whatsapp.restore of the data directory, since the second
 * start shows nothing any more. Writes the id of the last restore, or an empty string, to id. A
 * file that cannot be read or written ends the start: to go on would mean to send.
 */
void note_restore(char (&id)[restore_id_length + 1]);

/* There, too: this server starts as a standby. */
bool is_standby();

} // namespace whatsapp::pg
