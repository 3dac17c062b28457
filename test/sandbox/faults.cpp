/*
 * faults.cpp: reads faults, chooses the one that a request meets, and marks the answer.
 */
#include "faults.hpp"

#include <cstdio>
#include <ctime>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const size_t huge = 8 << 20;
const int deep = 100000;
const size_t most_times = 10000; /* of an outage's requests */

const std::pair<const char *, Cut> cuts[] = {
    {"reset", Cut::Reset},      {"close", Cut::Close},   {"truncate", Cut::Truncate},
    {"not_http", Cut::NotHttp}, {"stream", Cut::Stream}, {"refused_stream", Cut::RefusedStream},
    {"goaway", Cut::Goaway}};

Cut
read_cut(const std::string &name)
{
	for (const auto &cut : cuts)
		if (name == cut.first)
			return cut.second;
	throw std::runtime_error("cut: no such way: " + name);
}

/* Bodies that no client expects. Their JSON is wrong in one respect each. */
std::string
read_body(const std::string &name, std::string &type)
{
	if (name == "empty")
		return {};
	if (name == "html") {
		type = "text/html";
		return "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1>"
		       "</body></html>\n";
	}
	if (name == "garbage")
		return "{\"error\":{\"message\":\"(#1310\x01\x02\x7f]]>";
	if (name == "huge")
		return "{\"error\":{\"message\":\"" + std::string(huge, 'x') + "\",\"code\":131000}}";
	if (name == "deep") {
		std::string body;
		for (int i = 0; i < deep; i++)
			body += "{\"error\":[";
		body += "1";
		for (int i = 0; i < deep; i++)
			body += "]}";
		return body;
	}
	if (name == "not_utf8")
		return "{\"error\":{\"message\":\"Mu\xf1oz \xc3\x28 \xed\xa0\x80\",\"type\":"
		       "\"OAuthException\",\"code\":131000,\"fbtrace_id\":\"A\xff\"}}";
	if (name == "nul")
		return "{\"error\":{\"message\":\"a\\u0000b\",\"type\":\"OAuthException\",\"code\":131000,"
		       "\"fbtrace_id\":\"A\\u0000\"}}";
	if (name == "array")
		return "[{\"error\":{\"code\":131000}}]";
	if (name == "null")
		return "null";
	throw std::runtime_error("body: no such kind: " + name);
}

/* Meta's error object with the members that the fault names in other words or other types. */
std::string
error_body(const json &given, int code)
{
	Error error{code};
	error.details = given.value("details", "");
	error.subcode = given.value("subcode", 0);
	json body = json::parse(error_reply(error).body);
	json &inner = body["error"];
	if (given.contains("message"))
		inner["message"] = given["message"];
	if (given.contains("error_data"))
		inner["error_data"] = given["error_data"];
	if (inner.contains("error_data") && inner["error_data"].is_null())
		inner.erase("error_data");
	if (given.contains("transient"))
		inner["is_transient"] = given["transient"];
	if (given.value("code_as_string", false))
		inner["code"] = std::to_string(code);
	for (const char *name : {"error_user_title", "error_user_msg", "type"})
		if (given.contains(name))
			inner[name] = given[name];
	return body.dump(-1, ' ', true);
}

std::string
http_date(std::time_t at)
{
	std::tm parts{};
	gmtime_r(&at, &parts);
	char text[40];
	std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
	return text;
}

void
check_members(const json &given)
{
	static const char *const known[] = {"edge",
	                                    "to",
	                                    "phone_number_id",
	                                    "skip",
	                                    "times",
	                                    "accept",
	                                    "status",
	                                    "code",
	                                    "never",
	                                    "delay_ms",
	                                    "cut",
	                                    "headers",
	                                    "body",
	                                    "raw",
	                                    "type",
	                                    "details",
	                                    "message",
	                                    "subcode",
	                                    "transient",
	                                    "error_data",
	                                    "statuses",
	                                    "code_as_string",
	                                    "error_user_title",
	                                    "error_user_msg",
	                                    "failed_code",
	                                    "status_delay_ms",
	                                    "content_type"};
	if (!given.is_object())
		throw std::runtime_error("a fault is a JSON object");
	for (const auto &member : given.items()) {
		bool found = false;
		for (const char *name : known)
			found = found || member.key() == name;
		if (!found)
			throw std::runtime_error(member.key() + ": no such member of a fault");
	}
}

} // namespace

void
Fault::read_answer(const json &given)
{
	if (given.contains("status"))
		status = given["status"].get<int>();
	if (given.contains("code"))
		code = given["code"].get<int>();
	if (status && (*status < 200 || *status > 599))
		throw std::runtime_error("status: 200 to 599");
	const bool fails = code || (status && *status >= 400);
	replaces_body_ = fails || given.contains("body") || given.contains("raw");
	if (fails)
		answer_.body = error_body(given, code.value_or(status == 500 ? 1 : 2));
	answer_.status = status.value_or(code ? error_reply({*code}).status : 200);
	if (given.contains("body"))
		answer_.body = read_body(given["body"].get<std::string>(), answer_.type);
	if (given.contains("raw"))
		answer_.body = given["raw"].get<std::string>();
	if (given.contains("content_type"))
		answer_.type = given["content_type"].get<std::string>();
	const json headers = given.value("headers", json::object());
	for (const auto &header : headers.items()) {
		const json &value = header.value();
		if (value.is_object() && value.contains("date_in"))
			date_in_ = value["date_in"].get<int>();
		else
			answer_.headers.emplace_back(header.key(), value.is_string() ? value.get<std::string>()
			                                                             : value.dump());
	}
}

