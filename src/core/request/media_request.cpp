/*
 * media_request.cpp — /{number}/media and /{media}.
 */
#include "core/request/media_request.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "core/base/ascii.hpp"
#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/base/url.hpp"
#include "core/request/answer_json.hpp"
#include "core/request/file_digest.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t megabyte = std::size_t{1} << 20;

/* What is none of these is a document. */
struct MediaType {
	std::string_view mime_type;
	std::size_t most_bytes;
};
constexpr MediaType media_types[] = {
    {"audio/aac", 16 * megabyte},  {"audio/amr", 16 * megabyte}, {"audio/mpeg", 16 * megabyte},
    {"audio/mp4", 16 * megabyte},  {"audio/ogg", 16 * megabyte}, {"image/jpeg", 5 * megabyte},
    {"image/png", 5 * megabyte},   {"image/webp", 500 * 1024},   {"video/mp4", 16 * megabyte},
    {"video/3gpp", 16 * megabyte},
};
constexpr std::size_t most_document_bytes = 100 * megabyte;
constexpr std::size_t most_still_sticker_bytes = std::size_t{100} * 1024;

/* Without parameters, such as codecs=opus. */
std::string
bare_type(std::string_view mime_type)
{
	std::string bare(mime_type.substr(0, mime_type.find(';')));
	while (!bare.empty() && bare.back() == ' ')
		bare.pop_back();
	return lower_case_of(bare);
}

/* The type is written into a header and into a form, so it may have no character that would end
 * either of them. */
bool
is_mime_type(std::string_view text) noexcept
{
	const std::size_t slash = text.find('/');
	return slash != 0 && slash != std::string_view::npos && slash + 1 < text.size() &&
	       text.size() <= 127 && std::all_of(text.begin(), text.end(), [](char c) {
		       return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
	       });
}

/* In a quoted string of a form: what would end it becomes _. */
std::string
form_name(std::string_view filename)
{
	std::string name = clean_utf8(clip_text(filename, 240));
	for (char &c : name)
		if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ')
			c = '_';
	return name.empty() ? "file" : name;
}

void
add_field(std::string &body, const std::string &boundary, const char *name, std::string_view value)
{
	body.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"");
	body.append(name).append("\"\r\n\r\n").append(value).append("\r\n");
}

/* One that does not stand in the file. */
std::string
free_boundary(std::string_view file)
{
	std::string boundary = "pg_whatsapp-" + digest_hex(file).substr(0, 32);
	while (file.find(boundary) != std::string_view::npos)
		boundary += 'x';
	return boundary;
}

std::string_view
host_of_url(std::string_view url) noexcept
{
	const std::size_t begin = url.find("://");
	if (begin == std::string_view::npos)
		return {};
	const std::string_view rest = url.substr(begin + 3);
	return rest.substr(0, rest.find_first_of("/?"));
}

bool
is_meta_host(std::string_view host) noexcept
{
	return host == "lookaside.fbsbx.com" || ends_with(host, ".fbcdn.net") ||
	       ends_with(host, ".fbsbx.com") || ends_with(host, ".facebook.com") ||
	       ends_with(host, ".whatsapp.net");
}

/* "123" or 123 */
std::uint64_t
size_of(const json &node)
{
	const std::string text = text_of(member(node, "file_size"));
	std::uint64_t size = 0;
	for (const char c : text) {
		if (!is_digit(c) || size > (UINT64_MAX - 9) / 10)
			return UINT64_MAX;
		size = size * 10 + static_cast<std::uint64_t>(c - '0');
	}
	return size;
}

Reply
read_media_node(const RequestTask &task, std::string_view body)
{
	const json node = parse_object(body, "the answer");
	const std::string url = text_of(member(node, "url"));
	if (url.empty())
		throw Fault(sqlstate::invalid_json, "the answer does not tell where the file is");
	if (!url_allowed(url) || !media_host_allowed(url, task.base_url, task.media_hosts))
		throw Fault(sqlstate::invalid_parameter_value,
		            "the file lies on a host that is not allowed",
		            "The host is " + quote_name(host_of_url(url)) + ".",
		            "If it is Meta's, name it in whatsapp.media_hosts.");
	if (size_of(node) > task.most_file_bytes)
		throw Fault(sqlstate::invalid_parameter_value,
		            "the file is larger than whatsapp.max_media_size");
	json next = {{"url", url}};
	for (const char *name : {"sha256", "mime_type"})
		next[name] = text_of(member(node, name));
	Reply reply;
	reply.next = to_jsonb_text(next);
	return reply;
}

} // namespace

void
check_media_file(std::string_view mime_type, std::size_t bytes)
{
	const std::string bare = bare_type(mime_type);
	if (!is_mime_type(bare))
		throw Fault(sqlstate::invalid_parameter_value, "the type of a file must be like image/png");
	if (bytes == 0)
		throw Fault(sqlstate::invalid_parameter_value, "the file is empty");
	const auto *known =
	    std::find_if(std::begin(media_types), std::end(media_types),
	                 [&bare](const MediaType &type) { return type.mime_type == bare; });
	if (known == std::end(media_types) &&
	    (begins_with(bare, "image/") || begins_with(bare, "audio/") || begins_with(bare, "video/")))
		throw Fault(sqlstate::invalid_parameter_value,
		            "WhatsApp takes no files of type " + quote_name(bare), {},
		            "Images are JPEG or PNG, stickers WebP, videos MP4 or 3GPP, audio AAC, AMR, "
		            "MPEG, MP4 or OGG with Opus.");
	const std::size_t most =
	    known == std::end(media_types) ? most_document_bytes : known->most_bytes;
	if (bytes > most)
		throw Fault(sqlstate::invalid_parameter_value, "the file is too large",
		            "It has " + std::to_string(bytes) + " bytes, and WhatsApp takes " +
		                std::to_string(most) + " of type " + quote_name(bare) + ".");
}

