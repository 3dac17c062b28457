/*
 * file_digest.hpp — the SHA-256 of a file, as Meta writes it.
 */
#pragma once

#include <string>
#include <string_view>

namespace whatsapp
{

/* 64 lower-case digits. */
std::string digest_hex(std::string_view file);

/* announced: in hexadecimal digits, as the API has it, or in base64, as webhooks have it. */
bool digest_matches(std::string_view file, std::string_view announced);

} // namespace whatsapp
