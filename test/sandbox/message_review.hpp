/*
 * message_review.hpp: the limits of Meta's documentation for each type of message (2026-11).
 */
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "errors.hpp"

namespace sandbox
{

/* Of any type but template. */
std::optional<Error> review_message(const std::string &type, const nlohmann::json &content);

/* An image, video or document, also of a header. Throws Refused. */
void review_media(const std::string &type, const nlohmann::json &media, const std::string &where);

/* A place, also of a header. Throws Refused. */
void review_location(const nlohmann::json &location, const std::string &where);

/* Sections of products, also of a template's button. Throws Refused. */
void review_products(const nlohmann::json &action, const std::string &where);

} // namespace sandbox
