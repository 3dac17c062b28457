/*
 * foreign_events.cpp — notes the first one and a count, for one line of the log: names of accounts
 * and Meta's ids, never a secret.
 */
#include "pg/webhooks/foreign_events.hpp"

#include <cstdint>

#include "core/webhook/signer.hpp"

#include "pg/server/boundary.hpp"
#include "pg/server/clock.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr std::int64_t report_ms = 60000;

/* the first since the last report; ids are clipped, names are short */
struct ForeignEvents {
	unsigned count;
	char signed_for[512];
	char account_id[64];
	char phone_number_id[64];
};

ForeignEvents noted = {};
std::int64_t next_report = 0;

template <std::size_t size>
void
copy_clipped(char (&copy)[size], std::string_view text)
{
	const int length =
	    pg_mbcliplen(text.data(), static_cast<int>(text.size()), static_cast<int>(size) - 1);
	memcpy(copy, text.data(), static_cast<std::size_t>(length));
	copy[length] = '\0';
}

} // namespace

void
note_foreign_event(std::string_view signed_for, std::string_view account_id,
                   std::string_view phone_number_id)
{
	if (noted.count++ > 0)
		return;
	copy_clipped(noted.signed_for, signed_for);
	copy_clipped(noted.account_id, account_id);
	copy_clipped(noted.phone_number_id, phone_number_id);
}

void
report_foreign_events()
{
	const std::int64_t now = monotonic_ms();
	if (noted.count == 0 || now < next_report)
		return;
	next_report = now + report_ms;
	const char *signers = nullptr;
	run_body([&] { signers = cstring_out(describe_signers(noted.signed_for)); });
	ereport(
	    LOG,
	    (errmsg("items of WhatsApp webhooks were about another account than the one that signed "
	            "them: %u",
	            noted.count),
	     errdetail(
	         "The first names business account \"%s\" and phone number \"%s\"; its app secret is "
	         "that of %s.",
	         noted.account_id, noted.phone_number_id, signers),
	     errhint("They are kept in whatsapp_events as kind foreign and not acted upon. If they are "
	             "Meta's, check which accounts have which app_secret, and "
	             "whatsapp_senders.account.")));
	noted = {};
}

} // namespace whatsapp::pg
