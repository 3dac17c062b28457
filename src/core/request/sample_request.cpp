/*
 * sample_request.cpp — /debug_token, /{app}/uploads, /upload:…
 *
 * An upload that was cut begins anew, with an upload of its own: samples are small, and what is
 * not finished lapses at Meta.
 */
#include "core/request/sample_request.hpp"

#include <string>

#include "core/base/ascii.hpp"
#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/request/answer_json.hpp"
#include "core/request/media_request.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* Cursors: the token's app is asked for first. */
constexpr std::string_view app = "app:";
constexpr std::string_view upload = "upload:";
constexpr std::size_t max_handle_bytes = 8192;

std::string
read_app_id(std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	const json *data = member(answer, "data");
	const std::string id =
	    data != nullptr && data->is_object() ? text_of(member(*data, "app_id")) : std::string();
	if (id.empty())
		throw Fault(sqlstate::invalid_json, "the answer does not tell the app of the token");
	return id;
}

} // namespace

void
check_sample_name(std::string_view name)
{
	constexpr std::size_t longest = 100;
	const bool is_good = !name.empty() && name.size() <= longest &&
	                     name.find_first_not_of(
	                         "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	                         std::string_view::npos;
	if (!is_good)
		throw Fault(sqlstate::invalid_parameter_value,
		            "the name of a sample must be letters, digits, dot, _ and -, at most 100");
}

void
check_sample_type(std::string_view mime_type)
{
	for (const char *type : {"image/jpeg", "image/png", "video/mp4", "application/pdf"})
		if (mime_type == type)
			return;
	throw Fault(sqlstate::invalid_parameter_value,
	            "a template cannot show a sample of type " + quote_name(mime_type), {},
	            "Samples are image/jpeg, image/png, video/mp4 and application/pdf.");
}

GraphAsk
ask_sample_upload(const RequestTask &task)
{
	GraphAsk ask;
	ask.node = GraphNode::object;
	if (task.cursor.empty()) {
		ask.object_id = "debug_token";
		ask.names_own_token = true;
		return ask;
	}
	ask.method = GraphMethod::post;
	if (begins_with(task.cursor, app)) {
		const json request = parse_object(task.request, "the request");
		const std::string type = required_member(request, "mime_type");
		check_media_file(type, task.file.size());
		ask.object_id = task.cursor.substr(app.size());
		ask.edge = "uploads";
		append_query(ask.query, "file_name", required_member(request, "sample"));
		append_query(ask.query, "file_length", std::to_string(task.file.size()));
		append_query(ask.query, "file_type", type);
		return ask;
	}
	ask.object_id = task.cursor;
	ask.is_upload = true;
	ask.content_type = "application/octet-stream";
	ask.body = task.file;
	return ask;
}

Reply
read_sample_upload(const RequestTask &task, std::string_view body)
{
	Reply reply;
	if (task.cursor.empty()) {
		reply.next = std::string(app) + read_app_id(body);
		return reply;
	}
	const json answer = parse_object(body, "the answer");
	if (begins_with(task.cursor, app)) {
		reply.next = text_of(member(answer, "id"));
		if (!begins_with(reply.next, upload))
			throw Fault(sqlstate::invalid_json, "the answer has no id of the upload");
		return reply;
	}
	const std::string handle = text_of(member(answer, "h"));
	if (handle.empty() || handle.size() > max_handle_bytes)
		throw Fault(sqlstate::invalid_json, "the answer has no handle of the file");
	const json request = parse_object(task.request, "the request");
	reply.rows = to_jsonb_text({{"handle", handle},
	                            {"sample", text_of(member(request, "sample"))},
	                            {"sha256", text_of(member(request, "sha256"))}});
	reply.result = to_jsonb_text({{"sample", text_of(member(request, "sample"))}});
	return reply;
}

} // namespace whatsapp
