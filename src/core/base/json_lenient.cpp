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

/* Builds a tree of what is within the limits, and leaves the rest out. nlohmann's parse() with a
 * callback does that, too, but looks through a list or object from its beginning whenever something
 * in it is left out: a megabyte of "{}," would take many seconds. */
class TreeBuilder final : public nlohmann::json_sax<json>
{
public:
	json root;

	bool
	null() override
	{
		return add_value(nullptr);
	}
	bool
	boolean(bool value) override
	{
		return add_value(value);
	}
	bool
	number_integer(number_integer_t value) override
	{
		return add_value(value);
	}
	bool
	number_unsigned(number_unsigned_t value) override
	{
		return add_value(value);
	}
	bool
	number_float(number_float_t value, const string_t &) override
	{
		return add_value(value);
	}
	bool
	string(string_t &text) override
	{
		if (text.size() > max_json_string_bytes)
			text = std::string(clip_text(text, max_json_string_bytes));
		return add_value(std::move(text));
	}
	bool
	binary(binary_t &) override
	{
		return false;
	}
	bool
	start_object(std::size_t) override
	{
		return open_container(json::value_t::object);
	}
	bool
	key(string_t &name) override
	{
		is_key_taken_ = name.size() <= max_json_key_bytes;
		key_ = std::move(name);
		return true;
	}
	bool
	end_object() override
	{
		return close_container();
	}
	bool
	start_array(std::size_t) override
	{
		return open_container(json::value_t::array);
	}
	bool
	end_array() override
	{
		return close_container();
	}
	bool
	parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &) override
	{
		return false;
	}

private:
	/* Where the value stands in the tree now; NULL when it is left out. */
	json *
	place_value(json value)
	{
		if (left_out_ > 0 || values_ == max_json_values)
			return nullptr;
		if (depth_ == 0) {
			values_++;
			return &(root = std::move(value));
		}
		json &parent = *open_[depth_ - 1];
		if (parent.is_object() && !is_key_taken_)
			return nullptr;
		values_++;
		if (parent.is_object())
			return &(parent[key_] = std::move(value));
		parent.push_back(std::move(value));
		return &parent.back();
	}
	bool
	add_value(json value)
	{
		(void)place_value(std::move(value));
		return true;
	}
	bool
	open_container(json::value_t type)
	{
		json *placed = depth_ < max_json_depth ? place_value(type) : nullptr;
		if (placed != nullptr)
			open_[depth_++] = placed;
		else
			left_out_++;
		return true;
	}
	bool
	close_container()
	{
		if (left_out_ > 0)
			left_out_--;
		else
			depth_--;
		return true;
	}

	/* The lists and objects that are open: open_ has those that are in the tree, left_out_ counts
	 * those inside them that are left out. */
	json *open_[max_json_depth] = {};
	std::size_t depth_ = 0;
	std::size_t left_out_ = 0;
	std::size_t values_ = 0;
	std::string key_;
	bool is_key_taken_ = false;
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
	TreeBuilder builder;
	reserve_json_room(std::min(mended.size() / 2, max_json_values) + 1);
	if (!json::sax_parse(mended, &builder))
		return false;
	tree = std::move(builder.root);
	return true;
}

} // namespace whatsapp
