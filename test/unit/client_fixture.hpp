/*
 * client_fixture.hpp — a client under test, served by its owner or by its own thread, and what it
 * has answered.
 */
#pragma once

#include "net/client/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace whatsapp::net
{

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

inline constexpr milliseconds patience{15000};

template <typename Client> class ClientFixture : public ::testing::Test
{
protected:
	void
	make(const HttpClientOptions &options = {})
	{
		client.reset(Client::create(options));
		ASSERT_TRUE(client);
	}

	bool
	start(std::uint64_t id, const std::string &url, const std::string &body = "{}",
	      const std::string &token = "EAAtoken")
	{
		HttpRequest request;
		request.id = id;
		request.url = url;
		request.bearer_token = token;
		request.body = body;
		return client->start_request(request);
	}

	std::unique_ptr<Client> client;
	std::map<std::uint64_t, HttpResponse> responses;
};

} // namespace whatsapp::net