namespace
{

/* A WebP file with more than one picture begins with a chunk of flags, of which one says that it is
 * animated. */
bool
is_animated_webp(std::string_view content) noexcept
{
	constexpr std::size_t flags = 20;
	constexpr unsigned char animation = 0x02;
	return content.size() > flags && begins_with(content, "RIFF") &&
	       content.substr(8, 8) == "WEBPVP8X" &&
	       (static_cast<unsigned char>(content[flags]) & animation) != 0;
}

} // namespace

void
check_sticker(std::string_view mime_type, std::string_view content)
{
	if (bare_type(mime_type) == "image/webp" && content.size() > most_still_sticker_bytes &&
	    !is_animated_webp(content))
		throw Fault(sqlstate::invalid_parameter_value, "the file is too large",
		            "It has " + std::to_string(content.size()) + " bytes, and WhatsApp takes " +
		                std::to_string(most_still_sticker_bytes) +
		                " of a sticker that is not animated.");
}

void
check_media_kind(std::string_view kind, std::string_view mime_type, bool voice)
{
	static constexpr struct {
		std::string_view kind;
		std::string_view begin; /* of the type */
		const char *types;
	} kinds[] = {{"image", "image/", "image/jpeg and image/png"},
	             {"sticker", "image/webp", "image/webp"},
	             {"video", "video/", "video/mp4 and video/3gpp"},
	             {"audio", "audio/", "audio/aac, audio/amr, audio/mpeg, audio/mp4 and audio/ogg"}};
	const std::string bare = bare_type(mime_type);
	if (bare.empty())
		return;
	for (const auto &one : kinds)
		if (kind == one.kind &&
		    (!begins_with(bare, one.begin) || (kind == "image" && bare == "image/webp")))
			throw Fault(sqlstate::invalid_content,
			            "file of type " + quote_name(bare) + " cannot be sent as " +
			                std::string(kind),
			            "As " + std::string(kind) + " WhatsApp takes " + one.types + ".",
			            "Send it as document.");
	if (kind == "audio" && voice && bare != "audio/ogg")
		throw Fault(sqlstate::invalid_content,
		            "file of type " + quote_name(bare) + " cannot be sent as a voice message",
		            "A voice message is of type audio/ogg, with Opus.");
}

bool
media_host_allowed(std::string_view url, std::string_view base_url, std::string_view list)
{
	const std::string_view host = host_of_url(url);
	if (host.empty())
		return false;
	if (is_meta_host(host) || host == host_of_url(base_url))
		return true;
	while (!list.empty()) {
		const std::size_t end = std::min(list.find_first_of(", "), list.size());
		if (list.substr(0, end) == host)
			return true;
		list.remove_prefix(std::min(end + 1, list.size()));
	}
	return false;
}

GraphAsk
ask_media_upload(const RequestTask &task)
{
	const json request = parse_object(task.request, "the request");
	const std::string type = required_member(request, "mime_type");
	check_media_file(type, task.file.size());
	const std::string boundary = free_boundary(task.file);
	GraphAsk ask;
	ask.method = GraphMethod::post;
	ask.node = GraphNode::number;
	ask.edge = "media";
	ask.content_type = "multipart/form-data; boundary=" + boundary;
	std::string &body = ask.body;
	body.reserve(task.file.size() + 1024);
	add_field(body, boundary, "messaging_product", "whatsapp");
	add_field(body, boundary, "type", bare_type(type));
	body.append("--").append(boundary);
	body.append("\r\nContent-Disposition: form-data; name=\"file\"; filename=\"");
	body.append(form_name(text_of(member(request, "filename"))));
	body.append("\"\r\nContent-Type: ").append(bare_type(type)).append("\r\n\r\n");
	body.append(task.file).append("\r\n--").append(boundary).append("--\r\n");
	return ask;
}

Reply
read_media_upload(const RequestTask &, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	const std::string id = text_of(member(answer, "id"));
	if (id.empty() || id.size() > 64)
		throw Fault(sqlstate::invalid_json, "the answer has no id of the file");
	Reply reply;
	reply.result = reply.rows = to_jsonb_text({{"id", id}});
	return reply;
}

GraphAsk
ask_media_download(const RequestTask &task)
{
	GraphAsk ask;
	if (task.cursor.empty()) {
		ask.node = GraphNode::object;
		ask.object_id = required_member(parse_object(task.request, "the request"), "media_id");
		return ask;
	}
	ask.url = required_member(parse_object(task.cursor, "the address"), "url");
	ask.takes_file = true;
	return ask;
}

Reply
read_media_download(const RequestTask &task, std::string_view body)
{
	if (task.cursor.empty())
		return read_media_node(task, body);
	const json known = parse_object(task.cursor, "the address");
	const json request = parse_object(task.request, "the request");
	for (const std::string &sha256 :
	     {text_of(member(known, "sha256")), text_of(member(request, "sha256"))})
		if (!sha256.empty() && !digest_matches(body, sha256))
			throw Fault(sqlstate::invalid_parameter_value,
			            "the file is another one than Meta has announced: its SHA-256 differs");
	Reply reply;
	reply.has_file = true;
	reply.rows = to_jsonb_text({{"mime_type", text_of(member(known, "mime_type"))},
	                            {"sha256", digest_hex(body)},
	                            {"size", body.size()}});
	reply.result = reply.rows;
	return reply;
}

} // namespace whatsapp
