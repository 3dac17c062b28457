/*
 * media_upload.hpp — whatsapp_media: files to upload.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

struct NewUpload {
	const char *sender;
	const char *mime_type;
	const char *filename; /* NULL: none */
	const char *sha256;   /* hexadecimal digits */
	bytea *content;       /* in its size as it was given */
};

/* Between SPI_connect() and SPI_finish(). The id of the row that is there for these bytes, or of a
 * new one; whose upload is asked for when it is not at Meta. Raises 42704 for an unknown sender. */
std::int64_t add_upload(const NewUpload &upload);

/* One that was uploaded, whose bytes are there. */
void upload_again(std::int64_t media);

} // namespace whatsapp::pg
