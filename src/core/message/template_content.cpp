/*
 * template_content.cpp — the object "template" of a request body: which components there may be,
 * and what a parameter of each may hold.
 *
 * An error names the component as a person would: "header", "body", "button 1", "card 0 button 1".
 */
#include <algorithm>
#include <set>

#include "core/base/json_tree.hpp"

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/message/content.hpp"
#include "core/message/content_types.hpp"
#include "core/message/free_form.hpp"
#include "core/message/template.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_components = 20;
constexpr std::size_t max_buttons = 10;
constexpr std::size_t max_coupon_code = 20;
constexpr std::size_t max_payload = 256; /* Meta publishes none; 128 is sure to work */
constexpr std::size_t max_name = 256;
constexpr std::size_t max_tap_targets = 10;

/* The platform takes types in any case; so do we, and what is compared is in lower case. */
std::string
lower_word(const ContentNode &node)
{
	return lower_case_of(node.required_id(max_name));
}

[[noreturn]] void
refuse_parameter_type(const ContentNode &parameter, const std::string &type, const char *types)
{
	refuse_content(parameter.path() + " cannot have type " + quote_name(type),
	               std::string("Its types are ") + types + ".");
}

/* "button 1" → "button 1 parameter 2"; the only one of a component needs no number. */
ContentNode
labelled_parameter(const ContentNode &component, const ContentNode &parameter, std::size_t place,
                   std::size_t count)
{
	std::string label = component.path();
	if (count > 1 || component.path() == "body")
		label += " parameter " + std::to_string(place + 1);
	return {parameter.value(), label};
}

/* An error calls a parameter by its parameter_name, if it has one, else by its place. */
void
check_text_parameter(const ContentNode &parameter, const std::string &component, bool &named)
{
	std::string label = parameter.path();
	const auto name = parameter.optional_member("parameter_name");
	named = name.has_value();
	if (named)
		label = component + " parameter " + quote_name(name->required_id(max_name));
	const ContentNode text = parameter.required_member("text");
	if (!text.is_string())
		refuse_content(label + " is not a text", "It must be a JSON string.");
	check_parameter(label, text.value().get<std::string>());
}

void
check_header_parameter(const ContentNode &parameter)
{
	const std::string type = lower_word(parameter.required_member("type"));
	bool named = false;
	if (type == "text")
		return check_text_parameter(parameter, "header", named);
	static constexpr char types[] = "text, image, video, document, location and product";
	static const ContentRule rules[] = {{"image", check_image_content},
	                                    {"video", check_video_content},
	                                    {"document", check_document_content},
	                                    {"location", check_location_content}};
	for (const ContentRule &rule : rules)
		if (type == rule.type)
			return rule.check(ContentNode(parameter.required_member(rule.type).value(),
			                              parameter.path() + " " + rule.type));
	if (type != "product")
		refuse_parameter_type(parameter, type, types);
	const ContentNode product = parameter.required_member("product");
	(void)product.required_member("product_retailer_id").required_name(max_name);
	(void)product.required_member("catalog_id").required_id(max_name);
}

void
check_body_parameters(const ContentNode &component)
{
	const std::vector<ContentNode> parameters =
	    component.required_member("parameters").elements(0, max_parameters);
	std::set<std::string> names;
	std::size_t named_count = 0;
	for (std::size_t i = 0; i < parameters.size(); i++) {
		const ContentNode parameter =
		    labelled_parameter(component, parameters[i], i, parameters.size());
		const std::string type = lower_word(parameter.required_member("type"));
		bool named = false;
		if (type == "text") {
			check_text_parameter(parameter, component.path(), named);
		} else if (type == "currency" || type == "date_time") {
			/* whatever else they hold, the platform shows this text */
			const ContentNode value =
			    parameter.required_member(type.c_str()).required_member("fallback_value");
			check_parameter(parameter.path(), text_of(&value.value()));
		} else {
			refuse_parameter_type(parameter, type, "text, currency and date_time");
		}
		if (named) {
			named_count++;
			if (!names.insert(text_of(&parameter.required_member("parameter_name").value())).second)
				throw Fault(sqlstate::parameter_mismatch,
				            parameter.path() + " has the name of another");
		}
	}
	if (named_count != 0 && named_count != parameters.size())
		throw Fault(sqlstate::parameter_mismatch,
		            component.path() + " mixes named and positional parameters",
		            "A template has parameters of one kind.");
}

/* The parameter of a button of type flow, catalog or mpm. Only for mpm is it known what the action
 * must hold. */
void
check_action(const ContentNode &parameter, const std::string &sub_type)
{
	const ContentNode action = parameter.required_member("action");
	action.expect_object();
	if (sub_type != "mpm")
		return;
	(void)action.required_member("thumbnail_product_retailer_id").required_name(max_name);
	check_product_sections(action.required_member("sections"));
}

void
check_call_parameter(const ContentNode &parameter, const std::string &type)
{
	if (type == "payload") {
		(void)parameter.required_member("payload").required_text(max_payload);
		return;
	}
	if (type != "ttl_minutes")
		refuse_parameter_type(parameter, type, "ttl_minutes and payload");
	const ContentNode minutes = parameter.required_member("ttl_minutes");
	if (!minutes.value().is_number_integer() || minutes.value() < 1)
		refuse_content(parameter.path() + " has no number of minutes",
		               "ttl_minutes is an integer, and at least 1.");
}

