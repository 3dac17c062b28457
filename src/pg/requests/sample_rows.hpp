/*
 * sample_rows.hpp — whatsapp_template_samples: files that templates show in review.
 */
#pragma once

#include <cstdint>

#include "pg/requests/answered_request.hpp"

struct varlena;

namespace whatsapp::pg
{

struct NewSample {
	const char *account; /* NULL: the default one */
	const char *name;
	const char *mime_type;
	const char *sha256;
	varlena *content; /* bytea */
};

/* Between SPI_connect() and SPI_finish(). Returns the request; 0: the same bytes are at Meta.
 * Raises 42704 when there is no such account. */
std::int64_t add_sample(const NewSample &sample);

/* The writers for requests of kind upload_sample. */
const char *write_uploaded_sample(const AnsweredRequest &answered);
void write_failed_sample(std::int64_t request_id, const char *message);

} // namespace whatsapp::pg
