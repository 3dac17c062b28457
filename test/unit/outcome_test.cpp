/*
 * outcome_test.cpp — every answer has an outcome, and the known ones have the right one.
 *
 * Bodies have the shapes that the platform documents, then those that gateways, failures and
 * enemies produce. What must hold for all of them is checked in one place, judged().
 */
#include "core/answer/outcome.hpp"
#include "core/answer/error_codes.hpp"

#include <cstdint>

#include "core/base/json_tree.hpp"

#include <gtest/gtest.h>

#include "jsonb_text.hpp"

namespace whatsapp
{
namespace
{

using whatsapp::json;

void
expect_sound(const Outcome &outcome)
{
	EXPECT_LE(outcome.message.size(), 1000U);
	EXPECT_EQ(outcome.message.find_first_of("\r\n\t\0"), std::string::npos);
	EXPECT_TRUE(outcome.details.empty() || jsonb_accepts(outcome.details)) << outcome.details;
	EXPECT_LE(outcome.details.size(), 70000U);
	EXPECT_GE(outcome.retry_after_ms, -1);
	EXPECT_EQ(outcome.verdict == Verdict::accepted, !outcome.wamid.empty());
	if (outcome.verdict != Verdict::accepted) {
		EXPECT_FALSE(outcome.message.empty());
		EXPECT_FALSE(outcome.hint.empty());
	}
}

Outcome
judged(long status, std::string_view body, std::string_view retry_after = {})
{
	Answer answer;
	answer.transport = Transport::answered;
	answer.http_status = status;
	answer.body = body;
	answer.retry_after = retry_after;

	Outcome outcome = judge_answer(answer);
	expect_sound(outcome);
	EXPECT_EQ(outcome.http_status, status);
	return outcome;
}

std::string
error_body(const std::string &code)
{
	return R"({"error":{"message":"m","type":"OAuthException","code":)" + code +
	       R"(,"error_data":{"messaging_product":"whatsapp","details":"d"},"fbtrace_id":"A1"}})";
}

TEST(Outcome, Accepted)
{
	Outcome outcome = judged(
	    200,
	    R"({"messaging_product":"whatsapp","contacts":[{"input":"+34600111222","wa_id":"34600111222","user_id":"ES.1"}],"messages":[{"id":"wamid.HBgL","message_status":"accepted"}]})");
	EXPECT_EQ(outcome.verdict, Verdict::accepted);
	EXPECT_EQ(outcome.wamid, "wamid.HBgL");
	EXPECT_EQ(outcome.wa_id, "34600111222");
	EXPECT_EQ(outcome.user_id, "ES.1");
	EXPECT_EQ(outcome.message_status, "accepted");
	EXPECT_FALSE(outcome.has_code);

	outcome = judged(200, R"({"messages":[{"id":"wamid.x"}]})");
	EXPECT_EQ(outcome.verdict, Verdict::accepted);
	EXPECT_EQ(outcome.wa_id, "");
	EXPECT_EQ(outcome.message_status, "");
}

TEST(Outcome, TakenWithoutMessageId)
{
	for (const char *body :
	     {"", "{}", "[]", "null", "ok", R"({"messages":[]})", R"({"messages":[{}]})",
	      R"({"messages":[{"id":""}]})", R"({"messages":[{"id":{}}]})",
	      R"({"messages":{"id":"x"}})", R"({"messages":[{"id":1.5}]})", R"({"success":true})",
	      "<html></html>"})
		EXPECT_EQ(judged(200, body).verdict, Verdict::unknown) << body;
	EXPECT_EQ(judged(200, R"({"messages":[{"id":")" + std::string(5000, 'w') + R"("}]})").verdict,
	          Verdict::unknown);
}

struct CodeCase {
	long long code;
	Verdict verdict;
	const char *hint;
	std::int64_t wait_ms;
};

constexpr CodeCase code_cases[] = {
    {0, Verdict::account, "enerate a permanent system user token", -1},
    {190, Verdict::account, "enerate a permanent system user token", -1},
    {10, Verdict::account, "whatsapp_business_messaging", -1},
    {200, Verdict::account, "permission", -1},
    {250, Verdict::account, "permission", -1},
    {299, Verdict::account, "permission", -1},
    {131042, Verdict::account, "payment", -1},
    {131031, Verdict::account, "", -1},
    {368, Verdict::account, "", -1},
    {131048, Verdict::account, "", -1},
    {33, Verdict::account, "phone_number_id", -1},
    {132001, Verdict::refused,
     "nsure the template is APPROVED in Meta Business Suite in this language", -1},
    {132000, Verdict::refused, "parameters", -1},
    {132015, Verdict::refused, "", -1},
    {100, Verdict::refused, "+34612345678", -1},
    {131009, Verdict::refused, "+34612345678", -1},
    {131026, Verdict::refused, "+34612345678", -1},
    {131021, Verdict::refused, "+34612345678", -1},
    {131047, Verdict::refused, "template", -1},
    {131049, Verdict::refused, "24 hours", -1},
    {131050, Verdict::refused, "opt-out", -1},
    {130472, Verdict::refused, "", -1},
    {130497, Verdict::refused, "", -1},
    {1, Verdict::retry, "", -1},
    {2, Verdict::retry, "", -1},
    {131000, Verdict::retry, "", -1},
    {131016, Verdict::retry, "", -1},
    {133004, Verdict::retry, "", -1},
    {104, Verdict::account, "App Dashboard", -1},
    {101, Verdict::account, "App Dashboard", -1},
    {5, Verdict::account, "IP addresses", -1},
    {12, Verdict::account, "api_version", -1},
    {2635, Verdict::account, "api_version", -1},
    {2500, Verdict::account, "api_version", -1},
    {17, Verdict::throttle, "", -1},
    {32, Verdict::throttle, "", -1},
    {341, Verdict::throttle, "", -1},
    {613, Verdict::throttle, "", -1},
    {9, Verdict::throttle, "", -1},
    {80004, Verdict::throttle, "", -1},
    {80014, Verdict::throttle, "", -1},
    {4, Verdict::throttle, "", -1},
    {80007, Verdict::throttle, "", -1},
    {130429, Verdict::throttle, "", -1},
    {131056, Verdict::throttle, "", -1},
    {131057, Verdict::throttle, "", 60000},
    {2494100, Verdict::throttle, "", 300000},
    {134101, Verdict::throttle, "", 600000},
    {132069, Verdict::throttle, "", 3600000},
    {133016, Verdict::throttle, "", 259200000},
};

TEST(Outcome, CodesDecideWhateverTheStatus)
{
	for (const CodeCase &test : code_cases)
		for (long status : {200L, 400L, 401L, 403L, 404L, 429L, 500L, 503L})
			for (const std::string &code :
			     {std::to_string(test.code), "\"" + std::to_string(test.code) + "\""}) {
				Outcome outcome = judged(status, error_body(code));
				EXPECT_EQ(outcome.verdict, test.verdict) << test.code;
				EXPECT_TRUE(outcome.has_code);
				EXPECT_EQ(outcome.code, test.code);
				EXPECT_NE(outcome.hint.find(test.hint), std::string::npos) << outcome.hint;
				EXPECT_EQ(outcome.retry_after_ms, test.wait_ms) << test.code;
				EXPECT_EQ(outcome.message, "m: d");
				EXPECT_EQ(json::parse(outcome.details)["fbtrace_id"], "A1");
			}
}

TEST(Outcome, TheStatusDecidesOnCodesThatAreNotInTheTable)
{
	for (const char *code : {"987654", "-7"}) {
		EXPECT_EQ(judged(401, error_body(code)).verdict, Verdict::account);
		EXPECT_EQ(judged(429, error_body(code)).verdict, Verdict::throttle);
		for (long status : {200L, 400L, 403L, 404L, 407L, 422L, 500L, 503L})
			EXPECT_EQ(judged(status, error_body(code)).verdict, Verdict::retry) << status;
		for (long status : {400L, 401L, 429L}) {
			const Outcome outcome = judged(status, error_body(code));
			EXPECT_TRUE(outcome.has_code);
			EXPECT_NE(outcome.hint.find("new to this version"), std::string::npos);
		}
	}
}

TEST(Outcome, TableIsComplete)
{
	for (long long code :
	     {0,       3,       10,      190,     102,     200,     299,     131005,  368,     130497,
	      131031,  131064,  131042,  33,      803,     131045,  133010,  131037,  131057,  2494100,
	      4,       17,      32,      341,     613,     80007,   80008,   130429,  131056,  131048,
	      131049,  133016,  131208,  132069,  1,       2,       100,     130403,  130472,  131000,
	      131008,  131009,  131016,  131021,  131026,  131047,  131050,  131051,  131052,  131053,
	      131055,  131059,  131060,  131062,  131063,  135000,  137000,  134011,  134100,  134101,
	      134102,  134103,  139200,  1026,    130501,  132000,  132001,  132005,  132007,  132012,
	      132015,  132016,  132018,  132068,  2388019, 2388039, 2388040, 2388047, 2388072, 2388073,
	      2388293, 2388299, 2388023, 2388024, 2388318, 2388330, 200005,  200006,  200007,  133000,
	      133004,  133005,  133006,  133008,  133009,  133015,  136024,  136025,  139100,  139101,
	      139102,  141002,  141006,  141010,  138000,  138021,  147001,  147005,  131020,  131041,
	      131201,  131202,  131204,  131207,  131209,  131215,  2388001, 2388012, 2388091, 2388093,
	      2388103, 2593079, 2593085, 2593107, 2593108, 2593109, 1752041})
		EXPECT_NE(explain_code(code), nullptr) << code;
	for (long long code :
	     {-1LL, 6LL, 300LL, 79999LL, 80015LL, 131216LL, 139000000LL, 9223372036854775807LL})
		EXPECT_EQ(explain_code(code), nullptr) << code;
}

TEST(Outcome, EveryRowIsWritten)
{
	std::size_t count = 0;
	const Explanation *rows = error_code_table(count);
	ASSERT_GT(count, 100U);
	for (std::size_t i = 0; i < count; i++) {
		EXPECT_TRUE(i == 0 || rows[i - 1].code < rows[i].code);
		EXPECT_EQ(explain_code(rows[i].code), &rows[i]);
		EXPECT_GT(std::string(rows[i].meaning).size(), 10U);
		EXPECT_GT(std::string(rows[i].hint).size(), 10U);
		EXPECT_EQ(std::string(rows[i].meaning).back(), '.');
		EXPECT_NE(rows[i].verdict, Verdict::accepted);
		EXPECT_NE(rows[i].verdict, Verdict::unknown);
	}
}

TEST(Outcome, TransientErrorsAreRetried)
{
	EXPECT_EQ(judged(400, R"({"error":{"code":100,"is_transient":true}})").verdict, Verdict::retry);
	EXPECT_EQ(judged(400, R"({"error":{"message":"m","is_transient":true}})").verdict,
	          Verdict::retry);
	EXPECT_EQ(judged(400, R"({"error":{"code":190,"is_transient":true}})").verdict,
	          Verdict::account);
	EXPECT_EQ(judged(400, R"({"error":{"code":131056,"is_transient":true}})").verdict,
	          Verdict::throttle);
	for (const char *value : {"false", "null", "\"true\"", "1"})
		EXPECT_EQ(judged(400, std::string(R"({"error":{"code":100,"is_transient":)") + value + "}}")
		              .verdict,
		          Verdict::refused);
}

TEST(Outcome, StatusDecidesWithoutACode)
{
	struct Case {
		long status;
		Verdict verdict;
	};
	for (const Case &test :
	     {Case{500, Verdict::retry}, Case{502, Verdict::retry}, Case{503, Verdict::retry},
	      Case{504, Verdict::retry}, Case{429, Verdict::retry}, Case{408, Verdict::retry},
	      Case{401, Verdict::account}, Case{403, Verdict::account}, Case{404, Verdict::account},
	      Case{400, Verdict::retry}, Case{413, Verdict::retry}, Case{407, Verdict::retry},
	      Case{301, Verdict::account}, Case{204, Verdict::unknown}, Case{0, Verdict::unknown},
	      Case{100, Verdict::unknown}, Case{-1, Verdict::unknown}, Case{999, Verdict::unknown}})
		for (const char *body :
		     {"", "<html><body>Bad Gateway</body></html>", "{}", "[]",
		      "{\"error\":", R"({"error":null})", R"({"error":"why"})", R"({"error":[1]})",
		      R"({"errors":[]})", R"({"message":"no Route matched"})"}) {
			Outcome outcome = judged(test.status, body);
			EXPECT_EQ(outcome.verdict, test.verdict) << test.status << body;
			EXPECT_FALSE(outcome.has_code);
			EXPECT_EQ(outcome.code, 0);
		}
	/* an error object without a code is the platform's own word, which its status explains */
	for (const char *body : {R"({"error":{"message":"why"}})", R"({"error":{"code":"x"}})",
	                         R"({"error":{"code":null}})", R"({"error":{"code":1.5}})",
	                         R"({"error":{"code":18446744073709551615}})",
	                         R"({"error":{"code":"99999999999999999999"}})"}) {
		EXPECT_EQ(judged(400, body).verdict, Verdict::refused) << body;
		EXPECT_EQ(judged(401, body).verdict, Verdict::account) << body;
		EXPECT_EQ(judged(407, body).verdict, Verdict::retry) << body;
		EXPECT_EQ(judged(500, body).verdict, Verdict::retry) << body;
		EXPECT_FALSE(judged(400, body).has_code);
		EXPECT_EQ(judged(400, body).code, 0);
	}
	EXPECT_NE(judged(404, "").hint.find("phone_number_id and api_version"), std::string::npos);
	EXPECT_EQ(judged(500, R"({"error":"why"})").message, "why");
}

TEST(Outcome, AWrongSenderIsNoWrongMessage)
{
	const char *body =
	    R"({"error":{"code":100,"error_subcode":%,"message":"Unsupported post request"}})";
	auto with = [&](const char *subcode) {
		std::string text = body;
		text.replace(text.find('%'), 1, subcode);
		return judged(400, text);
	};
	EXPECT_EQ(with("33").verdict, Verdict::account);
	EXPECT_EQ(with("\"33\"").verdict, Verdict::account);
	EXPECT_NE(with("33").hint.find("not the number itself"), std::string::npos);
	EXPECT_EQ(with("34").verdict, Verdict::refused);
	EXPECT_EQ(with("null").verdict, Verdict::refused);
}

TEST(Outcome, ErrorDataOfAnyType)
{
	for (const char *data : {"\"d\"", R"({"details":"d"})"})
		EXPECT_EQ(judged(400, std::string(R"({"error":{"message":"m","code":100,"error_data":)") +
		                          data + "}}")
		              .message,
		          "m: d");
	for (const char *data : {"null", "[]", "{}", "true", R"({"details":{}})"})
		EXPECT_EQ(judged(400, std::string(R"({"error":{"message":"m","code":100,"error_data":)") +
		                          data + "}}")
		              .message,
		          "m");
	EXPECT_EQ(judged(400, R"({"error":{"code":100}})").message,
	          "The request has a parameter that is unknown, misspelt or not valid.");
	EXPECT_EQ(judged(400, R"({"error":{"code":424242}})").message,
	          "error code 424242 without an explanation");
}

TEST(Outcome, HostileBodies)
{
	std::string deep = R"({"error":{"code":100,"x":)" + std::string(100000, '[');
	std::string closed = std::string(100000, '[') + std::string(100000, ']');
	std::string wide = "[";
	for (int i = 0; i < 60000; i++)
		wide += "0,";
	wide += "0]";
	for (const std::string &body : {deep, wide, std::string(1000000, '<'), std::string(1000, '\0'),
	                                std::string("\xFF\xFE{}"), std::string(5000, '\xE2'), closed}) {
		EXPECT_EQ(judged(500, body).verdict, Verdict::retry);
		EXPECT_EQ(judged(400, body).verdict, Verdict::retry);
		EXPECT_EQ(judged(200, body).verdict, Verdict::unknown);
	}
	EXPECT_EQ(json::parse(judged(500, deep).details).count("raw"), 1U);
	EXPECT_EQ(json::parse(judged(500, wide).details).count("raw"), 1U);
}

TEST(Outcome, TheCodeIsReadWhateverStandsBesideIt)
{
	const std::string beside[] = {
	    R"("message":"a\u0000b")",
	    R"("message":"Ana \ud83d")",
	    R"("message":"\ude00")",
	    R"("x":1e200000)",
	    R"("x":-1e400)",
	    "\"message\":\"\xC3\"",
	    "\"message\":\"caf\xE9\"",
	    std::string("\"message\":\"a\0b\"", 15),
	    "\"message\":\"a\nb\"",
	    R"("\ud83d":1)",
	    R"("message":")" + std::string(70000, 'a') + "\"",
	    R"("x":)" + std::string(100, '[') + std::string(100, ']'),
	    "\"" + std::string(300, 'k') + "\":1",
	};
	for (const std::string &text : beside)
		for (const std::string &error : {text + R"(,"code":131026)", R"("code":131026,)" + text}) {
			const Outcome outcome = judged(400, R"({"error":{)" + error + "}}");
			EXPECT_TRUE(outcome.has_code) << text;
			EXPECT_EQ(outcome.code, 131026) << text;
			EXPECT_EQ(outcome.verdict, Verdict::refused) << text;
			const Outcome failed = judge_failed_status("[{" + error + "}]");
			expect_sound(failed);
			EXPECT_EQ(failed.code, 131026) << text;
		}
	/* nor is a message id lost */
	EXPECT_EQ(judged(200, R"({"messages":[{"id":"wamid.x"}],"x":1e200000,"y":"\ud83d"})").wamid,
	          "wamid.x");
}

TEST(Outcome, TextForTheDatabase)
{
	Outcome outcome =
	    judged(400, R"({"error":{"code":100,"message":"a\u0000b\nc","x\u0000":"\\u0000"}})");
	EXPECT_EQ(outcome.message, "a\xEF\xBF\xBD"
	                           "b c");
	outcome = judged(400, R"({"error":{"code":100,"message":")" + std::string(30000, 'a') + "\"}}");
	EXPECT_EQ(outcome.message.size(), 1000U);
	std::string wide;
	for (int i = 0; i < 2000; i++)
		wide += "\xE2\x82\xAC";
	EXPECT_EQ(judged(400, R"({"error":{"code":100,"message":")" + wide + "\"}}").message.size(),
	          999U);
}

