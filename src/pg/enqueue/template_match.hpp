/*
 * template_match.hpp — a message against its template, as far as Meta has told about it; a part of
 * refusal.cpp.
 */
#pragma once

#include "pg/enqueue/new_message.hpp"

namespace whatsapp::pg
{

struct Failure;

/* False, and why, unless the message gives just what the template wants. version: which version of
 * the template's row it is; the row must have components. With SPI connected. */
bool template_matches(const NewMessage &message, const char *version, Failure &why);

/* Why a template that its account does not have may not be sent: the languages that there are. */
void describe_unknown_template(const NewMessage &message, Failure &why);

/* The text of a message as its recipient reads it, or HTML; in the caller's SPI memory. Raises when
 * the template is not known, or the message does not match it. */
const char *render_message(const NewMessage &message, bool html);

/* The name and the language in which the message is to be sent: for an alias the newest version
 * that is approved; with language_fallback, es where there is no es_MX. In the memory of
 * the call; unchanged where nothing is known. In a transaction, without SPI. */
void resolve_template(NewMessage &message, bool language_fallback);

} // namespace whatsapp::pg
