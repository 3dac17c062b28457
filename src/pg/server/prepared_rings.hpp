/*
 * prepared_rings.hpp — whom to wake when a prepared transaction is committed.
 *
 * COMMIT PREPARED runs in another process than the one that wrote, and calls back nobody. So what
 * a transaction would ring at its commit is kept in shared memory under its name from PREPARE
 * TRANSACTION on, and whoever commits it takes it from there. An apply worker of a subscription
 * prepares and commits without a statement: what it keeps has no name, and is rung at each of its
 * commits. Whatever is lost here (a restart, more than max_prepared_rings) costs 5 s at most.
 */
#pragma once

#include <cstdint>

#include "pg/server/rings.hpp"

namespace whatsapp::pg
{

inline constexpr int max_prepared_rings = 512;

/* The hash of a name. */
using PreparedName = std::uint64_t;
PreparedName prepared_name(const char *gid);

/* Backend side. The running transaction is to be prepared under this name; forgotten at its end. */
void name_transaction(PreparedName name);
/* In a callback: the transaction has been prepared, and this is what it would ring. */
void keep_rings(const Rings &rings);
/* It was committed or rolled back: takes what is kept under its name in this database. False when
 * there is nothing. */
bool take_rings(PreparedName name, Rings &rings);
/* In a callback: all that an apply worker has kept in this database. */
Rings unnamed_rings();

/* Sender side, in a transaction: forgets the transactions that have ended without a call of
 * take_rings(), and after a restart keeps rings for all that are prepared. True when one without a
 * name has ended. */
bool compare_prepared_rings();

} // namespace whatsapp::pg
