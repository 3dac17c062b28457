/*
 * template_calls.cpp: new and changed templates wait for review, which POST /_sandbox/templates
 * plays.
 */
#include "template_calls.hpp"

#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "sandbox.hpp"
#include "template_review.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

void
answer_with(Exchange &exchange, const json &body)
{
	exchange.reply.body = body.dump(-1, ' ', true);
}

json
posted_object(const Exchange &exchange)
{
	json body = json::parse(exchange.body, nullptr, false);
	if (!body.is_object())
		throw std::runtime_error("the body is not a JSON object");
	return body;
}

/* Files that a definition shows in review must have been uploaded. */
void
require_handles(const Sandbox &box, const json &node)
{
	if (node.is_object() && node.contains("header_handle"))
		for (const json &handle : node["header_handle"])
			if (!handle.is_string() || !box.uploads.knows_handle(handle.get<std::string>()))
				throw std::runtime_error("header_handle is not a valid media handle");
	if (node.is_structured())
		for (const json &inner : node)
			require_handles(box, inner);
}

} // namespace

void
create_template(Sandbox &box, Exchange &exchange)
{
	try {
		json body = posted_object(exchange);
		const std::string name = body.value("name", ""), language = body.value("language", "");
		if (box.templates.find(name, language) != nullptr) {
			exchange.reply = error_reply({2388024});
			return;
		}
		if (const auto error = review_template(body)) {
			exchange.reply = error_reply(*error);
			return;
		}
		require_handles(box, body);
		body["status"] = "PENDING";
		body.erase("id");
		const Template &made = box.templates.put(body);
		answer_with(
		    exchange,
		    {{"id", made.listed->at("id")}, {"status", made.status}, {"category", made.category}});
	} catch (const std::exception &e) {
		exchange.reply = error_reply({100, e.what(), "(#100) Invalid parameter"});
	}
}

void
edit_template(Sandbox &box, Exchange &exchange, const Template &known)
{
	try {
		const json body = posted_object(exchange);
		if (known.status != "APPROVED" && known.status != "REJECTED" && known.status != "PAUSED")
			throw std::runtime_error("a template that is " + known.status + " cannot be edited");
		if (known.status == "APPROVED" && body.contains("category") &&
		    body["category"] != known.category)
			throw std::runtime_error("the category of an approved template cannot be edited");
		json edited = *known.listed;
		for (const char *name : {"category", "components", "message_send_ttl_seconds"})
			if (body.contains(name))
				edited[name] = body[name];
		if (const auto error = review_template(edited)) {
			exchange.reply = error_reply(*error);
			return;
		}
		require_handles(box, body);
		edited["status"] = "PENDING";
		box.templates.put(edited);
		answer_with(exchange, {{"success", true}});
	} catch (const std::exception &e) {
		exchange.reply = error_reply({100, e.what(), "(#100) Invalid parameter"});
	}
}

/* ?name=x: all languages; with hsm_id, that one. */
void
delete_templates(Sandbox &box, Exchange &exchange)
{
	const std::string name = exchange.argument("name").value_or("");
	const std::string id = exchange.argument("hsm_id").value_or("");
	std::vector<std::string> languages;
	for (const Template &known : box.templates.all())
		if (known.name == name && (id.empty() || known.listed->value("id", "") == id)) {
			if (known.status == "DISABLED") {
				exchange.reply = error_reply(
				    {100, "A disabled template cannot be deleted", "(#100) Invalid parameter"});
				return;
			}
			languages.push_back(known.language);
		}
	if (languages.empty()) {
		Error error{100, {}, "(#100) Message template not found"};
		error.subcode = 2593002;
		exchange.reply = error_reply(error);
		return;
	}
	for (const std::string &language : languages)
		box.templates.remove(name, language);
	answer_with(exchange, {{"success", true}});
}

const Template *
template_of_id(const Sandbox &box, const std::string &id)
{
	for (const Template &known : box.templates.all())
		if (known.listed->value("id", "") == id)
			return &known;
	return nullptr;
}

} // namespace sandbox
