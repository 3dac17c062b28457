/*
 * instance.hpp — which database this is, the lives of its sender, and the holds: a copy of the
 * database messages nobody.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

extern "C" {
#include "datatype/timestamp.h"
}

namespace whatsapp::pg
{

struct Values;

inline constexpr int max_nonce_length = 16;

/*
 * SQL: true for a row of whatsapp_instances that was made here: in this cluster, this database and
 * this very table. A dump brings all columns with it, but a table that a restore makes has another
 * number than the one that the row tells.
 */
#define IS_OWN_INSTANCE(row, system_identifier_, database_oid_)    \
	"(" row ".system_identifier = " system_identifier_ " AND " row \
	".database_oid = " database_oid_ " AND " row ".table_oid = " row ".tableoid)"
/* SQL: a base backup was restored since, and nobody has let it go. */
#define IS_RESTORED(row, restore_id_) \
	"(" restore_id_ " <> '' AND " row ".released_restore IS DISTINCT FROM " restore_id_ ")"

/* The first two of these parameters: at place and behind it. */
void set_identity(Values &values, int place);

struct Instance {
	char nonce[max_nonce_length + 1];
	std::int64_t epoch;
	bool held;
	TimestampTz began_at;       /* this life */
	std::int64_t quarantine_ms; /* after a promotion: nothing leaves for so long */
};

/* A new life of the sender: raises the epoch and, in the same transaction, turns what the last life
 * left "sending" into "unknown", but for rows that somebody has locked. After an unclean stop and a
 * gap of more than whatsapp.resume_gap since the last heartbeat (an outage, or a storage snapshot
 * that was rolled back), all that was queued is held instead: who knows what happened meanwhile.
 * After a promotion it has another nonce: the old primary may have used the same ids for other
 * messages. park_poison() (pg/queue/give_up.hpp) belongs behind it. */
void begin_epoch(Instance &instance, int place);

/* That this sender is alive; or, at its end, that it stopped in order. */
void record_heartbeat(const Instance &instance, bool stopping);

/* Rows of another instance (a restored dump, a TEMPLATE copy), or a cluster restored from a base
 * backup, and nobody has said yes yet. */
bool instance_is_held();

/* After a promotion: whether what the old primary did last may still be told by webhooks. Of the
 * database at this place. */
bool is_quarantined(int place);

/* In the log: nothing is sent until wa_release(); and whether subscriptions take what is the
 * original's. In a transaction. */
void warn_of_hold();

/* Why nothing is sent from here, or NULL. */
const char *hold_reason();

/* Ends a hold; returns the number of messages that wait. */
std::int64_t release_messages();

/* The same number, and nothing ends. */
std::int64_t count_releasable();

} // namespace whatsapp::pg
