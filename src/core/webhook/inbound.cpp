/*
 * inbound.cpp — where each type of message keeps what people look for.
 */
#include "core/webhook/inbound.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/ascii.hpp"
#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* Writes a column when the source has something for it; the first one wins. */
class InboundColumns
{
public:
	void
	set_text(const char *column, const json *value)
	{
		std::string found = text_of(value);
		if (!found.empty())
			row_.emplace(column, std::move(found));
	}
	void
	set_flag(const char *column, const json *value)
	{
		if (value != nullptr && value->is_boolean())
			row_.emplace(column, value->get<bool>());
	}
	/* Degrees of latitude (limit 90) or longitude (180). A number that came as text is left out. */
	void
	set_degrees(const char *column, const json *value, double limit)
	{
		if (value != nullptr && value->is_number() && std::abs(value->get<double>()) <= limit)
			row_.emplace(column, value->get<double>());
	}
	void
	set_tree(const char *column, const json *value)
	{
		if (value != nullptr && !value->is_null())
			row_.emplace(column, *value);
	}
	void
	set_value(const char *column, bool value)
	{
		row_.emplace(column, value);
	}
	void
	set_value(const char *column, const char *value)
	{
		row_.emplace(column, value);
	}
	std::string
	to_text() const
	{
		return to_jsonb_text(row_);
	}

private:
	json row_ = json::object();
};

const json *
path(const json &tree, const char *first, const char *second)
{
	const json *inner = member(tree, first);
	return inner == nullptr ? nullptr : member(*inner, second);
}

void
read_media(InboundColumns &row, const json &media)
{
	row.set_text("media_id", member(media, "id"));
	row.set_text("mime_type", member(media, "mime_type"));
	row.set_text("sha256", member(media, "sha256"));
	row.set_text("caption", member(media, "caption"));
	row.set_text("filename", member(media, "filename"));
	row.set_flag("voice", member(media, "voice"));
}

void
read_location(InboundColumns &row, const json &location)
{
	row.set_degrees("latitude", member(location, "latitude"), 90);
	row.set_degrees("longitude", member(location, "longitude"), 180);
	row.set_text("place_name", member(location, "name"));
	row.set_text("place_address", member(location, "address"));
}

void
read_interactive(InboundColumns &row, const json &interactive)
{
	static constexpr const char *kinds[] = {"button_reply", "list_reply", "nfm_reply",
	                                        "call_permission_reply"};
	for (const char *kind : kinds) {
		const json *reply = member(interactive, kind);
		if (reply == nullptr)
			continue;
		row.set_value("reply_kind", kind);
		row.set_text("reply_id", member(*reply, "id"));
		row.set_text("reply_id", member(*reply, "name"));
		row.set_text("reply_id", member(*reply, "response"));
		row.set_text("text", member(*reply, "title"));
		row.set_text("text", member(*reply, "body"));
		row.set_text("reply_description", member(*reply, "description"));
		row.set_text("reply_data", member(*reply, "response_json"));
		return;
	}
	row.set_text("reply_kind", member(interactive, "type"));
}

/* A quick reply of a template. */
void
read_button(InboundColumns &row, const json &button)
{
	row.set_value("reply_kind", "button");
	row.set_text("reply_id", member(button, "payload"));
	row.set_text("text", member(button, "text"));
}

void
read_system(InboundColumns &row, const json &system)
{
	row.set_text("text", member(system, "body"));
	row.set_text("reply_kind", member(system, "type"));
	row.set_text("new_wa_id", member(system, "wa_id"));
	row.set_text("new_wa_id", member(system, "new_wa_id"));
	row.set_text("new_user_id", member(system, "user_id"));
	row.set_text("previous_user_id", member(system, "previous_user_id"));
}

void
read_revoke(InboundColumns &row, const json &revoke)
{
	row.set_text("target_wamid", member(revoke, "original_message_id"));
}

/* The message as it is now: a text, or media whose caption was changed. */
void
read_edit(InboundColumns &row, const json &edit)
{
	row.set_text("target_wamid", member(edit, "original_message_id"));
	const json *message = member(edit, "message");
	if (message == nullptr)
		return;
	row.set_text("text", path(*message, "text", "body"));
	for (const char *kind : {"image", "video", "audio", "document", "sticker"})
		if (const json *media = member(*message, kind))
			read_media(row, *media);
}

