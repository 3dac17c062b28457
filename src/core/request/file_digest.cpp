/*
 * file_digest.cpp — by libcrypto.
 */
#include "core/request/file_digest.hpp"

#include <algorithm>
#include <array>
#include <new>

#include <openssl/evp.h>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t digest_bytes = 32;
using FileDigest = std::array<unsigned char, digest_bytes>;

FileDigest
digest_of(std::string_view file)
{
	FileDigest digest{};
	unsigned int length = 0;
	if (EVP_Digest(file.data(), file.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
		throw std::bad_alloc();
	return digest;
}

std::string
in_base64(const FileDigest &digest)
{
	std::array<unsigned char, 4 * ((digest_bytes + 2) / 3) + 1> text{};
	const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(digest.size()));
	return std::string(text.begin(), text.begin() + length);
}

std::string
in_hex(const FileDigest &digest)
{
	constexpr char digits[] = "0123456789abcdef";
	std::string text;
	for (const unsigned char byte : digest) {
		text += digits[byte >> 4];
		text += digits[byte & 15];
	}
	return text;
}

} // namespace

std::string
digest_hex(std::string_view file)
{
	return in_hex(digest_of(file));
}

bool
digest_matches(std::string_view file, std::string_view announced)
{
	const FileDigest digest = digest_of(file);
	return lower_case_of(announced) == in_hex(digest) || announced == in_base64(digest);
}

} // namespace whatsapp
