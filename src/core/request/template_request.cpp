/*
 * template_request.cpp — /{business account}/message_templates and /{template}.
 */
#include "core/request/template_request.hpp"

#include <utility>

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/catalog/difference.hpp"
#include "core/request/answer_json.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr char edge[] = "message_templates";
/* without this list, Meta leaves out why a template was rejected, and its quality */
constexpr char fields[] =
    "id,name,language,status,category,previous_category,correct_category,rejected_reason,"
    "quality_score,parameter_format,components,message_send_ttl_seconds";
/* large ones have ten cards; a page must stay below max_json_values */
constexpr char page_size[] = "50";

const json &
data_of(const json &answer)
{
	const json *data = member(answer, "data");
	if (data == nullptr || !data->is_array())
		throw Fault(sqlstate::invalid_json, "the answer has no array \"data\"");
	return *data;
}

GraphAsk
ask_page(const RequestTask &task)
{
	GraphAsk ask;
	ask.edge = edge;
	append_query(ask.query, "fields", fields);
	append_query(ask.query, "limit", page_size);
	if (!task.cursor.empty())
		append_query(ask.query, "after", task.cursor);
	return ask;
}

/* What a caller is told about a template that Meta has: id, status and category. */
std::string
result_of(const json &message_template)
{
	json result = json::object();
	for (const char *name : {"id", "status", "category"})
		if (const json *value = member(message_template, name))
			result[name] = *value;
	return to_jsonb_text(result);
}

bool
is_same_member(const json &one, const json &other, const char *name)
{
	const std::string text = text_of(member(one, name));
	return !text.empty() && text == text_of(member(other, name));
}

} // namespace

GraphAsk
ask_templates(const RequestTask &task)
{
	return ask_page(task);
}

Reply
read_templates(const RequestTask &task, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	Reply reply;
	reply.rows = to_jsonb_text(data_of(answer));
	reply.next = next_page(answer, task.cursor);
	return reply;
}

GraphAsk
ask_template_creation(const RequestTask &task)
{
	const json request = parse_object(task.request, "the request");
	(void)required_member(request, "name");
	(void)required_member(request, "language");
	GraphAsk ask;
	ask.method = GraphMethod::post;
	ask.edge = edge;
	ask.body = task.request;
	return ask;
}

Reply
read_created_template(const RequestTask &, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	if (text_of(member(answer, "id")).empty())
		throw Fault(sqlstate::invalid_json, "the answer has no id of the new template");
	Reply reply;
	reply.result = reply.rows = result_of(answer);
	return reply;
}

GraphAsk
ask_template_edit(const RequestTask &task)
{
	json request = parse_object(task.request, "the request");
	GraphAsk ask;
	ask.method = GraphMethod::post;
	ask.node = GraphNode::object;
	ask.object_id = required_member(request, "template_id");
	request.erase("template_id");
	ask.body = to_jsonb_text(request);
	return ask;
}

GraphAsk
ask_template_deletion(const RequestTask &task)
{
	const json request = parse_object(task.request, "the request");
	const std::string id = text_of(member(request, "template_id"));
	GraphAsk ask;
	ask.method = GraphMethod::del;
	ask.edge = edge;
	if (!id.empty())
		append_query(ask.query, "hsm_id", id);
	append_query(ask.query, "name", required_member(request, "name"));
	return ask;
}

Reply
read_success(const RequestTask &, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	const json *success = member(answer, "success");
	if (success == nullptr || *success != true)
		throw Fault(sqlstate::invalid_json, "the answer does not say that it was done");
	Reply reply;
	reply.result = reply.rows = "{}";
	return reply;
}

GraphAsk
ask_templates_of_name(const RequestTask &task)
{
	GraphAsk ask = ask_page(task);
	append_query(ask.query, "name",
	             required_member(parse_object(task.request, "the request"), "name"));
	return ask;
}

GraphAsk
ask_template(const RequestTask &task)
{
	GraphAsk ask;
	ask.node = GraphNode::object;
	ask.object_id = required_member(parse_object(task.request, "the request"), "template_id");
	append_query(ask.query, "fields", fields);
	return ask;
}

/* Meta has one template at most of a name and a language, so it is known by them. */
LookResult
find_created_template(const RequestTask &task, std::string_view body, Reply &reply)
{
	const json request = parse_object(task.request, "the request");
	const json answer = parse_object(body, "the answer");
	for (const json &found : data_of(answer))
		if (is_same_member(found, request, "name") && is_same_member(found, request, "language")) {
			reply.result = reply.rows = result_of(found);
			return LookResult::done;
		}
	reply.next = next_page(answer, task.cursor);
	return reply.next.empty() ? LookResult::not_done : LookResult::open;
}

namespace
{

/* Compared by definition_difference(), since what Meta lists has other examples, and texts of its
 * own for one-time codes. */
bool
is_edited(const json &request, const json &listed)
{
	json wanted = request;
	const std::string category = text_of(member(listed, "category"));
	if (!wanted.contains("category"))
		wanted["category"] = category;
	const json *components = member(listed, "components");
	const std::string seconds = text_of(member(request, "message_send_ttl_seconds"));
	return definition_difference(to_jsonb_text(wanted),
	                             components == nullptr ? "" : to_jsonb_text(*components),
	                             category) == "[]" &&
	       (seconds.empty() || seconds == text_of(member(listed, "message_send_ttl_seconds")));
}

} // namespace

LookResult
compare_edited_template(const RequestTask &task, std::string_view body, Reply &reply)
{
	const json request = parse_object(task.request, "the request");
	const json answer = parse_object(body, "the answer");
	reply.result = result_of(answer);
	reply.rows = "{}";
	return is_edited(request, answer) ? LookResult::done : LookResult::not_done;
}

LookResult
find_deleted_template(const RequestTask &task, std::string_view body, Reply &reply)
{
	const json request = parse_object(task.request, "the request");
	const json answer = parse_object(body, "the answer");
	const std::string id = text_of(member(request, "template_id"));
	for (const json &found : data_of(answer)) {
		const std::string status = text_of(member(found, "status"));
		if (is_same_member(found, request, "name") &&
		    (id.empty() || text_of(member(found, "id")) == id) && status != "DELETED" &&
		    status != "PENDING_DELETION")
			return LookResult::not_done;
	}
	reply.next = next_page(answer, task.cursor);
	reply.result = reply.rows = "{}";
	return reply.next.empty() ? LookResult::done : LookResult::open;
}

} // namespace whatsapp
