/*
 * module.cpp — the library's magic and _PG_init.
 */
#include "entry/launcher/database_commands.hpp"
#include "entry/launcher/launcher.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/transaction_end.hpp"

#include "pg/server/compat.hpp"

extern "C" {
PG_WHATSAPP_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);
}

/* The library works without preloading, too, so that its functions can be called, and dumps
 * restored, on any server. Then no worker runs and nothing is sent; enqueueing says so. */
void
_PG_init(void)
{
	using namespace whatsapp;

	/* pg_upgrade's servers would start our workers, whose sessions are in the way of its own
	 * commands */
	if (IsBinaryUpgrade)
		return;
	pg::define_settings();
	pg::install_transaction_callback();
	if (!process_shared_preload_libraries_in_progress)
		return;
	pg::install_shared_memory_hooks();
	entry::install_database_command_hook();
	entry::register_launcher();
}
