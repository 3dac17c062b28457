/*
 * free_form.cpp — text, media, location and reaction, and the way from a type's name to its rules.
 */
#include "core/message/free_form.hpp"

#include <cmath>

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/message/content.hpp"
#include "core/message/content_types.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_filename_characters = 240;
constexpr std::size_t max_place_characters = 1000; /* Meta publishes none */
constexpr std::size_t max_media_id = 64;
/* the longest emoji in use, a family with skin tones, has 11 code points */
constexpr std::size_t max_emoji_characters = 16;

const ContentRule content_rules[] = {
    {"text", check_text_content},         {"image", check_image_content},
    {"video", check_video_content},       {"audio", check_audio_content},
    {"document", check_document_content}, {"sticker", check_sticker_content},
    {"location", check_location_content}, {"contacts", check_contacts_content},
    {"reaction", check_reaction_content}, {"interactive", check_interactive_content},
    {"template", check_template_content},
};

const ContentRule &
find_content_rule(std::string_view type)
{
	std::string names;
	for (const ContentRule &rule : content_rules) {
		if (type == rule.type)
			return rule;
		names += (names.empty() ? "" : ", ") + std::string(rule.type);
	}
	refuse_content("message type " + quote_name(type) + " does not exist",
	               "The types are " + names + ".");
}

void
check_media(const ContentNode &media, bool captioned, bool named)
{
	std::vector<const char *> members = {"id", "link"};
	if (captioned)
		members.push_back("caption");
	if (named)
		members.push_back("filename");
	if (media.path() == "audio")
		members.push_back("voice");
	media.expect_members(members);
	const std::optional<ContentNode> id = media.optional_member("id");
	const std::optional<ContentNode> link = media.optional_member("link");
	if (id.has_value() == link.has_value())
		refuse_content(media.path() + " needs either an id or a link",
		               id ? "It has both." : "It has neither.",
		               "Give the id of an upload, or a link that Meta can fetch.");
	if (id)
		(void)id->required_id(max_media_id);
	if (link)
		check_content_link(link->path(), link->required_text(max_text_characters), true);
	if (const auto caption = media.optional_member("caption"))
		(void)caption->required_text(max_caption_characters);
	if (const auto filename = media.optional_member("filename"))
		(void)filename->required_text(max_filename_characters);
	if (const auto voice = media.optional_member("voice"); voice && !voice->value().is_boolean())
		refuse_content(voice->path() + " is not a boolean", "It is true for a voice message.");
}

double
read_degrees(const ContentNode &location, const char *name, double limit)
{
	const ContentNode node = location.required_member(name);
	double degrees = NAN;
	if (node.value().is_number()) {
		degrees = node.value().get<double>();
	} else if (node.is_string()) {
		const json number = read_content(node.path(), node.value().get<std::string>());
		if (number.is_number())
			degrees = number.get<double>();
	}
	if (!(degrees >= -limit && degrees <= limit))
		refuse_content(node.path() + " is out of range",
		               "It must be a number of degrees from " +
		                   std::to_string(-static_cast<int>(limit)) + " to " +
		                   std::to_string(static_cast<int>(limit)) + ".");
	return degrees;
}

std::string
print_payload(const char *type, const json &content, std::string_view reply_to)
{
	json payload = {{"type", type}, {type, content}};
	if (!reply_to.empty()) {
		check_wamid("reply_to", reply_to);
		payload["context"] = {{"message_id", reply_to}};
	}
	return to_jsonb_text(payload);
}

std::string
check_and_print(const char *type, const json &content, std::string_view reply_to)
{
	find_content_rule(type).check(ContentNode(content, type));
	return print_payload(type, content, reply_to);
}

/* A text of the caller may not be UTF-8. It is checked before it goes into the tree: printing
 * replaces bad bytes without a word. */
void
add_text(json &object, const char *type, const char *name, std::string_view text, std::size_t limit)
{
	if (text.empty())
		return;
	check_content_text(std::string(type) + "." + name, text, limit);
	object[name] = text;
}

} // namespace

void
check_text_content(const ContentNode &text)
{
	text.expect_members({"body", "preview_url"});
	(void)text.required_member("body").required_text(max_text_characters);
	const auto preview = text.optional_member("preview_url");
	if (preview && !preview->value().is_boolean())
		refuse_content(preview->path() + " is not a boolean", "It is true or false.");
}

