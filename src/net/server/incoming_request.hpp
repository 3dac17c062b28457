/*
 * incoming_request.hpp — a request as its owner gets it, and a header that the reply may have.
 */
#pragma once

#include <cstdint>
#include <string>

namespace whatsapp::net
{

struct IncomingRequest {
	std::uint64_t id = 0;
	std::string method;
	std::string path; /* as it was sent: nothing decoded */
	std::string body;
	std::string signature; /* X-Hub-Signature-256; empty when absent or given twice */
	std::string accept;    /* Accept, on the same terms */
	std::string hub_mode;  /* query parameters, URL-decoded; empty when absent or given twice */
	std::string hub_token;
	std::string hub_challenge;
};

/* One more header of an answer, of literals; none without a name. */
struct ReplyHeader {
	const char *name = nullptr;
	const char *value = nullptr;
};

} // namespace whatsapp::net
