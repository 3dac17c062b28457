/*
 * control.cpp: what Meta doesn't have: the book, the summary, settings and faults, under
 * /_sandbox/.
 *
 * Needs no token: the sandbox listens on the loopback address only.
 */
#include "control.hpp"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "envelope.hpp"
#include "errors.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

void
answer(Exchange &exchange, const json &body, int status)
{
	exchange.reply.status = status;
	exchange.reply.body = body.dump(-1, ' ', true) + "\n";
}

void
complain(Exchange &exchange, int status, const std::string &why)
{
	answer(exchange, {{"error", why}}, status);
}

namespace
{

void
reset(Sandbox &box, Exchange &exchange)
{
	box.book.clear();
	box.traffic.clear();
	box.graph_calls.clear();
	box.faults.clear();
	box.outage.requests = 0;
	box.outage.at.clear();
	box.front.max_streams = 0;
	box.webhooks.clear();
	box.failures.clear();
	box.pair_pace.clear();
	box.number_recent.clear();
	if (exchange.argument("settings")) {
		box.settings = box.options.settings;
		box.windows.clear();
		set_outage(box, {});
		box.webhooks.configure(box.settings.webhooks);
	}
	answer(exchange, {{"success", true}});
}

std::string
front_summary(Sandbox &box)
{
	FrontCounts &counts = box.front;
	const std::lock_guard<std::mutex> lock(counts.mutex);
	return "\"tls\":{\"connections_opened\":" + std::to_string(counts.tls_opened) +
	       ",\"failed\":" + std::to_string(counts.tls_failed) +
	       ",\"latest_error\":" + sandbox::quoted_text(counts.tls_error) +
	       "},\"http2\":{\"connections\":" + std::to_string(counts.http2) +
	       ",\"connections_opened\":" + std::to_string(counts.http2_opened) +
	       ",\"max_streams\":" + std::to_string(counts.max_streams) + "}";
}

void
summary(Sandbox &box, Exchange &exchange)
{
	const Webhooks::Counts counts = box.webhooks.counts();
	exchange.reply.body =
	    "{" + box.book.summary() + "," + box.traffic.summary() +
	    ",\"outage\":" + box.outage.summary() +
	    ",\"webhooks\":{\"queued\":" + std::to_string(counts.queued) +
	    ",\"delivered\":" + std::to_string(counts.delivered) +
	    ",\"deliveries\":" + std::to_string(counts.deliveries) +
	    ",\"failed_attempts\":" + std::to_string(counts.failed_attempts) +
	    ",\"given_up\":" + std::to_string(counts.given_up) + "}," + front_summary(box) +
	    ",\"connections\":" + std::to_string(box.connections) +
	    ",\"connections_opened\":" + std::to_string(box.connections_opened) + "}\n";
}

/* Holds the answer until the receiver gave its own, which becomes ours. */
Webhooks::Done
report_to(Sandbox &box, Exchange &exchange)
{
	const Holds::Ticket ticket = box.holds.hold(exchange, std::nullopt);
	return [&box, ticket](const Webhooks::Result &result) {
		json body = {{"status", result.status}, {"body", result.body}};
		if (!result.error.empty())
			body["error"] = result.error;
		Reply reply;
		reply.status = result.status >= 200 ? static_cast<int>(result.status) : 502;
		reply.body = body.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
		box.holds.release(ticket, std::move(reply));
	};
}

/* Delivers a body once; its answer is ours. */
void
post_webhook(Sandbox &box, Exchange &exchange, std::string body)
{
	const std::string kind = exchange.argument("signature").value_or("right");
	Webhooks::Signing signing = Webhooks::Signing::Right;
	if (kind == "wrong")
		signing = Webhooks::Signing::Wrong;
	else if (kind == "none")
		signing = Webhooks::Signing::None;
	else if (kind != "right")
		return complain(exchange, 400, "signature is right, wrong or none");
	if (exchange.argument("show")) {
		exchange.reply.body = std::move(body);
		return;
	}
	box.webhooks.try_once(std::move(body), signing, report_to(box, exchange));
}

/* One fault or several; all or none. */
void
post_faults(Sandbox &box, Exchange &exchange, const json &body)
{
	std::vector<Fault> faults;
	for (const json &one : body.is_array() ? body : json::array({body}))
		faults.push_back(read_fault(one));
	for (Fault &fault : faults)
		box.faults.add(std::move(fault));
	answer(exchange, {{"faults", faults.size()}});
}

/* Meta's handshake: the receiver must answer 200 and the bare challenge. */
void
verify(Sandbox &box, Exchange &exchange)
{
	const std::string challenge = std::to_string(1000000000 + random_bits() % 1000000000);
	const std::string token = exchange.argument("token").value_or(box.settings.verify_token);
	std::string escaped;
	for (const char c : token) {
		char text[4];
		std::snprintf(text, sizeof text, "%%%02X",
		              static_cast<unsigned int>(static_cast<unsigned char>(c)));
		escaped += text;
	}
	const Holds::Ticket ticket = box.holds.hold(exchange, std::nullopt);
	box.webhooks.get("hub.mode=subscribe&hub.challenge=" + challenge +
	                     "&hub.verify_token=" + escaped,
	                 [&box, ticket, challenge](const Webhooks::Result &result) {
		                 const bool verified = result.status == 200 && result.body == challenge;
		                 Reply reply;
		                 reply.body = "{\"status\":" + std::to_string(result.status) +
		                              ",\"verified\":" + (verified ? "true" : "false") + "}\n";
		                 box.holds.release(ticket, std::move(reply));
	                 });
}

/* Plays Meta's review: adds or changes templates, and reports a changed status by webhook. */
void
put_templates(Sandbox &box, Exchange &exchange, const json &body)
{
	for (const json &one : body.is_array() ? body : json::array({body})) {
		const Template *known = nullptr;
		if (one.is_object())
			known = box.templates.find(one.value("name", ""), one.value("language", ""));
		const std::string before = known != nullptr ? known->status : std::string();
		const Template &changed = box.templates.put(one);
		if (known == nullptr || changed.status == before)
			continue;
		const json value = {{"event", changed.status},
		                    {"message_template_id", std::stoull(changed.listed->value("id", "0"))},
		                    {"message_template_name", changed.name},
		                    {"message_template_language", changed.language},
		                    {"message_template_category", changed.category},
		                    {"reason", one.value("reason", "NONE")}};
		box.webhooks.deliver(account_envelope(box.options.business_account_id,
		                                      "message_template_status_update", value.dump()));
	}
	answer(exchange, {{"success", true}});
}

void
get(Sandbox &box, Exchange &exchange, const std::string &what)
{
	const auto number_of = [&](const char *name) {
		return std::strtoul(exchange.argument(name).value_or("0").c_str(), nullptr, 10);
	};
	if (what == "healthz")
		return answer(exchange, {{"status", "ok"}});
	if (what == "summary")
		return summary(box, exchange);
	if (what == "settings")
		return answer(exchange, settings_json(box));
	if (what == "samples")
		return answer(exchange, samples_json());
	if (what == "faults") {
		exchange.reply.body = box.faults.list();
		return;
	}
	const std::string to = exchange.argument("to").value_or("");
	const size_t limit = exchange.argument("limit") ? number_of("limit") : SIZE_MAX;
	if (what == "messages") {
		exchange.reply.body = box.book.list(to, number_of("offset"), limit);
		return;
	}
	if (what == "arrivals" || what == "book") {
		exchange.reply.type = "application/x-ndjson";
		exchange.reply.body =
		    box.traffic.arrivals(box.book, to, what == "book", number_of("offset"), limit);
		return;
	}
	if (what == "calls") {
		exchange.reply.type = "application/x-ndjson";
		exchange.reply.body = box.graph_calls.list();
		return;
	}
	if (what == "pairs") {
		exchange.reply.type = "application/x-ndjson";
		exchange.reply.body = box.traffic.pairs(to);
		return;
	}
	if (what == "phone") {
		exchange.reply.body = box.book.phone(exchange.argument("number").value_or(""));
		exchange.reply.type = "text/plain; charset=UTF-8";
		return;
	}
	complain(exchange, 404, "no such thing: GET /_sandbox/" + what);
}

void
post(Sandbox &box, Exchange &exchange, const std::string &what)
{
	if (what == "reset")
		return reset(box, exchange);
	if (what == "goaway" || what == "disconnect") {
		const auto &command = what == "goaway" ? box.goaway : box.disconnect;
		if (!command)
			return complain(exchange, 409, "there is no --tls-port and no --h2c-port");
		command();
		return answer(exchange, {{"success", true}});
	}
	const bool calls_receiver = what == "webhook" || what == "verify" || what == "inbound" ||
	                            what == "statuses" || what == "account";
	if (calls_receiver && box.settings.webhooks.url.empty())
		return complain(exchange, 409, "there is no webhook URL: set webhook_url");
	if (what == "webhook")
		return post_webhook(box, exchange, exchange.body);
	if (what == "verify")
		return verify(box, exchange);
	if (what == "media")
		return put_media(box, exchange, exchange.body);
	const json body = json::parse(exchange.body, nullptr, false);
	if (what == "settings")
		return change_settings(box, exchange, body);
	if (what == "faults")
		return post_faults(box, exchange, body);
	const std::string split = exchange.argument("split").value_or("items");
	if (what == "inbound")
		return post_webhook(box, exchange, inbound_body(box, body, split));
	if (what == "statuses")
		return post_webhook(box, exchange, statuses_body(box, body, split));
	if (what == "account")
		return post_webhook(box, exchange, account_body(box, body, split));
	if (what == "templates")
		return put_templates(box, exchange, body);
	complain(exchange, 404, "no such thing: POST /_sandbox/" + what);
}

} // namespace

void
control(Sandbox &box, Exchange &exchange, const std::string &what)
{
	try {
		if (exchange.method == "GET" || exchange.method == "HEAD")
			get(box, exchange, what);
		else if (exchange.method == "POST")
			post(box, exchange, what);
		else if (exchange.method == "DELETE" && what == "faults") {
			box.faults.clear();
			answer(exchange, {{"success", true}});
		} else
			complain(exchange, 405, "GET or POST");
	} catch (const std::exception &e) {
		complain(exchange, 400, e.what()); /* a member of the wrong type, mostly */
	}
}

} // namespace sandbox
