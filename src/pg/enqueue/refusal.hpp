/*
 * refusal.hpp — messages that must not be sent, refused before they are queued.
 */
#pragma once

namespace whatsapp::pg
{

struct Failure;
struct NewMessage;

/* False, and why, when the recipient of the message has opted out, or its template is known not to
 * be approved, or to be one that a user id cannot get; where the account's templates have been read
 * from Meta, also when there is no such template or it wants other parameters. Settings can switch
 * either check off. The payload must be there already. Sets has_code when the template is one for
 * one-time codes. In a transaction, with SPI connected. */
bool may_send(NewMessage &message, Failure &why);

/* False, and why, when the inbound message of that wamid is one that nobody can react to: of more
 * than 30 days ago, or a reaction itself. One that is not known may be. In a transaction, with SPI
 * connected. */
bool may_react(const char *wamid, Failure &why);

} // namespace whatsapp::pg
