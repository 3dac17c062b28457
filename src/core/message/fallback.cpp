/*
 * fallback.cpp — added as text, and taken out by way of the tree: the column may have been changed.
 */
#include "core/message/fallback.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

std::string
add_fallback(std::string_view payload, std::string_view fallback)
{
	std::string both(payload.substr(0, payload.rfind('}')));
	both += R"(,"fallback":)";
	both += fallback;
	both += '}';
	return both;
}

bool
may_have_fallback(std::string_view payload) noexcept
{
	return payload.find(R"("fallback")") != std::string_view::npos;
}

std::string
remove_fallback(std::string_view payload)
{
	json tree;
	if (parse_bounded(payload, tree) != JsonProblem::none || !tree.is_object())
		return std::string(payload);
	tree.erase("fallback");
	return tree.dump();
}

} // namespace whatsapp
