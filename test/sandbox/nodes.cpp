/*
 * nodes.cpp: the Graph nodes: token check, phone number, business account, templates, debug_token.
 */
#include <algorithm>

#include <nlohmann/json.hpp>

#include "errors.hpp"
#include "sandbox.hpp"
#include "template_calls.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const char app_id[] = "111111111111111";
const char cursor_prefix[] = "QVFIUnNhbmRib3g";

void
answer_node(Exchange &exchange, const json &body)
{
	exchange.reply.body = body.dump(-1, ' ', true);
}

Error
unknown_object(const Exchange &exchange, const std::string &id)
{
	Error error{100};
	error.message =
	    "Unsupported " + lower(exchange.method) + " request. Object with ID '" + id +
	    "' does not exist, cannot be loaded due to missing permissions, or does not support "
	    "this operation. Please read the Graph API documentation at "
	    "https://developers.facebook.com/docs/graph-api";
	error.subcode = 33;
	error.type = "GraphMethodException";
	return error;
}

Error
unknown_path(const std::string &edge)
{
	return {2500, {}, "Unknown path components: /" + edge};
}

std::string
token_of(const Exchange &exchange)
{
	/* uploads have a scheme of their own */
	const std::string scheme =
	    exchange.path.find("/upload:") == std::string::npos ? "bearer " : "oauth ";
	const auto header = exchange.header("Authorization");
	if (header && lower(header->substr(0, scheme.size())) == scheme)
		return header->substr(scheme.size());
	return exchange.argument("access_token").value_or("");
}

