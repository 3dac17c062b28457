/*
 * template_calls.cpp: new and changed templates wait for review, which POST /_sandbox/templates
 * plays.
 */
#include "template_calls.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "sandbox.hpp"
#include "template_review.hpp"
#include "text.hpp"

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

/* Meta writes the texts of templates for one-time codes, and lists their button as an address. */
void
write_code_texts(json &body)
{
	if (lower(body.value("category", "")) != "authentication")
		return;
	for (json &component : body["components"]) {
		const std::string type = lower(component.value("type", ""));
		if (type == "body") {
			component["text"] = component.value("add_security_recommendation", false)
			                        ? "*{{1}}* is your verification code. For your security, do "
			                          "not share this code."
			                        : "*{{1}}* is your verification code.";
		} else if (type == "footer") {
			component["text"] =
			    "This code expires in " + component["code_expiration_minutes"].dump() + " minutes.";
		} else if (type == "buttons") {
			const json given = component["buttons"].at(0);
			std::string kind = given.value("otp_type", "");
			std::transform(kind.begin(), kind.end(), kind.begin(), ::toupper);
			const std::string url = "https://www.whatsapp.com/otp/code/?otp_type=" + kind;
			component["buttons"] = json::array({{{"type", "URL"},
			                                     {"text", given.value("text", "Copy code")},
			                                     {"url", url + "&code=otp{{1}}"},
			                                     {"example", json::array({url})}}});
		}
	}
}

/* An approved one can be edited once in 24 hours, and 10 times in 30 days. */
void
demand_edit_limits(const std::deque<int64_t> &edits)
{
	constexpr int64_t hour = int64_t{3600} * 1000000;
	const int64_t now = now_us();
	const auto within = [&edits, now](int64_t hours) {
		return std::count_if(edits.begin(), edits.end(),
		                     [=](int64_t at) { return at > now - hours * hour; });
	};
	if (within(24) >= 1 || within(24 * 30) >= 10)
		throw std::runtime_error(
		    "an approved template can be edited once in 24 hours and 10 times in 30 days");
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
		if (box.templates.is_blocked(name, language)) {
			exchange.reply = error_reply({2388023});
			return;
		}
		if (const auto error = review_template(body)) {
			exchange.reply = error_reply(*error);
			return;
		}
		require_handles(box, body);
		write_code_texts(body);
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
		std::deque<int64_t> &edits = box.templates.edits_of(known.listed->value("id", ""));
		if (known.status == "APPROVED")
			demand_edit_limits(edits);
		json edited = *known.listed;
		for (const char *name : {"category", "components", "message_send_ttl_seconds"})
			if (body.contains(name))
				edited[name] = body[name];
		const auto error = body.contains("components") ? review_template(edited) : std::nullopt;
		if (error) {
			exchange.reply = error_reply(*error);
			return;
		}
		require_handles(box, body);
		if (known.status == "APPROVED")
			edits.push_back(now_us());
		write_code_texts(edited);
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
