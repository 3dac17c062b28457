/*
 * delivery.cpp — the JSON as Meta sends it today, and X-Hub-Signature-256 over its bytes.
 */
#include "delivery.hpp"

#include "options.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace bench
{

namespace
{

std::string
signature_of(const std::string &body, const std::string &secret)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
	     reinterpret_cast<const unsigned char *>(body.data()), body.size(), digest, &size);
	std::string hex;
	for (unsigned i = 0; i < size; i++) {
		char two[3];
		std::snprintf(two, sizeof two, "%02x", digest[i]);
		hex += two;
	}
	return hex;
}

std::string
status_item(const SentMessage &message, const std::string &status, long long now)
{
	return R"({"id":")" + message.wamid + R"(","status":")" + status + R"(","timestamp":")" +
	       std::to_string(now) + R"(","recipient_id":")" + message.recipient +
	       R"(","biz_opaque_callback_data":")" + message.callback_data +
	       R"(","conversation":{"id":"5b9f2f9c1f2d4a3e8c7b6a5d4e3f2a1b","origin":{"type":"utility"}},)"
	       R"("pricing":{"billable":true,"pricing_model":"PMP","category":"utility","type":"regular"}})";
}

} // namespace

std::vector<SentMessage>
read_messages(const std::string &file)
{
	std::vector<SentMessage> messages;
	std::ifstream in(file);
	SentMessage message;
	while (in >> message.wamid >> message.callback_data >> message.recipient)
		messages.push_back(message);
	if (messages.empty())
		Options::fail("no messages in " + file + ": " + std::strerror(errno));
	return messages;
}

std::string
status_request(const std::vector<SentMessage> &messages, std::size_t first, std::size_t count,
               const std::string &status, const std::string &secret)
{
	const long long now = std::time(nullptr);
	std::string body =
	    R"({"object":"whatsapp_business_account","entry":[{"id":"987654321","changes":[{"value":)"
	    R"({"messaging_product":"whatsapp","metadata":{"display_phone_number":"34600000000",)"
	    R"("phone_number_id":"123456789"},"statuses":[)";
	for (std::size_t i = first; i < first + count; i++) {
		if (i > first)
			body += ',';
		body += status_item(messages[i], status, now);
	}
	body += R"(]},"field":"messages"}]}]})";
	return "POST /api/v1/whatsapp/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: "
	       "facebookexternalua\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=" +
	       signature_of(body, secret) + "\r\nContent-Length: " + std::to_string(body.size()) +
	       "\r\n\r\n" + body;
}

} // namespace bench
