/*
 * secrets.hpp — tokens and keys, read by the workers from files or the server's environment, kept
 * nowhere else.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

inline constexpr std::size_t max_secret_bytes = 4096;

/* A secret in fixed memory, wiped when it is replaced. */
struct Secret {
	char bytes[max_secret_bytes + 1];
	std::size_t length;
	/* why it could not be had, without any part of it; empty when it was simply not set */
	char problem[256];
	/* it could not be read just now (descriptors, memory, a disk): nobody knows whether it is
	 * there, and what was read before still counts */
	bool unreadable;
};

/*
 * name: access_token, app_secret, app_secret_previous, verify_token, phone_number_id or
 * business_account_id. account NULL means the default account: a file of that name in
 * whatsapp.secret_dir wins over the environment variable of the quick reference (WHATSAPP_ and the
 * name in capitals; the verify token is WHATSAPP_WEBHOOK_VERIFY_TOKEN). Any other account has a
 * sub-folder of its name and no environment. False when there is none; never raises, never logs. A
 * file is refused when others than its owner can write it, when everybody can write to its folder,
 * when neither the server's user nor root owns it, when it is larger than 4 kB, and when its text
 * cannot be the secret (core/base/secret_text.hpp).
 */
bool read_secret(const char *account, const char *name, Secret &secret) noexcept;

/* A WARNING for each file of a secret that everybody can read. */
void warn_of_exposed_secrets();

/* Overwrites the secret, in a way that the compiler cannot leave out. */
void wipe_secret(Secret &secret) noexcept;

} // namespace whatsapp::pg
