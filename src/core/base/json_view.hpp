/*
 * json_view.hpp — foreign JSON read in place: one pass, and views into the text instead of a tree.
 *
 * For webhooks, which come by the thousand. The limits and the grammar are those of
 * json_bounded.hpp, and test/fuzz compares the two readers. Nothing is allocated for a value but
 * its node.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

enum class JsonProblem : unsigned char; /* json_bounded.hpp */

enum class JsonType : unsigned char { null, no, yes, integer, real, string, array, object };

/* One value. The values that are in it follow it in JsonDocument::nodes. */
struct JsonNode {
	JsonType type = JsonType::null;
	std::uint32_t size = 1; /* nodes, its own included: the next value is so far behind */
	std::string_view key;   /* its name, when it is a member of an object */
	std::string_view raw;   /* its JSON as it came */
	std::string_view text;  /* of a string, without escapes and with U+FFFD for \u0000; else raw */

	bool
	has_type(JsonType other) const noexcept
	{
		return type == other;
	}
};

struct JsonDocument {
	std::vector<JsonNode> nodes; /* the first is the root */
	std::forward_list<std::string> unescaped;
	/* every raw is text that jsonb accepts */
	bool plain = true;
};

/* The document points into text, which must outlive it. Never throws but std::bad_alloc; document
 * is of no use unless the result is JsonProblem::none. */
JsonProblem read_json(std::string_view text, JsonDocument &document);

/* The values in an array or object. */
class JsonItems
{
public:
	class Iterator
	{
	public:
		explicit Iterator(const JsonNode *at) noexcept : at_(at) {}
		const JsonNode &
		operator*() const noexcept
		{
			return *at_;
		}
		Iterator &
		operator++() noexcept
		{
			at_ += at_->size;
			return *this;
		}
		bool
		operator!=(const Iterator &other) const noexcept
		{
			return at_ != other.at_;
		}

	private:
		const JsonNode *at_;
	};

	explicit JsonItems(const JsonNode &parent) noexcept : parent_(parent) {}
	Iterator
	begin() const noexcept
	{
		return Iterator(&parent_ + 1);
	}
	Iterator
	end() const noexcept
	{
		return Iterator(&parent_ + parent_.size);
	}

private:
	const JsonNode &parent_;
};

/* The member of that name, the last of several, as a tree has it; NULL when value is NULL, no
 * object, or lacks it. */
const JsonNode *member(const JsonNode *value, std::string_view name) noexcept;

/* A string, or an integer of at most 64 bits, as text for the database; empty for all else. */
std::string text_of(const JsonNode *value);

} // namespace whatsapp
