/*
 * inbound.hpp — one inbound message as the columns of whatsapp_inbound: a flat JSON object whose
 * keys are column names and whose values any jsonb_to_record() takes.
 *
 * Unknown types keep their name and leave the rest empty; a member that has not the documented
 * shape is left out. Nothing is refused: the raw item stands beside it.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/*
 * message, contact: the item of messages[] and its entry of contacts[] as JSON; contact may be
 * empty. Keys: message_type, text, caption, media_id, mime_type, sha256, filename, voice, latitude,
 * longitude, place_name, place_address, emoji, target_wamid, reply_kind, reply_id,
 * reply_description, reply_data, context_wamid, context_from, forwarded, referral, order_items,
 * contacts, new_wa_id, new_user_id, previous_user_id, group_id, errors, from_wa_id, from_user_id,
 * profile_name, username, opens_window.
 */
std::string inbound_columns(std::string_view message, std::string_view contact);

/*
 * The digits under which a person is found again, from a phone number with or without +, or a
 * wa_id: WhatsApp adds or drops a digit after the country code of Brazil, Mexico and Argentina.
 * Anything else (a business-scoped user id) comes back as it is.
 */
std::string contact_key(std::string_view phone);

} // namespace whatsapp