void
check_image_content(const ContentNode &image)
{
	check_media(image, true, false);
}

void
check_video_content(const ContentNode &video)
{
	check_media(video, true, false);
}

void
check_audio_content(const ContentNode &audio)
{
	check_media(audio, false, false);
}

void
check_document_content(const ContentNode &document)
{
	check_media(document, true, true);
}

void
check_sticker_content(const ContentNode &sticker)
{
	check_media(sticker, false, false);
}

void
check_location_content(const ContentNode &location)
{
	location.expect_members({"latitude", "longitude", "name", "address"});
	read_degrees(location, "latitude", 90);
	read_degrees(location, "longitude", 180);
	for (const char *name : {"name", "address"})
		if (const auto text = location.optional_member(name))
			(void)text->required_text(max_place_characters);
}

void
check_reaction_content(const ContentNode &reaction)
{
	reaction.expect_members({"message_id", "emoji"});
	check_wamid(reaction.path() + ".message_id",
	            reaction.required_member("message_id").required_text(max_text_characters));
	const ContentNode emoji = reaction.required_member("emoji");
	if (emoji.value() != "")
		(void)emoji.required_text(max_emoji_characters);
}

std::string
text_payload(const TextMessage &message, std::string_view reply_to)
{
	check_content_text("text.body", message.body, max_text_characters);
	json text = {{"body", message.body}};
	if (message.preview_url)
		text["preview_url"] = true;
	return check_and_print("text", text, reply_to);
}

std::string
media_payload(const MediaMessage &message, std::string_view reply_to)
{
	static constexpr std::string_view kinds[] = {"image", "video", "audio", "document", "sticker"};
	const std::string type(message.kind);
	bool known = false;
	for (std::string_view kind : kinds)
		known = known || kind == message.kind;
	if (!known)
		refuse_content("media type " + quote_name(message.kind) + " does not exist",
		               "The types are image, video, audio, document and sticker.");
	json media = json::object();
	add_text(media, type.c_str(), "id", message.id, max_media_id);
	add_text(media, type.c_str(), "link", message.link, max_text_characters);
	add_text(media, type.c_str(), "caption", message.caption, max_caption_characters);
	add_text(media, type.c_str(), "filename", message.filename, max_filename_characters);
	if (message.voice)
		media["voice"] = true;
	return check_and_print(type.c_str(), media, reply_to);
}

std::string
location_payload(const LocationMessage &message, std::string_view reply_to)
{
	if (!std::isfinite(message.latitude) || !std::isfinite(message.longitude))
		refuse_content("location is not finite", "Latitude and longitude are numbers of degrees.");
	json location = {{"latitude", message.latitude}, {"longitude", message.longitude}};
	add_text(location, "location", "name", message.name, max_place_characters);
	add_text(location, "location", "address", message.address, max_place_characters);
	return check_and_print("location", location, reply_to);
}

std::string
reaction_payload(const ReactionMessage &message)
{
	check_wamid("reaction.message_id", message.wamid);
	if (!message.emoji.empty())
		check_content_text("reaction.emoji", message.emoji, max_emoji_characters);
	return check_and_print("reaction", {{"message_id", message.wamid}, {"emoji", message.emoji}},
	                       {});
}

std::string
contacts_payload(std::string_view contacts, std::string_view reply_to)
{
	return check_and_print("contacts", read_content("contacts", contacts), reply_to);
}

std::string
interactive_payload(std::string_view interactive, std::string_view reply_to)
{
	return check_and_print("interactive", read_content("interactive", interactive), reply_to);
}

ContentPayload
content_payload(std::string_view type, std::string_view content, std::string_view reply_to)
{
	const ContentRule &rule = find_content_rule(type);
	if (type == "reaction" && !reply_to.empty())
		refuse_content("a reaction cannot be a reply",
		               "It names its message itself, as reaction.message_id.");
	const json tree = read_content(rule.type, content);
	ContentPayload made = {check_and_print(rule.type, tree, reply_to), {}, {}, {}};
	if (type == "reaction")
		made.reaction_wamid = tree["message_id"].get<std::string>();
	if (type == "template") {
		made.template_name = tree["name"].get<std::string>();
		made.template_language = tree["language"]["code"].get<std::string>();
	}
	return made;
}

} // namespace whatsapp
