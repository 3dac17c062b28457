/*
 * watch_query.hpp — the query that makes what is announced from the rows of a statement.
 *
 * It reads all rows of a statement at once. A session plans it once for each watch, event and
 * purpose (WatchQuery), and again when the table or what the query means has changed.
 */
#pragma once

#include "pg/watches/watch_definition.hpp"
#include "pg/watches/watch_rows.hpp"

extern "C" {
#include "executor/spi.h"
}

namespace whatsapp::pg
{

/* What a query returns, from column 1; those that a watch has no expression for are NULL. */
enum WatchColumn : int {
	watch_phone = 1,
	watch_row_key, /* the text of the primary key */
	watch_reference,
	watch_idempotency_key,
	watch_sender,
	watch_language,
	watch_priority,
	watch_send_at,
	watch_expires_at,
	watch_old_key, /* of a message that follows its row: before an UPDATE */
	watch_old_sender,
	watch_body,
	watch_first_parameter
	/* behind the parameters: the time zone, where it is an expression */
};

/* What a query returns that looks for messages of rows which are to have none, or have another key
 * or sender now. */
enum WithdrawalColumn : int {
	withdrawal_row_key = 1,
	withdrawal_key,
	withdrawal_sender,
	withdrawal_old_key,
	withdrawal_old_sender,
	withdrawal_wanted /* whether there may be a message of the row */
};

/* What an expression means depends on the role that it works for, and on the settings that the
 * watch keeps. This is what was there before them: end_watch_owner() gives the session its user and
 * its settings back, and so does a rollback of the subtransaction. */
struct WatchOwner {
	Oid user;
	int context;
	int nest_level;
};
/* Raises 42704 when the role is gone. */
WatchOwner begin_watch_owner(const WatchDefinition &watch);
/* The same for other work that is done for a role, such as a callback. settings: name=value, as
 * kept when it was asked for. */
WatchOwner begin_role(Oid role, const char *const *settings, int count);
void end_watch_owner(const WatchOwner &before);

/* The settings of the moment, as watches keep them: name=value. */
const char *const *watch_settings(int &count);

/* Raises what is wrong with an expression, with the place in it: 42601 unless it is one expression,
 * what the server says of it, 42804 for its type. label names it. */
enum class WatchValue { text, condition, time };
void check_watch_expression(const char *label, const char *expression, WatchValue value,
                            const WatchRows &none);
/* Raises unless the query as a whole can be started, with the rights of the moment. */
void check_watch_query(const WatchDefinition &watch, const WatchRows &none);

/* Whether the time zone is an expression, and not a name. */
bool has_zone_expression(const WatchDefinition &watch);

/* The plan of a query; the rows must be registered. It is made when there is none yet, or the
 * table has changed. As the watch's owner. */
enum class WatchQuery { announcements, withdrawals };
SPIPlanPtr plan_watch_query(const WatchDefinition &watch, const WatchRows &rows, WatchQuery query);

} // namespace whatsapp::pg
