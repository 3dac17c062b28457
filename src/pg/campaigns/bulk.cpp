/*
 * bulk.cpp — each recipient becomes a message, or a FAILED one with its reason, or is left out as a
 * duplicate.
 */
#include "pg/campaigns/bulk.hpp"

#include <string>
#include <vector>

#include "core/base/fault.hpp"
#include "core/message/free_form.hpp"
#include "core/message/message.hpp"
#include "core/message/template_message.hpp"
#include "core/value/e164.hpp"
#include "pg/campaigns/bulk_result.hpp"
#include "pg/campaigns/campaign_window.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/enqueue/refusal.hpp"
#include "pg/enqueue/template_match.hpp"
#include "pg/people/opt_outs.hpp"
#include "pg/server/bells.hpp"
#include "pg/server/boundary.hpp"
#include "pg/server/columns.hpp"
#include "pg/server/settings.hpp"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

/* Two hashes of a recipient. That two different recipients have both in common will not happen. */
struct RecipientDigest {
	uint64 left;
	uint64 right;
};

std::string
parameter_label(int place)
{
	return "parameter " + std::to_string(place + 1);
}

/* Inside try_body() only. */
std::string
parameter_text(const BulkOrder &order, const BulkRecipient &recipient, int place)
{
	const char *text = recipient.parameters[place];
	if (text == nullptr)
		throw Fault(sqlstate::null_value_not_allowed,
		            (order.parameter_names == nullptr
		                 ? parameter_label(place)
		                 : "parameter \"" + std::string(order.parameter_names[place]) + "\"") +
		                " must not be null");
	return settings.parameter_whitespace == whitespace_collapse ? collapse_white_space(text)
	                                                            : std::string(text);
}

/* Inside try_body() only. */
std::string
payload_of(const BulkOrder &order, const BulkRecipient &recipient)
{
	if (order.body != nullptr)
		return text_payload({order.body, false}, "");
	TemplateMessage whole;
	whole.name = order.message.template_name;
	whole.language = order.message.template_language;
	std::vector<std::string> texts;
	for (int i = 0; i < order.parameter_count; i++) {
		std::string text = parameter_text(order, recipient, i);
		if (order.parameter_names == nullptr)
			texts.push_back(std::move(text));
		else
			whole.named.push_back({order.parameter_names[i], std::move(text)});
	}
	return order.parameter_names == nullptr ? template_payload(whole.name, whole.language, texts)
	                                        : template_message_payload(whole);
}

bool
compose_message(const BulkOrder &order, const BulkRecipient &recipient, NewMessage &message,
                Failure &why)
{
	char *payload = nullptr;
	/* the content is made also when the phone is wrong: wa_retry() may send it to the right
	 * number */
	const bool has_phone = try_body(why, [&] {
		if (recipient.phone == nullptr)
			throw Fault(sqlstate::invalid_parameter_value, "phone number must not be null");
		check_phone(recipient.phone);
	});
	Failure other;
	const bool has_content = try_body(has_phone ? why : other,
	                                  [&] { payload = cstring_out(payload_of(order, recipient)); });
	message.payload = payload;
	return has_phone && has_content;
}

/* False for a recipient that the order has had before. */
bool
is_first(BulkOrder &order, const char *contact)
{
	const auto *bytes = reinterpret_cast<const unsigned char *>(contact);
	const int size = static_cast<int>(strlen(contact));
	const RecipientDigest digest = {hash_bytes_extended(bytes, size, 1),
	                                hash_bytes_extended(bytes, size, 2)};
	bool found;
	(void)hash_search(order.known, &digest, HASH_ENTER, &found);
	return !found;
}

void
note_prefix(BulkOrder &order, const char *phone)
{
	char prefix[bulk_prefix_size] = {};
	strlcpy(prefix, phone, sizeof prefix);
	bool found;
	auto *entry =
	    static_cast<BulkPrefix *>(hash_search(order.prefixes, prefix, HASH_ENTER, &found));
	entry->messages = found ? entry->messages + 1 : 1;
}

bool
is_state(const Failure &why, const char *state)
{
	return strcmp(unpack_sql_state(why.sqlstate), state) == 0;
}

/* True for an error that every message of the order has if one has it. */
bool
concerns_all(const Failure &why)
{
	return is_state(why, sqlstate::invalid_template_name) ||
	       is_state(why, sqlstate::invalid_language) ||
	       is_state(why, sqlstate::parameter_mismatch) ||
	       is_state(why, sqlstate::template_not_approved) ||
	       is_state(why, sqlstate::invalid_content) || why.sqlstate == ERRCODE_UNDEFINED_OBJECT;
}

