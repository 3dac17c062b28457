/*
 * signer.hpp — for which accounts a delivery speaks: those that have the app secret that signed it.
 *
 * Written as text, since it is kept with each event: empty for every account; "+,north,south," for
 * these; "-,north," for all but these, so that an account that was made a moment ago is one of
 * them. An empty name between two commas is the default account.
 */
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

/* One app secret. Names of accounts; empty is the default one. */
struct SecretOwners {
	std::vector<std::string> owners;
	std::vector<std::string> others; /* accounts with another secret */
};

/* The value for what this secret has signed. An account that is not known yet counts as one with
 * the secret of the default account. */
std::string signed_for(const SecretOwners &secret);

/* Whether a delivery counts for an account (empty: the default one). */
bool counts_for_account(std::string_view signed_for, std::string_view account) noexcept;

/* For people: "north, south", "all accounts but north", "all accounts". */
std::string describe_signers(std::string_view signed_for);

} // namespace whatsapp
