/*
 * messages.cpp: POST /{phone-number-id}/messages: checks, magic numbers, the book, the answer.
 *
 * The hot path: one JSON parse, hash look-ups, one entry in the book, one string as the answer.
 */
#include <algorithm>
#include <cstdint>
#include <set>

#include <nlohmann/json.hpp>

#include "contents.hpp"
#include "errors.hpp"
#include "fill.hpp"
#include "magic.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

void
refuse(Sandbox &box, Exchange &exchange, const Error &error)
{
	box.traffic.refused(exchange, std::to_string(error.code));
	exchange.reply = error_reply(error);
}

/* The recipient, as phone number or business-scoped user id. */
std::optional<Error>
read_recipient(const json &body, Message &message)
{
	const auto to = body.find("to");
	const auto user = body.find("recipient");
	if (to != body.end() && to->is_string() && !to->get_ref<const std::string &>().empty()) {
		message.recipient = to->get<std::string>();
		const std::string number = digits(message.recipient);
		const bool odd =
		    message.recipient.find_first_not_of("0123456789+-() ") != std::string::npos;
		if (odd || number.size() < 7 || number.size() > 15 || number[0] == '0')
			return Error{131009, "Recipient phone number is not valid"};
		return std::nullopt;
	}
	if (user != body.end() && user->is_string()) {
		message.recipient = user->get<std::string>();
		message.by_user_id = true;
		if (message.recipient.size() < 4 || message.recipient.size() > 136 ||
		    message.recipient[2] != '.')
			return Error{131009, "Recipient user id is not valid"};
		return std::nullopt;
	}
	return Error{100, {}, "(#100) The parameter to is required."};
}

/* Stricter than Meta, which passes over what it does not know: here that is a mistake of the
 * caller's.
 */
std::optional<Error>
check_envelope_members(const json &body, bool is_marketing)
{
	static const std::set<std::string> known = {"messaging_product",
	                                            "recipient_type",
	                                            "to",
	                                            "recipient",
	                                            "type",
	                                            "biz_opaque_callback_data",
	                                            "context",
	                                            "recipient_identity_key_hash",
	                                            "category",
	                                            "messaging_account_id",
	                                            "status",
	                                            "message_id",
	                                            "typing_indicator",
	                                            "ttl_seconds",
	                                            "direct_send_config"};
	static const std::set<std::string> marketing = {"product_policy", "message_activity_sharing"};
	const std::string type = lower(string_at(body, "type"));
	for (const auto &[name, value] : body.items())
		if (known.count(name) == 0 && !(is_marketing && marketing.count(name) > 0) &&
		    name != (type.empty() ? "text" : type))
			return Error{100, {}, "(#100) Unexpected key \"" + name + "\" on the message."};
	return std::nullopt;
}

std::optional<Error>
read_envelope(const json &body, bool is_marketing, Message &message)
{
	if (!body.is_object())
		return Error{100, {}, "(#100) The request body is not a JSON object."};
	if (auto error = check_envelope_members(body, is_marketing))
		return error;
	const auto product = body.find("messaging_product");
	if (product == body.end())
		return Error{100, {}, "(#100) The parameter messaging_product is required."};
	if (*product != "whatsapp")
		return Error{100, {}, "(#100) Param messaging_product must be one of {WHATSAPP}."};
	if (auto error = read_recipient(body, message))
		return error;
	const auto callback = body.find("biz_opaque_callback_data");
	if (callback != body.end() && !callback->is_null()) {
		if (!callback->is_string())
			return Error{100, {}, "(#100) Param biz_opaque_callback_data must be a string."};
		message.callback_data = callback->get<std::string>();
		if (characters(message.callback_data) > 512)
			return Error{
			    100,
			    {},
			    "(#100) Param biz_opaque_callback_data must be at most 512 characters long."};
	}
	return std::nullopt;
}

/* Meta's pair limit: one message per 6 s, with bursts of 45 that are borrowed from the future. */
bool
exceeds_pair(Pace &pace, const std::string &pair, const PairLimit &limit, int64_t now)
{
	const int64_t interval = limit.interval_ms * int64_t{1000};
	int64_t &next = pace[pair];
	next = std::max(next, now);
	if (next - now > interval * (limit.burst - 1))
		return true;
	next += interval;
	return false;
}

/* No window of one second, wherever it starts, may hold more than the limit. */
bool
exceeds_throughput(std::deque<int64_t> &recent, size_t limit, int64_t now)
{
	while (!recent.empty() && now - recent.front() >= 1000000)
		recent.pop_front();
	if (recent.size() >= limit)
		return true;
	recent.push_back(now);
	return false;
}

