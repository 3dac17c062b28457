/*
 * book.cpp: the book of accepted messages.
 *
 * The server thread writes, the webhook thread reads what a status has to tell; one mutex, held
 * briefly.
 */
#include "book.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "text.hpp"

namespace sandbox
{

namespace
{

void
pack(std::string &packed, std::string_view field)
{
	const uint32_t length = static_cast<uint32_t>(field.size());
	packed.append(reinterpret_cast<const char *>(&length), sizeof length);
	packed.append(field);
}

/* Takes the next field off; nothing at the end. */
std::optional<std::string_view>
unpack(std::string_view &rest)
{
	uint32_t length = 0;
	if (rest.size() < sizeof length)
		return std::nullopt;
	std::memcpy(&length, rest.data(), sizeof length);
	const std::string_view field = rest.substr(sizeof length, length);
	rest.remove_prefix(sizeof length + length);
	return field;
}

void
member(std::string &out, const char *name, std::string_view value)
{
	out += ",\"";
	out += name;
	out += "\":";
	quote(out, value);
}

} // namespace

std::string
user_id_of(std::string_view wa_id)
{
	static const std::pair<const char *, const char *> countries[] = {
	    {"34", "ES"}, {"1", "US"},  {"44", "GB"}, {"49", "DE"},  {"33", "FR"},
	    {"39", "IT"}, {"52", "MX"}, {"55", "BR"}, {"351", "PT"}, {"91", "IN"}};
	std::string id = "ZZ";
	for (const auto &country : countries)
		if (wa_id.compare(0, std::strlen(country.first), country.first) == 0)
			id = country.second;
	uint64_t hash = 1469598103934665603u;
	for (const char c : wa_id)
		hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
	return id + "." + std::to_string(1000000000000000u + hash % 9000000000000000u);
}

Book::Book(bool counters_only) : counters_only_(counters_only), run_(random_bits() & 0xffffffff) {}

uint32_t
Book::intern(const std::string &name)
{
	const auto found = name_ids_.find(name);
	if (found != name_ids_.end())
		return found->second;
	const uint32_t id = static_cast<uint32_t>(names_.size());
	names_.push_back(name);
	name_ids_.emplace(name, id);
	return id;
}

uint64_t
Book::add(const Message &message)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	accepted_++;
	if (counters_only_)
		return first_serial_ + accepted_ - 1;
	Entry entry{message.received_us,
	            intern(message.number_id),
	            intern(message.type),
	            intern(message.template_name),
	            intern(message.language),
	            intern(message.category),
	            message.by_user_id,
	            message.hide_phone,
	            {}};
	size_t size =
	    12 + message.recipient.size() + message.callback_data.size() + message.text.size();
	for (const std::string &parameter : message.parameters)
		size += 4 + parameter.size();
	entry.packed.reserve(size);
	pack(entry.packed, message.recipient);
	pack(entry.packed, message.callback_data);
	pack(entry.packed, message.text);
	for (const std::string &parameter : message.parameters)
		pack(entry.packed, parameter);
	entries_.push_back(std::move(entry));

	std::string_view rest = entries_.back().packed;
	unpack(rest);
	const std::string_view callback = *unpack(rest);
	if (!callback.empty()) {
		const uint32_t count = ++callbacks_.emplace(callback, 0).first->second;
		if (count == 2)
			duplicates_.push_back(callback);
	}
	return first_serial_ + accepted_ - 1;
}

/*
 * The layout of Meta's ids: the recipient, then 18 hexadecimal digits. Ours are the run and the
 * serial number; the odd factor makes neighbours look unlike and keeps them distinct.
 */
std::string
Book::wamid(uint64_t serial, std::string_view recipient) const
{
	const uint64_t mixed = (serial * 0x9e3779b97fULL) & 0xffffffffffULL;
	char hex[19];
	std::snprintf(hex, sizeof hex, "%08lX%010lX", static_cast<unsigned long>(run_),
	              static_cast<unsigned long>(mixed));
	const std::string name =
	    recipient.find('.') == std::string_view::npos ? digits(recipient) : std::string(recipient);
	std::string bytes("\x1c\x18");
	bytes.push_back(static_cast<char>(name.size()));
	bytes += name;
	bytes.append("\x15\x02\x00\x11\x18\x12", 6);
	bytes.append(hex, 18);
	bytes.push_back('\0');
	return "wamid." + base64(bytes);
}

std::optional<Traits>
Book::traits(uint64_t serial) const
{
	const std::lock_guard<std::mutex> lock(mutex_);
	if (serial < first_serial_ || serial - first_serial_ >= entries_.size())
		return std::nullopt;
	const Entry &entry = entries_[serial - first_serial_];
	std::string_view rest = entry.packed;
	const std::string_view recipient = *unpack(rest);
	const std::string_view callback = *unpack(rest);
	Traits traits;
	traits.number_id = names_[entry.number_id];
	traits.wamid = wamid(serial, recipient);
	if (entry.by_user_id) {
		traits.user_id = recipient;
	} else {
		const std::string wa_id = whatsapp_id(recipient);
		traits.user_id = user_id_of(wa_id);
		if (!entry.hide_phone)
			traits.wa_id = wa_id;
	}
	traits.callback_data = callback;
	traits.category = names_[entry.category];
	return traits;
}

