/*
 * message.hpp — request bodies for POST /{phone-number-id}/messages.
 *
 * A message is built in two halves: the payload (type and content) once at enqueue, kept in
 * whatsapp_messages.payload; the envelope (recipient and correlation) at each attempt, spliced
 * around it as text, so that the sender needs no JSON tree per message.
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

/* Where the platform cuts biz_opaque_callback_data. */
inline constexpr std::size_t max_callback_data = 512;

struct Parameter {
	std::string_view text;
	std::string_view label; /* names it in an error; empty: "parameter 1" and so on */
};

/*
 * {"type":"template","template":{"name":…,"language":{"code":…},"components":[{"type":"body","parameters":[…]}]}};
 * no "components" without parameters. Checks name, language, number and each parameter; Faults as
 * in template.hpp.
 */
std::string template_payload(std::string_view name, std::string_view language,
                             const Parameter *parameters, std::size_t count);
std::string template_payload(std::string_view name, std::string_view language,
                             const std::vector<std::string> &parameters,
                             const std::vector<std::string> &labels = {});

/*
 * The whole request body:
 * {"messaging_product":"whatsapp","recipient_type":"individual","to":…,"biz_opaque_callback_data":…,<members
 * of payload>}. payload must be a JSON object as text, white space between its tokens allowed
 * (jsonb prints some); it is not parsed.
 */
std::string request_body(std::string_view to, std::string_view callback_data,
                         std::string_view payload);

/*
 * The correlation that travels with each request and comes back in its status webhooks:
 * "<nonce>.<id>.<made_at>". An id comes a second time after TRUNCATE ... RESTART IDENTITY, setval()
 * or a failover to a server that lagged behind. So the time at which the message was made, in
 * microseconds, belongs to it.
 */
struct Correlation {
	std::string_view nonce;
	long long id = 0;
	long long made_at = 0;
};
std::string callback_data(const Correlation &correlation);

/* The reverse; false when text is not of that form (foreign or older software's data). The nonce
 * views into text. */
bool parse_callback_data(std::string_view text, Correlation &correlation) noexcept;

} // namespace whatsapp