void
check_button_parameter(const ContentNode &parameter, const std::string &sub_type)
{
	static constexpr struct {
		const char *sub_type;
		const char *type;
	} pairs[] = {{"quick_reply", "payload"}, {"url", "text"},       {"copy_code", "coupon_code"},
	             {"flow", "action"},         {"catalog", "action"}, {"mpm", "action"}};
	const std::string type = lower_word(parameter.required_member("type"));
	if (sub_type == "voice_call")
		return check_call_parameter(parameter, type);
	for (const auto &pair : pairs)
		if (sub_type == pair.sub_type && type != pair.type)
			refuse_parameter_type(parameter, type, pair.type);
	bool named = false;
	if (sub_type == "quick_reply")
		(void)parameter.required_member("payload").required_text(max_payload);
	else if (sub_type == "url")
		check_text_parameter(parameter, parameter.path(), named);
	else if (sub_type == "copy_code")
		(void)parameter.required_member("coupon_code").required_text(max_coupon_code);
	else
		check_action(parameter, sub_type);
}

void
check_button(const ContentNode &button, std::set<std::string> &places)
{
	static constexpr const char *sub_types[] = {"quick_reply", "url", "copy_code", "flow",
	                                            "catalog",     "mpm", "voice_call"};
	const std::string sub_type = lower_word(button.required_member("sub_type"));
	if (std::none_of(std::begin(sub_types), std::end(sub_types),
	                 [&](const char *one) { return sub_type == one; }))
		refuse_content(button.path() + " has the unknown sub_type " + quote_name(sub_type),
		               "They are quick_reply, url, copy_code, flow, catalog, mpm and voice_call.");
	std::string label = button.path();
	const auto index = button.optional_member("index");
	if (index) {
		const std::string place = index->required_id(max_name);
		if (place.size() != 1 || !is_digit(place[0]))
			refuse_content(label + " has a wrong index",
			               "Buttons are counted from 0, and a template has " +
			                   std::to_string(max_buttons) + " at most.");
		label += " " + place;
		if (!places.insert(place).second)
			refuse_content(label + " is given twice", "Each button has one component.");
	} else if (sub_type != "voice_call") {
		refuse_content(label + " lacks an index", "Buttons are counted from 0.");
	}
	const auto parameters = button.optional_member("parameters");
	if (!parameters)
		return;
	for (const ContentNode &parameter : parameters->elements(0, sub_type == "voice_call" ? 2 : 1))
		check_button_parameter({parameter.value(), label}, sub_type);
}

void check_components(const ContentNode &list, const std::string &where);

void
check_offer(const ContentNode &component)
{
	for (const ContentNode &parameter : component.required_member("parameters").elements(1, 1)) {
		const ContentNode ends =
		    parameter.required_member("limited_time_offer").required_member("expiration_time_ms");
		if (!ends.value().is_number_integer() || ends.value().get<long long>() <= 0)
			refuse_content(component.path() + " has no time at which it ends",
			               "expiration_time_ms is a number of milliseconds since 1970.");
	}
}

void
check_cards(const ContentNode &carousel)
{
	long long place = 0;
	for (const ContentNode &card :
	     carousel.required_member("cards").elements(1, max_carousel_cards)) {
		const std::string label = "card " + std::to_string(place);
		const ContentNode named(card.value(), label);
		if (named.required_member("card_index").value() != place)
			refuse_content(label + " has a wrong card_index", "Cards are counted from 0.");
		const ContentNode components = named.required_member("components");
		check_components(components, label + " ");
		place++;
	}
}

void
check_tap_target(const ContentNode &component)
{
	for (const ContentNode &parameter :
	     component.required_member("parameters").elements(1, max_tap_targets))
		for (const ContentNode &target :
		     parameter.required_member("tap_target_configuration").elements(1, max_tap_targets)) {
			const ContentNode url = target.required_member("url");
			check_content_link(url.path(), url.required_text(max_text_characters), false);
			(void)target.required_member("title").required_text(max_name);
		}
}

/* where: empty, or "card 1 " */
void
check_component(const ContentNode &component, const std::string &where, std::set<std::string> &once,
                std::set<std::string> &buttons)
{
	const std::string type = lower_word(component.required_member("type"));
	const ContentNode named(component.value(), where + type);
	if (type != "button" && !once.insert(type).second)
		refuse_content(where + type + " is given twice", "Each component stands once.");
	if (type == "button")
		return check_button(named, buttons);
	if (type == "body")
		return check_body_parameters(named);
	if (type == "header") {
		for (const ContentNode &parameter : named.required_member("parameters").elements(0, 1))
			check_header_parameter({parameter.value(), named.path()});
		return;
	}
	if (where.empty() && type == "carousel")
		return check_cards(named);
	if (where.empty() && type == "limited_time_offer")
		return check_offer(named);
	if (where.empty() && type == "tap_target_configuration")
		return check_tap_target(named);
	refuse_content("component type " + quote_name(type) + " does not exist",
	               where.empty() ? "The types are header, body, button, carousel, "
	                               "limited_time_offer and tap_target_configuration."
	                             : "The types in a card are header, body and button.");
}

void
check_components(const ContentNode &list, const std::string &where)
{
	std::set<std::string> once;
	std::set<std::string> buttons;
	for (const ContentNode &component : list.elements(0, max_components))
		check_component(component, where, once, buttons);
}

} // namespace

void
check_template_content(const ContentNode &content)
{
	content.expect_members({"name", "language", "components", "namespace"});
	const ContentNode name = content.required_member("name");
	if (!name.is_string())
		refuse_content(name.path() + " is not a text", "It must be a JSON string.");
	check_template_name(name.value().get<std::string>());
	const ContentNode code = content.required_member("language").required_member("code");
	if (!code.is_string())
		refuse_content(code.path() + " is not a text", "It must be a JSON string.");
	check_language(code.value().get<std::string>());
	if (const auto components = content.optional_member("components"))
		check_components(*components, "");
}

} // namespace whatsapp
