/*
 * outcome.cpp — from an answer's bytes to a verdict.
 *
 * The order matters: a message id first, then the error's code, and the HTTP status only when no
 * code could be read. Whatever the body holds, there is an outcome with words for a person.
 */
#include "core/answer/outcome.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/answer/acceptance.hpp"
#include "core/answer/error_codes.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

using nlohmann::json;

constexpr std::size_t max_message_bytes = 1000;
constexpr std::size_t max_details_bytes = std::size_t{64} * 1024;
constexpr std::size_t max_raw_bytes = std::size_t{8} * 1024;

/* Ids go into indexed columns, whose entries end at some 2,700 bytes. */
constexpr std::size_t max_id_bytes = 1024;

/* A longer wait than any in the documentation is a mistake of some gateway. */
constexpr std::int64_t max_retry_after_s = std::int64_t{72} * 60 * 60;

constexpr char unlisted_hint[] =
    "The code is new to this version: look it up in Meta's list of Cloud API error codes. It is "
    "tried again a few times.";
constexpr char codeless_hint[] =
    "Nothing tells the reason: look at the details kept with the message and at the sender's state "
    "in WhatsApp Manager.";

/* The one place where a subcode decides: under code 100 it tells a wrong message from a wrong
 * sender, whose messages would all fail. */
constexpr long long invalid_parameter_code = 100;
constexpr long long unknown_node_subcode = 33;
constexpr char unknown_node_hint[] = "Check phone_number_id of the sender: it is Meta's id of the "
                                     "number, not the number itself, and "
                                     "the token's system user needs access to it.";

/* One line: line breaks and other control characters become spaces. */
std::string
one_line(std::string_view text)
{
	std::string line = hide_tokens(clean_utf8(clip(text, 4 * max_message_bytes)));

	for (char &c : line)
		if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
			c = ' ';
	return std::string(clip(line, max_message_bytes));
}

std::string
raw_details(std::string_view body)
{
	if (body.empty())
		return {};
	std::string details = R"({"raw":)";
	append_json_string(details, hide_tokens(clip(body, max_raw_bytes)));
	details += '}';
	return details;
}

std::string
tree_details(const json &tree)
{
	std::string details = hide_tokens(to_jsonb_text(tree));

	return details.size() > max_details_bytes ? raw_details(details) : details;
}

/* Number or string of digits; group messages were seen with a string. */
bool
read_code(const json *value, long long &code) noexcept
{
	if (value == nullptr)
		return false;
	if (value->is_number_unsigned()) {
		auto number = *value->get_ptr<const json::number_unsigned_t *>();
		code = static_cast<long long>(number);
		return code >= 0;
	}
	if (value->is_number_integer()) {
		code = *value->get_ptr<const json::number_integer_t *>();
		return true;
	}
	if (const auto *text = value->get_ptr<const json::string_t *>()) {
		const char *end = text->data() + text->size();
		auto [stopped, error] = std::from_chars(text->data(), end, code);
		return error == std::errc() && stopped == end;
	}
	return false;
}

/* Titles and details often differ by a capital or a full stop only. */
std::string
comparable(const std::string &text)
{
	std::string plain;
	for (const char c : text)
		if (c != '.')
			plain += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
	return plain;
}

void
append_once(std::string &text, const std::string &more, const char *separator)
{
	if (more.empty() || comparable(text).find(comparable(more)) != std::string::npos)
		return;
	if (!text.empty())
		text += separator;
	text += more;
}

/* What Meta said: title or message, then the details; error_data may be an object or a string. */
std::string
error_text(const json &error)
{
	std::string text = text_of(member(error, "message"));
	std::string title = text_of(member(error, "title"));
	if (text.empty())
		text = title;

	const json *data = member(error, "error_data");
	std::string details = text_of(data);
	if (data != nullptr && details.empty())
		details = text_of(member(*data, "details"));
	append_once(text, details, ": ");
	append_once(text, text_of(member(error, "error_user_msg")), ": ");
	return text;
}

