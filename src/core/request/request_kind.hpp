/*
 * request_kind.hpp — the kinds of whatsapp_requests: what each asks Meta for, and what the answer
 * says. Pure: no clock, no server; what is to be stored goes to the kind's writer
 * (pg/requests/request_rows.hpp).
 */
#pragma once

#include "core/request/request_task.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace whatsapp
{

struct RequestKind {
	const char *name;
	/* Asked again when nobody knows what became of it; else it is looked for. */
	bool repeatable;
	/* A trouble of the account (token, permission) is waited for; else the request fails. */
	bool waits_for_account;
	/* When it can be seen that nothing happened, it is asked again; else the request fails, since
	 * what cannot be seen may still come. */
	bool asked_again_if_not_done;

	/* Both throw Fault: of make_ask, when the row is at fault; of read_reply, when the answer is
	 * not what the API promises, which may pass; with 22023 when it will not. */
	GraphAsk (*make_ask)(const RequestTask &);
	Reply (*read_reply)(const RequestTask &, std::string_view body);

	/* NULL when it is repeatable. */
	GraphAsk (*make_look)(const RequestTask &);
	LookResult (*read_look)(const RequestTask &, std::string_view body, Reply &reply);
};

/* NULL for a name that is none. */
const RequestKind *find_request_kind(std::string_view name) noexcept;

/* All of them. */
const RequestKind *request_kinds(std::size_t &count) noexcept;

} // namespace whatsapp
