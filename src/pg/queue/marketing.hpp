/*
 * marketing.hpp — messages of templates that are marketing by Meta's word: those that became it
 * without anybody here having said so may be held, and some accounts send them by an endpoint of
 * their own.
 */
#pragma once

namespace whatsapp::pg
{

struct Claims;

/* In a transaction, with SPI connected. False: no template of this database needs any of it. */
bool look_at_marketing();

/* The transaction of the last look has failed: it counts for nothing. */
void forget_marketing();

/* Sets Claimed::marketing_endpoint and Claimed::held_by, after look_at_marketing(). */
void note_marketing(Claims &claims);

/* In the sender, each second: what was held for its category and need not be any more is due. True
 * when there was something. */
bool wake_recategorised_messages();

} // namespace whatsapp::pg
