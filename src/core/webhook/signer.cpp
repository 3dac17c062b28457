/*
 * signer.cpp — lists of names between commas, which no name has.
 */
#include "core/webhook/signer.hpp"

#include <algorithm>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

std::string
name_list(char sign, std::vector<std::string> names)
{
	std::sort(names.begin(), names.end());
	std::string list(1, sign);
	list += ',';
	for (const std::string &name : names)
		list += name + ',';
	return list;
}

} // namespace

std::string
signed_for(const SecretOwners &secret)
{
	if (secret.others.empty())
		return {};
	const bool is_default =
	    std::find(secret.owners.begin(), secret.owners.end(), "") != secret.owners.end();
	return is_default ? name_list('-', secret.others) : name_list('+', secret.owners);
}

bool
counts_for_account(std::string_view signed_for, std::string_view account) noexcept
{
	if (signed_for.empty())
		return true;
	/* the list begins with a comma, and so does what stands behind a name */
	bool listed = false;
	for (std::size_t comma = 1; comma + 1 < signed_for.size() && !listed;) {
		const std::size_t end = signed_for.find(',', comma + 1);
		if (end == std::string_view::npos)
			break;
		listed = signed_for.substr(comma + 1, end - comma - 1) == account;
		comma = end;
	}
	return listed == (signed_for[0] == '+');
}

std::string
describe_signers(std::string_view signed_for)
{
	if (signed_for.size() < 3)
		return "all accounts";
	std::string text = signed_for[0] == '+' ? "" : "all accounts but ";
	const char *between = "";
	for (std::size_t comma = 1; comma + 1 < signed_for.size();) {
		const std::size_t end = signed_for.find(',', comma + 1);
		if (end == std::string_view::npos)
			break;
		const std::string_view name = signed_for.substr(comma + 1, end - comma - 1);
		text += between;
		text += name.empty() ? "the default one" : name;
		between = ", ";
		comma = end;
	}
	return text;
}

} // namespace whatsapp
