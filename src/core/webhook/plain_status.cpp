/*
 * plain_status.cpp — a member that Meta may add one day makes a status worth keeping as it came.
 */
#include "core/webhook/plain_status.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/base/json_view.hpp"
#include "core/webhook/progress.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::string_view status_members[] = {"id",
                                               "status",
                                               "timestamp",
                                               "recipient_id",
                                               "recipient_user_id",
                                               "biz_opaque_callback_data",
                                               "conversation",
                                               "pricing"};
/* When a conversation ends has told nothing since messages are charged one by one (July 2025). */
constexpr std::string_view conversation_members[] = {"id", "origin", "expiration_timestamp"};
constexpr std::string_view origin_members[] = {"type"};
constexpr std::string_view pricing_members[] = {"billable", "pricing_model", "category", "type",
                                                "cost"};
constexpr std::string_view cost_members[] = {"amount", "currency"};

/* True when value is absent. */
template <std::size_t size>
bool
has_only_members(const JsonNode *value, const std::string_view (&names)[size]) noexcept
{
	if (value == nullptr)
		return true;
	if (!value->has_type(JsonType::object))
		return false;
	for (const JsonNode &part : JsonItems(*value))
		if (std::find(std::begin(names), std::end(names), part.key) == std::end(names))
			return false;
	return true;
}

std::string_view
word_of(const JsonNode &item) noexcept
{
	const JsonNode *word = member(&item, "status");
	return word == nullptr ? std::string_view() : word->text;
}

} // namespace

bool
is_plain_status(const JsonNode &item) noexcept
{
	const JsonNode *conversation = member(&item, "conversation");
	const JsonNode *pricing = member(&item, "pricing");
	const JsonNode *billable = member(pricing, "billable");
	return rank_of(word_of(item)) >= StatusRank::sent &&
	       (billable == nullptr || billable->has_type(JsonType::yes) ||
	        billable->has_type(JsonType::no)) &&
	       has_only_members(&item, status_members) &&
	       has_only_members(conversation, conversation_members) &&
	       has_only_members(member(conversation, "origin"), origin_members) &&
	       has_only_members(pricing, pricing_members) &&
	       has_only_members(member(pricing, "cost"), cost_members);
}

} // namespace whatsapp
