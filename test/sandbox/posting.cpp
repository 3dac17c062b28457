/*
 * posting.cpp: webhooks by hand: inbound messages, statuses, and fields of accounts and templates,
 * several per delivery and however they are spread over entries and changes.
 */
#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

#include "control.hpp"
#include "envelope.hpp"
#include "samples.hpp"
#include "sandbox.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

const size_t most_items = 1000; /* Meta's limit per delivery */

struct Change {
	std::string entry_id, field;
	json value;
	bool timed = false; /* its entry has a time: fields of accounts */
};

bool
is_user_id(const std::string &name)
{
	return name.size() > 2 && name[2] == '.';
}

json
array_of(const json &body)
{
	json items = body.is_array() ? body : json::array({body});
	if (items.empty() || items.size() > most_items)
		throw std::runtime_error("from 1 to 1000 per delivery");
	for (const json &item : items)
		if (!item.is_object())
			throw std::runtime_error("each is a JSON object");
	return items;
}

/* ASCII, and "/" as "\/": the bytes that Meta sends and signs. */
std::string
as_meta_writes(const json &document)
{
	const std::string plain = document.dump(-1, ' ', true);
	std::string out;
	out.reserve(plain.size() + 64);
	for (const char c : plain) {
		if (c == '/')
			out += '\\';
		out += c;
	}
	return out;
}

/* Items of one sender become one value: metadata once, the arrays one after the other. */
void
merge(json &into, const json &from)
{
	for (const auto &member : from.items()) {
		if (member.value().is_array() && into.contains(member.key()))
			into[member.key()].insert(into[member.key()].end(), member.value().begin(),
			                          member.value().end());
		else
			into[member.key()] = member.value();
	}
}

std::vector<Change>
joined(const std::vector<Change> &changes)
{
	std::vector<Change> out;
	for (const Change &change : changes) {
		const auto fits = [&](const Change &other) {
			return other.entry_id == change.entry_id && other.field == change.field &&
			       other.value.value("metadata", json()) == change.value.value("metadata", json());
		};
		const auto found = std::find_if(out.begin(), out.end(), fits);
		if (found == out.end())
			out.push_back(change);
		else
			merge(found->value, change.value);
	}
	return out;
}

/* split: how several items are spread: "items" of a change, "changes" of an entry, "entries". */
std::string
envelope_of(const std::vector<Change> &given, const std::string &split)
{
	if (split != "items" && split != "changes" && split != "entries")
		throw std::runtime_error("split is items, changes or entries");
	json entries = json::array();
	for (const Change &change : split == "items" ? joined(given) : given) {
		const json one = {{"value", change.value}, {"field", change.field}};
		const bool joins =
		    split != "entries" && !entries.empty() && entries.back()["id"] == change.entry_id;
		if (joins) {
			entries.back()["changes"].push_back(one);
			continue;
		}
		json entry = {{"id", change.entry_id}, {"changes", json::array({one})}};
		if (change.timed)
			entry["time"] = now_us() / 1000000;
		entries.push_back(entry);
	}
	return as_meta_writes({{"object", "whatsapp_business_account"}, {"entry", entries}});
}

json
metadata_of(const Sandbox &box, const json &item)
{
	const Number &first = box.options.numbers.front();
	const std::string id = item.value("phone_number_id", first.id);
	std::string display = first.display;
	for (const Number &number : box.options.numbers)
		if (number.id == id)
			display = number.display;
	return {{"display_phone_number", display}, {"phone_number_id", id}};
}

json
contact_of(const json &item, const std::string &wa_id, const std::string &user_id)
{
	json contact = {{"profile", {{"name", item.value("name", "Ana Núñez")}}}, {"user_id", user_id}};
	if (item.contains("username"))
		contact["profile"]["username"] = item["username"];
	if (!wa_id.empty())
		contact["wa_id"] = wa_id;
	return contact;
}

