/*
 * outcome.cpp — from an answer's bytes to a verdict.
 *
 * The order matters: a message id first, then the error's code, and the HTTP status only where no
 * code could be read. Whatever the body holds, there is an outcome with words for a person.
 */
#include "core/answer/outcome.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "core/base/json_tree.hpp"

#include "core/answer/acceptance.hpp"
#include "core/answer/error_codes.hpp"
#include "core/answer/error_object.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/json_lenient.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr long unauthorized = 401;
constexpr long proxy_unauthorized = 407;
constexpr long too_many_requests = 429;

constexpr char unlisted_hint[] =
    "The code is new to this version: look it up in Meta's list of Cloud API error codes. It is "
    "tried again a few times.";
constexpr char unlisted_account_hint[] =
    "The code is new to this version: look it up in Meta's list of Cloud API error codes. The HTTP "
    "status 401 says that the access token was not taken: check it.";
constexpr char unlisted_throttle_hint[] =
    "The code is new to this version: look it up in Meta's list of Cloud API error codes. The HTTP "
    "status 429 says that a limit was reached: it is tried again later.";
constexpr char codeless_hint[] =
    "Nothing tells the reason: look at the details kept with the message and at the sender's state "
    "in WhatsApp Manager.";
constexpr char stranger_hint[] =
    "Retried by itself. The answer is not the Cloud API's own: check the configured address, and "
    "proxies or gateways on the way.";

/* For code 100 with subcode 33. The verdict is account, so that the sender pauses: with a wrong
 * phone_number_id each of its messages would fail. */
constexpr char unknown_node_hint[] = "Check phone_number_id of the sender: it is Meta's id of the "
                                     "number, not the number itself, and "
                                     "the token's system user needs access to it.";

struct Judgement {
	Verdict verdict;
	const char *hint;
};

/* For a code that is not in the table, the status is better than nothing: a token that is refused
 * must not cost each message its attempts. */
Judgement
judge_unlisted_code(long status) noexcept
{
	if (status == unauthorized)
		return {Verdict::account, unlisted_account_hint};
	if (status == too_many_requests)
		return {Verdict::throttle, unlisted_throttle_hint};
	return {Verdict::retry, unlisted_hint};
}

void
judge_code(const ErrorObject &error, Outcome &outcome)
{
	const Explanation *row = explain_code(error.code);
	const Judgement unlisted = judge_unlisted_code(outcome.http_status);
	outcome.has_code = true;
	outcome.code = error.code;
	outcome.verdict = row != nullptr ? row->verdict : unlisted.verdict;
	outcome.hint = row != nullptr ? row->hint : unlisted.hint;
	outcome.retry_after_ms = documented_wait_ms(error.code);
	if (error.code == invalid_parameter_code && error.has_subcode &&
	    error.subcode == unknown_node_subcode) {
		outcome.verdict = Verdict::account;
		outcome.hint = unknown_node_hint;
	}
	if (outcome.message.empty())
		outcome.message =
		    row != nullptr ? row->meaning
		                   : "error code " + std::to_string(error.code) + " without an explanation";
}

/* from_platform: a proxy's page tells nothing about the message, whatever its status is. */
Judgement
judge_status(long status, bool from_platform) noexcept
{
	if (status >= 200 && status <= 299)
		return {Verdict::unknown,
		        "The request was taken without a message id: a status webhook decides. Check that "
		        "the configured address is the Cloud API's."};
	if (status == unauthorized || status == 403)
		return {Verdict::account,
		        "Check the sender's access token: generate a permanent system user token with the "
		        "whatsapp_business_messaging permission."};
	/* a wrong address is wrong for every message: better that all wait than that all fail */
	if (status == 404 || (status >= 300 && status <= 399))
		return {Verdict::account, "Check phone_number_id and api_version of the sender: the "
		                          "address of the request does not exist."};
	if (status == 408 || status == too_many_requests || (status >= 500 && status <= 599))
		return {Verdict::retry, platform_status_hint};
	if (status >= 400 && status <= 499)
		return from_platform && status != proxy_unauthorized
		           ? Judgement{Verdict::refused, codeless_hint}
		           : Judgement{Verdict::retry, stranger_hint};
	return {Verdict::unknown, "The answer has no usable HTTP status: a status webhook decides."};
}

void
judge_without_code(Outcome &outcome)
{
	const Judgement meaning = judge_status(outcome.http_status, outcome.from_platform);

	outcome.verdict = meaning.verdict;
	outcome.hint = meaning.hint;
	if (outcome.message.empty())
		outcome.message = "HTTP status " + std::to_string(outcome.http_status) +
		                  (meaning.verdict == Verdict::unknown ? " without a message id"
		                                                       : " without a readable error code");
}

