/*
 * cost_request.cpp — /{business account}?fields=pricing_analytics…
 */
#include "core/request/cost_request.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/request/answer_json.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* An array of that name; nothing for one that is not there, Fault for another value. */
const json *
array_of(const json &object, const char *name)
{
	const json *found = member(object, name);
	if (found != nullptr && !found->is_array())
		throw Fault(sqlstate::invalid_json,
		            std::string("\"") + name + "\" in the answer is no array");
	return found;
}

} // namespace

GraphAsk
ask_costs(const RequestTask &task)
{
	const json request = parse_object(task.request, "the request");
	GraphAsk ask;
	append_query(ask.query, "fields",
	             "pricing_analytics.start(" + required_member(request, "start") + ").end(" +
	                 required_member(request, "end") +
	                 ").granularity(DAILY)"
	                 ".dimensions([\"COUNTRY\",\"PRICING_CATEGORY\",\"PRICING_TYPE\"])");
	return ask;
}

Reply
read_costs(const RequestTask & /*task*/, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	json points = json::array();
	const json *analytics = member(answer, "pricing_analytics");
	const json *data = analytics == nullptr ? nullptr : array_of(*analytics, "data");
	if (data != nullptr)
		for (const json &part : *data) {
			const json *some = array_of(part, "data_points");
			if (some != nullptr)
				points.insert(points.end(), some->begin(), some->end());
		}
	Reply reply;
	reply.rows = to_jsonb_text({{"points", points}});
	return reply;
}

} // namespace whatsapp
