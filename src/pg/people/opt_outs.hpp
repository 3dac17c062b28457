/*
 * opt_outs.hpp — who wants no messages: told by keywords, by Meta, or by the application; asked
 * before a message is queued, and again before it leaves.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* The code with which Meta says that the recipient has stopped marketing messages. */
inline constexpr std::int64_t marketing_stopped_code = 131050;

/* SQL: true for a message m of @s@.whatsapp_messages whose recipient has opted out of such
 * messages. One look into a unique index per message; m needs recipient_phone, sender,
 * template_name and template_language. */
#define RECIPIENT_OPTED_OUT                                                                                  \
	"EXISTS (SELECT FROM @s@.whatsapp_opt_outs AS o WHERE o.contact = @s@.wa_contact_key(m.recipient_phone)" \
	" AND o.opted_out AND (o.sender IS NULL OR o.sender = m.sender)"                                         \
	" AND (o.scope = 'all' OR EXISTS (SELECT FROM @s@.whatsapp_templates AS t"                               \
	"  WHERE t.name = m.template_name AND t.language = m.template_language AND t.category = 'MARKETING'"     \
	"  AND t.account IS NOT DISTINCT FROM (SELECT s.account FROM @s@.whatsapp_senders AS s WHERE s.name = m.sender))))"

struct Choice {
	const char *contact; /* see contact_key() */
	const char *sender;  /* NULL: all senders */
	bool marketing_only;
	bool opted_out;
	std::int64_t at; /* TimestampTz */
	const char *source;
	const char *reason;
};

/* In a transaction, with SPI connected. The latest choice counts, whatever the order in which they
 * come to be known; of two at the same time, the one that opts out. */
void record_choice(const Choice &choice);

/* Meta refused this message with marketing_stopped_code, by answer or by webhook: records the
 * opt-out of its recipient at the time at which Meta said so. In a transaction, with SPI connected.
 */
void note_marketing_stopped(std::int64_t message_id, std::int64_t at);

/* Acts upon an inbound text or button whose keyword_key() is that of a row of
 * whatsapp_opt_out_keywords. contacts are the keys under which the person is known, NULL where
 * there is none. */
void heed_keyword(const char *text, const char *const (&contacts)[2], const char *sender,
                  std::int64_t at);

/* A choice that the application tells, made now. sender NULL: for all senders. True when it changed
 * something. */
bool opt_out(const char *contact, const char *sender, bool marketing_only, const char *reason);
bool opt_in(const char *contact, const char *sender);

/* contact_key() in the server's memory; NULL for NULL and empty. */
const char *contact_of(const char *phone);

/* False as long as nobody ever opted out: a cheap look. */
bool any_opt_outs();

} // namespace whatsapp::pg
