/*
 * template_calls.hpp: the calls that make, change, show and delete a template.
 */
#pragma once

#include <string>

namespace sandbox
{

struct Exchange;
struct Sandbox;
struct Template;

/* POST and DELETE /{business account}/message_templates */
void create_template(Sandbox &box, Exchange &exchange);
void delete_templates(Sandbox &box, Exchange &exchange);

/* POST /{template}; only what was approved, rejected or paused. */
void edit_template(Sandbox &box, Exchange &exchange, const Template &known);

/* NULL when there is none with this id. */
const Template *template_of_id(const Sandbox &box, const std::string &id);

} // namespace sandbox
