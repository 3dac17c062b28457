/*
 * template_review.cpp: no rule beyond those that every template meets.
 */
#include "template_review.hpp"

#include <nlohmann/json.hpp>

namespace sandbox
{

std::optional<Error>
review_template(const nlohmann::json &definition)
{
	if (!definition.contains("components") || !definition["components"].is_array() ||
	    definition["components"].empty())
		return Error{100, "components: a template has at least a body", "(#100) Invalid parameter"};
	return std::nullopt;
}

} // namespace sandbox
