/*
 * errors.hpp: Meta's error codes with their HTTP status, title and details, and the error answer.
 *
 * One table serves both channels: the synchronous answer and the errors[] of a failed status.
 */
#pragma once

#include <string>

namespace sandbox
{

struct Reply;

struct KnownError {
	int code;
	int http;
	const char *title;
	const char *details;
};

/* Never fails: a code that Meta doesn't document is answered as an unknown error. */
KnownError known_error(int code);

/* A refusal. Whatever is left empty comes from the table. */
struct Error {
	int code = 0;
	std::string details = {};
	std::string message = {}; /* complete text in place of "(#code) title" */
	int subcode = 0;
	const char *type = "OAuthException";
};

Reply error_reply(const Error &error);

} // namespace sandbox
