/*
 * adjust.cpp: the settings that the control interface can change: all members of a request or none.
 */
#include "control.hpp"

#include <initializer_list>
#include <iterator>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "envelope.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const int64_t window_us = 24 * int64_t{3600} * 1000000;

const char *const namings[] = {"both", "phone", "user_id"};

json
throughput_json(const Settings &settings)
{
	if (settings.throughput_of.empty())
		return settings.throughput;
	json limits = settings.throughput_of;
	limits["*"] = settings.throughput;
	return limits;
}

json
pair_limit_json(const PairLimit &limit)
{
	const PairLimit usual;
	if (!limit.on || (limit.interval_ms == usual.interval_ms && limit.burst == usual.burst))
		return limit.on;
	return {{"interval_ms", limit.interval_ms}, {"burst", limit.burst}};
}

std::string
word_of(const std::string &key, const json &value, std::initializer_list<const char *> words)
{
	const auto word = value.get<std::string>();
	for (const char *known : words)
		if (word == known)
			return word;
	throw std::runtime_error(key + ": no such word: " + word);
}

} // namespace

json
settings_json(const Sandbox &box)
{
	const Settings &settings = box.settings;
	const WebhookSettings &hooks = settings.webhooks;
	return {{"delay_ms", settings.delay_ms},
	        {"status_delay_ms", hooks.status_delay_ms},
	        {"read", hooks.read},
	        {"webhook_url", hooks.url},
	        {"webhooks_paused", hooks.paused},
	        {"webhook_timeout_ms", hooks.timeout_ms},
	        {"webhook_connections", hooks.connections},
	        {"batch", hooks.batch},
	        {"duplicate", hooks.duplicate},
	        {"shuffle", hooks.shuffle},
	        {"reject_all", settings.reject_all ? json(*settings.reject_all) : json()},
	        {"throughput", throughput_json(settings)},
	        {"graph_calls_per_hour", settings.graph_calls_per_hour},
	        {"token_scopes", settings.token_scopes},
	        {"token_expires_at", settings.token_expires_at},
	        {"subscribed", settings.subscribed},
	        {"override_callback_uri", settings.override_callback_uri},
	        {"most_on_page", settings.most_on_page},
	        {"health", settings.health},
	        {"marketing_endpoint", settings.marketing_endpoint},
	        {"media_url_seconds", settings.media_url_seconds},
	        {"media_host", settings.media_host},
	        {"pair_limit", pair_limit_json(settings.pair_limit)},
	        {"pricing", name_of(hooks.style.pricing)},
	        {"recipient", namings[static_cast<size_t>(hooks.style.naming)]},
	        {"per_change", hooks.style.per_change},
	        {"per_entry", hooks.style.per_entry},
	        {"retry_ms", hooks.retry_ms},
	        {"retry_longest_ms", hooks.retry_longest_ms},
	        {"retries", hooks.retries < 0 ? json() : json(hooks.retries)},
	        {"outage", json::parse(box.outage.name())},
	        {"token", settings.tokens},
	        {"verify_token", settings.verify_token},
	        {"app_secret", hooks.app_secret}};
}

