/*
 * launcher.hpp — the worker that starts the others.
 */
#pragma once

namespace whatsapp::entry
{

/* In _PG_init, while preloading. */
void register_launcher();

} // namespace whatsapp::entry
