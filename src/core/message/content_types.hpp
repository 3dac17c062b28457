/*
 * content_types.hpp — the rules of each message type, over its object in a request body; for
 * sources of core/message only.
 */
#pragma once

#include <cstddef>

namespace whatsapp
{

class ContentNode;

inline constexpr std::size_t max_carousel_cards = 10;

struct ContentRule {
	const char *type; /* also the name of the object in the request body */
	/* Faults as in content.hpp. */
	void (*check)(const ContentNode &content);
};

/* free_form.cpp */
void check_text_content(const ContentNode &text);
void check_image_content(const ContentNode &image);
void check_video_content(const ContentNode &video);
void check_audio_content(const ContentNode &audio);
void check_document_content(const ContentNode &document);
void check_sticker_content(const ContentNode &sticker);
void check_location_content(const ContentNode &location);
void check_reaction_content(const ContentNode &reaction);
/* contacts.cpp */
void check_contacts_content(const ContentNode &contacts);
/* interactive.cpp */
void check_interactive_content(const ContentNode &interactive);
/* "sections" of products, in messages and in templates' buttons */
void check_product_sections(const ContentNode &list);
/* template_content.cpp */
void check_template_content(const ContentNode &content);

} // namespace whatsapp
