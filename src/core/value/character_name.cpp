/*
 * character_name.cpp — see character_name.hpp.
 */
#include "core/value/character_name.hpp"

#include <cstdint>

#include <unicode/uchar.h>

#include "core/base/utf8.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

struct CharacterName {
	char32_t c;
	const char *name;
};

/* Those that stand in numbers and amounts: copied from pages, chats, spreadsheets and PDFs. */
constexpr CharacterName names[] = {
    {0x0000, "NULL"},
    {0x0009, "CHARACTER TABULATION"},
    {0x000A, "LINE FEED"},
    {0x000B, "LINE TABULATION"},
    {0x000C, "FORM FEED"},
    {0x000D, "CARRIAGE RETURN"},
    {0x001B, "ESCAPE"},
    {0x0020, "SPACE"},
    {0x007F, "DELETE"},
    {0x0085, "NEXT LINE"},
    {0x00A0, "NO-BREAK SPACE"},
    {0x00AD, "SOFT HYPHEN"},
    {0x00B7, "MIDDLE DOT"},
    {0x034F, "COMBINING GRAPHEME JOINER"},
    {0x061C, "ARABIC LETTER MARK"},
    {0x066B, "ARABIC DECIMAL SEPARATOR"},
    {0x066C, "ARABIC THOUSANDS SEPARATOR"},
    {0x115F, "HANGUL CHOSEONG FILLER"},
    {0x1160, "HANGUL JUNGSEONG FILLER"},
    {0x1680, "OGHAM SPACE MARK"},
    {0x180E, "MONGOLIAN VOWEL SEPARATOR"},
    {0x2000, "EN QUAD"},
    {0x2001, "EM QUAD"},
    {0x2002, "EN SPACE"},
    {0x2003, "EM SPACE"},
    {0x2004, "THREE-PER-EM SPACE"},
    {0x2005, "FOUR-PER-EM SPACE"},
    {0x2006, "SIX-PER-EM SPACE"},
    {0x2007, "FIGURE SPACE"},
    {0x2008, "PUNCTUATION SPACE"},
    {0x2009, "THIN SPACE"},
    {0x200A, "HAIR SPACE"},
    {0x200B, "ZERO WIDTH SPACE"},
    {0x200C, "ZERO WIDTH NON-JOINER"},
    {0x200D, "ZERO WIDTH JOINER"},
    {0x200E, "LEFT-TO-RIGHT MARK"},
    {0x200F, "RIGHT-TO-LEFT MARK"},
    {0x2010, "HYPHEN"},
    {0x2011, "NON-BREAKING HYPHEN"},
    {0x2012, "FIGURE DASH"},
    {0x2013, "EN DASH"},
    {0x2014, "EM DASH"},
    {0x2015, "HORIZONTAL BAR"},
    {0x2018, "LEFT SINGLE QUOTATION MARK"},
    {0x2019, "RIGHT SINGLE QUOTATION MARK"},
    {0x2028, "LINE SEPARATOR"},
    {0x2029, "PARAGRAPH SEPARATOR"},
    {0x202A, "LEFT-TO-RIGHT EMBEDDING"},
    {0x202B, "RIGHT-TO-LEFT EMBEDDING"},
    {0x202C, "POP DIRECTIONAL FORMATTING"},
    {0x202D, "LEFT-TO-RIGHT OVERRIDE"},
    {0x202E, "RIGHT-TO-LEFT OVERRIDE"},
    {0x202F, "NARROW NO-BREAK SPACE"},
    {0x205F, "MEDIUM MATHEMATICAL SPACE"},
    {0x2060, "WORD JOINER"},
    {0x2061, "FUNCTION APPLICATION"},
    {0x2062, "INVISIBLE TIMES"},
    {0x2063, "INVISIBLE SEPARATOR"},
    {0x2064, "INVISIBLE PLUS"},
    {0x2066, "LEFT-TO-RIGHT ISOLATE"},
    {0x2067, "RIGHT-TO-LEFT ISOLATE"},
    {0x2068, "FIRST STRONG ISOLATE"},
    {0x2069, "POP DIRECTIONAL ISOLATE"},
    {0x20AC, "EURO SIGN"},
    {0x2212, "MINUS SIGN"},
    {0x2800, "BRAILLE PATTERN BLANK"},
    {0x3000, "IDEOGRAPHIC SPACE"},
    {0x3164, "HANGUL FILLER"},
    {0xFE0E, "VARIATION SELECTOR-15"},
    {0xFE0F, "VARIATION SELECTOR-16"},
    {0xFE62, "SMALL PLUS SIGN"},
    {0xFE63, "SMALL HYPHEN-MINUS"},
    {0xFEFF, "ZERO WIDTH NO-BREAK SPACE"},
    {0xFF08, "FULLWIDTH LEFT PARENTHESIS"},
    {0xFF09, "FULLWIDTH RIGHT PARENTHESIS"},
    {0xFF0B, "FULLWIDTH PLUS SIGN"},
    {0xFF0D, "FULLWIDTH HYPHEN-MINUS"},
    {0xFF0E, "FULLWIDTH FULL STOP"},
    {0xFFA0, "HALFWIDTH HANGUL FILLER"},
    {0xFFFD, "REPLACEMENT CHARACTER"},
};

