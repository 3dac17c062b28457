/*
 * request_test.cpp — requests that are no message: what each kind asks, what its answer says, and
 * what is done about an answer that did not come.
 */
#include "core/request/request_kind.hpp"
#include "core/request/file_digest.hpp"
#include "core/request/media_request.hpp"
#include "core/request/sample_request.hpp"
#include "core/request/request_reaction.hpp"

#include "core/answer/graph_outcome.hpp"
#include "core/base/fault.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

const RequestKind &
kind(const char *name)
{
	const RequestKind *found = find_request_kind(name);
	EXPECT_NE(found, nullptr) << name;
	return *found;
}

Outcome
judged_by_graph(long status, std::string_view body, std::string_view retry_after = {})
{
	Answer answer;
	answer.transport = Transport::answered;
	answer.http_status = status;
	answer.body = body;
	answer.retry_after = retry_after;
	return judge_graph_answer(answer);
}

Outcome
lost(Transport transport)
{
	Answer answer;
	answer.transport = transport;
	answer.transport_error = "gone";
	return judge_graph_answer(answer);
}

RequestFacts
facts(int attempts)
{
	RequestFacts made;
	made.attempts = attempts;
	made.max_attempts = 3;
	return made;
}

RequestFacts
look_facts(int looks)
{
	RequestFacts made = facts(1);
	made.is_look = true;
	made.looks = looks;
	return made;
}

RequestStep
step(const char *name, const Outcome &outcome, const RequestFacts &with, const Usage &usage = {})
{
	return choose_request_reaction(kind(name), outcome, usage, with).step;
}

TEST(Request, EveryKindThatCannotBeRepeatedCanBeLookedFor)
{
	std::size_t count;
	const RequestKind *kinds = request_kinds(count);
	ASSERT_GT(count, 0U);
	for (std::size_t i = 0; i < count; i++) {
		EXPECT_EQ(kinds[i].repeatable, kinds[i].make_look == nullptr) << kinds[i].name;
		EXPECT_EQ(kinds[i].repeatable, kinds[i].read_look == nullptr) << kinds[i].name;
	}
	EXPECT_EQ(find_request_kind("sync_everything"), nullptr);
}

