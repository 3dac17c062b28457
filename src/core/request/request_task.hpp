/*
 * request_task.hpp — what goes into a kind of request and what comes out of it.
 */
#pragma once

#include "core/request/graph_ask.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

/* What a kind knows of the row that is in hand. */
struct RequestTask {
	std::string_view request;   /* the column of that name, a JSON object */
	std::string cursor = {};    /* Reply::next of the answer before; empty at first */
	std::string_view file = {}; /* the file that is to be uploaded */
	/* these three: for a file that is to be fetched */
	std::string_view base_url = {};
	std::string_view media_hosts = {};
	std::size_t most_file_bytes = 0;
};

/* What an answer says. */
struct Reply {
	std::string next;      /* not empty: there is more to ask for, and this is the next cursor */
	std::string rows;      /* JSON for the writer */
	std::string result;    /* JSON for the column result, unless the writer gives another */
	bool has_file = false; /* the body of the answer is a file, for the writer */
};

/* What has become of a request whose answer was lost. */
enum class LookResult : unsigned char {
	done,     /* it was carried out */
	not_done, /* nothing of it can be seen, so far */
	open,     /* there is more to look at: Reply::next */
};

} // namespace whatsapp
