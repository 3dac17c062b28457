/*
 * request_rows.cpp — the table of the writers.
 */
#include "pg/requests/request_rows.hpp"

#include <cstring>

#include "pg/requests/cost_rows.hpp"
#include "pg/requests/media_rows.hpp"
#include "pg/requests/number_rows.hpp"
#include "pg/requests/probe_rows.hpp"
#include "pg/requests/sample_rows.hpp"
#include "pg/requests/template_rows.hpp"

namespace whatsapp::pg
{

namespace
{

struct Writer {
	const char *kind;
	const char *(*write)(const AnsweredRequest &);
	void (*write_failure)(std::int64_t id, const char *message) = nullptr;
};

constexpr Writer writers[] = {
    {"sync_templates", write_synced_templates},
    {"create_template", write_created_template},
    {"edit_template", write_edited_template},
    {"delete_template", write_deleted_template},
    {"sync_numbers", write_synced_numbers},
    {"sync_costs", write_synced_costs},
    {"probe", write_probe},
    {"upload_media", write_uploaded_media, write_failed_media},
    {"upload_sample", write_uploaded_sample, write_failed_sample},
    {"download_media", write_downloaded_media, write_failed_media},
};

} // namespace

const char *
write_request_rows(const AnsweredRequest &answered)
{
	for (const Writer &writer : writers)
		if (strcmp(writer.kind, answered.kind) == 0)
			return writer.write(answered);
	return nullptr;
}

void
write_request_failure(const char *kind, std::int64_t id, const char *message)
{
	for (const Writer &writer : writers)
		if (strcmp(writer.kind, kind) == 0 && writer.write_failure != nullptr)
			writer.write_failure(id, message);
}

} // namespace whatsapp::pg