TEST(Request, PagesAreFollowedByTheirCursor)
{
	const RequestKind &sync = kind("sync_templates");
	EXPECT_EQ(sync.make_ask({"{}", "", {}, {}, {}, 0}).query.find("after="), std::string::npos);
	EXPECT_NE(sync.make_ask({"{}", "a+b==", {}, {}, {}, 0}).query.find("&after=a%2Bb%3D%3D"),
	          std::string::npos);
	const Reply page = sync.read_reply(
	    {"{}", "", {}, {}, {}, 0},
	    R"({"data":[{"name":"a"}],"paging":{"cursors":{"after":"X"},"next":"https://evil.example/?after=Y"}})");
	EXPECT_EQ(page.next, "X");
	EXPECT_EQ(page.rows, R"([{"name":"a"}])");
	const Reply bare = sync.read_reply(
	    {"{}", "", {}, {}, {}, 0},
	    R"({"data":[],"paging":{"next":"https://graph.example/x?limit=1&after=Y&b=1"}})");
	EXPECT_EQ(bare.next, "Y") << "an empty page may have a next one";
	const char *encoded =
	    R"({"data":[],"paging":{"next":"https://graph.example/x?after=a%2Bb%3d%3D&limit=1"}})";
	const Reply decoded = sync.read_reply({"{}", "", {}, {}, {}, 0}, encoded);
	EXPECT_EQ(decoded.next, "a+b==");
	EXPECT_NE(sync.make_ask({"{}", decoded.next, {}, {}, {}, 0}).query.find("&after=a%2Bb%3D%3D"),
	          std::string::npos);
	EXPECT_THROW(sync.read_reply({"{}", "a+b==", {}, {}, {}, 0}, encoded), Fault);
	EXPECT_EQ(sync.read_reply({"{}", "X", {}, {}, {}, 0},
	                          R"({"data":[],"paging":{"cursors":{"after":"Z"}}})")
	              .next,
	          "")
	    << "the last page names a cursor, too";
	EXPECT_THROW(sync.read_reply({"{}", "X", {}, {}, {}, 0},
	                             R"({"data":[],"paging":{"cursors":{"after":"X"},"next":"n"}})"),
	             Fault);
	EXPECT_THROW(sync.read_reply({"{}", "", {}, {}, {}, 0}, R"({"date":[]})"), Fault);
	EXPECT_THROW(sync.read_reply({"{}", "", {}, {}, {}, 0}, "<html>"), Fault);
}

TEST(Request, ACreateIsFoundByNameAndLanguage)
{
	const RequestKind &create = kind("create_template");
	const RequestTask task = {
	    R"({"name":"po","language":"es","category":"UTILITY"})", "", {}, {}, {}, 0};
	const GraphAsk ask = create.make_ask(task);
	EXPECT_EQ(ask.method, GraphMethod::post);
	EXPECT_EQ(ask.body, task.request);
	EXPECT_THROW(create.make_ask({R"({"name":"po"})", ""}), Fault);
	EXPECT_NE(create.make_look(task).query.find("name=po"), std::string::npos);
	EXPECT_EQ(
	    create.read_reply(task, R"({"id":"7","status":"PENDING","category":"MARKETING"})").result,
	    R"({"category":"MARKETING","id":"7","status":"PENDING"})");
	EXPECT_THROW(create.read_reply(task, R"({"success":true})"), Fault);
	Reply reply;
	EXPECT_EQ(
	    create.read_look(
	        task,
	        R"({"data":[{"name":"po","language":"en","id":"1"},{"name":"po_2","language":"es","id":"2"}]})",
	        reply),
	    LookResult::not_done);
	EXPECT_EQ(create.read_look(task, R"({"data":[],"paging":{"cursors":{"after":"X"},"next":"n"}})",
	                           reply),
	          LookResult::open);
	EXPECT_EQ(reply.next, "X");
	EXPECT_EQ(create.read_look(task, R"({"data":[{"name":"po","language":"es","id":"3"}]})", reply),
	          LookResult::done);
	EXPECT_EQ(reply.result, R"({"id":"3"})");
}

TEST(Request, AnEditIsDoneWhenMetaHasAllOfIt)
{
	const RequestKind &edit = kind("edit_template");
	const RequestTask task = {
	    R"({"template_id":"5","components":[{"type":"BODY","text":"Hola"}]})", "", {}, {}, {}, 0};
	const GraphAsk ask = edit.make_ask(task);
	EXPECT_EQ(ask.object_id, "5");
	EXPECT_EQ(ask.body, R"({"components":[{"text":"Hola","type":"BODY"}]})");
	Reply reply;
	EXPECT_EQ(
	    edit.read_look(
	        task,
	        R"({"id":"5","status":"PENDING","components":[{"type":"BODY","text":"Hola","extra":1}]})",
	        reply),
	    LookResult::done);
	EXPECT_EQ(
	    edit.read_look(task, R"({"id":"5","components":[{"type":"BODY","text":"Adiós"}]})", reply),
	    LookResult::not_done);
	EXPECT_EQ(edit.read_look(
	              task,
	              R"({"id":"5","components":[{"type":"BODY","text":"Hola"},{"type":"FOOTER"}]})",
	              reply),
	          LookResult::not_done);
	EXPECT_THROW(edit.read_reply(task, R"({"success":false})"), Fault);

	/* Meta lists files by addresses of its own, and writes the texts of one-time codes itself */
	const RequestTask file = {
	    R"({"template_id":"5","message_send_ttl_seconds":60,"components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::aW"]}},
	     {"type":"BODY","text":"Hola {{1}}, ya.","example":{"body_text":[["Ana"]]}}]})",
	    "",
	    {},
	    {},
	    {},
	    0};
	const std::string listed =
	    R"("category":"UTILITY","components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["https://scontent.example/1"]}},
	     {"type":"BODY","text":"Hola {{1}}, ya.","example":{"body_text":[["Luis"]]}}]})";
	EXPECT_EQ(edit.read_look(file, R"({"id":"5","message_send_ttl_seconds":60,)" + listed, reply),
	          LookResult::done);
	EXPECT_EQ(edit.read_look(file, R"({"id":"5",)" + listed, reply), LookResult::not_done);
	const RequestTask code = {
	    R"({"template_id":"5","components":[{"type":"BODY","add_security_recommendation":true},
	     {"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}]})",
	    "",
	    {},
	    {},
	    {},
	    0};
	EXPECT_EQ(edit.read_look(code, R"({"id":"5","category":"AUTHENTICATION","components":[
	     {"type":"BODY","text":"*{{1}}* is your code.","add_security_recommendation":true},
	     {"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy","url":"https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"}]}]})",
	                         reply),
	          LookResult::done);
}

