/*
 * keyword.cpp — NFKD by ICU, then one character at a time.
 */
#include "core/webhook/keyword.hpp"

#include <cstdint>
#include <new>
#include <vector>

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* bytes: a keyword, and what people put around it */
constexpr std::size_t max_text = 256;
constexpr std::size_t max_key = 64;
/* NFKD makes up to 18 characters of one. A text of many such characters is no keyword: when it has
 * no room, the key is empty. */
constexpr std::int32_t max_units = 1024;

/* In the scripts between those of India and Mongolia a mark is a vowel and no accent. */
bool
is_vowel_sign(UChar32 c) noexcept
{
	return c >= 0x900 && c < 0x1AB0 && (U_GET_GC_MASK(c) & (U_GC_MN_MASK | U_GC_MC_MASK)) != 0;
}

void
append_utf8(std::string &key, UChar32 c)
{
	char bytes[U8_MAX_LENGTH];
	std::int32_t size = 0;
	U8_APPEND_UNSAFE(bytes, size, c);
	key.append(bytes, static_cast<std::size_t>(size));
}

void
append_folded(std::string &key, UChar32 c)
{
	constexpr UChar32 sharp_s = 0xDF;
	constexpr UChar32 dotless_i = 0x131;
	c = u_foldCase(c, U_FOLD_CASE_DEFAULT);
	if (c == sharp_s)
		key += "ss";
	else
		append_utf8(key, c == dotless_i ? 'i' : c);
}

} // namespace

std::string
keyword_key(std::string_view text)
{
	if (text.size() > max_text)
		return {};
	UErrorCode status = U_ZERO_ERROR;
	constexpr UChar32 replacement = 0xFFFD;
	UChar wide[max_text + 1];
	std::int32_t length = 0;
	u_strFromUTF8WithSub(wide, max_text + 1, &length, text.data(),
	                     static_cast<std::int32_t>(text.size()), replacement, nullptr, &status);
	UChar plain[max_units];
	const UNormalizer2 *normalizer = unorm2_getNFKDInstance(&status);
	const std::int32_t units =
	    U_FAILURE(status) ? 0
	                      : unorm2_normalize(normalizer, wide, length, plain, max_units, &status);
	if (U_FAILURE(status))
		return {};
	std::string key;
	for (std::int32_t at = 0; at < units;) {
		UChar32 c;
		U16_NEXT(plain, at, units, c);
		if (u_isalnum(c) || is_vowel_sign(c))
			append_folded(key, c);
	}
	return key.size() > max_key ? std::string() : key;
}

} // namespace whatsapp
