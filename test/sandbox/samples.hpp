/*
 * samples.hpp: a sample of each kind of inbound message and of each account and template field,
 * in the shape of Meta's documentation.
 */
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sandbox
{

std::vector<std::string> inbound_types();
std::vector<std::string> account_fields();

/* The members that belong to the type: {"type": "image", "image": {...}}; for a type that isn't
 * known, an empty object under its name. */
nlohmann::json inbound_sample(const std::string &type);
/* The value of a field; an empty object for one that isn't known. */
nlohmann::json field_sample(const std::string &field);

} // namespace sandbox
