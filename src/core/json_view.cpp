/*
 * json_view.cpp — a recursive descent that is bounded by max_json_depth.
 *
 * Where the answer depends on what a tree of nlohmann's would make of it (numbers with an exponent
 * or without end), nlohmann is asked.
 */
#include "core/json_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/json_bounded.hpp"
#include "core/utf8.hpp"

#include <nlohmann/json.hpp>

#include "core/server_free.hpp"

namespace whatsapp
{
namespace
{

/* jsonb and double take any number of so many characters, if it has no exponent. */
constexpr std::size_t max_plain_number = 64;
constexpr std::size_t bytes_per_node = 16;

bool
digit(char c) noexcept
{
	return c >= '0' && c <= '9';
}

void
append_utf8(std::string &text, unsigned code)
{
	const auto put = [&text](unsigned byte) { text += static_cast<char>(byte); };
	if (code == 0) {
		text += replacement_character;
	} else if (code < 0x80) {
		put(code);
	} else if (code < 0x800) {
		put(0xC0 | code >> 6);
		put(0x80 | (code & 0x3F));
	} else if (code < 0x10000) {
		put(0xE0 | code >> 12);
		put(0x80 | (code >> 6 & 0x3F));
		put(0x80 | (code & 0x3F));
	} else {
		put(0xF0 | code >> 18);
		put(0x80 | (code >> 12 & 0x3F));
		put(0x80 | (code >> 6 & 0x3F));
		put(0x80 | (code & 0x3F));
	}
}

class Reader
{
public:
	Reader(std::string_view text, JsonDocument &document) noexcept
	    : at_(text.data()), end_(text.data() + text.size()), document_(document)
	{
	}

	JsonProblem
	read()
	{
		/* nlohmann takes a byte order mark, too */
		if (end_ - at_ >= 3 && std::memcmp(at_, "\xEF\xBB\xBF", 3) == 0)
			at_ += 3;
		if (!value({}, 0))
			return problem_;
		skip_space();
		return at_ == end_ ? JsonProblem::none : JsonProblem::syntax;
	}

private:
	const char *at_;
	const char *end_;
	JsonDocument &document_;
	JsonProblem problem_ = JsonProblem::syntax;

	bool
	stop(JsonProblem reason) noexcept
	{
		problem_ = reason;
		return false;
	}

	void
	skip_space() noexcept
	{
		while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r'))
			at_++;
	}

	bool
	next_is(char wanted) noexcept
	{
		skip_space();
		if (at_ == end_ || *at_ != wanted)
			return false;
		at_++;
		return true;
	}

	static std::string_view
	between(const char *begin, const char *end) noexcept
	{
		return {begin, static_cast<std::size_t>(end - begin)};
	}

	bool
	add(JsonType type, std::string_view key, std::string_view raw, std::string_view text)
	{
		if (document_.nodes.size() >= max_json_values)
			return stop(JsonProblem::values);
		document_.nodes.push_back({type, 1, key, raw, text});
		return true;
	}

