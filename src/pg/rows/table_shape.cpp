/*
 * table_shape.cpp — our tables, column by column; test/tap/033_altered_tables.pl fails when that is
 * not what the install script makes.
 */
#include "pg/rows/table_shape.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr ShapeColumn message_columns[] = {
    {message_column::id, "id", INT8OID, true, own_sequence},
    {message_column::created_at, "created_at", TIMESTAMPTZOID, true, "now()"},
    {message_column::sender, "sender", TEXTOID, true},
    {message_column::recipient_phone, "recipient_phone", TEXTOID},
    {message_column::message_type, "message_type", TEXTOID, true},
    {message_column::template_name, "template_name", TEXTOID},
    {message_column::template_language, "template_language", TEXTOID},
    {message_column::payload, "payload", JSONOID},
    {message_column::priority, "priority", INT2OID, true, "1"},
    {message_column::reference, "reference", TEXTOID},
    {message_column::idempotency_key, "idempotency_key", TEXTOID},
    {message_column::enqueued_by, "enqueued_by", TEXTOID, true, "SESSION_USER"},
    {message_column::campaign_id, "campaign_id", INT8OID},
    {message_column::expires_at, "expires_at", TIMESTAMPTZOID},
    {message_column::attempts, "attempts", INT4OID, true, "0"},
    {message_column::status, "status", TEXTOID, true, "'PENDING'::text"},
    {message_column::sent_at, "sent_at", TIMESTAMPTZOID},
    {message_column::delivered_at, "delivered_at", TIMESTAMPTZOID},
    {message_column::read_at, "read_at", TIMESTAMPTZOID},
    {message_column::failed_at, "failed_at", TIMESTAMPTZOID},
    {message_column::pricing_rank, "pricing_rank", INT2OID},
    {message_column::wamid, "wamid", TEXTOID},
    {message_column::wa_id, "wa_id", TEXTOID},
    {message_column::user_id, "user_id", TEXTOID},
    {message_column::conversation_id, "conversation_id", TEXTOID},
    {message_column::pricing_category, "pricing_category", TEXTOID},
    {message_column::pricing_type, "pricing_type", TEXTOID},
    {message_column::pricing_model, "pricing_model", TEXTOID},
    {message_column::billable, "billable", BOOLOID},
    {message_column::pricing_cost, "pricing_cost", NUMERICOID},
    {message_column::pricing_currency, "pricing_currency", TEXTOID},
    {message_column::error_code, "error_code", INT8OID},
    {message_column::error_message, "error_message", TEXTOID},
    {message_column::error_details, "error_details", JSONBOID},
    {message_column::hint, "hint", TEXTOID}};
constexpr const char *message_checks[] = {
    "(octet_length(sender) <= 63)",
    "(octet_length(recipient_phone) <= 1024)",
    "(octet_length(message_type) <= 63)",
    "(octet_length(template_name) <= 512)",
    "(octet_length(template_language) <= 63)",
    "(octet_length(reference) <= 1024)",
    "(octet_length(idempotency_key) <= 255)",
    "(octet_length(enqueued_by) <= 63)",
    "(status = ANY (ARRAY['PENDING'::text, 'SENT'::text, 'DELIVERED'::text, 'READ'::text, "
    "'FAILED'::text, 'CANCELLED'::text]))",
    nullptr};
constexpr int message_key[] = {message_column::id, -1};

constexpr ShapeColumn queue_columns[] = {
    {queue_column::message_id, "message_id", INT8OID, true},
    {queue_column::sender, "sender", TEXTOID, true},
    {queue_column::recipient, "recipient", TEXTOID, true},
    {queue_column::priority, "priority", INT2OID, true, "1"},
    {queue_column::state, "state", TEXTOID, true, "'ready'::text"},
    {queue_column::paced, "paced", BOOLOID, true, "false"},
    {queue_column::due_at, "due_at", TIMESTAMPTZOID, true, "now()"},
    {queue_column::expires_at, "expires_at", TIMESTAMPTZOID, true},
    {queue_column::campaign_id, "campaign_id", INT8OID},
    {queue_column::attempts, "attempts", INT4OID, true, "0"},
    {queue_column::crashes, "crashes", INT4OID, true, "0"},
    {queue_column::epoch, "epoch", INT8OID},
    {queue_column::changed_at, "changed_at", TIMESTAMPTZOID},
    {queue_column::unknown_at, "unknown_at", TIMESTAMPTZOID},
    {queue_column::held_by, "held_by", TEXTOID}};
constexpr const char *queue_checks[] = {
    "(octet_length(sender) <= 63)", "(octet_length(recipient) <= 1024)",
    "((priority >= 0) AND (priority <= 2))",
    "(state = ANY (ARRAY['ready'::text, 'sending'::text, 'unknown'::text, 'held'::text]))",
    nullptr};
