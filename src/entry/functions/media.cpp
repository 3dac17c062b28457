/*
 * media.cpp — files to and from Meta.
 */
#include "core/request/file_digest.hpp"
#include "core/request/media_request.hpp"
#include "pg/requests/media_download.hpp"
#include "pg/requests/media_upload.hpp"
#include "pg/requests/request_wait.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/settings.hpp"

#include "entry/call/arguments.hpp"
#include "entry/functions/sending.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "access/detoast.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_upload_media);
PG_FUNCTION_INFO_V1(pg_whatsapp_request_media_download);
PG_FUNCTION_INFO_V1(pg_whatsapp_download_media);
}

using namespace whatsapp;

Datum
pg_whatsapp_upload_media(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "content");
	const char *mime_type = entry::required_cstring(fcinfo, 1, "mime_type");
	const char *filename = entry::optional_text(fcinfo, 2, nullptr);
	const char *sender = entry::optional_text(fcinfo, 3, pg::settings.default_sender);
	/* before anything of it is fetched */
	const std::size_t size = toast_raw_datum_size(PG_GETARG_DATUM(0)) - VARHDRSZ;
	pg::guarded([=] { check_media_file(mime_type, size); });
	bytea *content = PG_GETARG_BYTEA_PP(0);
	const char *sha256 = nullptr;
	pg::guarded([&sha256, content] {
		sha256 = pg::cstring_out(digest_hex(
		    {VARDATA_ANY(content), static_cast<std::size_t>(VARSIZE_ANY_EXHDR(content))}));
	});
	const pg::NewUpload upload = {sender, mime_type, filename, sha256, content};
	PG_RETURN_INT64(entry::in_schema(fcinfo, [&upload] { return pg::add_upload(upload); }));
}

Datum
pg_whatsapp_request_media_download(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "inbound_id");
	const std::int64_t inbound_id = PG_GETARG_INT64(0);
	const std::int64_t request_id =
	    entry::in_schema(fcinfo, [inbound_id] { return pg::add_download(inbound_id); });
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
	pg::require_clerk();
	const std::int64_t timeout_ms = entry::interval_argument_ms(fcinfo, 1);
	const Oid own = fcinfo->flinfo->fn_oid;
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	pg::use_schema_of_function(own);
	pg::OwnerRights rights(own);
	const std::int64_t request_id = pg::add_download(PG_GETARG_INT64(0));
	rights.end();
	if (request_id != 0)
		pg::await_request(request_id, timeout_ms, own);
	SPI_finish();
	PG_RETURN_VOID();
}