TEST(Request, ADeleteIsDoneWhenNothingIsLeft)
{
	const RequestKind &del = kind("delete_template");
	const RequestTask all = {R"({"name":"po"})", ""};
	const RequestTask one = {R"({"name":"po","template_id":"5"})", ""};
	EXPECT_EQ(del.make_ask(all).query, "name=po");
	EXPECT_EQ(del.make_ask(one).query, "hsm_id=5&name=po");
	Reply reply;
	const char other[] =
	    R"({"data":[{"name":"po","id":"6"},{"name":"po","id":"5","status":"PENDING_DELETION"}]})";
	EXPECT_EQ(del.read_look(one, other, reply), LookResult::done);
	EXPECT_EQ(del.read_look(all, other, reply), LookResult::not_done);
	EXPECT_EQ(del.read_look(all, R"({"data":[{"name":"po_2","id":"7"}]})", reply),
	          LookResult::done);
}

TEST(Request, WhatMayHaveBeenDoneIsLookedForAndNeverAskedTwice)
{
	EXPECT_EQ(step("create_template", lost(Transport::unknown), facts(1)), RequestStep::look);
	EXPECT_EQ(step("create_template", judged_by_graph(503, "<html>"), facts(1)), RequestStep::look);
	EXPECT_EQ(step("create_template", judged_by_graph(500, R"({"error":{"code":1}})"), facts(1)),
	          RequestStep::look);
	EXPECT_EQ(step("create_template", judged_by_graph(200, "<html>"), facts(1)), RequestStep::look);
	EXPECT_EQ(step("create_template", lost(Transport::not_sent), facts(1)), RequestStep::ask_again);
	for (const char *repeatable : {"sync_templates"}) {
		EXPECT_EQ(step(repeatable, lost(Transport::unknown), facts(1)), RequestStep::ask_again);
		EXPECT_EQ(step(repeatable, judged_by_graph(503, "<html>"), facts(1)),
		          RequestStep::ask_again);
	}
	/* whatever a look says but "it is there" */
	for (const Outcome &blank :
	     {lost(Transport::unknown), lost(Transport::not_sent), judged_by_graph(503, ""),
	      judged_by_graph(400, R"({"error":{"code":100}})")})
		for (int looks = 1; looks < max_looks; looks++)
			EXPECT_EQ(step("create_template", blank, look_facts(looks)), RequestStep::look);
	EXPECT_EQ(react_to_blank_look(kind("create_template"), look_facts(max_looks)).step,
	          RequestStep::fail);
	EXPECT_EQ(react_to_blank_look(kind("delete_template"), look_facts(max_looks)).step,
	          RequestStep::ask_again);
}

