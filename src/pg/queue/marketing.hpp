/*
 * marketing.hpp — messages of templates that Meta calls marketing. If Meta changed the category and
 * nobody here has accepted that, they may be held; and some accounts send marketing by an endpoint
 * of its own.
 */
#pragma once

namespace whatsapp::pg
{

struct Claims;

/* In a transaction, with SPI connected. False when no template of this database needs
 * note_marketing(). */
bool look_at_marketing();

/* The transaction of the last look has failed: it counts for nothing. */
void forget_marketing();

/* Sets Claimed::marketing_endpoint and Claimed::held_by, after look_at_marketing(). */
void note_marketing(Claims &claims);

/* In the sender, each second: messages that were held for their category and need not be any more
 * become due. True when there were some. */
bool wake_recategorised_messages();

} // namespace whatsapp::pg
