/*
 * endpoint_test.cpp — the paths that exist, and everything beside them.
 */
#include "core/webhook/endpoint.hpp"

#include <string>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

Endpoint
endpoint(const std::string &path)
{
	std::string_view account = "untouched";
	const Endpoint found = endpoint_of(path, account);
	EXPECT_TRUE(found == Endpoint::webhook || account.empty()) << path;
	return found;
}

TEST(Endpoint, KnowsItsPaths)
{
	EXPECT_EQ(endpoint("/healthz"), Endpoint::health);
	EXPECT_EQ(endpoint("/api/v1/whatsapp/webhook"), Endpoint::webhook);
	std::string_view account;
	EXPECT_EQ(endpoint_of("/api/v1/whatsapp/webhook", account), Endpoint::webhook);
	EXPECT_EQ(account, "");
	EXPECT_EQ(endpoint_of("/api/v1/whatsapp/webhook/north_2-B", account), Endpoint::webhook);
	EXPECT_EQ(account, "north_2-B");
	EXPECT_EQ(endpoint("/api/v1/whatsapp/webhook/" + std::string(63, 'a')), Endpoint::webhook);
}

TEST(Endpoint, KnowsNoOther)
{
	for (const char *path : {"",
	                         "/",
	                         "/healthz/",
	                         "/Healthz",
	                         "healthz",
	                         "/api/v1/whatsapp",
	                         "/api/v1/whatsapp/webhook/",
	                         "/api/v1/whatsapp/webhooks",
	                         "/api/v1/whatsapp/webhook//",
	                         "/api/v1/whatsapp/webhook/a/",
	                         "/api/v1/whatsapp/webhook/a/b",
	                         "/api/v1/whatsapp/webhook/..",
	                         "/api/v1/whatsapp/webhook/a b",
	                         "/api/v1/whatsapp/webhook/\xc3\xb1",
	                         "/API/v1/whatsapp/webhook",
	                         "//api/v1/whatsapp/webhook",
	                         "/api/v1/whatsapp/./webhook",
	                         "/api/v1/whatsapp%2Fwebhook",
	                         "/api/v1/whatsapp/%77ebhook",
	                         "/api/v1/whatsapp/webhook%00",
	                         "/api/v1/whatsapp/webhook%00/x",
	                         "/%68ealthz",
	                         "/api/v1/whatsapp/webhook/nort%68"})
		EXPECT_EQ(endpoint(path), Endpoint::none) << path;
	EXPECT_NE(right_path_text().find("/api/v1/whatsapp/webhook"), std::string::npos);
	EXPECT_EQ(endpoint("/api/v1/whatsapp/webhook/" + std::string(64, 'a')), Endpoint::none);
	EXPECT_EQ(endpoint(std::string("/healthz\0", 9)), Endpoint::none);
	EXPECT_EQ(endpoint(std::string("/api/v1/whatsapp/webhook/a\0", 27)), Endpoint::none);
}

} // namespace
} // namespace whatsapp
