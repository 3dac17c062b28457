/*
 * media_request.hpp — the requests about files: upload and fetch.
 *
 * upload_media    {"media", "mime_type", "filename"?}: RequestTask::file is sent
 * download_media  {"media_id", "sha256"?}: the node tells where the bytes are, which come next
 */
#pragma once

#include "core/request/request_task.hpp"

namespace whatsapp
{

GraphAsk ask_media_upload(const RequestTask &task);
Reply read_media_upload(const RequestTask &task, std::string_view body);

GraphAsk ask_media_download(const RequestTask &task);
/* Fault (22023, final) for a file that is too large, is not the one that was announced, or lies on
 * a host that nobody has named. */
Reply read_media_download(const RequestTask &task, std::string_view body);

/* What Meta takes: Fault (22023) for a type that it does not, and for a size above the type's
 * limit. */
void check_media_file(std::string_view mime_type, std::size_t bytes);

/* Meta's limit for a sticker that is not animated is lower: Fault (22023) above it. */
void check_sticker(std::string_view mime_type, std::string_view content);

/* Whether a file of that type can be sent as kind: image, video, audio, document or sticker, and as
 * a voice message. Fault invalid_content. An empty type is not known, and any kind that is not
 * either. */
void check_media_kind(std::string_view kind, std::string_view mime_type, bool voice);

/* True for Meta's own hosts, that of base_url, and those of the list (separated by commas or
 * spaces). */
bool media_host_allowed(std::string_view url, std::string_view base_url, std::string_view list);

} // namespace whatsapp
