/*
 * replication.hpp — whether this process brings rows from another server, by a subscription.
 */
#pragma once

namespace whatsapp::pg
{

/* It copies what a table had when it was subscribed to: rows that were there before. */
bool copies_old_rows();

/* True while it applies what happens at the publisher. An error ends the process, and it begins
 * again with the same transaction: replication stands still until the cause is removed. */
bool applies_changes();

} // namespace whatsapp::pg
