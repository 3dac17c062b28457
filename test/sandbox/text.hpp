/*
 * text.hpp: small tools for text: JSON strings in Meta's escaped form, base64, digits, signatures.
 *
 * Answers and webhooks are composed by hand and not through a JSON tree, because the sandbox must
 * never be the bottleneck of a load test.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox
{

/* Microseconds since the epoch: what the book and every queue count in. */
int64_t now_us();

uint64_t random_bits();

/* Appends s as a JSON string with its quotes; everything beyond ASCII becomes \uXXXX. */
void quote(std::string &out, std::string_view s);
std::string quoted_text(std::string_view s);

/* Like quote, and with "/" as "\/": the form of Meta's webhooks, over which it signs. */
void quote_webhook(std::string &out, std::string_view s);

/* Rewrites JSON text to pure ASCII without touching anything else in it. */
std::string escape_unicode(std::string_view text);

std::string digits(std::string_view s);
/* What the platform makes of a number: mobile numbers of Brazil lose their ninth digit, those of
 * Mexico and Argentina get a digit behind the country code. */
std::string whatsapp_id(std::string_view number);
std::string base64(std::string_view bytes);
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

/* Number of characters, not of bytes: Meta's limits are in characters. */
size_t characters(std::string_view utf8);

std::string lower(std::string_view s);

} // namespace sandbox
