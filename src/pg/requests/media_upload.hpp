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
	bytea *content;       /* neither compressed nor out of line */
};

/* Between SPI_connect() and SPI_finish(). Returns the id of the row that has these bytes already,
 * or of a new one, and asks for the upload when the file is not at Meta. Raises 42704 for an
 * unknown sender. */
std::int64_t add_upload(const NewUpload &upload);

/* Uploads a file once more that was uploaded before, and whose bytes are kept. */
void upload_again(std::int64_t media);

} // namespace whatsapp::pg
