/*
 * media.cpp — files to and from Meta.
 */
#include "core/request/file_digest.hpp"
#include "core/request/media_request.hpp"
#include "core/request/sample_request.hpp"
#include "pg/identity/sender_rights.hpp"
#include "pg/requests/media_download.hpp"
#include "pg/requests/media_upload.hpp"
#include "pg/requests/request_wait.hpp"
#include "pg/requests/sample_rows.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/detoast.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_upload_media);
PG_FUNCTION_INFO_V1(pg_whatsapp_template_sample);
PG_FUNCTION_INFO_V1(pg_whatsapp_request_media_download);
PG_FUNCTION_INFO_V1(pg_whatsapp_download_media);
}

using namespace whatsapp;

namespace
{

std::string_view
bytes_of(const bytea *content)
{
	return {VARDATA_ANY(content), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(content))};
}

/* To be called after the size was checked: it needs the whole file in memory. */
const char *
sha256_of(const bytea *content)
{
	const char *sha256 = nullptr;
	pg::run_body([&sha256, content] { sha256 = pg::cstring_out(digest_hex(bytes_of(content))); });
	return sha256;
}

} // namespace

OWNED_FUNCTION(pg_whatsapp_upload_media)
{
	entry::require_argument(fcinfo, 0, "content");
	const char *mime_type = entry::required_cstring(fcinfo, 1, "mime_type");
	const char *filename = entry::optional_text(fcinfo, 2, nullptr);
	const char *sender = entry::optional_text(fcinfo, 3, pg::settings.default_sender);
	/* checked before anything of the file is fetched from out of line */
	const std::size_t size = toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ;
	pg::run_body([=] { check_media_file(mime_type, size); });
	bytea *content = PG_GETARG_BYTEA_PP(0);
	pg::run_body([=] { check_sticker(mime_type, bytes_of(content)); });
	const pg::NewUpload upload = {sender, mime_type, filename, sha256_of(content), content};
	PG_RETURN_INT64(entry::in_schema(fcinfo, [&upload] {
		pg::require_sender_right(pg::caller_of_function(), pg::may_send_for, upload.sender);
		return pg::add_upload(upload);
	}));
}

/* (name, content, mime_type, account) */
Datum
pg_whatsapp_template_sample(PG_FUNCTION_ARGS)
{
	const char *name = entry::required_cstring(fcinfo, 0, "name");
	entry::require_argument(fcinfo, 1, "content");
	const char *mime_type = entry::required_cstring(fcinfo, 2, "mime_type");
	const char *account = entry::optional_text(fcinfo, 3, nullptr);
	const std::size_t size = toast_raw_datum_size(PG_GETARG_DATUM(1)) - VARHDRSZ;
	pg::run_body([=] {
		check_sample_name(name);
		check_sample_type(mime_type);
		check_media_file(mime_type, size);
	});
	bytea *content = PG_GETARG_BYTEA_PP(1);
	const pg::NewSample sample = {account, name, mime_type, sha256_of(content), content};
	const std::int64_t request_id =
	    entry::in_schema(fcinfo, [&sample] { return pg::add_sample(sample); });
	if (request_id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(request_id);
}

OWNED_FUNCTION(pg_whatsapp_request_media_download)
{
	entry::require_argument(fcinfo, 0, "inbound_id");
	const std::int64_t inbound_id = PG_GETARG_INT64(0);
	const std::int64_t request_id = entry::in_schema(fcinfo, [inbound_id] {
		pg::require_inbound_right(pg::caller_of_function(), pg::may_act, inbound_id);
		return pg::add_download(inbound_id);
	});
	if (request_id == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("the file of inbound message %lld was fetched before",
		                       static_cast<long long>(inbound_id)),
		                errhint("See whatsapp_media.inbound_id.")));
	PG_RETURN_INT64(request_id);
}

/* (inbound_id, timeout) */
Datum
pg_whatsapp_download_media(PG_FUNCTION_ARGS)
{
	pg::require_own_transactions(fcinfo, "wa_download_media", "wa_request_media_download");
	entry::require_argument(fcinfo, 0, "inbound_id");
	entry::require_argument(fcinfo, 1, "timeout");
	const std::int64_t timeout_ms = entry::interval_argument_ms(fcinfo, 1);
	const Oid own = fcinfo->flinfo->fn_oid;
	const Oid role = GetUserId();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	pg::use_schema_of_function(own);
	pg::OwnerRights rights(own);
	pg::require_inbound_right(role, pg::may_act, PG_GETARG_INT64(0));
	pg::require_clerk();
	const std::int64_t request_id = pg::add_download(PG_GETARG_INT64(0));
	rights.end();
	if (request_id != 0)
		pg::await_request(request_id, timeout_ms, own);
	SPI_finish();
	PG_RETURN_VOID();
}
