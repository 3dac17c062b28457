/*
 * refusal.hpp — messages that must not be sent, refused before they are queued.
 */
#pragma once

namespace whatsapp::pg
{

struct Failure;
struct NewMessage;

/* False, and why, when the recipient of the message has opted out, or its template is known not to
 * be approved; where the account's templates have been read from Meta, also when there is no such
 * template or it wants other parameters. Settings relax either. The payload is there. In a
 * transaction, with SPI connected. */
bool may_send(const NewMessage &message, Failure &why);

} // namespace whatsapp::pg
