/*
 * delivery.hpp: what the two halves of the webhooks share: webhooks.cpp (the queue, called by
 * everybody) and courier.cpp (the thread that delivers).
 */
#pragma once

#include <cstdint>

#include <curl/curl.h>

#include "webhooks.hpp"

namespace sandbox
{

struct Webhooks::Delivery {
	std::string body = {};
	std::string query = {}; /* of a GET */
	Signing signing = Signing::Right;
	bool get = false;
	Done done = {}; /* set: one attempt only */
	size_t statuses = 0;
	std::vector<uint64_t> firsts = {}; /* messages whose first status this is */
	uint64_t generation = 0;
	int attempts = 0;
	int64_t due = 0;
	std::string url = {};
	CURL *easy = nullptr;
	curl_slist *headers = nullptr;
	char error[CURL_ERROR_SIZE] = {};
	Result result = {};
};

/* What only the webhook thread touches. */
struct Webhooks::Transfers {
	struct Later {
		bool
		operator()(const Delivery *a, const Delivery *b) const
		{
			return a->due > b->due;
		}
	};
	std::vector<CURL *> idle = {};
	std::vector<Delivery *> active = {};
	std::priority_queue<Delivery *, std::vector<Delivery *>, Later> retries = {};
};

} // namespace sandbox
