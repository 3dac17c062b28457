/*
 * templates.cpp: the account's templates.
 */
#include "templates.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

/* The quick reference's template, and one for each thing that can be wrong with a template. */
const char built_in[] = R"json([
{"name":"po_notification","language":"es","status":"APPROVED","category":"UTILITY","components":[
 {"type":"BODY","text":"Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de {{3}}.",
  "example":{"body_text":[["Proveedor ABC","PO-2024-001","€1,250.00"]]}}]},
{"name":"po_named","language":"es","status":"APPROVED","category":"UTILITY","parameter_format":"NAMED","components":[
 {"type":"BODY","text":"Hola {{supplier}}, la orden de compra {{po_number}} suma {{total}} en total.",
  "example":{"body_text_named_params":[{"param_name":"supplier","example":"Proveedor ABC"},
   {"param_name":"po_number","example":"PO-2024-001"},{"param_name":"total","example":"€1,250.00"}]}}]},
{"name":"order_update","language":"en_US","status":"APPROVED","category":"UTILITY","components":[
 {"type":"BODY","text":"Hello {{1}}, your order {{2}} is on its way.","example":{"body_text":[["Ana","A-1029"]]}}]},
{"name":"po_document","language":"es","status":"APPROVED","category":"UTILITY","components":[
 {"type":"HEADER","format":"DOCUMENT"},
 {"type":"BODY","text":"Hola {{1}}, adjuntamos la orden de compra {{2}} en PDF.","example":{"body_text":[["Ana","A-1029"]]}},
 {"type":"FOOTER","text":"Mensaje automático"},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Ver la orden","url":"https://example.org/po/{{1}}","example":["A-1029"]},
  {"type":"QUICK_REPLY","text":"Recibido"}]}]},
{"name":"spring_offer","language":"es","status":"APPROVED","category":"MARKETING","components":[
 {"type":"HEADER","format":"TEXT","text":"Oferta para {{1}}","example":{"header_text":["Ana"]}},
 {"type":"BODY","text":"Esta semana, harina de espelta a mitad de precio."},
 {"type":"FOOTER","text":"Responda STOP para no recibir más"}]},
{"name":"login_code","language":"es","status":"APPROVED","category":"AUTHENTICATION","components":[
 {"type":"BODY","text":"*{{1}}* es tu código de verificación.","add_security_recommendation":false,"example":{"body_text":[["123456"]]}},
 {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copiar código",
  "url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}","example":["123456"]}]}]},
{"name":"hello_world","language":"en_US","status":"APPROVED","category":"UTILITY","components":[
 {"type":"HEADER","format":"TEXT","text":"Hello World"},
 {"type":"BODY","text":"Welcome and congratulations!! This message demonstrates your ability to send a message."},
 {"type":"FOOTER","text":"WhatsApp Business Platform sample message"}]},
{"name":"po_pending","language":"es","status":"PENDING","category":"UTILITY","components":[
 {"type":"BODY","text":"Hola {{1}}, la orden {{2}} está en revisión."}]},
{"name":"po_paused","language":"es","status":"PAUSED","category":"UTILITY","components":[
 {"type":"BODY","text":"Hola {{1}}, la orden {{2}} está en pausa."}]},
{"name":"po_rejected","language":"es","status":"REJECTED","category":"MARKETING","rejected_reason":"INVALID_FORMAT","components":[
 {"type":"BODY","text":"Hola {{1}}, gane dinero con la orden {{2}} hoy."}]},
{"name":"po_disabled","language":"es","status":"DISABLED","category":"UTILITY","components":[
 {"type":"BODY","text":"Hola {{1}}, la orden {{2}} ya no existe."}]}
])json";

