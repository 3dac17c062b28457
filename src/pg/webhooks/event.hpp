/*
 * event.hpp — one item of a delivery, as the database's side sees it.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/webhook/progress.hpp"

namespace whatsapp::pg
{

/* Views without destructors; empty for what is absent, valid UTF-8 throughout. */
struct Event {
	const char *kind;
	std::string_view field;
	std::string_view account_id;
	std::string_view phone_number_id;
	std::string_view raw;        /* JSON */
	std::string_view contact;    /* JSON */
	unsigned char key[16];       /* the same item again has the same one */
	std::string_view nonce;      /* of biz_opaque_callback_data; empty when it is none of ours */
	std::int64_t message_id;     /* with a nonce */
	std::int64_t made_at;        /* with a nonce: TimestampTz */
	std::string_view signed_for; /* see core/webhook/signer.hpp; empty: every account */
	StatusReport report;         /* of a message: its id, its time, and who sent it */
	bool is_plain;               /* of a status: see core/webhook/plain_status.hpp */
};

/* Some events in a row, as one delivery brings them. */
struct EventRun {
	const Event *events;
	std::size_t count;
};

} // namespace whatsapp::pg
