/*
 * inbound.hpp — a message that came in: what it means to us, and its row for users.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

/* An event that the reader has taken; times are TimestampTz, strings NULL where there is nothing.
 */
struct InboxTask {
	std::int64_t event_id;
	int attempts;
	const char *kind; /* NULL: the event is gone */
	const char *account_id;
	const char *phone_number_id;
	const char *wamid;
	const char *raw;
	const char *contact;
	std::int64_t occurred_at;
	std::int64_t received_at;
	std::int64_t message_id; /* 0: none */
	bool apply_status;       /* a status that its message does not show yet */
	const char *signed_for;  /* see Event */
};

/* Opens the 24-hour window, in which any type of message may be sent, and acts upon words such as
 * STOP. No trigger of a user's runs. */
void heed_message(const InboxTask &task);

/* Inserts the row of whatsapp_inbound, which fires the triggers that users put there. */
void store_inbound(const InboxTask &task);

} // namespace whatsapp::pg
