/*
 * text.cpp: JSON strings in Meta's escaped form, base64, digits, signatures.
 *
 * All text that arrives here was accepted by the JSON parser before, so it is valid UTF-8.
 */
#include "text.hpp"

#include <chrono>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <random>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace sandbox
{

int64_t
now_us()
{
	using namespace std::chrono;
	return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

uint64_t
random_bits()
{
	thread_local std::mt19937_64 engine{std::random_device{}()};
	return engine();
}

namespace
{

void
append_unit(std::string &out, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	const char text[6] = {
	    '\\',          'u', hex[(unit >> 12) & 15], hex[(unit >> 8) & 15], hex[(unit >> 4) & 15],
	    hex[unit & 15]};
	out.append(text, sizeof text);
}

/* Appends the character that starts at s[i] as \uXXXX (two of them beyond the BMP); returns its
 * length. */
size_t
append_character(std::string &out, std::string_view s, size_t i)
{
	const auto byte = [&](size_t at) {
		return at < s.size() ? static_cast<unsigned char>(s[at]) : 0x80u;
	};
	const uint32_t first = byte(i);
	uint32_t point = 0;
	size_t length = 1;
	if (first >= 0xf0) {
		point = first & 0x07;
		length = 4;
	} else if (first >= 0xe0) {
		point = first & 0x0f;
		length = 3;
	} else {
		point = first & 0x1f;
		length = 2;
	}
	for (size_t n = 1; n < length; n++)
		point = (point << 6) | (byte(i + n) & 0x3f);
	if (point >= 0x10000) {
		append_unit(out, 0xd800 + ((point - 0x10000) >> 10));
		append_unit(out, 0xdc00 + ((point - 0x10000) & 0x3ff));
	} else {
		append_unit(out, point);
	}
	return length;
}

void
append_quoted(std::string &out, std::string_view s, bool escape_slash)
{
	out.push_back('"');
	for (size_t i = 0; i < s.size();) {
		const unsigned char c = static_cast<unsigned char>(s[i]);
		if (c >= 0x80) {
			i += append_character(out, s, i);
			continue;
		}
		i++;
		if (c == '"' || c == '\\') {
			out.push_back('\\');
			out.push_back(static_cast<char>(c));
		} else if (c == '/' && escape_slash) {
			out.append("\\/");
		} else if (c == '\n') {
			out.append("\\n");
		} else if (c == '\t') {
			out.append("\\t");
		} else if (c < 0x20) {
			append_unit(out, c);
		} else {
			out.push_back(static_cast<char>(c));
		}
	}
	out.push_back('"');
}

} // namespace

void
quote(std::string &out, std::string_view s)
{
	append_quoted(out, s, false);
}

void
quote_webhook(std::string &out, std::string_view s)
{
	append_quoted(out, s, true);
}

std::string
quoted_text(std::string_view s)
{
	std::string out;
	quote(out, s);
	return out;
}

std::string
escape_unicode(std::string_view text)
{
	std::string out;
	out.reserve(text.size() + 16);
	for (size_t i = 0; i < text.size();) {
		if (static_cast<unsigned char>(text[i]) >= 0x80) {
			i += append_character(out, text, i);
		} else {
			out.push_back(text[i]);
			i++;
		}
	}
	return out;
}

std::string
whatsapp_id(std::string_view number)
{
	constexpr std::size_t brazilian_mobile = 13;
	constexpr std::size_t without_digit = 12;
	constexpr std::size_t ninth = 4;
	std::string id = digits(number);
	if (id.compare(0, 2, "55") == 0 && id.size() == brazilian_mobile && id[ninth] == '9')
		id.erase(ninth, 1);
	else if (id.compare(0, 2, "52") == 0 && id.size() == without_digit)
		id.insert(2, "1");
	else if (id.compare(0, 2, "54") == 0 && id.size() == without_digit)
		id.insert(2, "9");
	return id;
}

std::string
digits(std::string_view s)
{
	std::string out;
	for (const char c : s)
		if (c >= '0' && c <= '9')
			out.push_back(c);
	return out;
}

std::string
base64(std::string_view bytes)
{
	std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
	const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char *>(out.data()),
	                                   reinterpret_cast<const unsigned char *>(bytes.data()),
	                                   static_cast<int>(bytes.size()));
	out.resize(static_cast<size_t>(length));
	return out;
}

std::string
hmac_sha256_hex(std::string_view key, std::string_view message)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
	     reinterpret_cast<const unsigned char *>(message.data()), message.size(), digest, &length);
	static const char hex[] = "0123456789abcdef";
	std::string out;
	for (unsigned int i = 0; i < length; i++) {
		out.push_back(hex[digest[i] >> 4]);
		out.push_back(hex[digest[i] & 15]);
	}
	return out;
}

size_t
characters(std::string_view utf8)
{
	size_t count = 0;
	for (const char c : utf8)
		if ((static_cast<unsigned char>(c) & 0xc0) != 0x80)
			count++;
	return count;
}

std::string
lower(std::string_view s)
{
	std::string out(s);
	for (char &c : out)
		c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
	return out;
}

} // namespace sandbox
