/*
 * template.cpp — the platform's rules for names, languages and parameter texts.
 *
 * A parameter's text never appears in an error: it is the message's content. What is said instead
 * is which parameter, which rule and where.
 */
#include "core/message/template.hpp"

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_space_run = 4;

/* The limit is in characters, as the API's specification counts. */
constexpr std::size_t max_parameter_characters = max_parameter_bytes;

bool
line_break(char32_t c) noexcept
{
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool
is_control(char32_t c) noexcept
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* White space that a reader cannot tell from nothing, zero-width characters included. */
bool
is_blank(char32_t c) noexcept
{
	return c == ' ' || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200F) || c == 0x202F ||
	       c == 0x205F || c == 0x2060 || c == 0x3000 || c == 0xFEFF;
}

[[noreturn]] void
forbid_whitespace(std::string_view label, const char *what, std::size_t position)
{
	throw Fault(sqlstate::forbidden_whitespace,
	            "value of " + quote_name(label) + " contains " + what,
	            "It stands at character " + std::to_string(position + 1) +
	                ". The platform refuses newlines, tabs and more than four spaces in a row in a "
	                "template parameter.",
	            "Replace it by a single space or a comma.");
}

[[noreturn]] void
too_long(std::string_view label)
{
	throw Fault(sqlstate::text_too_long, "value of " + quote_name(label) + " is too long",
	            "A template parameter has at most " + std::to_string(max_parameter_characters) +
	                " characters.");
}

void
check_character(std::string_view label, char32_t c, std::size_t position)
{
	if (line_break(c))
		forbid_whitespace(label, "a newline", position);
	if (c == '\t')
		forbid_whitespace(label, "a tab", position);
	if (is_control(c))
		forbid_whitespace(label, "a control character", position);
}

} // namespace

void
check_template_name(std::string_view name)
{
	static constexpr char hint[] =
	    "Use the name exactly as Meta Business Suite shows it, for example po_notification.";

	if (name.empty())
		throw Fault(sqlstate::invalid_template_name, "template name is empty", {}, hint);
	if (name.size() > max_template_name)
		throw Fault(sqlstate::invalid_template_name, "template name is too long",
		            "A template name has at most " + std::to_string(max_template_name) +
		                " characters.",
		            hint);
	for (char c : name)
		if (!is_lower(c) && !is_digit(c) && c != '_')
			throw Fault(sqlstate::invalid_template_name,
			            "invalid template name " + quote_name(name),
			            "A template name consists of lower-case letters a to z, digits and "
			            "underscores.",
			            hint);
}

void
check_language(std::string_view code)
{
	std::size_t letters = 0;
	while (letters < code.size() && is_lower(code[letters]))
		letters++;

	bool valid = letters == 2 || letters == 3;
	if (valid && letters < code.size()) {
		std::string_view region = code.substr(letters + 1);
		valid = code[letters] == '_' && region.size() >= 2 && region.size() <= 4;
		for (char c : region)
			valid = valid && is_letter_or_digit(c);
	}
	if (!valid)
		throw Fault(sqlstate::invalid_language, "invalid language code " + quote_name(code),
		            "A language code has two or three lower-case letters, optionally followed by "
		            "an underscore and a region.",
		            "Use the code exactly as the template was approved, for example es or en_US.");
}

std::size_t
check_parameter(std::string_view label, std::string_view text)
{
	bool visible = false;
	std::size_t spaces = 0;
	std::size_t position = 0;

	for (std::size_t at = 0; at < text.size(); position++) {
		/* most characters are visible ASCII, and none of the rules below is about them */
		if (text[at] > ' ' && text[at] <= '~' && position < max_parameter_characters) {
			visible = true;
			spaces = 0;
			at++;
			continue;
		}
		Utf8Character character = decode_utf8(text.substr(at));
		if (character.length == 0)
			throw Fault(sqlstate::invalid_parameter_value,
			            "value of " + quote_name(label) + " is not valid UTF-8");
		if (position >= max_parameter_characters)
			too_long(label);
		check_character(label, character.code_point, position);
		spaces = character.code_point == ' ' ? spaces + 1 : 0;
		if (spaces > max_space_run)
			forbid_whitespace(label, "more than four spaces in a row", position);
		visible = visible || !is_blank(character.code_point);
		at += character.length;
	}
	if (!visible)
		throw Fault(sqlstate::empty_parameter, "value of " + quote_name(label) + " is empty",
		            text.empty() ? "" : "It consists of white space only.",
		            "The platform refuses empty template parameters: give a text, such as a dash.");
	return position;
}

std::string
collapse_white_space(std::string_view text)
{
	std::string collapsed;
	bool gap = false;
	for (std::size_t at = 0; at < text.size();) {
		const Utf8Character character = decode_utf8(text.substr(at));
		const std::size_t length = character.length == 0 ? 1 : character.length;
		const char32_t c = character.code_point;
		if (character.length != 0 && (c == ' ' || line_break(c) || is_control(c))) {
			gap = !collapsed.empty();
		} else {
			if (gap)
				collapsed += ' ';
			gap = false;
			collapsed += text.substr(at, length);
		}
		at += length;
	}
	return collapsed;
}

} // namespace whatsapp
