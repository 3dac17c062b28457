/*
 * watch.hpp — the order of the arguments of the trigger that wa_watch() makes; the view
 * whatsapp_watches reads them, too.
 */
#pragma once

namespace whatsapp::entry
{

enum WatchArgument : int {
	watch_supplier,
	watch_po,
	watch_amount,
	watch_phone,
	watch_currency, /* the rest may be empty */
	watch_language,
	watch_sender,
	watch_arguments,
};

inline constexpr char watch_trigger_name[] = "whatsapp_notify_po";

/* When the trigger is called, in the words of pg_get_triggerdef(). */
inline constexpr char each_statement[] =
    " REFERENCING NEW TABLE AS inserted_rows FOR EACH STATEMENT";
inline constexpr char each_row[] = " FOR EACH ROW";

} // namespace whatsapp::entry