TEST(Outcome, TokensAreNotRepeated)
{
	std::string token = "EAAG" + std::string(150, 'k');
	Outcome outcome =
	    judged(400, R"({"error":{"code":190,"message":"Malformed access token )" + token + "\"}}");
	EXPECT_EQ((outcome.message + outcome.details).find("kkkkk"), std::string::npos);
	outcome = judged(502, "Authorization: Bearer " + token);
	EXPECT_EQ((outcome.message + outcome.details).find("kkkkk"), std::string::npos);
}

Outcome
judged_with_token(const std::string &token, const std::string &body)
{
	Answer answer;
	answer.transport = Transport::answered;
	answer.http_status = 400;
	answer.body = body;
	answer.token = token;
	const Outcome outcome = judge_answer(answer);
	expect_sound(outcome);
	return outcome;
}

TEST(Outcome, TheTokenThatWasSentIsHiddenWhateverItLooksLike)
{
	for (const std::string token :
	     {"sandbox-token", "s3cr3t", "a.b/c+d=e", "p@ss:w%rd!", "tok\xC3\xA9n", "quo\"te\\back"}) {
		std::string quoted = json(token).dump();
		quoted = quoted.substr(1, quoted.size() - 2);
		for (const std::string &body :
		     {R"({"error":{"message":"bad )" + quoted + R"( here","code":190}})",
		      R"({"error":{"message":"m","code":190,"error_data":{"details":")" + quoted + "\"}}}",
		      R"({"error":{"message":"m","code":190,")" + quoted + R"(":1}})",
		      R"({"error":")" + quoted + "\"}", "<html>" + token + "</html>",
		      "{\"cut\": \"" + quoted, std::string(8180, ' ') + token,
		      R"({"error":{"message":")" + std::string(990, 'x') + quoted + R"(","code":1}})"}) {
			const Outcome outcome = judged_with_token(token, body);
			const std::string kept = outcome.message + outcome.details;
			EXPECT_EQ(kept.find(token), std::string::npos) << body << "\n" << kept;
			EXPECT_EQ(kept.find(quoted), std::string::npos) << body << "\n" << kept;
			EXPECT_EQ(kept.find(token.substr(0, 5)), std::string::npos) << body << "\n" << kept;
		}
	}
	EXPECT_EQ(
	    judged_with_token("s3cr3t", R"({"error":{"message":"bad s3cr3t!","code":190}})").message,
	    "bad \xE2\x80\xA6!");
	Answer lost;
	lost.transport_error = "could not use s3cr3t";
	lost.token = "s3cr3t";
	EXPECT_EQ(judge_answer(lost).message.find("s3cr3t"), std::string::npos);
}

