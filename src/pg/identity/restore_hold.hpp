/*
 * restore_hold.hpp — a cluster that was restored from a base backup must message nobody before
 * somebody has looked.
 */
#pragma once

namespace whatsapp::pg
{

/*
 * The id of the restore that this cluster last came from; empty for none.
 *
 * The postmaster looks at its start, before the startup process renames what tells:
 * recovery.signal, or backup_label without standby.signal, means a restore (a standby and its
 * promotion do not). Each restore gets an id, kept in the file pg_whatsapp.restore of the data
 * directory, since the second start shows nothing any more. A file that cannot be read or written
 * ends the start: to go on would mean to send.
 */
const char *restore_id();

/* True when this server was a standby, and the sender at that place (see seats.hpp) has not acted
 * upon it yet. */
bool was_promoted(int place);
void forget_promotion(int place);

} // namespace whatsapp::pg
