/*
 * template.hpp — message templates: names, languages, parameters, placeholders and the text that
 * they make.
 *
 * The limits are the platform's (Cloud API reference, "Template messages"): a parameter that breaks
 * one comes back as error 100, 132000 or 132018 a network round trip later, so it is refused here,
 * with the reason.
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

inline constexpr std::size_t max_template_name = 512;
inline constexpr std::size_t max_parameter_bytes = 32768;
/* Of all parameters together, in characters: no message shows more. */
inline constexpr std::size_t max_message_characters = 32768;
inline constexpr std::size_t max_parameters = 100;

/* [a-z0-9_]{1,512}, else Fault invalid_template_name. */
void check_template_name(std::string_view name);

/* A language code as the platform writes it: two or three lower-case letters, optionally _ and a
 * region of 2 to 4 letters or digits ("es", "en_US", "prs_AF", "fil"). Not checked against a list,
 * which changes. Else Fault invalid_language. */
void check_language(std::string_view code);

/*
 * One parameter's text. label names it in the message, e.g. "supplier" or "parameter 2". Faults:
 * empty_parameter (empty, or white space only), forbidden_whitespace (newline, carriage return,
 * tab, more than four spaces in a row, other control characters), text_too_long (over 32,768
 * characters), invalid_parameter_value (not UTF-8). Returns how many characters it has.
 */
std::size_t check_parameter(std::string_view label, std::string_view text);

/* Each run of white space and control characters as one space, and none at the ends: what
 * check_parameter() takes. What is no UTF-8 stays. */
std::string collapse_white_space(std::string_view text);

struct NamedParameter {
	std::string name;
	std::string text;
};

/*
 * The body with {{1}}, {{2}}, … filled in, as the recipient reads it. Faults: parameter_mismatch
 * when the body wants another number of parameters than given or skips a number, or holds a
 * malformed placeholder; what check_parameter() raises. Text put in for a placeholder is never
 * scanned again for placeholders.
 */
std::string render_template(std::string_view body, const std::vector<std::string> &parameters);

/* The same for {{lower_snake}} placeholders. Every placeholder needs a parameter and every
 * parameter a placeholder. */
std::string render_template(std::string_view body, const std::vector<NamedParameter> &parameters);

} // namespace whatsapp
