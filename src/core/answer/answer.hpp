/*
 * answer.hpp — what came back for a request, as bytes: nothing of it has been judged yet.
 */
#pragma once

#include <string_view>

namespace whatsapp
{

/* What the HTTP client knows of a request that has ended. */
enum class Transport : unsigned char {
	answered, /* an HTTP status line and body were read */
	not_sent, /* DNS, connect, TLS: no byte of the request left; a plain retry is safe */
	unknown,  /* bytes left and no answer came: it may have been accepted */
};

struct Answer {
	Transport transport = Transport::unknown;
	long http_status = 0;
	std::string_view body;            /* raw bytes: may be HTML, empty, cut or not UTF-8 */
	std::string_view retry_after;     /* the header's value, empty when absent */
	std::string_view usage;           /* x-business-use-case-usage, likewise */
	std::string_view transport_error; /* libcurl's words for not_sent and unknown */
	std::string_view token;           /* what the request carried: hidden wherever it comes back */
};

} // namespace whatsapp