void
refuse_recipient(BulkOrder &order, const NewMessage &message, const Failure &why)
{
	if (concerns_all(why) && !order.dry_run)
		raise_failure(why);
	note_bulk_problem(order, why, message.recipient_phone);
	if (is_state(why, sqlstate::recipient_opted_out))
		order.opted_out++;
	else if (message.recipient_phone == nullptr || !valid_e164(message.recipient_phone))
		order.bad_phones++;
	else
		order.refused++;
	if (!order.dry_run)
		(void)record_refused(message, why);
}

void
add_recipient(BulkOrder &order, const BulkRecipient &recipient, MessageBatch &batch,
              Column &contacts)
{
	NewMessage message = order.message;
	message.recipient_phone = recipient.phone;
	order.read++;
	Failure why;
	const bool good = compose_message(order, recipient, message, why);
	if (recipient.phone != nullptr && valid_e164(recipient.phone) &&
	    !is_first(order, recipient.phone)) {
		order.duplicates++;
		return;
	}
	if (!good || !may_send(message, why)) {
		refuse_recipient(order, message, why);
		return;
	}
	order.queued++;
	note_prefix(order, recipient.phone);
	if (order.body != nullptr)
		contacts.add_text(contact_of(recipient.phone));
	if (!order.dry_run)
		add_message(batch, message);
}

/* Counts recipients whose window is closed now, for the result: windows are looked at again when
 * the message's turn comes. */
void
count_closed_windows(BulkOrder &order, const Column &contacts)
{
	static Statement statement = {
	    "SELECT count(*) FROM unnest($1) AS p (contact) WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_windows AS w"
	    " WHERE w.contact = p.contact AND w.sender = $2 AND w.last_inbound_at > now() - interval '24 hours')",
	    2,
	    {TEXTARRAYOID, TEXTOID}};
	Values values;
	values.set(0, contacts.array(TEXTOID));
	values.set_text(1, order.message.sender);
	order.closed_windows += run_statement(statement, values).int64_at(0, 1);
}

void
add_recipients(BulkOrder &order)
{
	Column contacts(static_cast<std::size_t>(order.count));
	MessageBatch &batch = *begin_message_batch();
	for (int i = 0; i < order.count; i++)
		add_recipient(order, order.recipients[i], batch, contacts);
	end_message_batch(batch);
	if (order.body != nullptr)
		count_closed_windows(order, contacts);
}

HTAB *
create_table(MemoryContext memory, const char *name, Size key, Size entry)
{
	HASHCTL control = {};
	control.keysize = key;
	control.entrysize = entry;
	control.hcxt = memory;
	return hash_create(name, 1024, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void
check_name(const BulkOrder &order)
{
	static Statement statement = {
	    "SELECT 1 FROM @s@.whatsapp_campaign_definitions WHERE created_by = SESSION_USER AND name = $1",
	    1,
	    {TEXTOID}};
	if (order.name == nullptr)
		return;
	Values values;
	values.set_text(0, order.name);
	if (!run_statement(statement, values).empty())
		ereport(ERROR, (errcode(ERRCODE_DUPLICATE_OBJECT),
		                errmsg("campaign \"%s\" exists already", order.name),
		                errhint("Give it another name. wa_campaign_retry() sends again what has "
		                        "failed, see whatsapp_campaigns.")));
}

/* What is resolved here lives as long as the order. */
void
begin_bulk(BulkOrder &order)
{
	MemoryContext before = MemoryContextSwitchTo(order.memory);
	if (order.body == nullptr)
		resolve_template(order.message, order.language_fallback);
	SPI_connect();
	const char *sender = resolve_sender(order.message.sender);
	order.message.sender = MemoryContextStrdup(order.memory, sender);
	check_name(order);
	if (order.send_window != nullptr)
		check_window(order.send_window, order.time_zone);
	if (!order.dry_run)
		order.message.campaign_id = next_campaign_id();
	SPI_finish();
	if (!order.message.has_expires_at) {
		const TimestampTz now = GetCurrentTransactionStartTimestamp();
		order.message.has_expires_at = true;
		order.message.expires_at =
		    (order.message.has_send_at ? Max(order.message.send_at, now) : now) +
		    campaign_ttl() * USECS_PER_SEC;
	}
	order.known =
	    create_table(order.memory, "recipients", sizeof(RecipientDigest), sizeof(RecipientDigest));
	order.prefixes = create_table(order.memory, "prefixes", bulk_prefix_size, sizeof(BulkPrefix));
	MemoryContextSwitchTo(before);
}

} // namespace

void
take_bulk_step(BulkOrder &order)
{
	if (order.step == BulkStep::begin) {
		begin_bulk(order);
		return;
	}
	SPI_connect();
	if (order.step == BulkStep::add)
		add_recipients(order);
	else
		end_bulk(order);
	SPI_finish();
}

} // namespace whatsapp::pg
