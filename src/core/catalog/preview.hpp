/*
 * preview.hpp — a template message as the recipient reads it, header to buttons.
 */
#pragma once

#include <string>

#include "core/catalog/arguments.hpp"

namespace whatsapp
{

/* given: checked before by check_given_arguments(). Plain text: a medium is shown as [image], a
 * button as a line of its own in brackets, with what it opens. */
std::string preview_text(const TemplateDefinition &definition, const GivenArguments &given);

/* The same as one small card of HTML, for a page; everything from outside is escaped. */
std::string preview_html(const TemplateDefinition &definition, const GivenArguments &given);

} // namespace whatsapp
