/*
 * definition_cache.hpp — definitions that were read, so that each is read once while its row stays
 * as it is.
 */
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "core/catalog/definition.hpp"

namespace whatsapp
{

class DefinitionCache
{
public:
	/* version: the name of one version of a row; when the row changes, it gets another name. NULL:
	 * not known. */
	const TemplateDefinition *find_definition(std::string_view version) const;

	/* Good until the next call. Fault invalid_json. */
	const TemplateDefinition &put_definition(std::string_view version, std::string_view components);

private:
	std::map<std::string, TemplateDefinition, std::less<>> known_;
};

} // namespace whatsapp
