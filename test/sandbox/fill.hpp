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

/* The text of a member; empty when the object is none, or the member is no text. */
std::string string_at(const nlohmann::json &object, const char *name);

/* Completes the message (template, language, category, parameters, text), or says what is wrong. */
std::optional<Error> fill_template(const Templates &templates, const nlohmann::json &object,
                                   int version, Message &message);

} // namespace sandbox