/* The two names of a user; the phone is empty where it isn't told. */
std::pair<std::string, std::string>
names_of(const json &item, const std::string &name)
{
	const std::string wa_id = is_user_id(name) ? "" : digits(name);
	const std::string user_id = item.value("user_id", is_user_id(name) ? name : user_id_of(wa_id));
	return {item.value("phone", true) ? wa_id : "", user_id};
}

Change
inbound_change(const Sandbox &box, const json &item)
{
	const auto names = names_of(item, item.at("from").get<std::string>());
	json message = inbound_sample(item.value("type", "text"));
	const std::string type = message["type"];
	if (type == "text" && item.contains("text"))
		message["text"]["body"] = item["text"];
	message["id"] = item.value("id", "wamid.IN" + std::to_string(random_bits()));
	message["timestamp"] = std::to_string(now_us() / 1000000);
	message["from_user_id"] = names.second;
	if (!names.first.empty())
		message["from"] = names.first;
	if (item.contains("content"))
		message[type].merge_patch(item["content"]);
	if (item.contains("message"))
		message.merge_patch(item["message"]);
	json value = {{"messaging_product", "whatsapp"},
	              {"metadata", metadata_of(box, item)},
	              {"messages", json::array({message})}};
	if (type != "system")
		value["contacts"] = json::array({contact_of(item, names.first, names.second)});
	return {box.options.business_account_id, "messages", value};
}

Change
status_change(const Sandbox &box, const json &item)
{
	const auto names = names_of(item, item.value("to", "+34612345678"));
	Status status;
	status.traits.wamid = item.at("wamid").get<std::string>();
	status.traits.callback_data = item.value("callback_data", "");
	status.traits.category = item.value("category", "utility");
	status.traits.wa_id = names.first;
	status.traits.user_id = names.second;
	const std::string word = item.value("status", "delivered");
	status.status = word.c_str();
	status.at_us = item.value("timestamp", now_us() / 1000000) * 1000000;
	status.code = word == "failed" ? item.value("code", 131026) : -1;
	status.priced = word == "sent" || word == "delivered";
	StatusStyle style = box.settings.webhooks.style;
	if (item.contains("pricing"))
		style.pricing = pricing_of(item["pricing"].get<std::string>());
	json one = json::parse(status_json(status, style));
	if (item.contains("patch"))
		one.merge_patch(item["patch"]);
	json value = {{"messaging_product", "whatsapp"},
	              {"metadata", metadata_of(box, item)},
	              {"statuses", json::array({one})}};
	if (word != "failed")
		value["contacts"] = json::array({contact_of(item, names.first, names.second)});
	return {box.options.business_account_id, "messages", value};
}

} // namespace

std::string
inbound_body(Sandbox &box, const json &body, const std::string &split)
{
	std::vector<Change> changes;
	const json items = array_of(body);
	for (const json &item : items)
		changes.push_back(inbound_change(box, item));
	std::string envelope = envelope_of(changes, split);
	for (const json &item : items)
		open_windows(box, item["from"]);
	return envelope;
}

std::string
statuses_body(const Sandbox &box, const json &body, const std::string &split)
{
	std::vector<Change> changes;
	for (const json &item : array_of(body))
		changes.push_back(status_change(box, item));
	return envelope_of(changes, split);
}

std::string
account_body(const Sandbox &box, const json &body, const std::string &split)
{
	std::vector<Change> changes;
	for (const json &item : array_of(body)) {
		const std::string field = item.at("field").get<std::string>();
		json value = field_sample(field);
		if (item.contains("value"))
			value.merge_patch(item["value"]);
		changes.push_back(
		    {item.value("entry_id", box.options.business_account_id), field, value, true});
	}
	/* Values of such fields can't be joined: each has a change at least. */
	return envelope_of(changes, split == "items" ? "changes" : split);
}

json
samples_json()
{
	json types = json::object(), fields = json::object();
	for (const std::string &type : inbound_types())
		types[type] = inbound_sample(type);
	for (const std::string &field : account_fields())
		fields[field] = field_sample(field);
	return {{"inbound", types}, {"account", fields}};
}

} // namespace sandbox