TEST(Outcome, RetryAfter)
{
	EXPECT_EQ(judged(429, "", "120").retry_after_ms, 120000);
	EXPECT_EQ(judged(503, "", " 0 ").retry_after_ms, 0);
	EXPECT_EQ(judged(400, error_body("131056"), "7").retry_after_ms, 7000);
	EXPECT_EQ(judged(400, error_body("131057"), "7").retry_after_ms, 7000);
	EXPECT_EQ(judged(400, error_body("131057"), "x").retry_after_ms, 60000);
	for (const char *header :
	     {"", " ", "-5", "+5", "1.5", "5s", "Wed, 21 Oct 2026 07:28:00 GMT", "\xFF"})
		EXPECT_EQ(judged(503, "", header).retry_after_ms, -1) << header;
	EXPECT_EQ(judged(503, "", "99999999999999999999999").retry_after_ms, max_retry_after_ms);
	EXPECT_EQ(judged(503, "", "9223372036854775807").retry_after_ms, max_retry_after_ms);
	EXPECT_EQ(judged(503, "", "901").retry_after_ms, 900000);
	EXPECT_EQ(judged(503, "", "899").retry_after_ms, 899000);
	EXPECT_EQ(judged(400, error_body("130429"), "251686483200").retry_after_ms, 900000);
	EXPECT_NE(judged(429, "", "120").hint.find("Retry-After is followed for 120 s"),
	          std::string::npos);
	EXPECT_EQ(judged(400, error_body("100"), "120").retry_after_ms, -1);
}