TEST(Request, ALimitIsARestAndNoAttempt)
{
	for (const char *code : {"4", "613", "80007"}) {
		const Outcome limit =
		    judged_by_graph(400, std::string(R"({"error":{"code":)") + code + "}}");
		const RequestReaction reaction =
		    choose_request_reaction(kind("create_template"), limit, {}, facts(99));
		EXPECT_EQ(reaction.step, RequestStep::put_back) << code;
		EXPECT_EQ(reaction.rest_ms, first_throttle_ms) << code;
		EXPECT_EQ(step("create_template", limit, look_facts(1)), RequestStep::look) << code;
	}
	const Outcome limit = judged_by_graph(400, R"({"error":{"code":80007}})");
	Usage usage;
	usage.regain_ms = 120000;
	EXPECT_EQ(choose_request_reaction(kind("sync_templates"), limit, usage, facts(1)).delay_ms,
	          120000);
	EXPECT_EQ(choose_request_reaction(kind("sync_templates"),
	                                  judged_by_graph(429, R"({"error":{"code":80007}})", "7"), {},
	                                  facts(1))
	              .rest_ms,
	          7000);
	RequestFacts again = facts(1);
	again.throttles = 2;
	EXPECT_EQ(choose_request_reaction(kind("sync_templates"), limit, {}, again).rest_ms,
	          4 * first_throttle_ms);
	usage = Usage();
	usage.percent = 80;
	EXPECT_EQ(
	    choose_request_reaction(kind("sync_templates"), judged_by_graph(200, "{}"), usage, facts(1))
	        .rest_ms,
	    slow_down_ms);
}

TEST(Request, RefusalsAndTroubleOfTheAccountFail)
{
	EXPECT_EQ(step("create_template",
	               judged_by_graph(400, R"({"error":{"code":100,"error_subcode":2388023}})"),
	               facts(1)),
	          RequestStep::fail);
	EXPECT_EQ(step("create_template", judged_by_graph(401, R"({"error":{"code":190}})"), facts(1)),
	          RequestStep::fail);
	EXPECT_EQ(judged_by_graph(400, R"({"error":{"code":100,"error_subcode":33}})").verdict,
	          Verdict::refused);
	EXPECT_EQ(step("sync_templates", judged_by_graph(500, R"({"error":{"code":1}})"), facts(3)),
	          RequestStep::fail);
	EXPECT_EQ(step("sync_templates", lost(Transport::not_sent), facts(3)), RequestStep::ask_again);
}

TEST(Request, SuccessIsAnObjectWithoutAnError)
{
	EXPECT_EQ(judged_by_graph(200, R"({"success":true})").verdict, Verdict::accepted);
	EXPECT_EQ(judged_by_graph(200, R"({"error":{"code":80007}})").verdict, Verdict::throttle);
	EXPECT_EQ(judged_by_graph(200, "[1]").verdict, Verdict::unknown);
	EXPECT_EQ(judged_by_graph(200, "").verdict, Verdict::unknown);
	EXPECT_EQ(judged_by_graph(404, "<html>").verdict, Verdict::account);
}

RequestTask
download_task(const std::string &cursor)
{
	RequestTask task;
	task.request = R"({"media_id":"5","sha256":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="})";
	task.cursor = cursor;
	task.base_url = "https://graph.facebook.com";
	task.media_hosts = "files.example, other.example";
	task.most_file_bytes = 100;
	return task;
}

TEST(Request, AFileIsSentAsAForm)
{
	RequestTask task;
	task.request = R"({"media":1,"mime_type":"Image/PNG; x=y","filename":"a\"b\r\n.png"})";
	task.file = "--bytes--";
	const GraphAsk ask = kind("upload_media").make_ask(task);
	EXPECT_EQ(ask.edge, "media");
	EXPECT_EQ(ask.node, GraphNode::number);
	const std::string boundary = ask.content_type.substr(ask.content_type.find('=') + 1);
	EXPECT_NE(
	    ask.body.find("filename=\"a_b__.png\"\r\nContent-Type: image/png\r\n\r\n--bytes--\r\n--" +
	                  boundary + "--\r\n"),
	    std::string::npos)
	    << ask.body;
	task.file = {};
	EXPECT_THROW(kind("upload_media").make_ask(task), Fault) << "its bytes are gone";
}