	bool value(std::string_view key, std::size_t depth);
	bool container(std::string_view key, std::size_t depth);
	bool element(bool object, std::size_t depth);
	bool word(std::string_view expected, JsonType type, std::string_view key);
	bool number(std::string_view key);
	bool string_value(std::string_view key);
	bool string(std::string_view &text);
	bool rest_of_string(const char *begin, std::string_view &text);
	bool escape(std::string &text);
	bool code_unit(unsigned &code) noexcept;
};

bool
Reader::value(std::string_view key, std::size_t depth)
{
	skip_space();
	if (at_ == end_)
		return false;
	switch (*at_) {
	case '{':
	case '[':
		return depth == max_json_depth ? stop(JsonProblem::depth) : container(key, depth + 1);
	case '"':
		return string_value(key);
	case 't':
		return word("true", JsonType::yes, key);
	case 'f':
		return word("false", JsonType::no, key);
	case 'n':
		return word("null", JsonType::null, key);
	default:
		return number(key);
	}
}

bool
Reader::container(std::string_view key, std::size_t depth)
{
	const char *begin = at_;
	const bool object = *at_++ == '{';
	const char closing = object ? '}' : ']';
	const std::size_t place = document_.nodes.size();
	if (!add(object ? JsonType::object : JsonType::array, key, {}, {}))
		return false;
	if (!next_is(closing)) {
		do {
			if (!element(object, depth))
				return false;
		} while (next_is(','));
		if (!next_is(closing))
			return false;
	}
	JsonNode &node = document_.nodes[place];
	node.size = static_cast<std::uint32_t>(document_.nodes.size() - place);
	node.raw = node.text = between(begin, at_);
	return true;
}

bool
Reader::element(bool object, std::size_t depth)
{
	std::string_view key;
	if (object) {
		skip_space();
		if (at_ == end_ || *at_ != '"' || !string(key))
			return false;
		if (key.size() > max_json_key_bytes)
			return stop(JsonProblem::key);
		if (!next_is(':'))
			return false;
	}
	return value(key, depth);
}

bool
Reader::word(std::string_view expected, JsonType type, std::string_view key)
{
	const std::string_view rest = between(at_, end_);
	if (rest.substr(0, expected.size()) != expected)
		return false;
	at_ += expected.size();
	return add(type, key, expected, expected);
}

bool
Reader::number(std::string_view key)
{
	const char *begin = at_;
	const auto digits = [this] {
		const char *first = at_;
		while (at_ != end_ && digit(*at_))
			at_++;
		return at_ != first;
	};
	if (*at_ == '-')
		at_++;
	if (at_ != end_ && *at_ == '0')
		at_++;
	else if (!digits())
		return false;
	bool whole = true;
	bool exponent = false;
	if (at_ != end_ && *at_ == '.') {
		whole = false;
		at_++;
		if (!digits())
			return false;
	}
	if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) {
		whole = false;
		exponent = true;
		at_++;
		if (at_ != end_ && (*at_ == '+' || *at_ == '-'))
			at_++;
		if (!digits())
			return false;
	}
	const std::string_view raw = between(begin, at_);
	if (exponent || raw.size() > max_plain_number) {
		document_.plain = false;
		if (!nlohmann::json::accept(raw.begin(), raw.end()))
			return stop(JsonProblem::number);
	}
	return add(whole ? JsonType::integer : JsonType::real, key, raw, raw);
}

bool
Reader::string_value(std::string_view key)
{
	const char *begin = at_;
	std::string_view text;
	if (!string(text))
		return false;
	if (text.size() > max_json_string_bytes)
		return stop(JsonProblem::string);
	return add(JsonType::string, key, between(begin, at_), text);
}

/* Nearly all strings are ASCII without an escape, and stay where they are. */
bool
Reader::string(std::string_view &text)
{
	const char *begin = ++at_;
	for (; at_ != end_; at_++) {
		const auto byte = static_cast<unsigned char>(*at_);
		if (byte == '"') {
			text = between(begin, at_++);
			return true;
		}
		if (byte < 0x20)
			return false;
		if (byte == '\\')
			return rest_of_string(begin, text);
		if (byte >= 0x80) {
			const std::size_t length = decode_utf8(between(at_, end_)).length;
			if (length == 0)
				return false;
			at_ += length - 1;
		}
	}
	return false;
}

bool
Reader::rest_of_string(const char *begin, std::string_view &text)
{
	std::string &copy = document_.unescaped.emplace_front(begin, at_);
	while (at_ != end_) {
		const auto byte = static_cast<unsigned char>(*at_);
		if (byte == '"') {
			at_++;
			text = copy;
			return true;
		}
		if (byte < 0x20)
			return false;
		if (byte == '\\') {
			at_++;
			if (!escape(copy))
				return false;
			continue;
		}
		const std::size_t length = decode_utf8(between(at_, end_)).length;
		if (length == 0)
			return false;
		copy.append(at_, length);
		at_ += length;
	}
	return false;
}

bool
Reader::escape(std::string &text)
{
	static constexpr std::string_view letters = "\"\\/bfnrt";
	static constexpr std::string_view meant = "\"\\/\b\f\n\r\t";
	if (at_ == end_)
		return false;
	const char letter = *at_++;
	const std::size_t place = letters.find(letter);
	if (place != std::string_view::npos) {
		text += meant[place];
		return true;
	}
	unsigned code = 0;
	if (letter != 'u' || !code_unit(code) || (code >= 0xDC00 && code < 0xE000))
		return false;
	if (code >= 0xD800 && code < 0xDC00) {
		unsigned low = 0;
		if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u')
			return false;
		at_ += 2;
		if (!code_unit(low) || low < 0xDC00 || low >= 0xE000)
			return false;
		code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
	}
	if (code == 0)
		document_.plain = false;
	append_utf8(text, code);
	return true;
}

bool
Reader::code_unit(unsigned &code) noexcept
{
	if (end_ - at_ < 4)
		return false;
	const auto [stopped, error] = std::from_chars(at_, at_ + 4, code, 16);
	if (error != std::errc() || stopped != at_ + 4)
		return false;
	at_ += 4;
	return true;
}

} // namespace

JsonProblem
read_json(std::string_view text, JsonDocument &document)
{
	document.nodes.reserve(std::min(text.size() / bytes_per_node + 1, max_json_values));
	return Reader(text, document).read();
}

const JsonNode *
member(const JsonNode *value, std::string_view name) noexcept
{
	const JsonNode *found = nullptr;
	if (value != nullptr && value->is(JsonType::object))
		for (const JsonNode &item : JsonItems(*value))
			if (item.key == name)
				found = &item;
	return found;
}

std::string
text_of(const JsonNode *value)
{
	if (value == nullptr)
		return {};
	if (value->is(JsonType::string))
		return std::string(value->text);
	if (!value->is(JsonType::integer))
		return {};
	if (value->raw == "-0")
		return "0";
	/* beyond 64 bits a tree has a floating-point number, which is no id */
	const char *begin = value->raw.data();
	const char *end = begin + value->raw.size();
	std::int64_t small;
	std::uint64_t large;
	if (std::from_chars(begin, end, small).ec != std::errc() &&
	    std::from_chars(begin, end, large).ec != std::errc())
		return {};
	return std::string(value->raw);
}

} // namespace whatsapp
