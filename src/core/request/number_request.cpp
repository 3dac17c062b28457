/*
 * number_request.cpp — /{business account} and /{business account}/phone_numbers.
 */
#include "core/request/number_request.hpp"

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/request/answer_json.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr char account_fields[] =
    "id,name,currency,timezone_id,country,status,account_review_status,"
    "business_verification_status,health_status";
constexpr char number_fields[] =
    "id,display_phone_number,verified_name,name_status,quality_rating,status,throughput,"
    "whatsapp_business_manager_messaging_limit,code_verification_status,platform_type,"
    "account_mode,health_status";
/* The cursor of the first page of numbers. The cursor of another page is this text, followed by
 * Meta's cursor. */
constexpr char numbers_cursor[] = "numbers/";

} // namespace

GraphAsk
ask_numbers(const RequestTask &task)
{
	GraphAsk ask;
	if (task.cursor.empty()) {
		append_query(ask.query, "fields", account_fields);
		return ask;
	}
	ask.edge = "phone_numbers";
	append_query(ask.query, "fields", number_fields);
	append_query(ask.query, "limit", "50");
	const std::string after = task.cursor.substr(sizeof numbers_cursor - 1);
	if (!after.empty())
		append_query(ask.query, "after", after);
	return ask;
}

Reply
read_numbers(const RequestTask &task, std::string_view body)
{
	const json answer = parse_object(body, "the answer");
	Reply reply;
	if (task.cursor.empty()) {
		if (text_of(member(answer, "id")).empty())
			throw Fault(sqlstate::invalid_json, "the answer has no id of the business account");
		reply.rows = to_jsonb_text({{"account", answer}});
		reply.next = numbers_cursor;
		return reply;
	}
	const json *data = member(answer, "data");
	if (data == nullptr || !data->is_array())
		throw Fault(sqlstate::invalid_json, "the answer has no array \"data\"");
	reply.rows = to_jsonb_text({{"numbers", *data}});
	const std::string next = next_page(answer, task.cursor.substr(sizeof numbers_cursor - 1));
	reply.next = next.empty() ? next : numbers_cursor + next;
	return reply;
}

} // namespace whatsapp