bool
is_true(const json *value) noexcept
{
	return value != nullptr && value->is_boolean() && *value->get_ptr<const json::boolean_t *>();
}

/* Message, hint and verdict from an error object; false when it has no code. */
bool
judge_error(const json &error, Outcome &outcome)
{
	outcome.details = tree_details(error);
	outcome.message = one_line(error.is_string() ? text_of(&error) : error_text(error));
	outcome.has_code = read_code(member(error, "code"), outcome.code);
	if (!outcome.has_code) {
		outcome.code = 0;
		return false;
	}

	const Explanation *row = explain(outcome.code);
	outcome.verdict = row != nullptr ? row->verdict : Verdict::retry;
	outcome.hint = row != nullptr ? row->hint : unlisted_hint;
	outcome.retry_after_ms = documented_wait_ms(outcome.code);
	long long subcode = 0;
	if (outcome.code == invalid_parameter_code &&
	    read_code(member(error, "error_subcode"), subcode) && subcode == unknown_node_subcode) {
		outcome.verdict = Verdict::account;
		outcome.hint = unknown_node_hint;
	}
	if (is_true(member(error, "is_transient")) && outcome.verdict == Verdict::refused)
		outcome.verdict = Verdict::retry;
	if (outcome.message.empty())
		outcome.message = row != nullptr ? row->meaning
		                                 : "error code " + std::to_string(outcome.code) +
		                                       " without an explanation";
	return true;
}

struct StatusMeaning {
	Verdict verdict;
	const char *hint;
};

StatusMeaning
status_meaning(long status) noexcept
{
	if (status >= 200 && status <= 299)
		return {Verdict::unknown,
		        "The request was taken without a message id: a status webhook decides. Check that "
		        "the configured address is the Cloud API's."};
	if (status == 401 || status == 403)
		return {Verdict::account,
		        "Check the sender's access token: generate a permanent system user token with the "
		        "whatsapp_business_messaging permission."};
	/* a wrong address is wrong for every message: better that all wait than that all fail */
	if (status == 404 || (status >= 300 && status <= 399))
		return {Verdict::account, "Check phone_number_id and api_version of the sender: the "
		                          "address of the request does not exist."};
	if (status == 408 || status == 429 || (status >= 500 && status <= 599))
		return {Verdict::retry, "Retried by itself; see https://developers.facebook.com/status if "
		                        "it lasts."};
	if (status >= 400 && status <= 499)
		return {Verdict::refused, "The answer is not the Cloud API's own: check the configured "
		                          "address, and proxies or gateways on the way."};
	return {Verdict::unknown, "The answer has no usable HTTP status: a status webhook decides."};
}

void
judge_by_status(Outcome &outcome)
{
	StatusMeaning meaning = status_meaning(outcome.http_status);

	outcome.verdict = meaning.verdict;
	outcome.hint = meaning.hint;
	if (outcome.message.empty())
		outcome.message = "HTTP status " + std::to_string(outcome.http_status) +
		                  (meaning.verdict == Verdict::unknown ? " without a message id"
		                                                       : " without a readable error code");
}

const json *
first_of(const json &tree, const char *name)
{
	const json *list = member(tree, name);

	return list != nullptr && list->is_array() && !list->empty() ? &list->front() : nullptr;
}

std::string
short_id(const json *value)
{
	std::string id = text_of(value);

	return id.size() <= max_id_bytes ? id : std::string();
}

bool
judge_accepted(const json &tree, Outcome &outcome)
{
	const json *message = first_of(tree, "messages");

	if (message == nullptr || outcome.http_status < 200 || outcome.http_status > 299)
		return false;
	outcome.wamid = short_id(member(*message, "id"));
	if (outcome.wamid.empty())
		return false;

	outcome.verdict = Verdict::accepted;
	outcome.message_status = short_id(member(*message, "message_status"));
	if (const json *contact = first_of(tree, "contacts")) {
		outcome.wa_id = short_id(member(*contact, "wa_id"));
		outcome.user_id = short_id(member(*contact, "user_id"));
	}
	return true;
}

