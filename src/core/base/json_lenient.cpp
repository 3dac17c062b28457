/*
 * json_lenient.cpp — one walk that mends the text, then a parse that leaves out what is too much.
 */
#include "core/base/json_lenient.hpp"

#include "core/base/ascii.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "core/base/json_tree.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t escape_bytes = 6; /* \uXXXX */

/* The code unit of a \uXXXX at the front, or -1. */
int
escaped_unit(std::string_view text) noexcept
{
	if (text.size() < escape_bytes || text[0] != '\\' || text[1] != 'u')
		return -1;
	int unit = 0;
	for (const char c : text.substr(2, 4)) {
		const int digit = is_digit(c)            ? c - '0'
		                  : c >= 'a' && c <= 'f' ? c - 'a' + 10
		                  : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                         : -1;
		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

/* Copies the escape at the front of text and returns its length. */
std::size_t
mend_escape(std::string_view text, std::string &mended)
{
	const int unit = escaped_unit(text);
	if (unit < 0) {
		const std::size_t length = text.size() < 2 ? text.size() : 2;
		mended += text.substr(0, length);
		return length;
	}
	const bool high = unit >= 0xD800 && unit <= 0xDBFF;
	const bool low = unit >= 0xDC00 && unit <= 0xDFFF;
	const int next = high ? escaped_unit(text.substr(escape_bytes)) : -1;
	if (next >= 0xDC00 && next <= 0xDFFF) {
		mended += text.substr(0, 2 * escape_bytes);
		return 2 * escape_bytes;
	}
	if (high || low || unit == 0)
		mended += replacement_character;
	else
		mended += text.substr(0, escape_bytes);
	return escape_bytes;
}

/* A string with its quotes, from the front of text; returns its length. */
std::size_t
mend_string(std::string_view text, std::string &mended)
{
	std::size_t at = 1;
	mended += '"';
	while (at < text.size()) {
		const auto byte = static_cast<unsigned char>(text[at]);
		if (byte == '"') {
			mended += '"';
			return at + 1;
		}
		if (byte == '\\') {
			at += mend_escape(text.substr(at), mended);
		} else if (byte == 0) {
			mended += replacement_character;
			at++;
		} else if (byte < 0x20) {
			mended += ' ';
			at++;
		} else if (const std::size_t length = decode_utf8(text.substr(at)).length) {
			mended += text.substr(at, length);
			at += length;
		} else {
			mended += replacement_character;
			at++;
		}
	}
	return at;
}

std::size_t
mend_number(std::string_view text, std::string &mended)
{
	const std::size_t length = std::min(text.find_first_not_of("+-.0123456789eE"), text.size());
	const std::string number(text.substr(0, length));
	const double value = std::strtod(number.c_str(), nullptr);
	if (value - value == 0)
		mended += number;
	else
		mended.append("\"").append(clip_text(number, max_json_key_bytes)).append("\"");
	return length;
}

/* Called for each value while the tree grows; false leaves it out. */
class Pruner
{
public:
	bool
	operator()(int depth, json::parse_event_t event, json &value)
	{
		const std::size_t level = static_cast<std::size_t>(depth);
		switch (event) {
		case json::parse_event_t::object_start:
		case json::parse_event_t::array_start:
			if (level < max_json_depth)
				is_list_[level] = event == json::parse_event_t::array_start;
			return level < max_json_depth && ++values_ <= max_json_values;
		case json::parse_event_t::key:
			return value.get_ref<const std::string &>().size() <= max_json_key_bytes &&
			       values_ <= max_json_values;
		case json::parse_event_t::value:
			if (++values_ > max_json_values) {
				/* one that is left out would stay in its object as a key without a value */
				value = nullptr;
				return level == 0 || !is_list_[level - 1];
			}
			if (value.is_string())
				cut(value.get_ref<std::string &>());
			return true;
		default:
			return true;
		}
	}

private:
	static void
	cut(std::string &text)
	{
		if (text.size() > max_json_string_bytes)
			text = std::string(clip_text(text, max_json_string_bytes));
	}

	std::size_t values_ = 0;
	/* of each list or object that is open, whether it is a list */
	bool is_list_[max_json_depth] = {};
};

} // namespace

std::string
mend_json(std::string_view text)
{
	std::string mended;
	mended.reserve(text.size() + 16);
	for (std::size_t at = 0; at < text.size();) {
		const char c = text[at];
		if (c == '"') {
			at += mend_string(text.substr(at), mended);
		} else if (c == '-' || is_digit(c)) {
			at += mend_number(text.substr(at), mended);
		} else {
			/* nlohmann takes a NUL for the end of the document */
			mended += c == '\0' ? ' ' : c;
			at++;
		}
	}
	return mended;
}

bool
parse_lenient(std::string_view text, json &tree)
{
	const std::string mended = mend_json(text);
	Pruner pruner;
	reserve_json_room(std::min(mended.size() / 2, max_json_values) + 1);
	json parsed = json::parse(
	    mended,
	    [&pruner](int depth, json::parse_event_t event, json &value) {
		    return pruner(depth, event, value);
	    },
	    false);
	if (parsed.is_discarded())
		return false;
	tree = std::move(parsed);
	return true;
}

} // namespace whatsapp
