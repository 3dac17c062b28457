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
class Columns
{
public:
	void
	text(const char *column, const json *value)
	{
		std::string found = text_of(value);
		if (!found.empty())
			row_.emplace(column, std::move(found));
	}
	void
	flag(const char *column, const json *value)
	{
		if (value != nullptr && value->is_boolean())
			row_.emplace(column, value->get<bool>());
	}
	/* A degree of latitude (limit 90) or longitude; some clients send it as text. */
	void
	degrees(const char *column, const json *value, double limit)
	{
		if (value != nullptr && value->is_number() && std::abs(value->get<double>()) <= limit)
			row_.emplace(column, value->get<double>());
	}
	void
	tree(const char *column, const json *value)
	{
		if (value != nullptr && !value->is_null())
			row_.emplace(column, *value);
	}
	void
	set(const char *column, bool value)
	{
		row_.emplace(column, value);
	}
	void
	set(const char *column, const char *value)
	{
		row_.emplace(column, value);
	}
	std::string
	print() const
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
read_media(Columns &row, const json &media)
{
	row.text("media_id", member(media, "id"));
	row.text("mime_type", member(media, "mime_type"));
	row.text("sha256", member(media, "sha256"));
	row.text("caption", member(media, "caption"));
	row.text("filename", member(media, "filename"));
	row.flag("voice", member(media, "voice"));
}

void
read_location(Columns &row, const json &location)
{
	row.degrees("latitude", member(location, "latitude"), 90);
	row.degrees("longitude", member(location, "longitude"), 180);
	row.text("place_name", member(location, "name"));
	row.text("place_address", member(location, "address"));
}

void
read_interactive(Columns &row, const json &interactive)
{
	static constexpr const char *kinds[] = {"button_reply", "list_reply", "nfm_reply",
	                                        "call_permission_reply"};
	for (const char *kind : kinds) {
		const json *reply = member(interactive, kind);
		if (reply == nullptr)
			continue;
		row.set("reply_kind", kind);
		row.text("reply_id", member(*reply, "id"));
		row.text("reply_id", member(*reply, "name"));
		row.text("reply_id", member(*reply, "response"));
		row.text("text", member(*reply, "title"));
		row.text("text", member(*reply, "body"));
		row.text("reply_description", member(*reply, "description"));
		row.text("reply_data", member(*reply, "response_json"));
		return;
	}
	row.text("reply_kind", member(interactive, "type"));
}

/* A quick reply of a template. */
void
read_button(Columns &row, const json &button)
{
	row.set("reply_kind", "button");
	row.text("reply_id", member(button, "payload"));
	row.text("text", member(button, "text"));
}

void
read_system(Columns &row, const json &system)
{
	row.text("text", member(system, "body"));
	row.text("reply_kind", member(system, "type"));
	row.text("new_wa_id", member(system, "wa_id"));
	row.text("new_wa_id", member(system, "new_wa_id"));
	row.text("new_user_id", member(system, "user_id"));
	row.text("previous_user_id", member(system, "previous_user_id"));
}

void
read_revoke(Columns &row, const json &revoke)
{
	row.text("target_wamid", member(revoke, "original_message_id"));
}

/* The message as it is now: a text, or media whose caption was changed. */
void
read_edit(Columns &row, const json &edit)
{
	row.text("target_wamid", member(edit, "original_message_id"));
	const json *message = member(edit, "message");
	if (message == nullptr)
		return;
	row.text("text", path(*message, "text", "body"));
	for (const char *kind : {"image", "video", "audio", "document", "sticker"})
		if (const json *media = member(*message, kind))
			read_media(row, *media);
}

void
read_text(Columns &row, const json &text)
{
	row.text("text", member(text, "body"));
}

void
read_reaction(Columns &row, const json &reaction)
{
	row.text("target_wamid", member(reaction, "message_id"));
	row.text("emoji", member(reaction, "emoji"));
}

void
read_order(Columns &row, const json &order)
{
	row.text("text", member(order, "text"));
	row.tree("order_items", &order);
}

void
read_contacts(Columns &row, const json &contacts)
{
	row.tree("contacts", &contacts);
}

struct Reader {
	const char *name;
	void (*read)(Columns &, const json &);
};

constexpr Reader readers[] = {
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
read_context(Columns &row, const json &context)
{
	row.text("context_wamid", member(context, "id"));
	row.text("context_from", member(context, "from"));
	const json *often = member(context, "frequently_forwarded");
	row.flag("forwarded", often != nullptr ? often : member(context, "forwarded"));
}

void
read_contact(Columns &row, const json &contact)
{
	row.text("from_wa_id", member(contact, "wa_id"));
	row.text("from_user_id", member(contact, "user_id"));
	row.text("profile_name", path(contact, "profile", "name"));
	row.text("username", path(contact, "profile", "username"));
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
	Columns row;
	json item;
	json person;

	if (parse_bounded(message, item) != JsonProblem::none || !item.is_object())
		return "{}";
	std::string type = text_of(member(item, "type"));
	row.text("message_type", member(item, "type"));
	row.text("from_wa_id", member(item, "from"));
	row.text("from_user_id", member(item, "from_user_id"));
	row.text("group_id", member(item, "group_id"));
	row.set("opens_window", opens_window(type, item));
	for (const Reader &reader : readers)
		if (type == reader.name)
			if (const json *content = member(item, reader.name))
				reader.read(row, *content);
	if (const json *context = member(item, "context"))
		read_context(row, *context);
	row.tree("referral", member(item, "referral"));
	row.tree("errors", member(item, "errors"));
	if (!contact.empty() && parse_bounded(contact, person) == JsonProblem::none)
		read_contact(row, person);
	return row.print();
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
