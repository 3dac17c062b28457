/*
 * difference.hpp — what Meta has against what is wanted, by component.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/*
 * wanted: a definition; components, category: what Meta lists. A JSON array with an object for each
 * component that differs: {"component": "body", "wanted": …, "live": …}, null where one side lacks
 * it. Examples are not compared, since Meta gives them back as addresses that expire, and neither
 * is what Meta adds by itself. Fault invalid_json.
 */
std::string definition_difference(std::string_view wanted, std::string_view components,
                                  std::string_view category);

/* The placeholders of a definition, one line for each text that has any: "body: 1 2". Equal for
 * translations of one template. */
std::string definition_placeholders(std::string_view definition);

} // namespace whatsapp
