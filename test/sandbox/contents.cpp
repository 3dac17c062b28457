/*
 * contents.cpp: the content of a message by its type.
 */
#include "contents.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "fill.hpp"
#include "message_review.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const std::array<const char *, 11> types = {"text",     "template", "image",      "audio",
                                            "video",    "document", "sticker",    "location",
                                            "contacts", "reaction", "interactive"};

bool
window_is_open(const Sandbox &box, const Message &message)
{
	const auto open = [&](const std::string &key) {
		const auto found = box.windows.find(key);
		return found != box.windows.end() && found->second > message.received_us;
	};
	return open("*") || open(message.by_user_id ? message.recipient : digits(message.recipient));
}

/* What the phone shows, in short. */
std::string
shown_text(const std::string &type, const json &content)
{
	if (type == "text")
		return string_at(content, "body");
	if (type == "location")
		return "[location] " + string_at(content, "name");
	if (type == "reaction")
		return "[reaction] " + string_at(content, "emoji");
	if (type == "contacts")
		return "[contacts]";
	if (type == "interactive") {
		const std::string body =
		    content.contains("body") ? string_at(content["body"], "text") : std::string();
		return body.empty() ? "[" + string_at(content, "type") + "]" : body;
	}
	const std::string caption = string_at(content, "caption");
	return "[" + type + "]" + (caption.empty() ? "" : " " + caption);
}

} // namespace

std::optional<Error>
read_content(const Sandbox &box, const json &body, int version, Message &message)
{
	const std::string type = lower(string_at(body, "type"));
	message.type = type.empty() ? "text" : type;
	if (std::find(types.begin(), types.end(), message.type) == types.end())
		return Error{100,
		             {},
		             "(#100) Param type must be one of {AUDIO, CONTACTS, DOCUMENT, IMAGE, "
		             "INTERACTIVE, LOCATION, "
		             "REACTION, STICKER, TEMPLATE, TEXT, VIDEO} - got \"" +
		                 message.type + "\"."};
	const auto content = body.find(message.type);
	if (content == body.end())
		return Error{131008, "Parameter '" + message.type + "' is mandatory for type '" +
		                         message.type + "'"};
	if (!content->is_object() && message.type != "contacts")
		return Error{100, {}, "(#100) Param " + message.type + " must be a JSON object."};
	if (message.type == "template")
		return fill_template(box.templates, *content, version, message);

	message.category = "service";
	if (auto error = review_message(message.type, *content))
		return error;
	message.text = shown_text(message.type, *content);
	if (message.type == "reaction" && body.contains("context"))
		return Error{131009, "A reaction cannot be a reply"};
	if (!window_is_open(box, message))
		return Error{131047};
	return std::nullopt;
}

} // namespace sandbox
