#include "core/webhook/signer.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

TEST(Signer, OneSecretCountsForAll)
{
	EXPECT_EQ(signed_for({{"", "north"}, {}}), "");
	EXPECT_TRUE(counts_for_account("", ""));
	EXPECT_TRUE(counts_for_account("", "north"));
}

TEST(Signer, SecretOfTheDefaultAccount)
{
	const std::string list = signed_for({{"", "bare"}, {"south", "north"}});
	EXPECT_EQ(list, "-,north,south,");
	for (const char *account : {"", "bare", "new", "nor", "th", "northsouth"})
		EXPECT_TRUE(counts_for_account(list, account)) << account;
	for (const char *account : {"north", "south"})
		EXPECT_FALSE(counts_for_account(list, account)) << account;
}

TEST(Signer, SecretOfNamedAccounts)
{
	const std::string list = signed_for({{"south", "north"}, {""}});
	EXPECT_EQ(list, "+,north,south,");
	for (const char *account : {"north", "south"})
		EXPECT_TRUE(counts_for_account(list, account)) << account;
	for (const char *account : {"", "bare", "nor", "outh", "north,south", ","})
		EXPECT_FALSE(counts_for_account(list, account)) << account;
}

TEST(Signer, DefaultAccountAmongOthers)
{
	EXPECT_TRUE(counts_for_account("+,,north,", ""));
	EXPECT_TRUE(counts_for_account("+,,north,", "north"));
	EXPECT_FALSE(counts_for_account("+,,north,", "south"));
	EXPECT_FALSE(counts_for_account("-,,", ""));
	EXPECT_TRUE(counts_for_account("-,,", "north"));
	/* what was never written by signed_for() */
	EXPECT_FALSE(counts_for_account("+", "north"));
	EXPECT_FALSE(counts_for_account("+,", ""));
}

} // namespace
} // namespace whatsapp
