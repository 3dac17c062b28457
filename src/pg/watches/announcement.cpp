/*
 * announcement.cpp — from values to a message, or to the reason why there can be none.
 */
#include "pg/watches/announcement.hpp"

#include <string>
#include <vector>

#include "core/base/fault.hpp"
#include "core/message/fallback.hpp"
#include "core/message/free_form.hpp"
#include "core/message/limits.hpp"
#include "core/message/message.hpp"
#include "core/message/template.hpp"
#include "core/turn/lineup.hpp"
#include "core/value/recipient.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/send_window.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/text_compare.hpp"
#include "pg/watches/watch_query.hpp"

extern "C" {
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "access/xact.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* The limit that send_at has in the sending functions, too. */
constexpr TimestampTz end_of_time = INT64CONST(252455616000) * USECS_PER_SEC;

void
refuse_announcement(Announcement &announcement, int sqlstate, const char *message, const char *hint)
{
	auto *why = static_cast<Failure *>(palloc(sizeof(Failure)));
	why->sqlstate = sqlstate;
	strlcpy(why->message, message, sizeof why->message);
	why->detail[0] = '\0';
	strlcpy(why->hint, hint, sizeof why->hint);
	announcement.refused = why;
}

Failure *
kept_failure(const Failure &why)
{
	auto *copy = static_cast<Failure *>(palloc(sizeof(Failure)));
	*copy = why;
	return copy;
}

bool
read_time(const char *name, const Result &rows, std::uint64_t row, int column, std::int64_t &time,
          bool &given, Announcement &announcement)
{
	given = !rows.is_null(row, column);
	if (!given)
		return true;
	time = rows.int64_at(row, column);
	if (!TIMESTAMP_NOT_FINITE(time) && time < end_of_time)
		return true;
	refuse_announcement(announcement, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
	                    psprintf("%s is out of range", name),
	                    "It must be finite, and before the year 10000.");
	return false;
}

void
read_priority(const char *name, Announcement &announcement)
{
	static const char *const names[priorities] = {"urgent", "normal", "bulk"};
	for (int i = 0; name != nullptr && i < priorities; i++)
		if (strcmp(name, names[i]) == 0) {
			announcement.message.priority = i;
			return;
		}
	if (name != nullptr)
		refuse_announcement(announcement, ERRCODE_INVALID_PARAMETER_VALUE,
		                    psprintf("priority \"%s\" does not exist", name),
		                    "The priorities are urgent, normal and bulk.");
}

std::string_view
require_value(const char *value, const char *name)
{
	if (value == nullptr)
		throw Fault(sqlstate::null_value_not_allowed, std::string(name) + " must not be null");
	return value;
}

/* The payload; false, and why, when there can be none. */
bool
make_payload(const WatchDefinition &watch, const char **parameters, NewMessage &message,
             Failure &why)
{
	/* the content is made also when the phone is wrong: wa_retry() may send it to the right
	 * number */
	const bool has_phone = try_body(why, [&] {
		check_text_limit(limits::phone, require_value(message.recipient_phone, "phone"));
		check_recipient(message.recipient_phone);
	});
	Failure other;
	const bool has_content = try_body(has_phone ? why : other, [&] {
		if (message.reference != nullptr)
			check_text_limit(limits::reference, message.reference);
		std::vector<std::string> collapsed(static_cast<std::size_t>(watch.parameter_count));
		std::vector<Parameter> texts;
		texts.reserve(collapsed.size());
		for (int i = 0; i < watch.parameter_count; i++) {
			std::string_view text =
			    require_value(parameters[i], ("parameter " + std::to_string(i + 1)).c_str());
			if (settings.parameter_whitespace == whitespace_collapse) {
				text = collapsed[static_cast<std::size_t>(i)] = collapse_white_space(text);
				if (collects_rows(watch))
					parameters[i] = cstring_out(text);
			}
			texts.push_back({text, {}});
		}
		message.payload = cstring_out(template_payload(
		    message.template_name, message.template_language, texts.data(), texts.size()));
	});
	return has_phone && has_content;
}

void
find_template(const WatchDefinition &watch, NewMessage &message, TemplateInUse &in_use)
{
	message.template_name = watch.template_name;
	if (message.template_language == nullptr)
		return;
	if (in_use.sent_name == nullptr || !is_same_text(in_use.sender, message.sender) ||
	    !is_same_text(in_use.language, message.template_language)) {
		in_use.sender = message.sender;
		in_use.language = message.template_language;
		resolve_template(message, watch.language_fallback);
		in_use.sent_name = message.template_name;
		in_use.sent_language = message.template_language;
	}
	message.template_name = in_use.sent_name;
	message.template_language = in_use.sent_language;
}

/* With a body, the message is a text for recipients whose window is open. The template, which is
 * checked by now, becomes its fallback for the others. */
void
prefer_text(const WatchDefinition &watch, const char *body, Announcement &announcement)
{
	NewMessage &message = announcement.message;
	if (watch.body == nullptr || message.payload == nullptr || body == nullptr || body[0] == '\0')
		return;
	Failure why;
	if (!try_body(why, [&] {
		    message.payload =
		        cstring_out(add_fallback(text_payload({body, false}, ""), message.payload));
	    })) {
		if (announcement.refused == nullptr)
			announcement.refused = kept_failure(why);
		return;
	}
	message.message_type = "text";
	message.template_name = nullptr;
	message.template_language = nullptr;
}

void
check_expiry(Announcement &announcement)
{
	if (announcement.message.has_expires_at &&
	    announcement.message.expires_at <= GetCurrentTransactionStartTimestamp())
		refuse_announcement(announcement, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
		                    "message would expire before it is sent",
		                    "See expires_at of the watch.");
}

/* A message whose time to live would be over already is not wanted. */
void
read_following(const WatchDefinition &watch, WatchEvent event, const Result &rows,
               std::uint64_t row, Announcement &announcement)
{
	const NewMessage &message = announcement.message;
	const TimestampTz expires =
	    message.has_expires_at
	        ? message.expires_at
	        : message.send_at + static_cast<TimestampTz>(settings.default_ttl) * USECS_PER_SEC;
	/* NULL and infinity mean never, so no message is wanted; a time that is out of range is an
	 * error */
	const bool never =
	    rows.is_null(row, watch_send_at) || TIMESTAMP_NOT_FINITE(rows.int64_at(row, watch_send_at));
	announcement.wanted =
	    !never && (!message.has_send_at || expires > GetCurrentTransactionStartTimestamp());
	if (event != WatchEvent::updated)
		return;
	const char *old_key = rows.text_at(row, watch_old_key);
	announcement.has_new_key =
	    !is_same_text(announcement_key(watch, event, old_key, old_key), message.idempotency_key) ||
	    (announcement.old_sender != nullptr &&
	     !is_same_text(announcement.old_sender, announcement.sender));
}

/* NULL for any time. */
const char *
hours_of(const WatchDefinition &watch)
{
	if (watch.send_window != nullptr)
		return strcmp(watch.send_window, always_open) == 0 ? nullptr : watch.send_window;
	return watch.send_at != nullptr || settings.send_window[0] == '\0' ? nullptr
	                                                                   : settings.send_window;
}

/* Not before the hours of the watch, or of the setting. */
void
keep_to_hours(const WatchDefinition &watch, Announcement &announcement)
{
	NewMessage &message = announcement.message;
	const char *hours = hours_of(watch);
	if (hours == nullptr || message.priority == 0)
		return;
	const TimestampTz now = GetCurrentTransactionStartTimestamp();
	const TimestampTz from = message.has_send_at ? Max(message.send_at, now) : now;
	message.send_at = next_opening(from, hours, announcement.time_zone, message.recipient_phone);
	message.has_send_at = true;
	if (announcement.latest_at != 0)
		announcement.latest_at = next_opening(announcement.latest_at, hours, announcement.time_zone,
		                                      message.recipient_phone);
	if (message.has_expires_at && message.expires_at <= message.send_at)
		refuse_announcement(announcement, ERRCODE_DATETIME_VALUE_OUT_OF_RANGE,
		                    "message would expire before it is sent",
		                    "Its hours begin later: see expires_at and send_window of the watch.");
}

/* The message waits for other rows: sets when it is to be made. */
void
read_waiting(const WatchDefinition &watch, Announcement &announcement)
{
	NewMessage &message = announcement.message;
	announcement.made_at = GetCurrentTimestamp();
	message.send_at = announcement.made_at + (watch.digest > 0 ? watch.digest : watch.debounce);
	message.has_send_at = true;
	if (watch.max_wait > 0)
		announcement.latest_at = announcement.made_at + watch.max_wait;
}

} // namespace

