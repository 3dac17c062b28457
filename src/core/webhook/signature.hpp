/*
 * signature.hpp — proof that a webhook is Meta's: HMAC-SHA256 over the raw bytes, and the
 * subscription handshake.
 *
 * Every comparison with a secret is constant in time. An unset secret never matches anything, not
 * even an empty one.
 */
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace whatsapp
{

/* Equal bytes, in a time that depends on the lengths only. */
bool equal_constant_time(std::string_view left, std::string_view right) noexcept;

/* 64 lower-case hexadecimal digits. Throws std::bad_alloc if libcrypto fails: it does so for want
 * of memory alone. */
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

/* 64 lower-case hexadecimal digits, for deduplication keys. Throws like hmac_sha256_hex. */
std::string sha256_hex(std::string_view message);

/* The first half of the SHA-256 as bytes: nobody can find two messages with the same half. Throws
 * like hmac_sha256_hex. */
using Fingerprint = std::array<unsigned char, 16>;
Fingerprint make_fingerprint(std::string_view message);

/* header: the value of X-Hub-Signature-256, "sha256=" and 64 lower-case hex digits, nothing else.
 * False when secret is empty. Throws std::bad_alloc when libcrypto fails: then nobody knows. */
bool signature_matches(std::string_view header, std::string_view body, std::string_view secret);

/* Whether header may be a signature at all. */
bool signature_well_formed(std::string_view header) noexcept;

/* GET handshake: hub.mode is "subscribe" and hub.verify_token equals the token that was set (and is
 * not empty). */
bool subscription_matches(std::string_view mode, std::string_view token,
                          std::string_view expected_token) noexcept;

} // namespace whatsapp