TEST(Outcome, Transport)
{
	Answer answer;
	answer.transport = Transport::not_sent;
	answer.transport_error = "Could not resolve host: graph.facebook.com";
	Outcome outcome = judge_answer(answer);
	expect_sound(outcome);
	EXPECT_EQ(outcome.verdict, Verdict::retry);
	EXPECT_NE(outcome.message.find("Could not resolve host"), std::string::npos);

	answer.transport = Transport::unknown;
	answer.transport_error = "Operation timed out\nafter 30000 ms \xFF";
	outcome = judge_answer(answer);
	expect_sound(outcome);
	EXPECT_EQ(outcome.verdict, Verdict::unknown);
	expect_sound(judge_answer(Answer()));
}

TEST(Outcome, FailedStatus)
{
	const std::string element =
	    R"({"code":131026,"title":"Message undeliverable","message":"Message undeliverable","error_data":{"details":"Not on WhatsApp."},"href":"/x"})";
	for (const std::string &errors :
	     {element, "[" + element + "]", "[" + element + ",{\"code\":1}]"}) {
		Outcome outcome = judge_failed_status(errors);
		expect_sound(outcome);
		EXPECT_EQ(outcome.verdict, Verdict::refused);
		EXPECT_EQ(outcome.code, 131026);
		EXPECT_EQ(outcome.message, "Message undeliverable: Not on WhatsApp.");
		EXPECT_EQ(json::parse(outcome.details)["href"], "/x");
	}
	EXPECT_EQ(judge_failed_status(R"([{"code":"131000","title":"t"}])").verdict, Verdict::retry);
	EXPECT_EQ(judge_failed_status(R"([{"code":132069}])").retry_after_ms, 3600000);
	for (const char *errors : {"", "[]", "{}", "null", "[null]", "[[]]", "7", "\"x\"", "{", "\xFF",
	                           R"([{"title":"t"}])", R"([{"code":{}}])"}) {
		Outcome outcome = judge_failed_status(errors);
		expect_sound(outcome);
		EXPECT_EQ(outcome.verdict, Verdict::refused) << errors;
		EXPECT_FALSE(outcome.has_code);
	}
}

TEST(Outcome, VerdictNames)
{
	EXPECT_STREQ(verdict_name(Verdict::accepted), "accepted");
	EXPECT_STREQ(verdict_name(Verdict::retry), "retry");
	EXPECT_STREQ(verdict_name(Verdict::throttle), "throttle");
	EXPECT_STREQ(verdict_name(Verdict::refused), "refused");
	EXPECT_STREQ(verdict_name(Verdict::account), "account");
	EXPECT_STREQ(verdict_name(Verdict::unknown), "unknown");
}

} // namespace
} // namespace whatsapp