/* Seconds only: the other form of the header, a date, would need a clock. */
std::int64_t
retry_after_ms(std::string_view header) noexcept
{
	std::size_t first = header.find_first_not_of(" \t");
	if (first == std::string_view::npos)
		return -1;
	header = header.substr(first, header.find_last_not_of(" \t\r\n") - first + 1);
	if (header.find_first_not_of("0123456789") != std::string_view::npos)
		return -1;

	std::int64_t seconds = 0;
	auto [stopped, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
	(void)stopped;
	if (error != std::errc())
		seconds = max_retry_after_s;
	return std::min(seconds, max_retry_after_s) * 1000;
}

Outcome
judge_transport(const Answer &answer)
{
	bool not_sent = answer.transport == Transport::not_sent;
	std::string reason(answer.transport_error);
	if (reason.empty())
		reason = "no reason known";

	Outcome outcome;
	outcome.verdict = not_sent ? Verdict::retry : Verdict::unknown;
	outcome.message =
	    one_line((not_sent ? "the request was not sent: " : "no answer to the request: ") + reason);
	outcome.hint = not_sent
	                   ? "Retried by itself; check DNS, the network and TLS certificates of the "
	                     "database server if it lasts."
	                   : "The message may have been accepted: a status webhook or the policy for "
	                     "unknown outcomes decides.";
	return outcome;
}

void
judge_body(std::string_view body, Outcome &outcome)
{
	json tree;

	if (parse_bounded(body, tree) != JsonProblem::none) {
		outcome.details = raw_details(body);
		judge_by_status(outcome);
		return;
	}
	if (judge_accepted(tree, outcome))
		return;

	const json *error = member(tree, "error");
	if (error == nullptr)
		error = first_of(tree, "errors");
	if (error == nullptr) {
		outcome.details = tree_details(tree);
		judge_by_status(outcome);
	} else if (!judge_error(*error, outcome)) {
		judge_by_status(outcome);
		if (is_true(member(*error, "is_transient")) && outcome.verdict == Verdict::refused)
			outcome.verdict = Verdict::retry;
	}
}

} // namespace

const char *
verdict_name(Verdict verdict) noexcept
{
	switch (verdict) {
	case Verdict::accepted:
		return "accepted";
	case Verdict::retry:
		return "retry";
	case Verdict::throttle:
		return "throttle";
	case Verdict::refused:
		return "refused";
	case Verdict::account:
		return "account";
	case Verdict::unknown:
		return "unknown";
	}
	return "unknown";
}

Outcome
judge(const Answer &answer)
{
	if (answer.transport != Transport::answered)
		return judge_transport(answer);

	Outcome outcome;
	outcome.http_status = answer.http_status;
	Acceptance acceptance;
	if (answer.http_status == 200 && read_acceptance(answer.body, acceptance)) {
		outcome.verdict = Verdict::accepted;
		outcome.wamid.swap(acceptance.wamid);
		outcome.message_status.swap(acceptance.message_status);
		outcome.wa_id.swap(acceptance.wa_id);
		outcome.user_id.swap(acceptance.user_id);
		return outcome;
	}
	judge_body(answer.body, outcome);

	if (outcome.verdict == Verdict::retry || outcome.verdict == Verdict::throttle) {
		std::int64_t wait = retry_after_ms(answer.retry_after);
		if (wait >= 0)
			outcome.retry_after_ms = wait;
	}
	return outcome;
}

Outcome
judge_failed_status(std::string_view errors_json)
{
	Outcome outcome;
	json tree;

	outcome.verdict = Verdict::refused;
	outcome.hint = codeless_hint;
	if (parse_bounded(errors_json, tree) != JsonProblem::none) {
		outcome.details = raw_details(errors_json);
	} else {
		const json &error = tree.is_array() && !tree.empty() ? tree.front() : tree;
		judge_error(error, outcome);
	}
	if (outcome.message.empty())
		outcome.message = "the message failed, and the status gives no reason";
	return outcome;
}

} // namespace whatsapp
