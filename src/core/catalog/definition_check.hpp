/*
 * definition_check.hpp — a template's definition against all rules, before Meta is asked.
 */
#pragma once

#include <string_view>
#include <vector>

#include "core/catalog/finding.hpp"

namespace whatsapp
{

/* definition: the body of Meta's creation call, {"name", "language", "category",
 * "parameter_format"?, "message_send_ttl_seconds"?, "components"}. The findings are in the order of
 * the definition. Fault invalid_json when it is too deep or too big. */
std::vector<Finding> check_definition(std::string_view definition);

/* The same, and Fault definition_refused when a rule is broken: the first one, and how many there
 * are. */
void require_definition(std::string_view definition);

} // namespace whatsapp
