/*
 * contents.hpp: the content of a message by its type: template, text, media, interactive and the
 * rest.
 */
#pragma once

#include <optional>

#include <nlohmann/json_fwd.hpp>

#include "book.hpp"
#include "errors.hpp"

namespace sandbox
{

struct Sandbox;

/* Completes the message (type, category, text…), or says what is wrong with the content. */
std::optional<Error> read_content(const Sandbox &box, const nlohmann::json &body, int version,
                                  Message &message);

} // namespace sandbox
