/*
 * refused_message.cpp — a message that cannot be sent is a row all the same, FAILED from its
 * beginning.
 */
#include <cstdint>

#include "core/message/limits.hpp"
#include "core/base/ascii.hpp"
#include "pg/changes/status_changes.hpp"
#include "pg/counts/day_counts.hpp"
#include "pg/enqueue/code_messages.hpp"
#include "pg/enqueue/message_values.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/server/boundary.hpp"

extern "C" {
#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* the limit of the column */
constexpr std::size_t max_template_name_bytes = 512;

/* A value of a watched row may have any length; a row of ours has limits. */
const char *
clipped_text(const char *text, std::size_t most)
{
	if (text == nullptr || strlen(text) <= most)
		return text;
	return pnstrdup(text, static_cast<Size>(pg_mbcliplen(text, static_cast<int>(strlen(text)),
	                                                     static_cast<int>(most))));
}

/* A detail that follows a colon loses its capital, unless its first word has another one: an
 * acronym or a name. */
void
continue_sentence(char *text)
{
	for (const char *at = text + 1; is_letter(*at); at++)
		if (is_upper(*at))
			return;
	text[0] = to_lower(text[0]);
}

} // namespace

std::int64_t
record_refused(const NewMessage &refused, const Failure &why)
{
	NewMessage message = refused;
	message.sender = clipped_text(refused.sender, limits::sender.bytes);
	message.message_type = clipped_text(refused.message_type, limits::sender.bytes);
	message.template_name = clipped_text(refused.template_name, max_template_name_bytes);
	if (message.payload != nullptr && strlen(message.payload) > max_payload_bytes)
		message.payload = nullptr;
	message.recipient_phone = clipped_text(refused.recipient_phone, limits::phone.bytes);
	message.template_language = clipped_text(refused.template_language, limits::sender.bytes);
	message.reference = clipped_text(refused.reference, limits::reference.bytes);
#define INSERT_REFUSED(role_column, role)                                                                               \
	"INSERT INTO @s@.whatsapp_messages (sender, recipient_phone, message_type, template_name,"                          \
	" template_language, payload, reference, status, failed_at, error_message, hint, campaign_id, priority" role_column \
	") VALUES ($1, $2, $3, $4, $5, $6::json, $7, 'FAILED', now(), $8, $9, $10, $11" role                                \
	") RETURNING id"
#define REFUSED_TYPES                                                                         \
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT8OID, \
	    INT2OID
	static Statement insert_refused[] = {
	    {INSERT_REFUSED("", ""), 11, {REFUSED_TYPES}, true},
	    {INSERT_REFUSED(", enqueued_by", ", $12"), 12, {REFUSED_TYPES, TEXTOID}, true}};
	Values values;
	set_message_values(values, message);
	char *text = pstrdup(why.message);
	if (why.detail[0] != '\0') {
		text = psprintf("%s: %s", why.message, why.detail);
		continue_sentence(text + strlen(why.message) + 2);
	}
	values.set_text(7, text);
	values.set_text(8, why.hint[0] == '\0' ? nullptr : why.hint);
	if (message.campaign_id != 0)
		values.set(9, Int64GetDatum(message.campaign_id));
	values.set(10, Int16GetDatum(static_cast<int16>(message.priority)));
	values.set_text(11, message.enqueued_by);
	const std::int64_t id =
	    stored_id(run_statement(insert_refused[is_of_other_role(message)], values));
	CountedMessage counted = {};
	counted.sender = message.sender;
	counted.template_name = message.template_name;
	counted.status = "FAILED";
	counted.campaign_id = message.campaign_id;
	counted.failed_at = GetCurrentTransactionStartTimestamp();
	count_refused(counted);
	note_refused(id, message.sender);
	if (message.payload != nullptr && (message.has_code || is_code_template(message)))
		note_code_message(id);
	return id;
}

} // namespace whatsapp::pg
