/*
 * redact.cpp — masking, clipping and cleaning of foreign text.
 *
 * Everything works on bytes and keeps UTF-8 characters whole, since a character cut in half would
 * be refused by the database just when an error is to be reported.
 */
#include "core/base/redact.hpp"

#include "core/base/ascii.hpp"
#include "core/base/utf8.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr char ellipsis[] = "\xE2\x80\xA6";

/* Three bytes at each end of anything shorter would show most of the number. */
constexpr std::size_t min_masked_bytes = 10;
constexpr std::size_t shown_bytes = 3;

/* Shorter words are ordinary words of a sentence ("access token: Session has expired"). */
constexpr std::size_t min_token_bytes = 16;

bool
printable_ascii(std::string_view text) noexcept
{
	for (char c : text)
		if (c < 0x20 || c > 0x7E)
			return false;
	return true;
}

bool
token_character(char c) noexcept
{
	return is_letter_or_digit(c) || c == '_' || c == '-' || c == '|';
}

bool
is_token(std::string_view before, std::string_view word) noexcept
{
	if (word.size() < min_token_bytes)
		return false;
	return word.substr(0, 3) == "EAA" || ends_with(before, "ccess token ") ||
	       ends_with(before, "ccess_token=");
}

/* Length of a JSON escape at the front, or 0: in \nEAA… the n does not belong to the token. */
std::size_t
json_escape_length(std::string_view text) noexcept
{
	if (text.size() < 2 || text[0] != '\\')
		return 0;
	if (text[1] == 'u' && text.size() >= 6)
		return 6;
	return std::string_view("nrtbf").find(text[1]) != std::string_view::npos ? 2 : 0;
}

} // namespace

std::string
mask_phone(std::string_view phone)
{
	if (phone.size() < min_masked_bytes || !printable_ascii(phone))
		return ellipsis;

	std::string masked(phone.substr(0, shown_bytes));
	masked += ellipsis;
	masked += phone.substr(phone.size() - shown_bytes);
	return masked;
}

std::string_view
clip_text(std::string_view text, std::size_t max_bytes) noexcept
{
	if (text.size() <= max_bytes)
		return text;

	/* A character has at most three continuation bytes; more of them is no UTF-8 anyway. */
	std::size_t end = max_bytes;
	for (int i = 0; i < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; i++)
		end--;
	if ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
		end = max_bytes;
	return text.substr(0, end);
}

std::string
clean_utf8(std::string_view bytes)
{
	std::string clean;
	clean.reserve(bytes.size());
	for (std::size_t at = 0; at < bytes.size();) {
		std::size_t length = decode_utf8(bytes.substr(at)).length;
		if (length == 0 || bytes[at] == '\0') {
			clean += replacement_character;
			at++;
		} else {
			clean += bytes.substr(at, length);
			at += length;
		}
	}
	return clean;
}

std::string
hide_tokens(std::string_view text)
{
	std::string hidden;
	hidden.reserve(text.size());
	for (std::size_t at = 0; at < text.size();) {
		if (std::size_t escape = json_escape_length(text.substr(at))) {
			hidden += text.substr(at, escape);
			at += escape;
			continue;
		}
		std::size_t end = at;
		while (end < text.size() && token_character(text[end]))
			end++;
		if (end == at) {
			hidden += text[at++];
			continue;
		}
		std::string_view word = text.substr(at, end - at);
		if (is_token(text.substr(0, at), word)) {
			hidden += word.substr(0, 3);
			hidden += ellipsis;
		} else {
			hidden += word;
		}
		at = end;
	}
	return hidden;
}

std::string
hide_secret(std::string_view text, std::string_view secret)
{
	std::string hidden;
	if (secret.size() < min_hidden_bytes)
		return hidden.assign(text);
	for (std::size_t at = 0;;) {
		const std::size_t found = text.find(secret, at);
		hidden += text.substr(at, found == text.npos ? text.npos : found - at);
		if (found == text.npos)
			return hidden;
		hidden += ellipsis;
		at = found + secret.size();
	}
}

std::string
quote_name(std::string_view name)
{
	constexpr std::size_t max_bytes = 64;
	constexpr char hex[] = "0123456789abcdef";
	std::string text = "\"";
	for (const char c : clean_utf8(clip_text(name, max_bytes))) {
		const auto byte = static_cast<unsigned char>(c);
		if (byte < 0x20 || byte == 0x7F)
			text.append("\\x").append(1, hex[byte >> 4]).append(1, hex[byte & 0xF]);
		else
			text += c;
	}
	return text + '"';
}

} // namespace whatsapp
