/*
 * planning.hpp — how the statements of a worker are planned.
 */
#pragma once

namespace whatsapp::pg
{

/*
 * In a worker, once: from now on the statements of run_statement() get a generic plan that goes by
 * index, as if our large tables were large.
 *
 * Plans are kept, and a table that was empty when it was analyzed may have millions of rows by the
 * next analyze; while these are inserted by one transaction, an analyze even finds pages without a
 * row. A plan for that would read all of an index, or of a table.
 *
 * It holds while one of our statements is being planned, and only then: what a user's trigger or
 * function runs in a worker is planned with the database's own settings.
 */
void plan_for_large_tables();

} // namespace whatsapp::pg