void
read_text(InboundColumns &row, const json &text)
{
	row.set_text("text", member(text, "body"));
}

void
read_reaction(InboundColumns &row, const json &reaction)
{
	row.set_text("target_wamid", member(reaction, "message_id"));
	row.set_text("emoji", member(reaction, "emoji"));
}

void
read_order(InboundColumns &row, const json &order)
{
	row.set_text("text", member(order, "text"));
	row.set_tree("order_items", &order);
}

void
read_contacts(InboundColumns &row, const json &contacts)
{
	row.set_tree("contacts", &contacts);
}

struct TypeReader {
	const char *name;
	void (*read)(InboundColumns &, const json &);
};

constexpr TypeReader type_readers[] = {
    {"text", read_text},         {"image", read_media},       {"video", read_media},
    {"audio", read_media},       {"document", read_media},    {"sticker", read_media},
    {"location", read_location}, {"contacts", read_contacts}, {"reaction", read_reaction},
    {"button", read_button},     {"order", read_order},       {"interactive", read_interactive},
    {"system", read_system},     {"edit", read_edit},         {"revoke", read_revoke},
};

/* What the platform itself says in a user's name, or takes back, is no message of the user's. */
bool
opens_window(const std::string &type, const json &message)
{
	static constexpr const char *silent[] = {"system", "edit", "revoke", "request_welcome"};
	return member(message, "group_id") == nullptr &&
	       std::none_of(std::begin(silent), std::end(silent),
	                    [&](const char *name) { return type == name; });
}

void
read_context(InboundColumns &row, const json &context)
{
	row.set_text("context_wamid", member(context, "id"));
	row.set_text("context_from", member(context, "from"));
	const json *often = member(context, "frequently_forwarded");
	row.set_flag("forwarded", often != nullptr ? often : member(context, "forwarded"));
}

void
read_contact(InboundColumns &row, const json &contact)
{
	row.set_text("from_wa_id", member(contact, "wa_id"));
	row.set_text("from_user_id", member(contact, "user_id"));
	row.set_text("profile_name", path(contact, "profile", "name"));
	row.set_text("username", path(contact, "profile", "username"));
}

bool
all_digits(std::string_view text) noexcept
{
	return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

} // namespace

std::string
inbound_columns(std::string_view message, std::string_view contact)
{
	InboundColumns row;
	json item;
	json person;

	if (parse_bounded(message, item) != JsonProblem::none || !item.is_object())
		return "{}";
	std::string type = text_of(member(item, "type"));
	row.set_text("message_type", member(item, "type"));
	row.set_text("from_wa_id", member(item, "from"));
	row.set_text("from_user_id", member(item, "from_user_id"));
	row.set_text("group_id", member(item, "group_id"));
	row.set_value("opens_window", opens_window(type, item));
	for (const TypeReader &reader : type_readers)
		if (type == reader.name)
			if (const json *content = member(item, reader.name))
				reader.read(row, *content);
	if (const json *context = member(item, "context"))
		read_context(row, *context);
	row.set_tree("referral", member(item, "referral"));
	row.set_tree("errors", member(item, "errors"));
	if (!contact.empty() && parse_bounded(contact, person) == JsonProblem::none)
		read_contact(row, person);
	return row.to_text();
}

std::string
contact_key(std::string_view phone)
{
	std::string_view digits = phone;
	if (!digits.empty() && digits[0] == '+')
		digits.remove_prefix(1);
	if (!all_digits(digits))
		return std::string(phone);

	/* mobile numbers; the added digit, and where it stands */
	struct Extra {
		std::string_view country;
		std::size_t length;
		std::size_t at;
		char digit;
	};
	static constexpr Extra extras[] = {{"55", 13, 4, '9'}, {"52", 13, 2, '1'}, {"54", 13, 2, '9'}};
	std::string key(digits);
	for (const Extra &extra : extras)
		if (digits.substr(0, 2) == extra.country && digits.size() == extra.length &&
		    digits[extra.at] == extra.digit) {
			key.erase(extra.at, 1);
			break;
		}
	return key;
}

} // namespace whatsapp