bool
is_known(const Sandbox &box, const std::string &token)
{
	const auto &tokens = box.settings.tokens;
	return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

/* The app's own token, "APP_ID|APP_SECRET": good for debug_token. */
bool
is_app_token(const Sandbox &box, const std::string &token)
{
	const size_t bar = token.find('|');
	return bar != std::string::npos && token.substr(bar + 1) == box.settings.webhooks.app_secret;
}

std::optional<Error>
check_token(const Sandbox &box, const Exchange &exchange)
{
	const std::string token = token_of(exchange);
	if (token == "expired-token")
		return Error{190,
		             {},
		             "Error validating access token: Session has expired on Sunday, 01-Nov-26 "
		             "00:00:00 PST. The current time is later.",
		             463};
	if (!is_known(box, token))
		return Error{190,
		             {},
		             token.empty() ? "An access token is required to request this resource."
		                           : "Invalid OAuth access token - Cannot parse access token",
		             467};
	const auto proof = exchange.argument("appsecret_proof");
	if (proof && *proof != hmac_sha256_hex(box.settings.webhooks.app_secret, token))
		return Error{100,
		             {},
		             "Invalid appsecret_proof provided in the API argument",
		             0,
		             "GraphMethodException"};
	return std::nullopt;
}

/* Keeps the members named in ?fields=, and the id. */
json
selected(const Exchange &exchange, const json &node)
{
	const auto asked = exchange.argument("fields");
	if (!asked)
		return node;
	json kept = {{"id", node.value("id", "")}};
	std::string rest = *asked + ",";
	for (size_t comma; (comma = rest.find(',')) != std::string::npos; rest.erase(0, comma + 1)) {
		const std::string field = rest.substr(0, comma);
		if (node.contains(field))
			kept[field] = node[field];
	}
	return kept;
}

/* What keeps them from sending: the whole is as bad as its worst part. */
json
health_status(const Sandbox &box, const std::string &number_id)
{
	const std::string &health = box.settings.health;
	json part = {{"entity_type", number_id.empty() ? "WABA" : "PHONE_NUMBER"},
	             {"id", number_id.empty() ? box.options.business_account_id : number_id},
	             {"can_send_message", health}};
	if (health == "LIMITED")
		part["additional_info"] = {"Your display name has not been approved yet."};
	if (health == "BLOCKED")
		part["errors"] = {{{"error_code", 141006},
		                   {"error_description", "There is no valid payment method."},
		                   {"possible_solution", "Add one in WhatsApp Manager."}}};
	return {{"can_send_message", health},
	        {"entities",
	         {part, {{"entity_type", "APP"}, {"id", app_id}, {"can_send_message", "AVAILABLE"}}}}};
}

json
number_node(const Sandbox &box, const Number &number)
{
	const std::string &d = number.display;
	return {{"id", number.id},
	        {"display_phone_number", "+" + d.substr(0, 2) + " " + d.substr(2, 3) + " " +
	                                     d.substr(5, 2) + " " + d.substr(7, 2) + " " + d.substr(9)},
	        {"verified_name", "Panadería Sandbox"},
	        {"code_verification_status", "VERIFIED"},
	        {"name_status", "APPROVED"},
	        {"quality_rating", "GREEN"},
	        {"platform_type", "CLOUD_API"},
	        {"status", "CONNECTED"},
	        {"account_mode", "LIVE"},
	        {"whatsapp_business_manager_messaging_limit", "TIER_2K"},
	        {"throughput", {{"level", "STANDARD"}}},
	        {"health_status", health_status(box, number.id)}};
}

json
account_node(const Sandbox &box)
{
	return {{"id", box.options.business_account_id},
	        {"name", "Panadería Sandbox"},
	        {"currency", "EUR"},
	        {"timezone_id", "74"},
	        {"country", "ES"},
	        {"account_review_status", "APPROVED"},
	        {"business_verification_status", "verified"},
	        {"message_template_namespace", "sandbox"},
	        {"health_status", health_status(box, "")}};
}

/* Where a page starts; nothing for a cursor that isn't one of ours. */
std::optional<size_t>
offset_of(const std::string &cursor)
{
	const size_t prefix = sizeof cursor_prefix - 1;
	if (cursor.compare(0, prefix, cursor_prefix) != 0 || cursor.size() == prefix ||
	    cursor.size() > prefix + 9 ||
	    cursor.find_first_not_of("0123456789", prefix) != std::string::npos)
		return std::nullopt;
	return std::stoul(cursor.substr(prefix));
}

void
list_templates(Sandbox &box, Exchange &exchange)
{
	std::vector<const Template *> found;
	for (const Template &known : box.templates.all()) {
		bool wanted = known.name.find(exchange.argument("name").value_or("")) != std::string::npos;
		for (const char *filter : {"status", "language", "category"}) {
			const auto value = exchange.argument(filter);
			wanted = wanted && (!value || known.listed->value(filter, "") == *value);
		}
		if (wanted)
			found.push_back(&known);
	}
	size_t start = 0;
	if (const auto after = exchange.argument("after")) {
		const auto offset = offset_of(*after);
		if (!offset) {
			exchange.reply = error_reply({exchange.version >= 24 ? 131059 : 100});
			return;
		}
		start = *offset;
	}
	const std::string given = exchange.argument("limit").value_or("");
	const size_t limit =
	    std::max<size_t>(1, given.size() > 6 ? 25 : std::strtoul(given.c_str(), nullptr, 10));
	const size_t most = static_cast<size_t>(box.settings.most_on_page);
	const size_t end =
	    std::min(found.size(), start + std::min(given.empty() ? size_t{25} : limit, most));

	json body = {{"data", json::array()}};
	for (size_t i = start; i < end; i++) {
		json one = *found[i]->listed;
		if (!exchange.argument("fields"))
			for (const char *extra : {"quality_score", "rejected_reason"})
				one.erase(extra);
		body["data"].push_back(selected(exchange, one));
	}
	if (start < end) {
		const std::string after = cursor_prefix + std::to_string(end);
		body["paging"]["cursors"] = {{"before", cursor_prefix + std::to_string(start)},
		                             {"after", after}};
		if (end < found.size())
			body["paging"]["next"] = "http://" + exchange.header("Host").value_or("127.0.0.1") +
			                         exchange.path + "?limit=" + std::to_string(end - start) +
			                         "&after=" + after;
	}
	answer_node(exchange, body);
}

void
debug_token(Sandbox &box, Exchange &exchange)
{
	const std::string input = exchange.argument("input_token").value_or("");
	json data = {{"app_id", app_id},
	             {"application", "sandbox"},
	             {"type", "SYSTEM_USER"},
	             {"is_valid", is_known(box, input)}};
	if (is_known(box, input)) {
		json numbers = json::array();
		for (const Number &number : box.options.numbers)
			numbers.push_back(number.id);
		const json account = json::array({box.options.business_account_id});
		json granular = json::array();
		for (const std::string &scope : box.settings.token_scopes)
			granular.push_back({{"scope", scope}, {"target_ids", account}});
		data.update({{"expires_at", box.settings.token_expires_at},
		             {"data_access_expires_at", 0},
		             {"issued_at", 1760000000},
		             {"user_id", "222222222222222"},
		             {"scopes", box.settings.token_scopes},
		             {"granular_scopes", granular}});
	} else {
		const bool expired = input == "expired-token";
		data["scopes"] = json::array();
		data["error"] = {{"code", 190},
		                 {"message", expired ? "Error validating access token: Session has expired."
		                                     : "Invalid OAuth access token."},
		                 {"subcode", expired ? 463 : 467}};
	}
	answer_node(exchange, {{"data", data}});
}

/* Of the card of October 2026, in its own words: nothing of it comes from the extension. */
double
price_of(const std::string &country, const std::string &category)
{
	static const struct {
		const char *country;
		double marketing;
		double other;
	} prices[] = {
	    {"ES", 0.0707, 0.02}, {"DE", 0.1365, 0.055}, {"US", 0.025, 0.0034}, {"MX", 0.0397, 0.0085}};
	for (const auto &price : prices)
		if (country == price.country)
			return category == "marketing" ? price.marketing : price.other;
	return 0;
}

/* The number behind a filter's name; nothing without one. */
std::optional<int64_t>
filter_of(const std::string &asked, const std::string &name)
{
	const size_t found = asked.find("." + name + "(");
	if (found == std::string::npos)
		return std::nullopt;
	const std::string digits = asked.substr(found + name.size() + 2, 12);
	if (digits.find_first_of("0123456789") != 0)
		return std::nullopt;
	return std::strtoll(digits.c_str(), nullptr, 10);
}

void
pricing_analytics(Sandbox &box, Exchange &exchange, const std::string &asked)
{
	constexpr int64_t day_seconds = 86400;
	const auto start = filter_of(asked, "start");
	const auto end = filter_of(asked, "end");
	if (!start || !end || *end <= *start) {
		exchange.reply = error_reply({100});
		return;
	}
	json points = json::array();
	for (const Volume &volume : box.book.volumes(*start, *end)) {
		const int64_t begin = *start + volume.day * day_seconds;
		std::string category = volume.category;
		std::transform(category.begin(), category.end(), category.begin(), ::toupper);
		points.push_back({{"start", begin},
		                  {"end", begin + day_seconds},
		                  {"country", volume.country},
		                  {"pricing_category", category},
		                  {"pricing_type", "REGULAR"},
		                  {"volume", volume.volume},
		                  {"cost", static_cast<double>(volume.volume - volume.free) *
		                               price_of(volume.country, volume.category)}});
	}
	json body = {{"id", box.options.business_account_id}};
	/* Meta leaves out what has nothing in it */
	if (!points.empty())
		body["pricing_analytics"] = {{"data", {{{"data_points", points}}}}};
	answer_node(exchange, body);
}

void
account_edge(Sandbox &box, Exchange &exchange, const std::string &edge)
{
	const std::string fields = exchange.argument("fields").value_or("");
	if (edge.empty() && fields.rfind("pricing_analytics.", 0) == 0)
		return pricing_analytics(box, exchange, fields);
	if (edge.empty())
		return answer_node(exchange, selected(exchange, account_node(box)));
	if (edge == "message_templates") {
		if (exchange.method == "DELETE")
			return delete_templates(box, exchange);
		return exchange.method == "POST" ? create_template(box, exchange)
		                                 : list_templates(box, exchange);
	}
	if (edge == "phone_numbers") {
		json data = json::array();
		for (const Number &number : box.options.numbers)
			data.push_back(selected(exchange, number_node(box, number)));
		return answer_node(exchange, {{"data", data}});
	}
	if (edge == "subscribed_apps") {
		if (exchange.method != "GET")
			return answer_node(exchange, {{"success", true}});
		if (!box.settings.subscribed)
			return answer_node(exchange, {{"data", json::array()}});
		json app = {{"whatsapp_business_api_data", {{"id", app_id}, {"name", "sandbox"}}}};
		if (!box.settings.override_callback_uri.empty())
			app["override_callback_uri"] = box.settings.override_callback_uri;
		return answer_node(exchange, {{"data", json::array({app})}});
	}
	exchange.reply = error_reply(unknown_path(edge));
}

/* Whatever the request wants: the API is down. */
void
suffer_outage(Sandbox &box, Exchange &exchange)
{
	box.outage.arrived(now_us());
	if (exchange.is_message)
		box.traffic.refused(exchange, "outage");
	switch (box.outage.kind) {
	case Outage::Kind::Hang:
		box.holds.hold(exchange, std::nullopt);
		break;
	case Outage::Kind::Close:
		exchange.reply.cut = Cut::Close;
		break;
	case Outage::Kind::Status:
		exchange.reply = {box.outage.status,
		                  "<html><body><h1>Service Unavailable</h1></body></html>\n", "text/html"};
		break;
	default: /* also by a connection from before it refused */
		exchange.reply.cut = Cut::Reset;
	}
}

/* Faults of other edges than messages. True: the exchange is settled. */
bool
meets_fault(Sandbox &box, Exchange &exchange, const std::string &id, const std::string &edge)
{
	const Fault *fault = box.faults.take(id == "debug_token" ? id : edge, id, "");
	if (fault == nullptr)
		return false;
	fault->mark(exchange.reply);
	if (fault->never)
		box.holds.hold(exchange, std::nullopt);
	else if (fault->delay_ms > 0)
		box.holds.hold(exchange, now_us() + fault->delay_ms * int64_t{1000});
	return !fault->accept;
}

} // namespace

