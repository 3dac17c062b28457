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
 * this very table. A dump brings all columns with it, but the table that a restore makes has
 * another OID than the one in the row.
 */
#define IS_OWN_INSTANCE(row, system_identifier_, database_oid_)    \
	"(" row ".system_identifier = " system_identifier_ " AND " row \
	".database_oid = " database_oid_ " AND " row ".table_oid = " row ".tableoid)"
/* SQL: true when the cluster was restored from a base backup, and nobody has called wa_release()
 * since. */
#define IS_RESTORED(row, restore_id_) \
	"(" restore_id_ " <> '' AND " row ".released_restore IS DISTINCT FROM " restore_id_ ")"

/* Sets two parameters of IS_OWN_INSTANCE: system_identifier_ at place, and database_oid_ behind
 * it. */
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

/* Writes down that this sender is alive; or, at its end, that it stopped in order. */
void record_heartbeat(const Instance &instance, bool stopping);

/* True when the rows are those of another instance (a restored dump, a TEMPLATE copy), or the
 * cluster was restored from a base backup, and nobody has called wa_release() yet. */
bool instance_is_held();

/* True for a while after a promotion: webhooks may still tell what the old primary did last. place:
 * of the database, see seats.hpp. */
bool is_quarantined(int place);

/* Writes into the log that nothing is sent until wa_release(), and warns of subscriptions that take
 * from a publisher what is meant for the original. In a transaction. */
void warn_of_hold();

/* Why nothing is sent from here, or NULL. */
const char *hold_reason();

/* Ends a hold; returns the number of messages that wait. */
std::int64_t release_messages();

/* How many messages release_messages() would let go; no hold ends. */
std::int64_t count_releasable();

} // namespace whatsapp::pg
