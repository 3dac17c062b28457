/*
 * signature.cpp — HMAC-SHA256 by libcrypto and comparisons in constant time.
 *
 * The raw body is hashed as it came: decoding and encoding it again changes the bytes of any text
 * that is not ASCII, and only then, so ASCII tests would never show it.
 */
#include "core/signature.hpp"

#include <climits>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t hex_digits = 2 * digest_bytes;
constexpr std::string_view scheme = "sha256=";

struct Hex {
	char digits[hex_digits];
};

const unsigned char *
bytes_of(std::string_view text) noexcept
{
	/* libcrypto reads a NULL key as "use the previous key". */
	return reinterpret_cast<const unsigned char *>(text.empty() ? "" : text.data());
}

Hex
to_hex(const unsigned char *digest) noexcept
{
	static constexpr char alphabet[] = "0123456789abcdef";
	Hex hex;

	for (std::size_t i = 0; i < digest_bytes; i++) {
		hex.digits[2 * i] = alphabet[digest[i] >> 4];
		hex.digits[2 * i + 1] = alphabet[digest[i] & 0x0F];
	}
	return hex;
}

bool
hmac(std::string_view key, std::string_view message, Hex &result) noexcept
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (key.size() > INT_MAX)
		return false;
	if (HMAC(EVP_sha256(), bytes_of(key), static_cast<int>(key.size()), bytes_of(message),
	         message.size(), digest, &length) == nullptr ||
	    length != digest_bytes)
		return false;
	result = to_hex(digest);
	return true;
}

} // namespace

bool
equal_constant_time(std::string_view left, std::string_view right) noexcept
{
	return left.size() == right.size() &&
	       CRYPTO_memcmp(bytes_of(left), bytes_of(right), left.size()) == 0;
}

std::string
hmac_sha256_hex(std::string_view key, std::string_view message)
{
	Hex hex;

	if (!hmac(key, message, hex))
		throw std::runtime_error("libcrypto could not compute an HMAC");
	return std::string(hex.digits, hex_digits);
}

std::string
sha256_hex(std::string_view message)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int length = 0;

	if (EVP_Digest(bytes_of(message), message.size(), digest, &length, EVP_sha256(), nullptr) !=
	        1 ||
	    length != digest_bytes)
		throw std::runtime_error("libcrypto could not compute a digest");
	return std::string(to_hex(digest).digits, hex_digits);
}

bool
signature_well_formed(std::string_view header) noexcept
{
	return header.size() == scheme.size() + hex_digits &&
	       header.substr(0, scheme.size()) == scheme &&
	       header.find_first_not_of("0123456789abcdef", scheme.size()) == std::string_view::npos;
}

bool
signature_matches(std::string_view header, std::string_view body, std::string_view secret) noexcept
{
	Hex expected;

	if (secret.empty() || !signature_well_formed(header))
		return false;
	return hmac(secret, body, expected) &&
	       CRYPTO_memcmp(header.data() + scheme.size(), expected.digits, hex_digits) == 0;
}

bool
subscription_matches(std::string_view mode, std::string_view token,
                     std::string_view expected_token) noexcept
{
	return mode == "subscribe" && !expected_token.empty() &&
	       equal_constant_time(token, expected_token);
}

} // namespace whatsapp
