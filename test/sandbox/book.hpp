/*
 * book.hpp: the book of what was accepted: the truth that tests compare their tables with.
 *
 * Built for a million messages: an entry is one small struct and one packed string; names that
 * repeat (template, language, number) are stored once; counts are kept, not computed.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sandbox
{

/* An accepted message. */
struct Message {
	std::string number_id = {};
	std::string recipient = {}; /* as given: a phone number, or a business-scoped user id */
	bool by_user_id = false;
	bool hide_phone = false; /* its statuses don't name the phone */
	std::string callback_data = {};
	std::string type = {};
	std::string template_name = {};
	std::string language = {};
	std::string category = {};
	std::string text = {}; /* as the phone shows it */
	std::vector<std::string> parameters = {};
	int64_t received_us = 0;
};

/* Messages of a day, counted from the beginning of what was asked for. */
struct Volume {
	int64_t day;
	std::string country;
	std::string category;
	int64_t volume;
	int64_t free; /* of a thousand in a month, as far as the book goes back */
};

/* What a status webhook tells of a message. */
struct Traits {
	std::string number_id;
	std::string wamid;
	std::string wa_id; /* empty: unknown to the business */
	std::string user_id;
	std::string callback_data;
	std::string category;
};

class Book
{
public:
	/* Counters only: nothing of a message is kept, for benchmarks. */
	explicit Book(bool counters_only);

	/* Returns the message's serial number; serials are never reused. */
	uint64_t add(const Message &message);
	std::string wamid(uint64_t serial, std::string_view recipient) const;
	std::optional<Traits> traits(uint64_t serial) const;

	/* JSON array; to = digits or user id, empty for all. */
	std::string list(const std::string &to, size_t offset, size_t limit) const;
	/* What was accepted in between, in seconds. */
	std::vector<Volume> volumes(int64_t start, int64_t end) const;
	/* JSON members, without the braces. */
	std::string summary() const;
	std::string phone(const std::string &number) const;
	void clear();

private:
	struct Entry {
		int64_t received_us;
		uint32_t number_id, type, template_name, language, category;
		bool by_user_id, hide_phone;
		std::string packed; /* recipient, callback data, text, parameters… */
	};

	uint32_t intern(const std::string &name);
	std::string entry_json(const Entry &entry, uint64_t serial) const;
	static bool is_to(const Entry &entry, const std::string &to);
	uint32_t copies(std::string_view callback_data) const;

	const bool counters_only_;
	mutable std::mutex mutex_;
	std::deque<Entry> entries_;
	uint64_t accepted_ = 0;
	uint64_t first_serial_ = 1;
	uint64_t run_;
	std::vector<std::string> names_;
	std::unordered_map<std::string, uint32_t> name_ids_;
	std::unordered_map<std::string_view, uint32_t> callbacks_; /* keys lie in the entries */
	std::vector<std::string_view> duplicates_;
};

/* The business-scoped user id that the sandbox gives to a phone number. */
std::string user_id_of(std::string_view wa_id);

} // namespace sandbox
