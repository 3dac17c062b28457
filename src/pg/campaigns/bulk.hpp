/*
 * bulk.hpp — one message to many recipients: a campaign and its messages in the caller's
 * transaction, or what would become of them.
 *
 * The recipients are read with the caller's rights, and written with those of the extension's
 * owner: so it goes in steps, between which the caller's query runs.
 */
#pragma once

#include "pg/campaigns/bulk_order.hpp"

namespace whatsapp::pg
{

/* With the rights of the extension's owner, after use_schema_of_function(). Raises an error that
 * concerns all recipients alike, except in a dry run. */
void take_bulk_step(BulkOrder &order);

} // namespace whatsapp::pg
