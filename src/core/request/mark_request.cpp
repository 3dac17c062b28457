/*
 * mark_request.cpp — POST /{number}/messages, which makes no message and no status.
 */
#include "core/request/mark_request.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/json_bounded.hpp"
#include "core/request/answer_json.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

GraphAsk
ask_read_mark(const RequestTask &task)
{
	const json request = parse_object(task.request, "the request");
	json body = {{"messaging_product", "whatsapp"},
	             {"status", "read"},
	             {"message_id", required_member(request, "wamid")}};
	const json *typing = member(request, "typing");
	if (typing != nullptr && *typing == true)
		body["typing_indicator"] = {{"type", "text"}};
	GraphAsk ask;
	ask.method = GraphMethod::post;
	ask.node = GraphNode::number;
	ask.edge = "messages";
	ask.body = to_jsonb_text(body);
	return ask;
}

} // namespace whatsapp