std::optional<Error>
check_limits(Sandbox &box, const Message &message)
{
	const Settings &settings = box.settings;
	const auto own = settings.throughput_of.find(message.number_id);
	const int throughput = own == settings.throughput_of.end() ? settings.throughput : own->second;
	if (throughput > 0 && exceeds_throughput(box.number_recent[message.number_id],
	                                         static_cast<size_t>(throughput), message.received_us))
		return Error{130429};
	if (!settings.pair_limit.on)
		return std::nullopt;
	const std::string to = message.by_user_id ? message.recipient : digits(message.recipient);
	if (exceeds_pair(box.pair_pace, message.number_id + "/" + to, settings.pair_limit,
	                 message.received_us))
		return Error{131056};
	return std::nullopt;
}

/* Magic numbers whose message is not accepted. True: the exchange is settled. */
bool
refused_by_magic(Sandbox &box, Exchange &exchange, const Magic &magic, const Message &message)
{
	const std::string key = message.callback_data.empty()
	                            ? message.recipient
	                            : message.recipient + "/" + message.callback_data;
	switch (magic.act) {
	case Act::Refuse:
		refuse(box, exchange, {magic.code});
		return true;
	case Act::ResetBefore:
		box.traffic.refused(exchange, "reset");
		exchange.reply.cut = Cut::Reset;
		return true;
	case Act::HtmlError:
		box.traffic.refused(exchange, "html_502");
		exchange.reply = {502,
		                  "<html><head><title>502 Bad Gateway</title></head><body>"
		                  "<h1>502 Bad Gateway</h1></body></html>\n",
		                  "text/html"};
		return true;
	case Act::EmptyError:
		box.traffic.refused(exchange, "empty_500");
		exchange.reply = {500, "", "text/plain"};
		return true;
	case Act::FailsTwice:
	case Act::PairLimitOnce: {
		const int times = magic.act == Act::FailsTwice ? 2 : 1;
		if (box.failures[key]++ < times) {
			refuse(box, exchange, {magic.act == Act::FailsTwice ? 131000 : 131056});
			return true;
		}
		box.failures.erase(key);
		return false;
	}
	default:
		return false;
	}
}

void
compose_answer(Exchange &exchange, const Message &message, const std::string &wamid, Act act)
{
	std::string &out = exchange.reply.body;
	out = "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":";
	quote(out, message.recipient);
	if (message.by_user_id) {
		out += ",\"user_id\":";
		quote(out, message.recipient);
	} else {
		out += ",\"wa_id\":\"" + whatsapp_id(message.recipient) + "\"";
	}
	out += "}]";
	if (act != Act::NoMessageId) {
		out += ",\"messages\":[{\"id\":\"" + wamid + "\"";
		if (act == Act::HeldForQuality)
			out += ",\"message_status\":\"held_for_quality_assessment\"";
		else if (message.type == "template")
			out += ",\"message_status\":\"accepted\"";
		out += "}]";
	}
	out += "}";
}

Course
course_of(Act act)
{
	switch (act) {
	case Act::FailLater:
		return Course::Failed;
	case Act::ReversedStatuses:
		return Course::Reversed;
	case Act::DoubledStatuses:
		return Course::Doubled;
	case Act::SentOnly:
		return Course::SentOnly;
	default:
		return Course::Normal;
	}
}

void
hold_for(Sandbox &box, Exchange &exchange, int64_t from, int ms)
{
	if (ms > 0)
		box.holds.hold(exchange, from + ms * int64_t{1000});
}

/* Plans the statuses as the number wants them, or the fault. */
void
plan_statuses(Sandbox &box, uint64_t serial, const Magic &magic, const Fault *fault, int64_t first)
{
	const StatusPlan *plan = fault != nullptr && fault->statuses ? &*fault->statuses : nullptr;
	if (plan == nullptr)
		box.webhooks.plan(serial, course_of(magic.act), magic.code, first);
	else
		box.webhooks.plan(serial, box.webhooks.course_of(plan->words), plan->failed_code, first,
		                  plan->delay_ms.value_or(-1));
}

