/*
 * contents.cpp: the content of a message by its type.
 *
 * Templates and text are checked in full. Of the other types the sandbox checks that the content
 * object is there, and that media name exactly one source, and shows a short form of them.
 */
#include "contents.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "fill.hpp"
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

std::optional<Error>
read_text(const json &content, Message &message)
{
	message.text = string_at(content, "body");
	if (message.text.empty())
		return Error{100, {}, "(#100) The parameter text['body'] is required."};
	if (characters(message.text) > 4096)
		return Error{100, {}, "(#100) Param text['body'] must be at most 4096 characters long."};
	return std::nullopt;
}

std::optional<Error>
read_media(const json &content, Message &message)
{
	const bool by_id = !string_at(content, "id").empty();
	const bool by_link = !string_at(content, "link").empty();
	if (by_id == by_link)
		return Error{
		    100, {}, "(#100) Param " + message.type + " must have exactly one of id and link."};
	const std::string caption = string_at(content, "caption");
	if (characters(caption) > 1024)
		return Error{100,
		             {},
		             "(#100) Param " + message.type +
		                 "['caption'] must be at most 1024 characters long."};
	message.text = "[" + message.type + "]" + (caption.empty() ? "" : " " + caption);
	return std::nullopt;
}

std::optional<Error>
read_interactive(const json &content, Message &message)
{
	if (string_at(content, "type").empty())
		return Error{100, {}, "(#100) The parameter interactive['type'] is required."};
	if (!content.contains("action") || !content["action"].is_object())
		return Error{131008, "Parameter 'action' is mandatory for type 'interactive'"};
	message.text = content.contains("body") ? string_at(content["body"], "text") : std::string();
	if (message.text.empty())
		message.text = "[" + string_at(content, "type") + "]";
	if (characters(message.text) > 4096)
		return Error{131009, "Message body length is invalid"};
	return std::nullopt;
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
	std::optional<Error> error;
	if (message.type == "text")
		error = read_text(*content, message);
	else if (message.type == "interactive")
		error = read_interactive(*content, message);
	else if (message.type == "location")
		message.text = "[location] " + string_at(*content, "name");
	else if (message.type == "reaction")
		message.text = "[reaction] " + string_at(*content, "emoji");
	else if (message.type == "contacts")
		message.text = "[contacts]";
	else
		error = read_media(*content, message);
	if (error)
		return error;
	if (!window_is_open(box, message))
		return Error{131047};
	return std::nullopt;
}

} // namespace sandbox