TEST(Request, TypesAndSizesAreMetas)
{
	EXPECT_NO_THROW(check_media_file("application/pdf", 100u << 20));
	EXPECT_NO_THROW(check_media_file("audio/ogg; codecs=opus", 16u << 20));
	for (const auto &[kind, type] : {std::pair("image", "image/png"),
	                                 {"sticker", "image/webp"},
	                                 {"video", "video/mp4"},
	                                 {"audio", "Audio/OGG; codecs=opus"},
	                                 {"document", "image/png"},
	                                 {"document", "application/zip"},
	                                 {"image", ""}})
		EXPECT_NO_THROW(check_media_kind(kind, type, false)) << kind;
	for (const auto &[kind, type] : {std::pair("image", "application/pdf"),
	                                 {"image", "image/webp"},
	                                 {"sticker", "image/png"},
	                                 {"video", "image/png"},
	                                 {"audio", "video/mp4"}})
		EXPECT_THROW(check_media_kind(kind, type, false), Fault) << kind;
	const std::string still(102401, 'x');
	const std::string animated =
	    "RIFF....WEBPVP8X...." + std::string(1, '\x02') + std::string(110000, 'x');
	EXPECT_NO_THROW(check_sticker("image/webp", still.substr(1)));
	EXPECT_THROW(check_sticker("image/webp", still), Fault);
	EXPECT_NO_THROW(check_sticker("image/webp", animated));
	EXPECT_NO_THROW(check_sticker("image/png", still));
	EXPECT_NO_THROW(check_sample_type("application/pdf"));
	EXPECT_THROW(check_sample_type("image/webp"), Fault);
	EXPECT_THROW(check_sample_type("text/plain"), Fault);
	EXPECT_NO_THROW(check_media_kind("audio", "audio/ogg; codecs=opus", true));
	EXPECT_THROW(check_media_kind("audio", "audio/mpeg", true), Fault);
	for (const auto &[type, size] :
	     {std::pair{"application/pdf", (100u << 20) + 1}, std::pair{"image/jpeg", (5u << 20) + 1},
	      std::pair{"image/gif", 1u}, std::pair{"text/plain", 0u}, std::pair{"text", 1u},
	      std::pair{"a/b\r\nX: y", 1u}, std::pair{"", 1u}})
		EXPECT_THROW(check_media_file(type, size), Fault) << type;
}

