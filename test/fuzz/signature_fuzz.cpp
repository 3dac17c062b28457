/*
 * signature_fuzz.cpp — a header, a secret and a body, separated by newlines: only the right
 * signature passes.
 *
 * The fuzzer cannot guess a digest, so whatever passes must be the digest that is computed here.
 */
#include <cstdint>

#include "core/webhook/signature.hpp"

#include "expect.hpp"

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::string_view input(reinterpret_cast<const char *>(data), size);
	std::size_t first = input.find('\n');
	if (first == std::string_view::npos)
		return 0;
	std::size_t second = input.find('\n', first + 1);
	if (second == std::string_view::npos)
		return 0;

	std::string_view header = input.substr(0, first);
	std::string_view secret = input.substr(first + 1, second - first - 1);
	std::string_view body = input.substr(second + 1);
	std::string expected = "sha256=" + whatsapp::hmac_sha256_hex(secret, body);

	EXPECT(whatsapp::signature_matches(header, body, secret) ==
	       (!secret.empty() && header == expected));
	EXPECT(whatsapp::signature_well_formed(expected));
	EXPECT(whatsapp::signature_well_formed(header) ||
	       !whatsapp::signature_matches(header, body, secret));
	EXPECT(whatsapp::signature_matches(expected, body, secret) == !secret.empty());
	EXPECT(whatsapp::equal_constant_time(header, secret) == (header == secret));
	EXPECT(whatsapp::subscription_matches(header, body, secret) ==
	       (header == "subscribe" && !secret.empty() && body == secret));
	return 0;
}
