/*
 * json_bounded.cpp — the counting pass and the printing of jsonb-safe text.
 *
 * The limits are checked by a SAX handler that keeps nothing, so a hostile document costs time
 * proportional to its length and no memory. Numbers beyond double end the parse: nlohmann offers no
 * way to keep them.
 */
#include "core/base/json_bounded.hpp"

#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

class LimitChecker final : public nlohmann::json_sax<json>
{
public:
	JsonProblem problem = JsonProblem::none;

	std::size_t
	values() const
	{
		return values_;
	}
	bool
	null() override
	{
		return count_value();
	}
	bool
	boolean(bool) override
	{
		return count_value();
	}
	bool
	number_integer(number_integer_t) override
	{
		return count_value();
	}
	bool
	number_unsigned(number_unsigned_t) override
	{
		return count_value();
	}
	bool
	number_float(number_float_t, const string_t &) override
	{
		return count_value();
	}
	bool
	string(string_t &text) override
	{
		return text.size() > max_json_string_bytes ? note_problem(JsonProblem::string)
		                                           : count_value();
	}
	bool
	binary(binary_t &) override
	{
		return note_problem(JsonProblem::syntax);
	}
	bool
	start_object(std::size_t) override
	{
		return open_container();
	}
	bool
	key(string_t &name) override
	{
		return name.size() > max_json_key_bytes ? note_problem(JsonProblem::key) : true;
	}
	bool
	end_object() override
	{
		depth_--;
		return true;
	}
	bool
	start_array(std::size_t) override
	{
		return open_container();
	}
	bool
	end_array() override
	{
		depth_--;
		return true;
	}
	bool
	parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &error) override
	{
		return note_problem(error.id == number_overflow_id ? JsonProblem::number
		                                                   : JsonProblem::syntax);
	}

private:
	std::size_t depth_ = 0;
	std::size_t values_ = 0;

	bool
	note_problem(JsonProblem reason)
	{
		problem = reason;
		return false;
	}
	bool
	count_value()
	{
		return ++values_ > max_json_values ? note_problem(JsonProblem::values) : true;
	}
	bool
	open_container()
	{
		return ++depth_ > max_json_depth ? note_problem(JsonProblem::depth) : count_value();
	}
};

} // namespace

JsonProblem
parse_bounded(std::string_view text, json &tree)
{
	LimitChecker checker;

	/* nlohmann takes a NUL for the end of the document and would ignore what follows. */
	if (text.find('\0') != std::string_view::npos)
		return JsonProblem::syntax;
	try {
		if (!json::sax_parse(text.begin(), text.end(), &checker))
			return checker.problem == JsonProblem::none ? JsonProblem::syntax : checker.problem;
		reserve_json_room(checker.values());
		tree = json::parse(text.begin(), text.end());
	} catch (const json::exception &) {
		return JsonProblem::syntax;
	}
	return JsonProblem::none;
}

const char *
json_problem_text(JsonProblem problem) noexcept
{
	switch (problem) {
	case JsonProblem::none:
		return "The document is valid JSON within the limits.";
	case JsonProblem::syntax:
		return "The document is not valid JSON in UTF-8.";
	case JsonProblem::number:
		return "The document contains a number beyond the range of double precision.";
	case JsonProblem::depth:
		return "The document is nested more than 32 levels deep.";
	case JsonProblem::values:
		return "The document contains more than 50000 values.";
	case JsonProblem::key:
		return "The document contains a key of more than 256 bytes.";
	case JsonProblem::string:
		return "The document contains a string of more than 65536 bytes.";
	}
	return "The document is not valid JSON in UTF-8.";
}

std::string
to_jsonb_text(const json &tree)
{
	static constexpr std::string_view escaped_nul = "\\u0000";
	std::string text = tree.dump(-1, ' ', false, json::error_handler_t::replace);

	if (text.find(escaped_nul) == std::string::npos)
		return text;

	/* Escapes are read pair by pair, so that the text \\u0000 (a backslash and a word) stays. */
	std::string safe;
	std::string_view rest = text;
	safe.reserve(text.size());
	while (!rest.empty()) {
		std::size_t length = 1;
		if (rest.substr(0, escaped_nul.size()) == escaped_nul) {
			safe += replacement_character;
			length = escaped_nul.size();
		} else {
			length = rest[0] == '\\' ? 2 : 1;
			safe += rest.substr(0, length);
		}
		rest.remove_prefix(length);
	}
	return safe;
}

void
append_json_string(std::string &out, std::string_view text)
{
	static constexpr char alphabet[] = "0123456789abcdef";

	out += '"';
	/* what needs no escape is copied a stretch at a time */
	std::size_t copied = 0;
	for (std::size_t at = 0; at < text.size();) {
		auto byte = static_cast<unsigned char>(text[at]);
		std::size_t length = byte < 0x80 ? 1 : decode_utf8(text.substr(at)).length;
		if (length > 0 && byte >= 0x20 && byte != '"' && byte != '\\') {
			at += length;
			continue;
		}
		out += text.substr(copied, at - copied);
		if (length == 0 || byte == 0) {
			out += replacement_character;
		} else if (byte >= 0x20) {
			out += '\\';
			out += text[at];
		} else {
			out += "\\u00";
			out += alphabet[byte >> 4];
			out += alphabet[byte & 0x0F];
		}
		copied = ++at;
	}
	out += text.substr(copied);
	out += '"';
}

const json *
member(const json &tree, const char *name)
{
	if (!tree.is_object())
		return nullptr;
	auto found = tree.find(name);
	return found == tree.end() ? nullptr : &*found;
}

std::string
text_of(const json *value)
{
	if (value == nullptr)
		return {};
	if (value->is_string())
		return clean_utf8(value->get_ref<const std::string &>());
	if (value->is_number_integer())
		return value->dump();
	return {};
}

} // namespace whatsapp
