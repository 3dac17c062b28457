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
	/* True: when nobody knows what became of it, it is asked again. False: calls of make_look find
	 * out. */
	bool repeatable;
	/* True: when the account is in trouble (token, permission), the request waits until that is
	 * over. False: it fails. */
	bool waits_for_account;
	/* True: when a look shows that nothing has happened, it is asked again. False: it fails, since
	 * what cannot be seen yet may still come. */
	bool asked_again_if_not_done;

	/* Both throw Fault. make_ask: the row is wrong. read_reply: the answer is not what the API
	 * promises, which may pass; with 22023, it will not pass. */
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