Fault
read_fault(const json &given)
{
	check_members(given);
	Fault fault;
	fault.text = given.dump(-1, ' ', true, json::error_handler_t::replace);
	fault.edge = given.value("edge", "messages");
	const std::string to = given.value("to", "");
	fault.to = to.size() > 2 && to[2] == '.' ? to : digits(to);
	fault.number_id = given.value("phone_number_id", "");
	fault.skip = given.value("skip", int64_t{0});
	if (given.contains("times") && given["times"].is_null())
		fault.times.reset();
	else
		fault.times = given.value("times", int64_t{1});
	fault.read_answer(given);
	fault.never = given.value("never", false);
	fault.delay_ms = given.value("delay_ms", 0);
	if (given.contains("cut"))
		fault.cut = read_cut(given["cut"].get<std::string>());
	if (given.contains("statuses")) {
		StatusPlan plan;
		plan.words = given["statuses"].get<std::vector<std::string>>();
		plan.failed_code = given.value("failed_code", plan.failed_code);
		if (given.contains("status_delay_ms"))
			plan.delay_ms = given["status_delay_ms"].get<int>();
		fault.statuses = std::move(plan);
	}
	/* Whoever sees an error must be able to rely on it that nothing was sent, unless told. */
	const bool gentle = fault.cut == Cut::No || fault.cut == Cut::Goaway;
	fault.accept = given.value("accept", gentle && !fault.never && !fault.replaces_body_);
	fault.key = fault.code              ? std::to_string(*fault.code)
	            : fault.status          ? "status_" + std::to_string(*fault.status)
	            : given.contains("cut") ? given["cut"].get<std::string>()
	                                    : "fault";
	return fault;
}

void
Fault::mark(Reply &reply) const
{
	if (status || !accept)
		reply.status = answer_.status;
	if (replaces_body_) {
		reply.body = answer_.body;
		reply.type = answer_.type;
	}
	if (cut == Cut::Truncate && reply.body.size() < 2)
		reply.body = error_reply({131000}).body;
	reply.cut = cut;
	reply.headers.insert(reply.headers.end(), answer_.headers.begin(), answer_.headers.end());
	if (date_in_)
		reply.headers.emplace_back(
		    "Retry-After", http_date(std::time(nullptr) + static_cast<std::time_t>(*date_in_)));
}

void
Faults::add(Fault fault)
{
	faults_.push_back(std::move(fault));
}

Fault *
Faults::take(const std::string &edge, const std::string &number_id, const std::string &to)
{
	for (Fault &fault : faults_) {
		if ((fault.edge != "*" && fault.edge != edge) ||
		    (!fault.number_id.empty() && fault.number_id != number_id) ||
		    (!fault.to.empty() && fault.to != to) || (fault.times && *fault.times <= 0))
			continue;
		if (fault.skip > 0) {
			fault.skip--;
			continue;
		}
		fault.hits++;
		if (fault.times)
			--*fault.times;
		return &fault;
	}
	return nullptr;
}

bool
Faults::empty() const
{
	return faults_.empty();
}

std::string
Faults::list() const
{
	std::string out = "[";
	for (const Fault &fault : faults_) {
		out += out.size() > 1 ? ",\n" : "";
		out += "{\"fault\":" + fault.text + ",\"hits\":" + std::to_string(fault.hits) +
		       ",\"left\":" + (fault.times ? std::to_string(*fault.times) : "null") + "}";
	}
	return out + "]\n";
}

void
Faults::clear()
{
	faults_.clear();
}

void
Outage::arrived(int64_t now)
{
	requests++;
	if (at.size() < most_times)
		at.push_back(now);
}

std::string
Outage::name() const
{
	static const char *const names[] = {"null",      "",         "\"reset\"",
	                                    "\"close\"", "\"hang\"", "\"refuse\""};
	return kind == Kind::Status ? std::to_string(status) : names[static_cast<size_t>(kind)];
}

std::string
Outage::summary() const
{
	std::string out =
	    "{\"kind\":" + name() + ",\"requests\":" + std::to_string(requests) + ",\"at\":[";
	for (size_t i = 0; i < at.size(); i++) {
		char text[32];
		std::snprintf(text, sizeof text, "%s%.6f", i > 0 ? "," : "",
		              static_cast<double>(at[i]) / 1e6);
		out += text;
	}
	return out + "]}";
}

Outage
read_outage(const json &given)
{
	Outage outage;
	if (given.is_null())
		return outage;
	if (given.is_number_integer()) {
		outage.kind = Outage::Kind::Status;
		outage.status = given.get<int>();
		if (outage.status < 300 || outage.status > 599)
			throw std::runtime_error("outage: a status from 300 to 599");
		return outage;
	}
	const std::string name = given.get<std::string>();
	if (name == "reset")
		outage.kind = Outage::Kind::Reset;
	else if (name == "close")
		outage.kind = Outage::Kind::Close;
	else if (name == "hang")
		outage.kind = Outage::Kind::Hang;
	else if (name == "refuse")
		outage.kind = Outage::Kind::Refuse;
	else
		throw std::runtime_error("outage: a status, reset, close, hang, refuse or null");
	return outage;
}

} // namespace sandbox
