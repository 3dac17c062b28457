/*
 * media_calls.cpp: files, with Meta's checks of type and size.
 */
#include "media_calls.hpp"

#include <iterator>
#include <set>
#include <stdexcept>
#include <string_view>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "control.hpp"
#include "errors.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const char files_path[] = "/media-files/";

struct Limit {
	const char *type;
	size_t bytes;
};
const Limit limits[] = {{"image/jpeg", 5 << 20}, {"image/png", 5 << 20},  {"image/webp", 500 << 10},
                        {"audio/aac", 16 << 20}, {"audio/amr", 16 << 20}, {"audio/mpeg", 16 << 20},
                        {"audio/mp4", 16 << 20}, {"audio/ogg", 16 << 20}, {"video/mp4", 16 << 20},
                        {"video/3gpp", 16 << 20}};

std::string
sha256_hex(const std::string &bytes)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr);
	std::string text;
	for (unsigned int i = 0; i < length; i++) {
		char two[3];
		std::snprintf(two, sizeof two, "%02x", static_cast<unsigned int>(digest[i]));
		text += two;
	}
	return text;
}

struct Part {
	std::string name, type;
	std::string_view content;
};

/* name="…" in a header of the part */
std::string
parameter_of(std::string_view head, const std::string &name)
{
	const size_t at = head.find(name + "=\"");
	if (at == std::string_view::npos)
		return {};
	const size_t begin = at + name.size() + 2;
	return std::string(head.substr(begin, head.find('"', begin) - begin));
}

/* The next part of a form; false at its end. */
bool
next_part(std::string_view &form, const std::string &boundary, Part &part)
{
	const std::string mark = "--" + boundary;
	if (form.substr(0, mark.size()) != mark || form.substr(mark.size(), 2) != "\r\n")
		return false;
	form.remove_prefix(mark.size() + 2);
	const size_t head_end = form.find("\r\n\r\n");
	const size_t end = form.find("\r\n" + mark);
	if (head_end == std::string_view::npos || end == std::string_view::npos || head_end > end)
		throw std::runtime_error("the form is cut");
	const std::string_view head = form.substr(0, head_end);
	part.name = parameter_of(head, "name");
	const size_t type = head.find("Content-Type: ");
	part.type = type == std::string_view::npos
	                ? std::string()
	                : std::string(head.substr(type + 14, head.find("\r\n", type) - type - 14));
	part.content = form.substr(head_end + 4, end - head_end - 4);
	form.remove_prefix(end + 2);
	return true;
}

MediaFile
read_form(const Exchange &exchange)
{
	const std::string type = exchange.header("Content-Type").value_or("");
	const size_t at = type.find("boundary=");
	if (type.compare(0, 19, "multipart/form-data") != 0 || at == std::string::npos)
		throw std::runtime_error("the body is no multipart/form-data");
	std::string_view form = exchange.body;
	MediaFile file;
	bool named_product = false, has_file = false;
	Part part;
	while (next_part(form, type.substr(at + 9), part)) {
		if (part.name == "messaging_product")
			named_product = part.content == "whatsapp";
		if (part.name == "file") {
			has_file = true;
			file.bytes = part.content;
			file.mime_type = part.type;
		}
	}
	if (!named_product)
		throw std::runtime_error("messaging_product is whatsapp");
	if (!has_file || file.bytes.empty())
		throw std::runtime_error("there is no file");
	return file;
}

void
check_limit(const MediaFile &file)
{
	size_t most = 100 << 20;
	bool known = file.mime_type.compare(0, 6, "image/") != 0 &&
	             file.mime_type.compare(0, 6, "audio/") != 0 &&
	             file.mime_type.compare(0, 6, "video/") != 0;
	for (const Limit &limit : limits)
		if (file.mime_type == limit.type) {
			known = true;
			most = limit.bytes;
		}
	if (!known)
		throw std::runtime_error("Param file must be a file with one of the known types");
	/* a sticker that is not animated; the flag stands in the first chunk of the file */
	if (file.mime_type == "image/webp" &&
	    (file.bytes.size() < 21 || file.bytes.compare(12, 4, "VP8X") != 0 ||
	     (file.bytes[20] & 2) == 0))
		most = 100 << 10;
	if (file.bytes.size() > most)
		throw std::runtime_error("the file is too large");
}

void
answer_json(Exchange &exchange, const json &body)
{
	exchange.reply.body = body.dump(-1, ' ', true);
}

} // namespace

std::string
MediaFiles::add(MediaFile file)
{
	const std::string id = std::to_string(next_id_++);
	put(id, std::move(file));
	return id;
}

void
MediaFiles::put(const std::string &id, MediaFile file)
{
	files_[id] = std::move(file);
}

const MediaFile *
MediaFiles::find(const std::string &id) const
{
	const auto found = files_.find(id);
	return found == files_.end() ? nullptr : &found->second;
}

