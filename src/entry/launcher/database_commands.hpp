/*
 * database_commands.hpp — commands on a whole database need its workers out of the way.
 */
#pragma once

namespace whatsapp::entry
{

/* In _PG_init, while preloading. */
void install_database_command_hook();

} // namespace whatsapp::entry