std::string
member(const json &object, const char *name)
{
	const auto found = object.find(name);
	return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/* Named placeholders keep the order of appearance; numbered ones take that of their numbers. */
Pattern
parse_pattern(const std::string &text, bool named)
{
	Pattern pattern;
	std::vector<std::string> appearing;
	size_t at = 0;
	for (size_t open; (open = text.find("{{", at)) != std::string::npos;) {
		const size_t close = text.find("}}", open);
		if (close == std::string::npos)
			break;
		pattern.literals.back() = text.substr(at, open - at);
		pattern.literals.emplace_back();
		appearing.push_back(text.substr(open + 2, close - open - 2));
		at = close + 2;
	}
	pattern.literals.back() = text.substr(at);
	for (const std::string &name : appearing)
		if (std::find(pattern.variables.begin(), pattern.variables.end(), name) ==
		    pattern.variables.end())
			pattern.variables.push_back(name);
	if (!named)
		std::sort(pattern.variables.begin(), pattern.variables.end(),
		          [](const std::string &a, const std::string &b) {
			          return a.size() != b.size() ? a.size() < b.size() : a < b;
		          });
	for (const std::string &name : appearing)
		pattern.slots.push_back(static_cast<size_t>(
		    std::find(pattern.variables.begin(), pattern.variables.end(), name) -
		    pattern.variables.begin()));
	return pattern;
}

void
parse_component(Template &parsed, const json &component)
{
	const std::string type = lower(member(component, "type"));
	if (type == "header") {
		parsed.header_format = lower(member(component, "format"));
		parsed.header = parse_pattern(member(component, "text"), parsed.named);
	} else if (type == "body") {
		parsed.body = parse_pattern(member(component, "text"), parsed.named);
	} else if (type == "footer") {
		parsed.footer = member(component, "text");
	} else if (type == "buttons" && component.contains("buttons") &&
	           component["buttons"].is_array()) {
		for (const json &button : component["buttons"])
			parsed.buttons.push_back({lower(member(button, "type")), member(button, "text"),
			                          member(button, "url").find("{{") != std::string::npos});
	} else if (type == "limited_time_offer") {
		const json offer = component.value("limited_time_offer", json::object());
		parsed.has_offer = true;
		parsed.offer_expires = offer.is_object() && offer.value("has_expiration", json()) == true;
	} else if (type == "carousel" && component.contains("cards") && component["cards"].is_array()) {
		for (const json &card : component["cards"]) {
			parsed.cards.emplace_back();
			parsed.cards.back().named = parsed.named;
			if (card.is_object() && card.contains("components"))
				for (const json &inner : card["components"])
					if (inner.is_object())
						parse_component(parsed.cards.back(), inner);
		}
	}
}

std::string
key_of(std::string_view name, std::string_view language)
{
	std::string key(name);
	key.push_back('/');
	key += language;
	return key;
}

} // namespace

std::string
Pattern::fill(const std::vector<std::string> &values) const
{
	std::string out = literals.front();
	for (size_t i = 0; i < slots.size(); i++) {
		out += values.at(slots[i]);
		out += literals[i + 1];
	}
	return out;
}

Templates::Templates()
{
	for (const json &listed : json::parse(built_in))
		put(listed);
}

const Template &
Templates::put(const json &listed)
{
	if (!listed.is_object() || member(listed, "name").empty() || member(listed, "language").empty())
		throw std::runtime_error("a template is an object with name and language");
	const std::string key = key_of(member(listed, "name"), member(listed, "language"));
	const auto known = index_.find(key);

	json merged = {{"status", "APPROVED"},
	               {"category", "UTILITY"},
	               {"parameter_format", "POSITIONAL"},
	               {"rejected_reason", "NONE"},
	               {"quality_score", {{"score", "GREEN"}}},
	               {"components", json::array()}};
	if (known != index_.end())
		merged = *all_[known->second].listed;
	else
		merged["id"] = std::to_string(next_id_++);
	merged.update(listed);
	if (!merged["components"].is_array())
		throw std::runtime_error("components is an array");

	Template parsed;
	parsed.name = member(merged, "name");
	parsed.language = member(merged, "language");
	parsed.status = member(merged, "status");
	parsed.category = member(merged, "category");
	parsed.named = lower(member(merged, "parameter_format")) == "named";
	for (const json &component : merged["components"])
		if (component.is_object())
			parse_component(parsed, component);
	parsed.listed = std::make_shared<const json>(std::move(merged));

	if (known != index_.end())
		return all_[known->second] = std::move(parsed);
	index_.emplace(key, all_.size());
	all_.push_back(std::move(parsed));
	return all_.back();
}

void
Templates::load(const std::string &file)
{
	std::ifstream stream(file);
	const json listed = json::parse(stream, nullptr, false);
	if (!listed.is_array())
		throw std::runtime_error(file + ": not a readable JSON array");
	for (const json &one : listed)
		put(one);
}

void
Templates::remove(const std::string &name, const std::string &language)
{
	const auto found = index_.find(key_of(name, language));
	if (found == index_.end())
		return;
	if (all_[found->second].status == "APPROVED")
		removed_at_[found->first] = now_us();
	all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(found->second));
	index_.clear();
	for (size_t i = 0; i < all_.size(); i++)
		index_.emplace(key_of(all_[i].name, all_[i].language), i);
}

bool
Templates::is_blocked(const std::string &name, const std::string &language) const
{
	constexpr int64_t days = int64_t{24} * 3600 * 1000000;
	const auto found = removed_at_.find(key_of(name, language));
	return found != removed_at_.end() && found->second > now_us() - 30 * days;
}

const Template *
Templates::find(std::string_view name, std::string_view language) const
{
	const auto found = index_.find(key_of(name, language));
	return found == index_.end() ? nullptr : &all_[found->second];
}

} // namespace sandbox