/* Books the message, plans its statuses and answers as its number and the fault want it. */
void
accept(Sandbox &box, Exchange &exchange, const Message &message, const Magic &magic,
       const Fault *fault)
{
	const int64_t now = message.received_us;
	const int status_delay = box.settings.webhooks.status_delay_ms;
	int delay = box.settings.delay_ms;
	if (magic.act == Act::Slow)
		delay = std::max(delay, 2000);
	if (fault != nullptr)
		delay += fault->delay_ms;

	const uint64_t serial = box.book.add(message);
	box.traffic.accepted(exchange, message, serial);
	compose_answer(exchange, message, box.book.wamid(serial, message.recipient), magic.act);
	if (fault != nullptr)
		fault->mark(exchange.reply);

	int64_t first = now + (delay + status_delay) * int64_t{1000};
	if (magic.act == Act::HeldForQuality)
		first += status_delay * int64_t{10000};
	switch (fault != nullptr && fault->never ? Act::NoAnswer : magic.act) {
	case Act::NoAnswer:
		box.holds.hold(exchange, std::nullopt);
		break;
	case Act::ResetAfter:
		exchange.reply.cut = Cut::Reset;
		hold_for(box, exchange, now, delay);
		break;
	case Act::WebhookFirst: {
		first = now;
		const Holds::Ticket ticket = box.holds.hold(exchange, now + 5000000);
		if (!box.settings.webhooks.url.empty())
			box.webhooks.await(serial, ticket);
		else
			box.holds.release(ticket);
		break;
	}
	default:
		hold_for(box, exchange, now, delay);
	}
	plan_statuses(box, serial, magic, fault, first);
}

/* The fault in place of an acceptance. */
void
refuse_by_fault(Sandbox &box, Exchange &exchange, const Fault &fault, int64_t now)
{
	box.traffic.refused(exchange, fault.key);
	fault.mark(exchange.reply);
	if (fault.never)
		box.holds.hold(exchange, std::nullopt);
	else
		hold_for(box, exchange, now, box.settings.delay_ms + fault.delay_ms);
}

/* Marketing templates may have an endpoint of their own, which takes nothing else. */
std::optional<Error>
check_endpoint(const Sandbox &box, const Exchange &exchange, Message &message)
{
	const bool is_marketing = message.type == "template" && message.category == "marketing";
	if (!exchange.is_marketing)
		return is_marketing && box.settings.marketing_endpoint == "only"
		           ? std::optional<Error>({131063})
		           : std::nullopt;
	if (box.settings.marketing_endpoint == "none")
		return Error{134102};
	if (!is_marketing)
		return Error{134100};
	message.category = "marketing_lite";
	return std::nullopt;
}

bool
is_mark_as_read(const json &body)
{
	return body.is_object() && body.value("messaging_product", json()) == "whatsapp" &&
	       body.contains("status") && body["status"] == "read" && body.contains("message_id");
}

} // namespace

void
post_message(Sandbox &box, Exchange &exchange, const Number &number)
{
	Message message;
	message.number_id = number.id;
	message.received_us = now_us();
	box.traffic.reached(number.id, message.received_us);
	const auto refuse_slowly = [&](const Error &error) {
		refuse(box, exchange, error);
		hold_for(box, exchange, message.received_us, box.settings.delay_ms);
	};
	if (box.settings.reject_all)
		return refuse_slowly({*box.settings.reject_all});
	const json body = json::parse(exchange.body, nullptr, false);
	if (is_mark_as_read(body)) {
		exchange.reply.body = "{\"success\":true}";
		return hold_for(box, exchange, message.received_us, box.settings.delay_ms);
	}
	if (auto error = read_envelope(body, exchange.is_marketing, message))
		return refuse_slowly(*error);
	box.traffic.addressed(exchange, message);
	const Fault *fault = nullptr;
	if (!box.faults.empty())
		fault = box.faults.take("messages", number.id,
		                        message.by_user_id ? message.recipient : digits(message.recipient));
	if (fault != nullptr && !fault->accept)
		return refuse_by_fault(box, exchange, *fault, message.received_us);
	const Magic magic = message.by_user_id ? Magic{} : magic_of(digits(message.recipient));
	message.hide_phone = magic.act == Act::NoRecipientPhone;
	if (refused_by_magic(box, exchange, magic, message))
		return hold_for(box, exchange, message.received_us, box.settings.delay_ms);
	if (!message.by_user_id && digits(message.recipient) == number.display)
		return refuse_slowly({131021});
	if (auto error = read_content(box, body, exchange.version, message))
		return refuse_slowly(*error);
	if (auto error = check_endpoint(box, exchange, message))
		return refuse_slowly(*error);
	if (auto error = check_limits(box, message))
		return refuse_slowly(*error);
	accept(box, exchange, message, magic, fault);
}

} // namespace sandbox
