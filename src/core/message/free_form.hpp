/*
 * free_form.hpp — messages without a template: their content, its limits, and the payload that is
 * kept in whatsapp_messages.payload. They need an open 24-hour window.
 *
 * Each function returns {"type":…,"<type>":{…}}, with "context" when the message replies to
 * another. Faults as in content.hpp. The limits are Meta's (Cloud API reference, "Messages").
 */
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whatsapp
{

inline constexpr std::size_t max_text_characters = 4096;
inline constexpr std::size_t max_caption_characters = 1024;
inline constexpr std::size_t max_contacts = 257;

struct TextMessage {
	std::string_view body = {};
	bool preview_url = false; /* shows what the first web address leads to */
};

/* One of link (the platform fetches it) and id (of an upload) is given, the other is empty. */
struct MediaMessage {
	std::string_view kind = {}; /* image, video, audio, document or sticker */
	std::string_view link = {};
	std::string_view id = {};
	std::string_view caption = {};  /* image, video and document only */
	std::string_view filename = {}; /* document only; its ending decides the icon */
	bool voice = false;             /* audio only: a voice message, of OGG with Opus */
};

struct LocationMessage {
	double latitude = 0;
	double longitude = 0;
	std::string_view name = {};
	std::string_view address = {};
};

/* An empty emoji takes the reaction back. */
struct ReactionMessage {
	std::string_view wamid = {};
	std::string_view emoji = {};
};

/* reply_to: Meta's id of the message that is quoted; empty for none. A reaction is no reply. */
std::string text_payload(const TextMessage &message, std::string_view reply_to);
std::string media_payload(const MediaMessage &message, std::string_view reply_to);
std::string location_payload(const LocationMessage &message, std::string_view reply_to);
std::string reaction_payload(const ReactionMessage &message);
/* contacts: a JSON array as in the Cloud API reference, of vCard-like objects. */
std::string contacts_payload(std::string_view contacts, std::string_view reply_to);
/* interactive: the object "interactive" of the Cloud API reference. */
std::string interactive_payload(std::string_view interactive, std::string_view reply_to);

struct ContentPayload {
	std::string payload;
	std::string template_name; /* of type template only */
	std::string template_language;
	std::string reaction_wamid; /* of type reaction only: the message that it belongs to */
};

/* content: the object of any of the above, or of "template", as in the Cloud API reference. Fault
 * invalid_content for a type that is not known. */
ContentPayload content_payload(std::string_view type, std::string_view content,
                               std::string_view reply_to);

} // namespace whatsapp