namespace
{

int
whole(const std::string &key, const json &value, int min, int max)
{
	if (!value.is_number_integer() || value < min || value > max)
		throw std::runtime_error(key + ": not a whole number from " + std::to_string(min) + " to " +
		                         std::to_string(max));
	return value.get<int>();
}

void
set_throughput(Settings &settings, const json &value)
{
	if (!value.is_object()) {
		settings.throughput = whole("throughput", value, 0, 1000000);
		settings.throughput_of.clear();
		return;
	}
	for (const auto &limit : value.items()) {
		const int given = whole("throughput", limit.value(), 0, 1000000);
		if (limit.key() == "*")
			settings.throughput = given;
		else
			settings.throughput_of[limit.key()] = given;
	}
}

void
set_pair_limit(PairLimit &limit, const json &value)
{
	if (!value.is_object()) {
		limit = PairLimit{};
		limit.on = value.get<bool>();
		return;
	}
	limit.on = true;
	limit.interval_ms = whole("pair_limit", value.value("interval_ms", json(6000)), 1, 3600000);
	limit.burst = whole("pair_limit", value.value("burst", json(45)), 1, 100000);
}

Naming
naming_of(const std::string &name)
{
	for (size_t i = 0; i < std::size(namings); i++)
		if (name == namings[i])
			return static_cast<Naming>(i);
	throw std::runtime_error("recipient: both, phone or user_id");
}

/* How statuses look and are repeated. True: it was one of these settings. */
bool
set_delivery(WebhookSettings &hooks, const std::string &key, const json &value)
{
	if (key == "pricing")
		hooks.style.pricing = pricing_of(value.get<std::string>());
	else if (key == "recipient")
		hooks.style.naming = naming_of(value.get<std::string>());
	else if (key == "per_change")
		hooks.style.per_change = static_cast<size_t>(whole(key, value, 0, 1000));
	else if (key == "per_entry")
		hooks.style.per_entry = static_cast<size_t>(whole(key, value, 0, 1000));
	else if (key == "retry_ms")
		hooks.retry_ms = whole(key, value, 1, 3600000);
	else if (key == "retry_longest_ms")
		hooks.retry_longest_ms = whole(key, value, 1, 3600000);
	else if (key == "retries")
		hooks.retries = value.is_null() ? -1 : whole(key, value, 0, 1000000);
	else
		return false;
	return true;
}

/* One member of POST /_sandbox/settings; throws what is wrong with it. */
void
set(Settings &settings, const std::string &key, const json &value)
{
	WebhookSettings &hooks = settings.webhooks;
	if (key == "delay_ms")
		settings.delay_ms = whole(key, value, 0, 3600000);
	else if (key == "status_delay_ms")
		hooks.status_delay_ms = whole(key, value, 0, 3600000);
	else if (key == "read")
		hooks.read = value.get<bool>();
	else if (key == "webhook_url")
		hooks.url = value.is_null() ? "" : value.get<std::string>();
	else if (key == "webhooks_paused")
		hooks.paused = value.get<bool>();
	else if (key == "webhook_timeout_ms")
		hooks.timeout_ms = whole(key, value, 1, 3600000);
	else if (key == "webhook_connections")
		hooks.connections = whole(key, value, 1, 256);
	else if (key == "batch")
		hooks.batch = whole(key, value, 1, 1000);
	else if (key == "duplicate")
		hooks.duplicate = whole(key, value, 1, 100);
	else if (key == "shuffle")
		hooks.shuffle = value.get<bool>();
	else if (key == "reject_all")
		settings.reject_all =
		    value.is_null() ? std::nullopt : std::optional<int>(whole(key, value, 0, 99999999));
	else if (key == "token_scopes")
		settings.token_scopes = value.get<std::vector<std::string>>();
	else if (key == "token_expires_at")
		settings.token_expires_at = value.get<long long>();
	else if (key == "subscribed")
		settings.subscribed = value.get<bool>();
	else if (key == "override_callback_uri")
		settings.override_callback_uri = value.get<std::string>();
	else if (key == "graph_calls_per_hour")
		settings.graph_calls_per_hour = whole("graph_calls_per_hour", value, 0, 1000000);
	else if (key == "most_on_page")
		settings.most_on_page = whole("most_on_page", value, 1, 1000);
	else if (key == "health")
		settings.health = word_of(key, value, {"AVAILABLE", "LIMITED", "BLOCKED"});
	else if (key == "marketing_endpoint")
		settings.marketing_endpoint = word_of(key, value, {"none", "both", "only"});
	else if (key == "media_url_seconds")
		settings.media_url_seconds = whole("media_url_seconds", value, -1, 86400);
	else if (key == "media_host")
		settings.media_host = value.get<std::string>();
	else if (key == "throughput")
		set_throughput(settings, value);
	else if (key == "pair_limit")
		set_pair_limit(settings.pair_limit, value);
	else if (key == "token")
		settings.tokens = value.is_array() ? value.get<std::vector<std::string>>()
		                                   : std::vector<std::string>{value.get<std::string>()};
	else if (key == "verify_token")
		settings.verify_token = value.get<std::string>();
	else if (key == "app_secret")
		hooks.app_secret = value.get<std::string>();
	else if (!set_delivery(hooks, key, value))
		throw std::runtime_error(key + ": no such setting");
}

Outage
possible_outage(const Sandbox &box, const json &value)
{
	const Outage outage = read_outage(value);
	if (outage.kind == Outage::Kind::Refuse && box.refusers.empty())
		throw std::runtime_error("outage: refuse needs a --control-port, to be ended by");
	return outage;
}

} // namespace

void
open_windows(Sandbox &box, const json &phones)
{
	if (phones.is_null() || phones == false) {
		box.windows.clear();
		return;
	}
	for (const json &phone : phones.is_array() ? phones : json::array({phones})) {
		const std::string name = phone.get<std::string>();
		const bool literal = name == "*" || (name.size() > 2 && name[2] == '.');
		box.windows[literal ? name : digits(name)] = now_us() + window_us;
	}
}

void
set_outage(Sandbox &box, const Outage &wanted)
{
	const bool refuse = wanted.kind == Outage::Kind::Refuse;
	for (const auto &refuser : box.refusers)
		refuser(refuse);
	box.outage.kind = wanted.kind;
	box.outage.status = wanted.status;
}

/* All members or none. */
void
change_settings(Sandbox &box, Exchange &exchange, const json &body)
{
	if (!body.is_object())
		return complain(exchange, 400, "the body is not a JSON object");
	Settings changed = box.settings;
	std::optional<Outage> outage;
	for (const auto &member : body.items())
		if (member.key() == "outage")
			outage = possible_outage(box, member.value());
		else if (member.key() != "open_window")
			set(changed, member.key(), member.value());
	if (body.contains("open_window"))
		open_windows(box, body["open_window"]);
	if (outage)
		set_outage(box, *outage);
	box.settings = std::move(changed);
	box.webhooks.configure(box.settings.webhooks);
	answer(exchange, settings_json(box));
}

} // namespace sandbox