bool
MediaFiles::remove(const std::string &id)
{
	return files_.erase(id) > 0;
}

void
upload_media(Sandbox &box, Exchange &exchange, const std::string &number_id)
{
	try {
		MediaFile file = read_form(exchange);
		check_limit(file);
		file.number_id = number_id;
		answer_json(exchange, {{"id", box.media.add(std::move(file))}});
	} catch (const std::exception &e) {
		exchange.reply = error_reply({100, e.what(), "(#100) Invalid parameter"});
	}
}

void
media_node(Sandbox &box, Exchange &exchange, const std::string &id)
{
	if (exchange.method == "DELETE") {
		box.media.remove(id);
		return answer_json(exchange, {{"success", true}});
	}
	const MediaFile &file = *box.media.find(id);
	const int64_t until = now_us() / 1000000 + box.settings.media_url_seconds;
	std::string host = "http://" + exchange.header("Host").value_or("127.0.0.1");
	if (!box.settings.media_host.empty())
		host = box.settings.media_host;
	answer_json(exchange, {{"messaging_product", "whatsapp"},
	                       {"url", host + files_path + id + "-" + std::to_string(until)},
	                       {"mime_type", file.mime_type},
	                       {"sha256", sha256_hex(file.bytes)},
	                       {"file_size", std::to_string(file.bytes.size())},
	                       {"id", id}});
}

void
media_bytes(Sandbox &box, Exchange &exchange, const std::string &name)
{
	const size_t dash = name.find('-');
	const MediaFile *file = box.media.find(name.substr(0, dash));
	const int64_t until = dash == std::string::npos ? 0 : std::atoll(name.c_str() + dash + 1);
	if (file == nullptr || until < now_us() / 1000000) {
		exchange.reply = {404, "Not Found", "text/plain"};
		return;
	}
	exchange.reply.type = file->mime_type;
	exchange.reply.body = file->bytes;
}

std::string
Uploads::open(Upload upload)
{
	const std::string id = "upload:MTphdHRhY2htZW50" + std::to_string(next_++) + "==";
	open_[id] = std::move(upload);
	return id;
}

Upload *
Uploads::find(const std::string &id)
{
	const auto found = open_.find(id);
	return found == open_.end() ? nullptr : &found->second;
}

std::string
Uploads::close(const std::string &id)
{
	Upload &upload = open_.at(id);
	const std::string handle =
	    "4::" + upload.mime_type + ":" + sha256_hex(upload.bytes) + ":e:" + std::to_string(next_++);
	by_handle_[handle] = std::move(upload);
	open_.erase(id);
	return handle;
}

bool
Uploads::knows_handle(const std::string &handle) const
{
	return by_handle_.count(handle) > 0;
}

void
open_upload(Sandbox &box, Exchange &exchange)
{
	static const std::set<std::string> types = {"application/pdf", "image/jpeg", "image/jpg",
	                                            "image/png", "video/mp4"};
	Upload upload;
	upload.mime_type = exchange.argument("file_type").value_or("");
	upload.length =
	    std::strtoul(exchange.argument("file_length").value_or("0").c_str(), nullptr, 10);
	if (types.count(upload.mime_type) == 0 || upload.length == 0 ||
	    exchange.argument("file_name").value_or("").empty()) {
		exchange.reply = error_reply({100});
		return;
	}
	answer_json(exchange, {{"id", box.uploads.open(std::move(upload)) + "?sig=ARZqkGCA"}});
}

void
take_upload(Sandbox &box, Exchange &exchange, const std::string &id)
{
	Upload *upload = box.uploads.find(id);
	if (upload == nullptr || exchange.argument("sig") != "ARZqkGCA") {
		exchange.reply = error_reply({100});
		return;
	}
	if (exchange.method == "GET")
		return answer_json(exchange, {{"id", id}, {"file_offset", upload->bytes.size()}});
	const size_t offset =
	    std::strtoul(exchange.header("file_offset").value_or("x").c_str(), nullptr, 10);
	if (!exchange.header("file_offset") || offset != upload->bytes.size() ||
	    offset + exchange.body.size() > upload->length) {
		exchange.reply = error_reply({100, {}, "(#100) The file offset does not fit."});
		return;
	}
	upload->bytes += exchange.body;
	if (upload->bytes.size() < upload->length)
		return answer_json(exchange, {{"id", id}, {"file_offset", upload->bytes.size()}});
	answer_json(exchange, {{"h", box.uploads.close(id)}});
}

void
put_media(Sandbox &box, Exchange &exchange, const std::string &body)
{
	const json given = json::parse(body);
	MediaFile file;
	file.mime_type = given.value("mime_type", "image/png");
	file.bytes = given.at("content").get<std::string>();
	box.media.put(given.at("id").get<std::string>(), std::move(file));
	answer(exchange, {{"success", true}});
}

} // namespace sandbox
