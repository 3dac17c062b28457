/*
 * prices.cpp — rate cards, and what Meta charges for.
 */
#include <string_view>
#include <vector>

#include "core/price/price_rule.hpp"
#include "core/price/rate_card.hpp"
#include "pg/enqueue/messages.hpp"
#include "pg/server/schema.hpp"
#include "pg/server/statement.hpp"

#include "entry/call/arguments.hpp"
#include "entry/call/result_row.hpp"

extern "C" {
#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(pg_whatsapp_rate_card);
PG_FUNCTION_INFO_V1(pg_whatsapp_rates_import);
PG_FUNCTION_INFO_V1(pg_whatsapp_price_rule);
}

using namespace whatsapp;

namespace
{

void
check_currency_code(const char *currency)
{
	if (strlen(currency) != 3 || strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3)
		ereport(ERROR,
		        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		         errmsg("the currency must be an ISO 4217 code in capital letters, such as EUR")));
}

Day
day_of(DateADT date)
{
	int year = 0;
	int month = 0;
	int day = 0;
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return (year * 100 + month) * 100 + day;
}

/* A row of a card as the server's memory holds it. */
struct CardRow {
	text *market;
	text *category;
	char *rate; /* NULL: n/a */
	std::int64_t volume_from;
	int line;
};

text *
text_of(std::string_view value)
{
	return cstring_to_text_with_len(value.data(), static_cast<int>(value.size()));
}

constexpr char price_rule_columns = 5;

} // namespace

Datum
pg_whatsapp_rate_card(PG_FUNCTION_ARGS)
{
	const bytea *file = PG_GETARG_BYTEA_PP(0);
	const char *currency = text_to_cstring(PG_GETARG_TEXT_PP(1));
	pg::require_utf8();
	check_currency_code(currency);
	InitMaterializedSRF(fcinfo, 0);

	CardRow *rows = nullptr;
	std::size_t count = 0;
	pg::run_body([&] {
		const std::vector<CardRate> card = read_rate_card(pg::view(file), currency);
		rows = pg::array_out<CardRow>(card.size());
		for (const CardRate &rate : card)
			rows[count++] = {pg::text_out(rate.market), pg::text_out(rate.category),
			                 rate.rate.empty() ? nullptr : pg::cstring_out(rate.rate),
			                 rate.volume_from, rate.line};
	});
	for (std::size_t i = 0; i < count; i++) {
		entry::ResultRow<5> row;
		row.set_value(0, PointerGetDatum(rows[i].market));
		row.set_value(1, PointerGetDatum(rows[i].category));
		row.set_value(2, Int64GetDatum(rows[i].volume_from));
		if (rows[i].rate != nullptr)
			row.set_value(3, DirectFunctionCall3(numeric_in, CStringGetDatum(rows[i].rate),
			                                     ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
		row.set_value(4, Int32GetDatum(rows[i].line));
		row.put_row(entry::result_set(fcinfo));
	}
	return Datum(0);
}

namespace
{

/* Two imports at once wait for each other here: each sees what the other has added. */
pg::Statement lock_statement = {"LOCK TABLE @s@.whatsapp_rates IN SHARE ROW EXCLUSIVE MODE", 0, {}};

pg::Statement clash_statement = {
    "SELECT c.file_row, c.market, c.category, c.volume_from, c.rate, r.rate, r.built_in "
    "FROM @s@.wa_rate_card($1, $2) AS c JOIN @s@.whatsapp_rates AS r ON r.currency = $2 AND r.effective_date = $3 "
    "AND r.market = c.market AND r.category = c.category AND r.volume_from = c.volume_from "
    "WHERE r.rate IS DISTINCT FROM c.rate ORDER BY c.file_row LIMIT 1",
    3,
    {BYTEAOID, TEXTOID, DATEOID}};

pg::Statement import_statement = {
    "INSERT INTO @s@.whatsapp_rates (currency, effective_date, market, category, volume_from, rate, file_hash, file_row) "
    "SELECT $2, $3, c.market, c.category, c.volume_from, c.rate, "
    "pg_catalog.encode(pg_catalog.sha256($1), 'hex'), c.file_row FROM @s@.wa_rate_card($1, $2) AS c "
    "WHERE NOT EXISTS (SELECT FROM @s@.whatsapp_rates AS r WHERE r.currency = $2 AND r.effective_date = $3 "
    "AND r.market = c.market AND r.category = c.category AND r.volume_from = c.volume_from) "
    "RETURNING 1",
    3,
    {BYTEAOID, TEXTOID, DATEOID}};

const char *
shown_rate(const pg::Result &result, int column)
{
	const char *rate = result.text_at(0, column);
	return rate == nullptr ? "n/a" : rate;
}

void
refuse_clash(const pg::Result &clash)
{
	if (clash.empty())
		return;
	ereport(ERROR,
	        (errcode(ERRCODE_EXCLUSION_VIOLATION),
	         errmsg("a rate card of this currency and date is there already, with other rates"),
	         errdetail("Line %s: market \"%s\", category \"%s\", from message %s: %s, and %s in "
	                   "whatsapp_rates.",
	                   clash.text_at(0, 1), clash.text_at(0, 2), clash.text_at(0, 3),
	                   clash.text_at(0, 4), shown_rate(clash, 5), shown_rate(clash, 6)),
	         errhint("Check the date. To replace the card, delete its rows first.")));
}

} // namespace

Datum
pg_whatsapp_rates_import(PG_FUNCTION_ARGS)
{
	entry::require_argument(fcinfo, 0, "file");
	entry::require_argument(fcinfo, 1, "currency");
	entry::require_argument(fcinfo, 2, "effective_date");
	const DateADT date = PG_GETARG_DATEADT(2);
	if (DATE_NOT_FINITE(date))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
		                errmsg("effective_date must be a finite date")));
	pg::Values values;
	values.set(0, PG_GETARG_DATUM(0));
	values.set(1, PG_GETARG_DATUM(1));
	values.set(2, PG_GETARG_DATUM(2));
	SPI_connect();
	pg::use_schema_of_function(fcinfo->flinfo->fn_oid);
	pg::run_statement(lock_statement, pg::Values());
	refuse_clash(pg::run_statement(clash_statement, values));
	const uint64 added = pg::run_statement(import_statement, values).count();
	SPI_finish();
	PG_RETURN_INT64(static_cast<int64>(added));
}

Datum
pg_whatsapp_price_rule(PG_FUNCTION_ARGS)
{
	entry::ResultRow<price_rule_columns> row;
	if (PG_ARGISNULL(1) || DATE_NOT_FINITE(PG_GETARG_DATEADT(1))) {
		row.set_value(4, PointerGetDatum(text_of("no_day")));
	} else {
		const text *category = PG_ARGISNULL(0) ? text_of("") : PG_GETARG_TEXT_PP(0);
		const PriceRule rule = price_rule(pg::view(category), day_of(PG_GETARG_DATEADT(1)),
		                                  !PG_ARGISNULL(2) && PG_GETARG_BOOL(2));
		row.set_value(0, PointerGetDatum(text_of(model_name(rule.model))));
		if (rule.reason != nullptr) {
			row.set_value(4, PointerGetDatum(text_of(rule.reason)));
		} else {
			row.set_value(1, PointerGetDatum(text_of(basis_name(rule.basis))));
			row.set_value(2, Int32GetDatum(rule.free_units));
			if (!rule.category.empty())
				row.set_value(3, PointerGetDatum(text_of(rule.category)));
		}
	}
	PG_RETURN_DATUM(row.form_row(fcinfo));
}