TEST(Request, AFileComesFromAKnownHostAndIsTheOneThatWasAnnounced)
{
	const RequestKind &download = kind("download_media");
	const auto node = [&](const std::string &url, const char *size) {
		return download.read_reply(download_task(""),
		                           R"({"url":")" + url + R"(","file_size":)" + size + "}");
	};
	for (const char *url :
	     {"https://lookaside.fbsbx.com/x?y=1", "https://a.fbcdn.net/x",
	      "https://graph.facebook.com/x", "https://files.example/x", "https://other.example"})
		EXPECT_FALSE(node(url, "100").next.empty()) << url;
	for (const char *url :
	     {"https://evil.example/x", "https://evilfbcdn.net/x", "https://a.fbcdn.net.evil.example/x",
	      "http://a.fbcdn.net/x", "https://a.fbcdn.net@evil.example/", "https://files.example:1/",
	      "ftp://files.example/", "https://files.exampl/"})
		EXPECT_THROW(node(url, "1"), Fault) << url;
	EXPECT_THROW(node("https://a.fbcdn.net/x", "101"), Fault);
	EXPECT_THROW(node("https://a.fbcdn.net/x", "\"99999999999999999999999\""), Fault);

	const std::string hex = digest_hex("hello");
	EXPECT_EQ(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
	const std::string at = R"({"url":"https://a.fbcdn.net/x","sha256":")" + hex + "\"}";
	const GraphAsk ask = download.make_ask(download_task(at));
	EXPECT_EQ(ask.url, "https://a.fbcdn.net/x");
	EXPECT_TRUE(ask.takes_file);
	EXPECT_TRUE(download.read_reply(download_task(at), "hello").has_file);
	EXPECT_THROW(download.read_reply(download_task(at), "Hello"), Fault);
	EXPECT_THROW(download.read_reply(download_task(R"({"url":"https://a.fbcdn.net/x"})"), "Hello"),
	             Fault)
	    << "the webhook told it, too";
}

TEST(Request, CostsAreAskedForByDay)
{
	const RequestKind &costs = kind("sync_costs");
	const RequestTask task = {R"({"start":1700000000,"end":1700086400})", "", {}, {}, {}, 0};
	const std::string query = costs.make_ask(task).query;
	EXPECT_NE(query.find("start%281700000000%29.end%281700086400%29"), std::string::npos) << query;
	EXPECT_THROW(costs.make_ask({"{}", "", {}, {}, {}, 0}), Fault);
	const Reply told = costs.read_reply(
	    task,
	    R"({"id":"9","pricing_analytics":{"data":[{"data_points":[{"volume":1}]},{"data_points":[{"volume":2}]}]}})");
	EXPECT_EQ(told.next, "");
	EXPECT_NE(told.rows.find("2"), std::string::npos);
	EXPECT_EQ(costs.read_reply(task, R"({"id":"9"})").rows, R"({"points":[]})")
	    << "nothing is left out, not said";
	EXPECT_THROW(costs.read_reply(task, R"({"pricing_analytics":{"data":{}}})"), Fault);
}

TEST(Request, NumbersComeBehindTheirAccount)
{
	const RequestKind &numbers = kind("sync_numbers");
	const RequestTask first = {"{}", "", {}, {}, {}, 0};
	EXPECT_EQ(numbers.make_ask(first).edge, "");
	const Reply account = numbers.read_reply(first, R"({"id":"9","currency":"EUR"})");
	EXPECT_FALSE(account.next.empty());
	const RequestTask second = {"{}", account.next, {}, {}, {}, 0};
	EXPECT_EQ(numbers.make_ask(second).edge, "phone_numbers");
	EXPECT_EQ(numbers.make_ask(second).query.find("after"), std::string::npos);
	const Reply page =
	    numbers.read_reply(second, R"({"data":[],"paging":{"cursors":{"after":"X"},"next":"n"}})");
	EXPECT_NE(numbers.make_ask({"{}", page.next, {}, {}, {}, 0}).query.find("after=X"),
	          std::string::npos);
	EXPECT_EQ(numbers.read_reply({"{}", page.next, {}, {}, {}, 0}, R"({"data":[]})").next, "");
}

TEST(Request, AProbeAsksForTheTokenLast)
{
	const RequestKind &probe = kind("probe");
	std::string cursor;
	const auto ask = [&] { return probe.make_ask({"{}", cursor, {}, {}, {}, 0}); };
	const auto read = [&](const char *body) {
		Reply reply = probe.read_reply({"{}", cursor, {}, {}, {}, 0}, body);
		cursor = reply.next;
		return reply.rows;
	};
	EXPECT_EQ(ask().edge, "");
	EXPECT_NE(read(R"({"id":"9"})").find("account"), std::string::npos);
	EXPECT_EQ(ask().edge, "phone_numbers");
	(void)read(R"({"data":[],"paging":{"cursors":{"after":"X"},"next":"n"}})");
	EXPECT_NE(ask().query.find("after=X"), std::string::npos);
	(void)read(R"({"data":[]})");
	EXPECT_EQ(ask().edge, "subscribed_apps");
	EXPECT_FALSE(ask().names_own_token);
	EXPECT_EQ(read(R"({"data":[{"whatsapp_business_api_data":{"id":"1","name":"shop","link":"x"},)"
	               R"("override_callback_uri":"https://a.example"},7,{}]})"),
	          R"({"apps":[{"callback":"https://a.example","id":"1","name":"shop"}]})");
	EXPECT_EQ(ask().object_id, "debug_token");
	EXPECT_TRUE(ask().names_own_token);
	EXPECT_EQ(ask().query, "");
	EXPECT_EQ(read(R"({"data":{"app_id":"1","is_valid":true,"expires_at":0,"scopes":["a",7],)"
	               R"("granular_scopes":[],"user_id":"3","token":"secret"}})"),
	          R"({"token":{"app_id":"1","expires_at":0,"is_valid":true,"scopes":["a"]}})");
	EXPECT_EQ(cursor, "");
}

TEST(Request, AProbeRefusesWhatIsNoAnswer)
{
	const RequestKind &probe = kind("probe");
	for (const char *cursor : {"apps", "token"})
		for (const char *body : {"", "[]", "{}", R"({"data":7})"})
			EXPECT_THROW((void)probe.read_reply({"{}", cursor, {}, {}, {}, 0}, body), Fault)
			    << cursor << ": " << body;
}

TEST(SampleUpload, AsksTheTokenForItsAppTheAppForAnUploadAndGivesItTheBytes)
{
	const RequestKind &upload = kind("upload_sample");
	RequestTask task;
	task.request = R"({"sample":"a b.png","mime_type":"image/png","sha256":"00"})";
	task.file = "bytes";
	GraphAsk ask = upload.make_ask(task);
	EXPECT_EQ(ask.object_id, "debug_token");
	EXPECT_TRUE(ask.names_own_token);
	task.cursor = upload.read_reply(task, R"({"data":{"app_id":"12","is_valid":true}})").next;

	ask = upload.make_ask(task);
	EXPECT_EQ(ask.method, GraphMethod::post);
	EXPECT_EQ(ask.object_id, "12");
	EXPECT_EQ(ask.edge, "uploads");
	EXPECT_EQ(ask.query, "file_name=a%20b.png&file_length=5&file_type=image%2Fpng");
	EXPECT_FALSE(ask.is_upload);
	task.cursor = upload.read_reply(task, R"({"id":"upload:MTph==?sig=AR"})").next;

	ask = upload.make_ask(task);
	EXPECT_EQ(ask.object_id, "upload:MTph==?sig=AR");
	EXPECT_TRUE(ask.is_upload);
	EXPECT_EQ(ask.body, "bytes");
	const Reply reply = upload.read_reply(task, R"({"h":"4::aW"})");
	EXPECT_TRUE(reply.next.empty());
	EXPECT_EQ(reply.rows, R"({"handle":"4::aW","sample":"a b.png","sha256":"00"})");
}

TEST(SampleUpload, RefusesAnswersThatAreNotWhatWasAskedFor)
{
	const RequestKind &upload = kind("upload_sample");
	RequestTask task;
	task.request = R"({"sample":"a.png","mime_type":"image/png"})";
	EXPECT_THROW(upload.read_reply(task, R"({"data":{}})"), Fault);
	EXPECT_THROW(upload.read_reply(task, R"({"data":[]})"), Fault);
	task.cursor = "app:12";
	task.file = "";
	EXPECT_THROW(upload.make_ask(task), Fault);
	EXPECT_THROW(upload.read_reply(task, R"({"id":"12"})"), Fault);
	task.cursor = "upload:1";
	EXPECT_THROW(upload.read_reply(task, R"({"h":""})"), Fault);
	EXPECT_THROW(upload.read_reply(task, R"({"id":"upload:1","file_offset":3})"), Fault);
}

} // namespace
} // namespace whatsapp
