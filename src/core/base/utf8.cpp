/*
 * utf8.cpp — the table of well-formed byte sequences (Unicode, table 3-7) as code.
 *
 * The second byte carries all special cases: its range depends on the first byte, and that alone
 * excludes overlong forms, surrogates and what lies above U+10FFFF.
 */
#include "core/base/utf8.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

struct Lead {
	std::size_t length;
	unsigned char second_min;
	unsigned char second_max;
	unsigned char bits;
};

Lead
lead_of(unsigned char first) noexcept
{
	if (first < 0xC2)
		return {0, 0, 0, 0};
	if (first < 0xE0)
		return {2, 0x80, 0xBF, static_cast<unsigned char>(first & 0x1F)};
	if (first < 0xF0) {
		unsigned char low = first == 0xE0 ? 0xA0 : 0x80;
		unsigned char high = first == 0xED ? 0x9F : 0xBF;
		return {3, low, high, static_cast<unsigned char>(first & 0x0F)};
	}
	if (first < 0xF5) {
		unsigned char low = first == 0xF0 ? 0x90 : 0x80;
		unsigned char high = first == 0xF4 ? 0x8F : 0xBF;
		return {4, low, high, static_cast<unsigned char>(first & 0x07)};
	}
	return {0, 0, 0, 0};
}

} // namespace

Utf8Character
decode_utf8(std::string_view bytes) noexcept
{
	if (bytes.empty())
		return {};

	auto first = static_cast<unsigned char>(bytes[0]);
	if (first < 0x80)
		return {1, first};

	Lead lead = lead_of(first);
	if (lead.length == 0 || bytes.size() < lead.length)
		return {};

	char32_t code_point = lead.bits;
	for (std::size_t i = 1; i < lead.length; i++) {
		auto byte = static_cast<unsigned char>(bytes[i]);
		unsigned char low = i == 1 ? lead.second_min : 0x80;
		unsigned char high = i == 1 ? lead.second_max : 0xBF;
		if (byte < low || byte > high)
			return {};
		code_point = (code_point << 6) | (byte & 0x3FU);
	}
	return {lead.length, code_point};
}

} // namespace whatsapp