void
graph_node(Sandbox &box, Exchange &exchange, const std::string &id, const std::string &edge)
{
	exchange.is_marketing = exchange.method == "POST" && edge == "marketing_messages";
	exchange.is_message =
	    exchange.is_marketing || (exchange.method == "POST" && edge == "messages");
	if (exchange.is_message)
		box.traffic.started(exchange);
	if (box.outage.kind != Outage::Kind::None)
		return suffer_outage(box, exchange);
	if (!exchange.is_message && !box.faults.empty() && meets_fault(box, exchange, id, edge))
		return;
	const auto refuse = [&](const Error &error) {
		if (exchange.is_message)
			box.traffic.refused(exchange, std::to_string(error.code));
		exchange.reply = error_reply(error);
	};
	if (id == "debug_token" && is_app_token(box, token_of(exchange)))
		return debug_token(box, exchange);
	if (auto error = check_token(box, exchange))
		return refuse(*error);
	if (id == "debug_token")
		return debug_token(box, exchange);
	if (!exchange.is_message &&
	    !box.graph_calls.arrived(exchange, id, edge, box.settings.graph_calls_per_hour))
		return;
	if (id == app_id && edge == "uploads" && exchange.method == "POST")
		return open_upload(box, exchange);
	if (id.compare(0, 7, "upload:") == 0 && edge.empty())
		return take_upload(box, exchange, id);
	if (id == "media-files" && exchange.method == "GET")
		return media_bytes(box, exchange, edge);
	if (edge.empty() && box.media.find(id) != nullptr && exchange.method != "POST")
		return media_node(box, exchange, id);
	if (id == box.options.business_account_id && !exchange.is_message)
		return account_edge(box, exchange, edge);
	for (const Number &number : box.options.numbers) {
		if (number.id != id)
			continue;
		if (exchange.is_message)
			return post_message(box, exchange, number);
		if (edge == "media" && exchange.method == "POST")
			return upload_media(box, exchange, id);
		if (edge.empty() && exchange.method == "GET")
			return answer_node(exchange, selected(exchange, number_node(box, number)));
		return refuse(edge.empty() ? unknown_object(exchange, id) : unknown_path(edge));
	}
	const Template *known = edge.empty() ? template_of_id(box, id) : nullptr;
	if (known != nullptr && exchange.method == "POST")
		return edit_template(box, exchange, *known);
	if (known != nullptr && exchange.method == "GET")
		return answer_node(exchange, selected(exchange, *known->listed));
	refuse(unknown_object(exchange, id));
}

} // namespace sandbox
