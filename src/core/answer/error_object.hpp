/*
 * error_object.hpp — the facts of an answer's error object, and its texts as they may be stored;
 * for sources of core/ only.
 *
 * Whatever is kept of an answer passes here: clipped, valid UTF-8, and without access tokens.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_tree_fwd.hpp"

namespace whatsapp
{

/* Takes the token that the request carried out of texts that are to be stored: as it is, and as it
 * is written inside a JSON string. */
class TokenMask
{
public:
	explicit TokenMask(std::string_view token);

	/* One line of at most 1000 bytes: control characters become spaces. */
	std::string clean_line(std::string_view text) const;
	/* {"raw":"…"} of the first 8 kB; empty for an empty body. */
	std::string raw_details(std::string_view body) const;
	/* The tree as JSON for the database; of more than 64 kB, only what raw_details() keeps. */
	std::string tree_details(const json &tree) const;

private:
	std::string token_;
	std::string json_token_; /* as it stands inside a JSON string */
};

struct ErrorObject {
	bool has_code = false;
	long long code = 0;
	bool has_subcode = false;
	long long subcode = 0;
	bool is_transient = false;
	std::string message; /* may be empty */
	std::string details;
};

/* error: of any JSON type. If it is a string, that is the message, and there is nothing else. */
ErrorObject read_error_object(const json &error, const TokenMask &mask);

} // namespace whatsapp
