/*
 * signature.cpp — HMAC-SHA256 (RFC 2104) over libcrypto's digest, and comparisons in constant time.
 *
 * The raw body is hashed as it came: decoding and encoding it again changes the bytes of any text
 * that is not ASCII, and only then, so ASCII tests would never show it.
 */
#include "core/webhook/signature.hpp"

#include <algorithm>
#include <new>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

constexpr std::size_t digest_bytes = 32;
constexpr std::size_t hex_digits = 2 * digest_bytes;
constexpr std::size_t block_bytes = 64;
constexpr std::string_view scheme = "sha256=";

struct Hex {
	char digits[hex_digits];
};

const unsigned char *
bytes_of(std::string_view text) noexcept
{
	return reinterpret_cast<const unsigned char *>(text.data());
}

/* Copies a context that was initialised once. libcrypto 3 looks an algorithm up by its name at each
 * initialisation, which costs more than the digest of a webhook with one status; EVP's HMAC would
 * do so twice. */
class Sha256
{
public:
	Sha256() noexcept : context_(EVP_MD_CTX_new())
	{
		valid_ = empty_context() != nullptr && context_ != nullptr &&
		         EVP_MD_CTX_copy_ex(context_, empty_context()) == 1;
	}
	~Sha256() { EVP_MD_CTX_free(context_); }
	Sha256(const Sha256 &) = delete;
	Sha256 &operator=(const Sha256 &) = delete;

	Sha256 &
	add_bytes(const unsigned char *bytes, std::size_t size) noexcept
	{
		valid_ = valid_ && (size == 0 || EVP_DigestUpdate(context_, bytes, size) == 1);
		return *this;
	}
	Sha256 &
	add_bytes(std::string_view text) noexcept
	{
		return add_bytes(bytes_of(text), text.size());
	}
	bool
	finish_digest(unsigned char *digest) noexcept
	{
		return valid_ && EVP_DigestFinal_ex(context_, digest, nullptr) == 1;
	}

private:
	EVP_MD_CTX *context_;
	bool valid_;

	static const EVP_MD_CTX *
	empty_context() noexcept
	{
		static EVP_MD_CTX *const context = [] {
			EVP_MD_CTX *made = EVP_MD_CTX_new();
			if (made != nullptr && EVP_DigestInit_ex(made, EVP_sha256(), nullptr) == 1)
				return made;
			EVP_MD_CTX_free(made);
			return static_cast<EVP_MD_CTX *>(nullptr);
		}();
		return context;
	}
};

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
	unsigned char inner[block_bytes] = {};
	unsigned char outer[block_bytes];
	unsigned char digest[digest_bytes];

	if (key.size() > block_bytes) {
		if (!Sha256().add_bytes(key).finish_digest(inner))
			return false;
	} else {
		std::copy(key.begin(), key.end(), inner);
	}
	for (std::size_t i = 0; i < block_bytes; i++) {
		outer[i] = inner[i] ^ 0x5C;
		inner[i] ^= 0x36;
	}
	const bool done =
	    Sha256().add_bytes(inner, block_bytes).add_bytes(message).finish_digest(digest) &&
	    Sha256()
	        .add_bytes(outer, block_bytes)
	        .add_bytes(digest, digest_bytes)
	        .finish_digest(digest);
	OPENSSL_cleanse(inner, sizeof inner);
	OPENSSL_cleanse(outer, sizeof outer);
	result = to_hex(digest);
	return done;
}

void
sha256(std::string_view message, unsigned char *digest)
{
	if (!Sha256().add_bytes(message).finish_digest(digest))
		throw std::bad_alloc();
}

} // namespace

bool
equal_constant_time(std::string_view left, std::string_view right) noexcept
{
	return left.size() == right.size() &&
	       (left.empty() || CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0);
}

std::string
hmac_sha256_hex(std::string_view key, std::string_view message)
{
	Hex hex;

	if (!hmac(key, message, hex))
		throw std::bad_alloc();
	return std::string(hex.digits, hex_digits);
}

std::string
sha256_hex(std::string_view message)
{
	unsigned char digest[digest_bytes];

	sha256(message, digest);
	return std::string(to_hex(digest).digits, hex_digits);
}

Fingerprint
make_fingerprint(std::string_view message)
{
	unsigned char digest[digest_bytes];
	Fingerprint print;

	sha256(message, digest);
	std::copy(digest, digest + print.size(), print.begin());
	return print;
}

bool
signature_well_formed(std::string_view header) noexcept
{
	return header.size() == scheme.size() + hex_digits &&
	       header.substr(0, scheme.size()) == scheme &&
	       header.find_first_not_of("0123456789abcdef", scheme.size()) == std::string_view::npos;
}

bool
signature_matches(std::string_view header, std::string_view body, std::string_view secret)
{
	Hex expected;

	if (secret.empty() || !signature_well_formed(header))
		return false;
	if (!hmac(secret, body, expected))
		throw std::bad_alloc();
	return CRYPTO_memcmp(header.data() + scheme.size(), expected.digits, hex_digits) == 0;
}

bool
subscription_matches(std::string_view mode, std::string_view token,
                     std::string_view expected_token) noexcept
{
	return mode == "subscribe" && !expected_token.empty() &&
	       equal_constant_time(token, expected_token);
}

} // namespace whatsapp