uint32_t
Book::copies(std::string_view callback_data) const
{
	const auto found = callbacks_.find(callback_data);
	return found == callbacks_.end() ? 1 : found->second;
}

bool
Book::is_to(const Entry &entry, const std::string &to)
{
	std::string_view rest = entry.packed;
	const std::string_view recipient = *unpack(rest);
	return entry.by_user_id ? recipient == to : digits(recipient) == digits(to);
}

std::string
Book::entry_json(const Entry &entry, uint64_t serial) const
{
	std::string_view rest = entry.packed;
	const std::string_view recipient = *unpack(rest);
	const std::string_view callback = *unpack(rest);
	const std::string_view text = *unpack(rest);
	std::string out = "{\"wamid\":";
	quote(out, wamid(serial, recipient));
	member(out, "to", recipient);
	member(out, "phone_number_id", names_[entry.number_id]);
	member(out, "callback_data", callback);
	member(out, "type", names_[entry.type]);
	member(out, "template", names_[entry.template_name]);
	member(out, "language", names_[entry.language]);
	out += ",\"parameters\":[";
	const char *comma = "";
	while (const auto parameter = unpack(rest)) {
		out += comma;
		quote(out, *parameter);
		comma = ",";
	}
	out += "]";
	member(out, "text", text);
	char received[32];
	std::snprintf(received, sizeof received, "%.6f", static_cast<double>(entry.received_us) / 1e6);
	out += ",\"received_at\":";
	out += received;
	out += ",\"copies\":" + std::to_string(copies(callback)) + "}";
	return out;
}

std::string
Book::list(const std::string &to, size_t offset, size_t limit) const
{
	const std::lock_guard<std::mutex> lock(mutex_);
	std::string out = "[";
	const size_t start = to.empty() ? std::min(offset, entries_.size()) : 0;
	offset -= start;
	for (size_t i = start; i < entries_.size() && limit > 0; i++) {
		if (!to.empty() && !is_to(entries_[i], to))
			continue;
		if (offset > 0) {
			offset--;
			continue;
		}
		limit--;
		if (out.size() > 1)
			out += ",\n";
		out += entry_json(entries_[i], first_serial_ + i);
	}
	return out + "]\n";
}

std::vector<Volume>
Book::volumes(int64_t start, int64_t end) const
{
	constexpr int64_t day_seconds = 86400;
	constexpr int64_t free_of_month = 1000;
	const std::lock_guard<std::mutex> lock(mutex_);
	std::vector<Volume> found;
	int64_t services = 0;
	for (const Entry &entry : entries_) {
		const int64_t at = entry.received_us / 1000000;
		const std::string &category = names_[entry.category];
		const bool is_free = category == "service" && services++ < free_of_month;
		if (at < start || at >= end)
			continue;
		std::string_view rest = entry.packed;
		std::string_view recipient = *unpack(rest);
		if (recipient.substr(0, 1) == "+")
			recipient.remove_prefix(1);
		const std::string country =
		    std::string(entry.by_user_id ? recipient : user_id_of(recipient)).substr(0, 2);
		const int64_t day = (at - start) / day_seconds;
		const auto same = std::find_if(found.begin(), found.end(), [&](const Volume &one) {
			return one.day == day && one.country == country && one.category == category;
		});
		if (same == found.end()) {
			found.push_back({day, country, category, 1, is_free ? 1 : 0});
		} else {
			same->volume++;
			same->free += is_free ? 1 : 0;
		}
	}
	return found;
}

std::string
Book::summary() const
{
	const std::lock_guard<std::mutex> lock(mutex_);
	if (counters_only_)
		return "\"accepted\":" + std::to_string(accepted_);
	std::string out = "\"accepted\":" + std::to_string(accepted_) +
	                  ",\"distinct_callback_data\":" + std::to_string(callbacks_.size()) +
	                  ",\"duplicates\":[";
	for (size_t i = 0; i < duplicates_.size(); i++) {
		out += i > 0 ? "," : "";
		quote(out, duplicates_[i]);
	}
	return out + "]";
}

std::string
Book::phone(const std::string &number) const
{
	const std::lock_guard<std::mutex> lock(mutex_);
	std::string out;
	for (const Entry &entry : entries_) {
		if (!is_to(entry, number))
			continue;
		std::string_view rest = entry.packed;
		unpack(rest);
		unpack(rest);
		const std::string_view text = *unpack(rest);
		for (const char c : text)
			out += c == '\n' ? std::string(" / ") : std::string(1, c);
		out += '\n';
	}
	return out;
}

void
Book::clear()
{
	const std::lock_guard<std::mutex> lock(mutex_);
	first_serial_ += accepted_;
	accepted_ = 0;
	callbacks_.clear();
	duplicates_.clear();
	entries_.clear();
}

} // namespace sandbox
