/* listen_text_test.cpp — addresses to listen on, and base URLs, as settings take them. */
#include "core/base/listen_text.hpp"

#include <string>

#include <gtest/gtest.h>

#include "core/base/url.hpp"

namespace whatsapp
{
namespace
{

TEST(ListenText, TakesAddresses)
{
	for (const char *text : {"127.0.0.1:8080", "0.0.0.0:0", "localhost:65535", "[::1]:8080",
	                         "[::]:1", "[fe80::1%2]:80", "/run/pg_whatsapp.sock"})
		EXPECT_TRUE(listen_address_formed(text)) << text;
	EXPECT_TRUE(listen_address_formed("/" + std::string(106, 'x')));
}

TEST(ListenText, RefusesWhatIsNone)
{
	for (const char *text : {"",
	                         "localhost",
	                         "127.0.0.1",
	                         "127.0.0.1:",
	                         "127.0.0.1:80808",
	                         "127.0.0.1:65536",
	                         ":8080",
	                         "127.0.0.1:8o",
	                         "127.0.0.256:80",
	                         "127.0.0:80",
	                         "1.2.3.4.5:80",
	                         "example.org:80",
	                         "::1:80",
	                         "[]:80",
	                         "[x]:80",
	                         "[::1]",
	                         "[::1:80",
	                         "/",
	                         "127.0.0.1:-1",
	                         "127.0.0.1 :80"})
		EXPECT_FALSE(listen_address_formed(text)) << text;
	EXPECT_FALSE(listen_address_formed("/" + std::string(107, 'x')));
}

std::string
url_problem_text(const char *url)
{
	const char *found = base_url_problem(url);
	return found == nullptr ? "" : found;
}

TEST(BaseUrl, HasNoQueryAndNoVersion)
{
	for (const char *url :
	     {"https://graph.facebook.com", "https://graph.facebook.com/", "http://127.0.0.1:8080",
	      "https://gateway.example/whatsapp", "https://v1.example", "https://gateway.example/v1x"})
		EXPECT_EQ(url_problem_text(url), "") << url;
	EXPECT_EQ(url_problem_text("http://graph.facebook.com"),
	          "The URL must begin with https://, or with http:// for a loopback address.");
	for (const char *url : {"https://graph.facebook.com?x=1", "https://graph.facebook.com/?x=1"})
		EXPECT_EQ(url_problem_text(url), "The URL must not have a query.") << url;
	for (const char *url : {"https://graph.facebook.com/v25.0", "https://graph.facebook.com/v25.0/",
	                        "https://graph.facebook.com/v2", "http://localhost:80/v25.0//"})
		EXPECT_EQ(url_problem_text(url),
		          "The URL must not have the version at its end: that is whatsapp.api_version.")
		    << url;
}

} // namespace
} // namespace whatsapp
