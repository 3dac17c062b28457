/*
 * template_review.hpp: what Meta's review finds wrong with a template's definition, at once.
 */
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "errors.hpp"

namespace sandbox
{

/* definition: what was posted to create a template, or the whole of one as an edit leaves it.
 * Nothing: it is taken, and waits for review. */
std::optional<Error> review_template(const nlohmann::json &definition);

} // namespace sandbox
