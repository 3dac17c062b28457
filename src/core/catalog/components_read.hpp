/*
 * components_read.hpp — components that are a tree already; for the sources of this room only.
 */
#pragma once

#include "core/base/json_tree_fwd.hpp"

#include "core/catalog/definition.hpp"

namespace whatsapp
{

/* As read_template_definition(). Throws std::bad_alloc only. */
TemplateDefinition read_components(const json &components);

} // namespace whatsapp
