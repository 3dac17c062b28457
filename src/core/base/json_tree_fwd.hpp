/*
 * json_tree_fwd.hpp — the JSON tree of this library, for headers; json_tree.hpp has the rest.
 */
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace whatsapp
{

template <class Value> struct JsonAllocator;

using json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, double, JsonAllocator>;

} // namespace whatsapp
