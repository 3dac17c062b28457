/*
 * media_messages.hpp — messages that name a file of whatsapp_media, and wait until Meta has it.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* Longer than any id of Meta's that is kept. */
inline constexpr int max_media_name = 80;
inline constexpr int max_file_name = 1025;
inline constexpr int max_mime_type = 256;

/* Between SPI_connect() and SPI_finish(). Returns by what the message's payload names the file: by
 * Meta's id, or by a place-holder, and then the message has to wait. A copy at Meta that has
 * lapsed, or will before the message is sent, is uploaded again. sender NULL: of any sender. Raises
 * P0002 when there is no such upload, 22023 when it is another sender's, 55000 when it has failed
 * or its bytes are gone. send_at: a TimestampTz; 0 for now. */
struct NamedMedia {
	char name[max_media_name];
	char filename[max_file_name]; /* as wa_upload_media() was told; empty without one */
	char mime_type[max_mime_type];
	bool waits;
};
NamedMedia name_media(std::int64_t media, const char *sender, std::int64_t send_at);

/* The message is due when its file is at Meta, and fails when that fails. */
void wait_for_media(std::int64_t message_id, std::int64_t media);

/* A FAILED or CANCELLED message may name a file in vain: by a place-holder, since the file could
 * not be uploaded, or by an id of Meta's that has lapsed. media 0: it names none. */
struct LapsedName {
	std::int64_t media;
	char name[max_media_name];
};
LapsedName find_lapsed_name(std::int64_t message_id);
/* For a message that is PENDING once more: names the file anew, or lets the message wait for it. */
void name_media_again(std::int64_t message_id, const LapsedName &lapsed, const NamedMedia &named);

/* For the writers of answers: the file is at Meta now, as media_id; or it will never be. */
void send_waiting_messages(std::int64_t media, const char *media_id);
void fail_waiting_messages(std::int64_t media, const char *message);

} // namespace whatsapp::pg