const char *
key_within_limit(const char *key)
{
	const std::size_t length = strlen(key);
	if (length <= limits::idempotency_key.bytes)
		return key;
	const auto *bytes = reinterpret_cast<const unsigned char *>(key);
	const uint64 one = hash_bytes_extended(bytes, static_cast<int>(length), 1);
	const uint64 other = hash_bytes_extended(bytes, static_cast<int>(length), 2);
	constexpr int kept = 200;
	/* characters of several bytes are kept whole */
	const char *head =
	    pnstrdup(key, static_cast<Size>(pg_mbcliplen(key, static_cast<int>(length), kept)));
	return psprintf("%s#%016llx%016llx", head, static_cast<unsigned long long>(one),
	                static_cast<unsigned long long>(other));
}

/* A watch announces a row once; its deletion is another announcement. */
const char *
announcement_key(const WatchDefinition &watch, WatchEvent event, const char *given,
                 const char *row_key)
{
	if (watch.idempotency_key != nullptr)
		return given == nullptr || given[0] == '\0' ? nullptr : key_within_limit(given);
	if (row_key == nullptr)
		return nullptr;
	const bool told_apart = event == WatchEvent::deleted && watch.due == nullptr;
	return key_within_limit(psprintf("%s:%s%s", watch.name, row_key, told_apart ? ":deleted" : ""));
}

