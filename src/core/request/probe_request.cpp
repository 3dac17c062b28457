/*
 * probe_request.cpp — one call after the other; the token comes last, since Meta may refuse this
 * call where it answers the others.
 */
#include "core/request/probe_request.hpp"

#include <string>

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/request/answer_json.hpp"
#include "core/request/number_request.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* The cursors. The one of read_numbers() stands behind the first of these; an empty cursor is its
 * beginning. */
constexpr std::string_view numbers = "numbers:";
constexpr std::string_view apps = "apps";
constexpr std::string_view token = "token";

/* The part of the task that is about numbers. */
RequestTask
task_of_numbers(const RequestTask &task)
{
	RequestTask part = task;
	if (!part.cursor.empty())
		part.cursor.erase(0, numbers.size());
	return part;
}

json
read_apps(const json &answer)
{
	const json *data = member(answer, "data");
	if (data == nullptr || !data->is_array())
		throw Fault(sqlstate::invalid_json, "the answer has no array \"data\"");
	json found = json::array();
	for (const json &app : *data) {
		const json *node = app.is_object() ? member(app, "whatsapp_business_api_data") : nullptr;
		if (node == nullptr || !node->is_object())
			continue;
		found.push_back({{"id", text_of(member(*node, "id"))},
		                 {"name", text_of(member(*node, "name"))},
		                 {"callback", text_of(member(app, "override_callback_uri"))}});
	}
	return found;
}

/* Only what is named here is kept. */
json
read_token(const json &answer)
{
	const json *data = member(answer, "data");
	if (data == nullptr || !data->is_object())
		throw Fault(sqlstate::invalid_json, "the answer has no object \"data\"");
	json found = json::object();
	for (const char *name : {"app_id", "type", "is_valid", "expires_at", "data_access_expires_at"})
		if (const json *value = member(*data, name);
		    value != nullptr && !value->is_structured() && !value->is_null())
			found[name] = *value;
	json scopes = json::array();
	if (const json *given = member(*data, "scopes"); given != nullptr && given->is_array())
		for (const json &scope : *given)
			if (scope.is_string())
				scopes.push_back(scope);
	found["scopes"] = scopes;
	return found;
}

} // namespace

GraphAsk
ask_probe(const RequestTask &task)
{
	GraphAsk ask;
	if (task.cursor == apps) {
		ask.edge = "subscribed_apps";
		return ask;
	}
	if (task.cursor == token) {
		ask.node = GraphNode::object;
		ask.object_id = "debug_token";
		ask.names_own_token = true;
		return ask;
	}
	return ask_numbers(task_of_numbers(task));
}

Reply
read_probe(const RequestTask &task, std::string_view body)
{
	Reply reply;
	if (task.cursor == apps) {
		reply.rows = to_jsonb_text({{"apps", read_apps(parse_object(body, "the answer"))}});
		reply.next = token;
	} else if (task.cursor == token) {
		reply.rows = to_jsonb_text({{"token", read_token(parse_object(body, "the answer"))}});
	} else {
		reply = read_numbers(task_of_numbers(task), body);
		reply.next = reply.next.empty() ? std::string(apps) : std::string(numbers) + reply.next;
	}
	return reply;
}

} // namespace whatsapp
