/*
 * graph_outcome.cpp — judge_answer(), with words about requests in place of those about messages.
 */
#include "core/answer/graph_outcome.hpp"

#include "core/base/json_tree.hpp"

#include "core/answer/error_codes.hpp"
#include "core/answer/error_object.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/json_lenient.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr char lost_hint[] =
    "The request may have been carried out. One that can be repeated is made again; for any other "
    "it is looked what became of it.";
constexpr char unread_hint[] = "Check that the configured address is the Cloud API's.";
constexpr char unknown_object_hint[] =
    "Check the id, and that the token's system user may manage the business account.";
constexpr char missing_hint[] =
    "Check business_account_id of the account and phone_number_id of the sender: they are Meta's "
    "ids; and that the address of the API is right.";

bool
parse_answer(std::string_view body, json &tree)
{
	return parse_bounded(body, tree) == JsonProblem::none || parse_lenient(body, tree);
}

/* Code 100 says that something is wrong, and the subcode what. */
void
read_subcode(std::string_view body, Outcome &outcome)
{
	json tree;
	const json *error = parse_answer(body, tree) ? member(tree, "error") : nullptr;
	if (error == nullptr)
		return;
	const ErrorObject read = read_error_object(*error, TokenMask({}));
	if (!read.has_subcode)
		return;
	if (read.subcode == unknown_node_subcode) {
		outcome.verdict = Verdict::refused;
		outcome.hint = unknown_object_hint;
	} else if (const Explanation *row = explain_code(read.subcode)) {
		outcome.verdict = row->verdict;
		outcome.hint = row->hint;
	}
}

Outcome
accepted_outcome(long http_status)
{
	Outcome outcome;
	outcome.http_status = http_status;
	outcome.verdict = Verdict::accepted;
	outcome.from_platform = true;
	return outcome;
}

bool
is_success(const Answer &answer) noexcept
{
	return answer.transport == Transport::answered && answer.http_status >= 200 &&
	       answer.http_status <= 299;
}

} // namespace

Outcome
judge_file_answer(const Answer &answer)
{
	return is_success(answer) ? accepted_outcome(answer.http_status) : judge_graph_answer(answer);
}

Outcome
judge_graph_answer(const Answer &answer)
{
	const bool answered = answer.transport == Transport::answered;
	const bool success = is_success(answer);
	json tree;
	if (success && parse_bounded(answer.body, tree) == JsonProblem::none && tree.is_object() &&
	    member(tree, "error") == nullptr)
		return accepted_outcome(answer.http_status);
	Outcome outcome = judge_answer(answer);
	if (!answered) {
		if (outcome.verdict == Verdict::unknown)
			outcome.hint = lost_hint;
	} else if (success && !outcome.has_code) {
		/* the page of a proxy, or an answer that was cut: the request may have been carried out */
		outcome.verdict = Verdict::unknown;
		outcome.message = "the answer is not what the API promises";
		outcome.hint = unread_hint;
	} else if (!outcome.has_code && outcome.verdict == Verdict::account &&
	           answer.http_status != 401 && answer.http_status != 403) {
		outcome.hint = missing_hint;
	} else if (outcome.has_code && outcome.code == invalid_parameter_code) {
		read_subcode(answer.body, outcome);
	}
	return outcome;
}

} // namespace whatsapp
