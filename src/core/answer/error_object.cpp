/*
 * error_object.cpp — {"message": …, "type": …, "code": …, "error_subcode": …, "is_transient": …,
 * "error_data": {"details": …}, "error_user_msg": …, "fbtrace_id": …}, each of any type.
 */
#include "core/answer/error_object.hpp"

#include <charconv>
#include <cstddef>

#include "core/base/json_tree.hpp"

#include "core/base/ascii.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_message_bytes = 1000;
constexpr std::size_t max_details_bytes = std::size_t{64} * 1024;
constexpr std::size_t max_raw_bytes = std::size_t{8} * 1024;

/* Number or string of digits; group messages were seen with a string. */
bool
read_code(const json *value, long long &code) noexcept
{
	if (value == nullptr)
		return false;
	if (value->is_number_unsigned()) {
		auto number = *value->get_ptr<const json::number_unsigned_t *>();
		code = static_cast<long long>(number);
		return code >= 0;
	}
	if (value->is_number_integer()) {
		code = *value->get_ptr<const json::number_integer_t *>();
		return true;
	}
	if (const auto *text = value->get_ptr<const json::string_t *>()) {
		const char *end = text->data() + text->size();
		auto [stopped, error] = std::from_chars(text->data(), end, code);
		return error == std::errc() && stopped == end;
	}
	return false;
}

/* Titles and details often differ by a capital or a full stop only. */
std::string
comparable_text(const std::string &text)
{
	std::string plain;
	for (const char c : text)
		if (c != '.')
			plain += to_lower(c);
	return plain;
}

void
append_once(std::string &text, const std::string &more, const char *separator)
{
	if (more.empty() || comparable_text(text).find(comparable_text(more)) != std::string::npos)
		return;
	if (!text.empty())
		text += separator;
	text += more;
}

/* What Meta said: title or message, then the details; error_data may be an object or a string. */
std::string
error_text(const json &error)
{
	if (error.is_string())
		return text_of(&error);
	std::string text = text_of(member(error, "message"));
	std::string title = text_of(member(error, "title"));
	if (text.empty())
		text = title;

	const json *data = member(error, "error_data");
	std::string details = text_of(data);
	if (data != nullptr && details.empty())
		details = text_of(member(*data, "details"));
	append_once(text, details, ": ");
	append_once(text, text_of(member(error, "error_user_msg")), ": ");
	return text;
}

bool
is_true(const json *value) noexcept
{
	return value != nullptr && value->is_boolean() && *value->get_ptr<const json::boolean_t *>();
}

} // namespace

TokenMask::TokenMask(std::string_view token) : token_(clean_utf8(token))
{
	std::string json_text;
	append_json_string(json_text, token);
	json_token_ = json_text.substr(1, json_text.size() - 2);
}

/* The token is taken out before the text is cut: half a token would not be found any more. */
std::string
TokenMask::clean_line(std::string_view text) const
{
	const std::string clean = hide_secret(clean_utf8(text), token_);
	std::string line = hide_tokens(clip_text(clean, 4 * max_message_bytes));

	for (char &c : line)
		if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
			c = ' ';
	return std::string(clip_text(line, max_message_bytes));
}

std::string
TokenMask::raw_details(std::string_view body) const
{
	if (body.empty())
		return {};
	const std::string clean = hide_secret(hide_secret(clean_utf8(body), token_), json_token_);
	std::string details = R"({"raw":)";
	append_json_string(details, hide_tokens(clip_text(clean, max_raw_bytes)));
	details += '}';
	return details;
}

std::string
TokenMask::tree_details(const json &tree) const
{
	std::string details = hide_tokens(hide_secret(to_jsonb_text(tree), json_token_));

	return details.size() > max_details_bytes ? raw_details(details) : details;
}

ErrorObject
read_error_object(const json &error, const TokenMask &mask)
{
	ErrorObject read;
	read.details = mask.tree_details(error);
	read.message = mask.clean_line(error_text(error));
	read.has_code = read_code(member(error, "code"), read.code);
	if (!read.has_code)
		read.code = 0;
	read.has_subcode = read_code(member(error, "error_subcode"), read.subcode);
	read.is_transient = is_true(member(error, "is_transient"));
	return read;
}

} // namespace whatsapp