/* Scripts whose digits people type; the names of their digits differ by the last word alone. */
struct DigitRow {
	char32_t zero;
	const char *script;
};
constexpr DigitRow digit_rows[] = {
    {0x0660, "ARABIC-INDIC"},
    {0x06F0, "EXTENDED ARABIC-INDIC"},
    {0x0966, "DEVANAGARI"},
    {0x09E6, "BENGALI"},
    {0x0A66, "GURMUKHI"},
    {0x0AE6, "GUJARATI"},
    {0x0B66, "ORIYA"},
    {0x0BE6, "TAMIL"},
    {0x0C66, "TELUGU"},
    {0x0CE6, "KANNADA"},
    {0x0D66, "MALAYALAM"},
    {0x0E50, "THAI"},
    {0x0ED0, "LAO"},
    {0x0F20, "TIBETAN"},
    {0x1040, "MYANMAR"},
    {0x17E0, "KHMER"},
    {0xFF10, "FULLWIDTH"},
    {0x1D7CE, "MATHEMATICAL BOLD"},
    {0x1D7D8, "MATHEMATICAL DOUBLE-STRUCK"},
};
constexpr const char *digit_words[] = {"ZERO", "ONE", "TWO",   "THREE", "FOUR",
                                       "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"};

std::string
code_of(char32_t c)
{
	static constexpr char hexadecimal[] = "0123456789ABCDEF";
	std::string code = "U+";
	for (int shift = c > 0xFFFFF ? 20 : c > 0xFFFF ? 16 : 12; shift >= 0; shift -= 4)
		code += hexadecimal[(static_cast<std::uint32_t>(c) >> shift) & 0xF];
	return code;
}

} // namespace

std::string
name_character(char32_t c)
{
	std::string out = code_of(c);
	for (const CharacterName &known : names)
		if (known.c == c)
			return out + " " + known.name;
	for (const DigitRow &row : digit_rows)
		if (c >= row.zero && c <= row.zero + 9)
			return out + " " + row.script + " DIGIT " + digit_words[c - row.zero];
	if (c >= 0xFE00 && c <= 0xFE0D)
		return out + " VARIATION SELECTOR-" + std::to_string(c - 0xFE00 + 1);
	return out;
}

std::string
name_character_at(std::string_view text, std::size_t byte)
{
	std::size_t position = 1;
	std::size_t at = 0;
	while (at < byte) {
		const Utf8Character c = decode_utf8(text.substr(at));
		at += c.length == 0 ? 1 : c.length;
		position++;
	}
	const Utf8Character c = decode_utf8(text.substr(at));
	const std::string place = "the character at position " + std::to_string(position) + " is ";
	if (c.length == 0)
		return place + "no UTF-8";
	if (c.code_point > 0x20 && c.code_point < 0x7F)
		return place + "\"" + static_cast<char>(c.code_point) + "\"";
	return place + name_character(c.code_point);
}

bool
is_foreign_space(char32_t c) noexcept
{
	return c > 0x7F && (u_charType(static_cast<UChar32>(c)) == U_SPACE_SEPARATOR || c == 0x2800);
}

bool
is_invisible(char32_t c) noexcept
{
	return c > 0x7F &&
	       (u_charType(static_cast<UChar32>(c)) == U_FORMAT_CHAR ||
	        u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0);
}

bool
is_foreign_dash(char32_t c) noexcept
{
	return (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE63 || c == 0xFF0D;
}

int
digit_value(char32_t c) noexcept
{
	return u_charDigitValue(static_cast<UChar32>(c));
}

} // namespace whatsapp
