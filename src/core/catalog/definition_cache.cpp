/*
 * definition_cache.cpp — a few hundred definitions; who sends more templates than that in a session
 * reads some of them again.
 */
#include "core/catalog/definition_cache.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t max_definitions = 256;

} // namespace

const TemplateDefinition *
DefinitionCache::find_definition(std::string_view version) const
{
	const auto found = known_.find(version);
	return found == known_.end() ? nullptr : &found->second;
}

const TemplateDefinition &
DefinitionCache::put_definition(std::string_view version, std::string_view components)
{
	TemplateDefinition definition = read_template_definition(components);
	if (known_.size() >= max_definitions)
		known_.clear();
	return known_.insert_or_assign(std::string(version), std::move(definition)).first->second;
}

} // namespace whatsapp
