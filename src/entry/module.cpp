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

/* Works without preloading, too, so that functions can be called and restored anywhere; then nobody
 * sends, and enqueueing says so. */
void
_PG_init(void)
{
	using namespace whatsapp;

	/* pg_upgrade starts background workers, and then finds its databases in use */
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
