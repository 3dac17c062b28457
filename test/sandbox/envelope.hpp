/*
 * envelope.hpp: the JSON bodies of webhooks.
 */
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "book.hpp"
#include "settings.hpp"

namespace sandbox
{

struct Status {
	Traits traits = {};
	const char *status = "";
	int64_t at_us = 0;
	int code = -1; /* for failed */
	bool priced = false;
};

/* Throws std::runtime_error for a name that isn't one. */
Pricing pricing_of(const std::string &name);
const char *name_of(Pricing pricing);

std::string status_json(const Status &status, const StatusStyle &style);

/* displays: phone number ids with their display numbers. */
std::string status_envelope(const std::string &account_id,
                            const std::unordered_map<std::string, std::string> &displays,
                            std::vector<Status> &statuses, const StatusStyle &style);

/* One change of an account-level field. */
std::string account_envelope(const std::string &account_id, const std::string &field,
                             const std::string &value);

} // namespace sandbox