/* False: the error has no code. answered: it is the body of an answer, whose HTTP status then
 * decides. */
bool
judge_error(const json &error, const TokenMask &mask, bool answered, Outcome &outcome)
{
	ErrorObject read = read_error_object(error, mask);
	outcome.message.swap(read.message);
	outcome.details.swap(read.details);
	outcome.from_platform = error.is_object();
	if (read.has_code)
		judge_code(read, outcome);
	else if (answered)
		judge_without_code(outcome);
	if (read.is_transient && outcome.verdict == Verdict::refused)
		outcome.verdict = Verdict::retry;
	return read.has_code;
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

	return id.size() <= max_stored_id_bytes ? id : std::string();
}

bool
judge_acceptance(const json &tree, Outcome &outcome)
{
	const json *message = first_of(tree, "messages");

	if (message == nullptr || outcome.http_status < 200 || outcome.http_status > 299)
		return false;
	outcome.wamid = short_id(member(*message, "id"));
	if (outcome.wamid.empty())
		return false;

	outcome.verdict = Verdict::accepted;
	outcome.from_platform = true;
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

	constexpr std::int64_t most = max_retry_after_ms / 1000;
	std::int64_t seconds = 0;
	auto [stopped, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
	(void)stopped;
	return (error == std::errc() ? std::min(seconds, most) : most) * 1000;
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
	    TokenMask(answer.token)
	        .clean_line((not_sent ? "the request was not sent: " : "no answer to the request: ") +
	                    reason);
	outcome.hint = not_sent
	                   ? "Retried by itself; check DNS, the network and TLS certificates of the "
	                     "database server if it lasts."
	                   : "The message may have been accepted: a status webhook or the policy for "
	                     "unknown outcomes decides.";
	return outcome;
}

/* One bad character beside the error code must not hide it: a body that the strict reader refuses
 * is read leniently. */
bool
parse_body(std::string_view body, json &tree)
{
	return parse_bounded(body, tree) == JsonProblem::none || parse_lenient(body, tree);
}

void
judge_body(std::string_view body, const TokenMask &mask, Outcome &outcome)
{
	json tree;

	if (!parse_body(body, tree)) {
		outcome.details = mask.raw_details(body);
		judge_without_code(outcome);
		return;
	}
	if (judge_acceptance(tree, outcome))
		return;

	const json *error = member(tree, "error");
	if (error == nullptr)
		error = first_of(tree, "errors");
	if (error != nullptr) {
		judge_error(*error, mask, true, outcome);
	} else {
		outcome.details = mask.tree_details(tree);
		judge_without_code(outcome);
	}
}

} // namespace

Outcome
judge_answer(const Answer &answer)
{
	if (answer.transport != Transport::answered)
		return judge_transport(answer);

	Outcome outcome;
	outcome.http_status = answer.http_status;
	Acceptance acceptance;
	if (answer.http_status == 200 && read_acceptance(answer.body, acceptance)) {
		outcome.verdict = Verdict::accepted;
		outcome.from_platform = true;
		outcome.wamid.swap(acceptance.wamid);
		outcome.message_status.swap(acceptance.message_status);
		outcome.wa_id.swap(acceptance.wa_id);
		outcome.user_id.swap(acceptance.user_id);
		return outcome;
	}
	judge_body(answer.body, TokenMask(answer.token), outcome);

	if (outcome.verdict == Verdict::retry || outcome.verdict == Verdict::throttle) {
		std::int64_t wait = retry_after_ms(answer.retry_after);
		if (wait >= 0)
			outcome.retry_after_ms = wait;
		if (wait > 0)
			outcome.hint += " Retry-After is followed for " + std::to_string(wait / 1000) +
			                " s (at most " + std::to_string(max_retry_after_ms / 1000) + " s).";
	}
	return outcome;
}

Outcome
judge_failed_status(std::string_view errors_json)
{
	const TokenMask mask({});
	Outcome outcome;
	json tree;

	bool has_code = false;
	if (parse_body(errors_json, tree)) {
		const json &error = tree.is_array() && !tree.empty() ? tree.front() : tree;
		has_code = judge_error(error, mask, false, outcome);
	} else {
		outcome.details = mask.raw_details(errors_json);
	}
	/* that it failed is sure; only the reason is not known */
	if (!has_code) {
		outcome.verdict = Verdict::refused;
		outcome.hint = codeless_hint;
	}
	if (outcome.message.empty())
		outcome.message = "the message failed, and the status gives no reason";
	return outcome;
}

} // namespace whatsapp