const char *
word_or_value(const char *defined, const Result &rows, std::uint64_t row, int column)
{
	return defined == nullptr || is_plain_word(defined) ? defined : rows.text_at(row, column);
}

void
compose_announcement(const WatchDefinition &watch, WatchEvent event, const Result &rows,
                     std::uint64_t row, TemplateInUse &template_in_use, Announcement &announcement)
{
	announcement.message = {};
	announcement.refused = nullptr;
	announcement.wanted = true;
	announcement.has_new_key = false;
	announcement.latest_at = 0;
	NewMessage &message = announcement.message;
	announcement.row_key = rows.text_at(row, watch_row_key);
	message.recipient_phone = rows.text_at(row, watch_phone);
	message.message_type = "template";
	message.template_language = word_or_value(watch.language, rows, row, watch_language);
	message.sender = word_or_value(watch.sender, rows, row, watch_sender);
	announcement.sender = message.sender;
	announcement.old_sender = rows.text_at(row, watch_old_sender);
	find_template(watch, message, template_in_use);
	message.reference =
	    watch.reference == nullptr ? announcement.row_key : rows.text_at(row, watch_reference);
	message.idempotency_key = announcement_key(
	    watch, event, rows.text_at(row, watch_idempotency_key), announcement.row_key);
	message.first_of_key_stands = true;
	/* the name that the owner had when the watch was made: keys are compared with it, and a row
	 * that was announced must count as announced after the role is renamed */
	message.enqueued_by = watch.owner;
	const auto **parameters = static_cast<const char **>(
	    palloc(sizeof(char *) * static_cast<Size>(watch.parameter_count + 1)));
	for (int i = 0; i < watch.parameter_count; i++)
		parameters[i] = rows.text_at(row, watch_first_parameter + i);
	announcement.parameters = parameters;
	announcement.time_zone = has_zone_expression(watch)
	                             ? rows.text_at(row, watch_first_parameter + watch.parameter_count)
	                             : watch.time_zone;

	bool sends_later = false;
	Failure why;
	if (!make_payload(watch, parameters, message, why))
		announcement.refused = kept_failure(why);
	if (message.sender == nullptr || !sender_exists(message.sender)) {
		refuse_announcement(
		    announcement, ERRCODE_UNDEFINED_OBJECT,
		    psprintf("sender \"%s\" does not exist",
		             message.sender == nullptr ? "" : message.sender),
		    "Add it to whatsapp_senders, or make the watch anew with one that exists.");
		message.sender = default_sender;
	} else if (!has_sender_right(owner_of_watch(watch), may_send_for, message.sender)) {
		refuse_announcement(
		    announcement, ERRCODE_INSUFFICIENT_PRIVILEGE,
		    psprintf("owner of the watch may not send for sender \"%s\"", message.sender),
		    "wa_grant() gives the right, see whatsapp_grants.");
		/* it becomes a FAILED message of the default sender, without a payload: nothing may be
		 * written among the rows of a sender that is not theirs, nor be sent by wa_retry() */
		message.sender = default_sender;
		message.payload = nullptr;
	}
	if (read_time(watch.due == nullptr ? "send_at" : "due", rows, row, watch_send_at,
	              message.send_at, sends_later, announcement))
		message.has_send_at = sends_later;
	bool expires = false;
	if (read_time("expires_at", rows, row, watch_expires_at, message.expires_at, expires,
	              announcement))
		message.has_expires_at = expires;
	read_priority(word_or_value(watch.priority, rows, row, watch_priority), announcement);
	if (collects_rows(watch))
		read_waiting(watch, announcement);
	if (watch.due == nullptr)
		check_expiry(announcement);
	else
		read_following(watch, event, rows, row, announcement);
	if (announcement.refused == nullptr && announcement.wanted)
		keep_to_hours(watch, announcement);
	if (announcement.refused == nullptr && !may_send(message, why))
		announcement.refused = kept_failure(why);
	prefer_text(watch, rows.text_at(row, watch_body), announcement);
}

} // namespace whatsapp::pg