constexpr int queue_order[] = {queue_column::sender, queue_column::priority, queue_column::due_at,
                               queue_column::message_id, -1};

constexpr ShapeColumn wamid_columns[] = {
    {wamid_column::hash, "hash", INT8OID, true},
    {wamid_column::message_id, "message_id", INT8OID, true},
    {wamid_column::generation, "generation", INT4OID, true, "0"}};

constexpr ShapeColumn day_count_columns[] = {
    {day_count_column::day, "day", DATEOID, true},
    {day_count_column::sender, "sender", TEXTOID, true},
    {day_count_column::template_name, "template_name", TEXTOID, true},
    {day_count_column::category, "category", TEXTOID, true},
    {day_count_column::error_code, "error_code", INT8OID},
    {day_count_column::campaign_id, "campaign_id", INT8OID},
    {day_count_column::deleted, "deleted", BOOLOID, true, "false"},
    {day_count_column::sent, "sent", INT8OID, true},
    {day_count_column::delivered, "delivered", INT8OID, true},
    {day_count_column::read, "read", INT8OID, true},
    {day_count_column::failed, "failed", INT8OID, true},
    {day_count_column::failed_sent, "failed_sent", INT8OID, true},
    {day_count_column::cancelled, "cancelled", INT8OID, true}};
constexpr ShapeColumn charge_columns[] = {
    {charge_column::message_id, "message_id", INT8OID, true},
    {charge_column::reserved_at, "reserved_at", TIMESTAMPTZOID, true},
    {charge_column::state, "state", TEXTOID, true},
    {charge_column::category, "category", TEXTOID},
    {charge_column::amount, "amount", NUMERICOID},
    {charge_column::charged, "charged", NUMERICOID},
    {charge_column::periods, "periods", INT8ARRAYOID, true}};
constexpr const char *charge_checks[] = {
    "(state = ANY (ARRAY['reserved'::text, 'settled'::text, 'released'::text]))", nullptr};
constexpr ShapeColumn ledger_columns[] = {
    {ledger_column::period, "period", INT8OID, true},
    {ledger_column::authorised, "authorised", NUMERICOID, true},
    {ledger_column::reserved, "reserved", NUMERICOID, true},
    {ledger_column::settled, "settled", NUMERICOID, true},
    {ledger_column::released, "released", NUMERICOID, true},
    {ledger_column::messages, "messages", INT8OID, true},
    {ledger_column::unpriced, "unpriced", INT8OID, true}};

constexpr const char *no_checks[] = {nullptr};
constexpr int no_index[] = {-1};

template <int count>
constexpr bool
is_in_order(const ShapeColumn (&columns)[count])
{
	for (int i = 0; i < count; i++)
		if (columns[i].place != i)
			return false;
	return count <= max_shape_columns;
}

static_assert(lengthof(message_columns) == message_column::count && is_in_order(message_columns));
static_assert(lengthof(queue_columns) == queue_column::count && is_in_order(queue_columns));
static_assert(lengthof(charge_columns) == charge_column::count && is_in_order(charge_columns));
static_assert(lengthof(ledger_columns) == ledger_column::count && is_in_order(ledger_columns));
static_assert(lengthof(wamid_columns) == wamid_column::count && is_in_order(wamid_columns));
static_assert(lengthof(day_count_columns) == day_count_column::count &&
              is_in_order(day_count_columns));

} // namespace

TableShape messages_shape = {OwnTable("whatsapp_messages"),
                             reads | inserts | updates,
                             message_column::count,
                             message_columns,
                             message_checks,
                             message_key,
                             "whatsapp_notify_status",
                             "whatsapp_count_days"};
TableShape queue_shape = {OwnTable("whatsapp_queue"),
                          reads | writes,
                          queue_column::count,
                          queue_columns,
                          queue_checks,
                          queue_order};
TableShape wamids_shape = {
    OwnTable("whatsapp_wamids"), inserts, wamid_column::count, wamid_columns, no_checks, no_index};

TableShape day_counts_shape = {OwnTable("whatsapp_day_counts"),
                               inserts,
                               day_count_column::count,
                               day_count_columns,
                               no_checks,
                               no_index};

TableShape charges_shape = {OwnTable("whatsapp_charges"),
                            inserts,
                            charge_column::count,
                            charge_columns,
                            charge_checks,
                            no_index};
TableShape ledger_shape = {OwnTable("whatsapp_budget_ledger"),
                           inserts,
                           ledger_column::count,
                           ledger_columns,
                           no_checks,
                           no_index};

} // namespace whatsapp::pg
