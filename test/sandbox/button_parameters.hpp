/*
 * button_parameters.hpp: what a template message gives to the buttons of its template.
 */
#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "templates.hpp"

namespace sandbox
{

/* components: of a message or of a card. Throws Refused. */
void review_button_parameters(const std::vector<Button> &buttons, const nlohmann::json &components);

} // namespace sandbox
