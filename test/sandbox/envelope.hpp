/*
 * envelope.hpp: the JSON bodies of webhooks.
 */
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "book.hpp"

namespace sandbox
{

struct Status {
	Traits traits;
	const char *status;
	int64_t at_us;
	int code; /* for failed */
	bool priced;
};

/* displays: phone number ids with their display numbers. */
std::string status_envelope(const std::string &account_id,
                            const std::unordered_map<std::string, std::string> &displays,
                            std::vector<Status> &statuses);

struct Inbound {
	std::string number_id, display, from, name, text, id;
};
std::string inbound_envelope(const std::string &account_id, const Inbound &inbound);

/* One change of an account-level field. */
std::string account_envelope(const std::string &account_id, const std::string &field,
                             const std::string &value);

} // namespace sandbox
