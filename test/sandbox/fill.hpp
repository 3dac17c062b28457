/*
 * fill.hpp: checks the parameters of a template message as Meta does, and renders what the phone
 * shows.
 */
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "book.hpp"
#include "errors.hpp"
#include "templates.hpp"

namespace sandbox
{

/* Completes the message (template, language, category, parameters, text), or says what is wrong. */
std::optional<Error> fill_template(const Templates &templates, const nlohmann::json &object,
                                   int version, Message &message);

} // namespace sandbox
