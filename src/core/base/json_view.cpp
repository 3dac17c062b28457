/*
 * json_view.cpp — nlohmann's parser calls a handler for each token; how far it has read by then
 * tells where the token stands in the text.
 */
#include "core/base/json_view.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "core/base/ascii.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/utf8.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* jsonb and double take any number of so many characters, if it has no exponent. */
constexpr std::size_t max_plain_number = 64;
constexpr std::size_t bytes_per_node = 16;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/* The text, one byte after the other; seen is how far the parser has read. */
class Bytes
{
public:
	using iterator_category = std::input_iterator_tag;
	using value_type = char;
	using difference_type = std::ptrdiff_t;
	using pointer = const char *;
	using reference = const char &;

	Bytes(const char *at, const char *&seen) noexcept : at_(at), seen_(&seen) {}
	reference
	operator*() const noexcept
	{
		return *at_;
	}
	Bytes &
	operator++() noexcept
	{
		*seen_ = ++at_;
		return *this;
	}
	bool
	operator==(const Bytes &other) const noexcept
	{
		return at_ == other.at_;
	}
	bool
	operator!=(const Bytes &other) const noexcept
	{
		return at_ != other.at_;
	}

private:
	const char *at_;
	const char **seen_;
};

std::string_view
text_between(const char *begin, const char *end) noexcept
{
	return {begin, static_cast<std::size_t>(end - begin)};
}

/* The handler that nlohmann calls for each token, in the order of the text. */
class Viewer
{
public:
	JsonProblem problem = JsonProblem::none;
	const char *seen; /* the end of the token just reported; of a number, maybe one byte more */

	Viewer(std::string_view text, JsonDocument &document) noexcept
	    : seen(text.data()), before_(text.data()), document_(document)
	{
		if (text.substr(0, byte_order_mark.size()) == byte_order_mark)
			before_ += byte_order_mark.size();
	}

	bool
	null()
	{
		return add_token(JsonType::null);
	}
	bool
	boolean(bool value)
	{
		return add_token(value ? JsonType::yes : JsonType::no);
	}
	bool
	number_integer(json::number_integer_t)
	{
		return add_number();
	}
	bool
	number_unsigned(json::number_unsigned_t)
	{
		return add_number();
	}
	bool
	number_float(json::number_float_t, const std::string &)
	{
		return add_number();
	}
	bool
	string(std::string &value)
	{
		if (value.size() > max_json_string_bytes)
			return note_problem(JsonProblem::string);
		const std::string_view raw = take_token(seen);
		return add_node(JsonType::string, raw, text_in(raw, value));
	}
	bool
	key(std::string &name)
	{
		if (name.size() > max_json_key_bytes)
			return note_problem(JsonProblem::key);
		key_ = text_in(take_token(seen), name);
		return true;
	}
	bool
	binary(json::binary_t &)
	{
		return note_problem(JsonProblem::syntax);
	}
	bool
	start_object(std::size_t)
	{
		return open_container(JsonType::object);
	}
	bool
	start_array(std::size_t)
	{
		return open_container(JsonType::array);
	}
	bool
	end_object()
	{
		return close_container();
	}
	bool
	end_array()
	{
		return close_container();
	}
	bool
	parse_error(std::size_t, const std::string &, const nlohmann::detail::exception &error)
	{
		return note_problem(error.id == number_overflow_id ? JsonProblem::number
		                                                   : JsonProblem::syntax);
	}

private:
	const char *before_; /* the end of the token before */
	JsonDocument &document_;
	std::string_view key_;
	std::size_t open_[max_json_depth];
	std::size_t depth_ = 0;

	bool
	note_problem(JsonProblem reason) noexcept
	{
		problem = reason;
		return false;
	}

	/* The token that ends there and begins behind the one before, without what stands between
	 * them. */
	std::string_view
	take_token(const char *end) noexcept
	{
		const char *begin = before_;
		while (begin != end && std::strchr(" \t\r\n,:", *begin) != nullptr)
			begin++;
		before_ = end;
		return text_between(begin, end);
	}

	bool
	add_node(JsonType type, std::string_view raw, std::string_view text)
	{
		if (document_.nodes.size() >= max_json_values)
			return note_problem(JsonProblem::values);
		document_.nodes.push_back({type, 1, key_, raw, text});
		key_ = {};
		return true;
	}

	bool
	add_token(JsonType type)
	{
		const std::string_view raw = take_token(seen);
		return add_node(type, raw, raw);
	}

	bool
	add_number()
	{
		const char *end = seen;
		while (!is_digit(end[-1]))
			end--;
		const std::string_view raw = take_token(end);
		const bool exponent = raw.find_first_of("eE") != std::string_view::npos;
		if (exponent || raw.size() > max_plain_number)
			document_.plain = false;
		const bool whole = !exponent && raw.find('.') == std::string_view::npos;
		return add_node(whole ? JsonType::integer : JsonType::real, raw, raw);
	}

	/* A view of the string in the text, where it nearly always stands as it is. Only one that has
	 * escapes is copied. */
	std::string_view
	text_in(std::string_view raw, const std::string &value)
	{
		const std::string_view inside = raw.substr(1, raw.size() - 2);
		if (inside == value)
			return inside;
		std::string &copy = document_.unescaped.emplace_front();
		for (const char c : value)
			if (c == '\0')
				copy += replacement_character;
			else
				copy += c;
		document_.plain = document_.plain && copy.size() == value.size();
		return copy;
	}

	bool
	open_container(JsonType type)
	{
		if (depth_ == max_json_depth)
			return note_problem(JsonProblem::depth);
		open_[depth_++] = document_.nodes.size();
		const std::string_view bracket = take_token(seen);
		return add_node(type, bracket, bracket);
	}

	bool
	close_container() noexcept
	{
		const std::size_t place = open_[--depth_];
		JsonNode &node = document_.nodes[place];
		node.size = static_cast<std::uint32_t>(document_.nodes.size() - place);
		node.raw = node.text = text_between(node.raw.data(), seen);
		before_ = seen;
		return true;
	}
};

} // namespace

JsonProblem
read_json(std::string_view text, JsonDocument &document)
{
	/* nlohmann takes a NUL for the end of the document and would ignore what follows. */
	if (text.find('\0') != std::string_view::npos)
		return JsonProblem::syntax;
	document.nodes.reserve(std::min(text.size() / bytes_per_node + 1, max_json_values));
	Viewer viewer(text, document);
	const char *end = text.data() + text.size();
	const bool read =
	    json::sax_parse(Bytes(text.data(), viewer.seen), Bytes(end, viewer.seen), &viewer);
	if (read)
		return JsonProblem::none;
	return viewer.problem == JsonProblem::none ? JsonProblem::syntax : viewer.problem;
}

const JsonNode *
member(const JsonNode *value, std::string_view name) noexcept
{
	const JsonNode *found = nullptr;
	if (value != nullptr && value->has_type(JsonType::object))
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
	if (value->has_type(JsonType::string))
		return std::string(value->text);
	if (!value->has_type(JsonType::integer))
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
