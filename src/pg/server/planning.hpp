/*
 * planning.hpp — how the statements of a worker are planned.
 */
#pragma once

namespace whatsapp::pg
{

/* In a worker, once. Plans are kept, and a table that was empty when it was analyzed may have
 * millions of rows by the next analyze; while these are inserted by one transaction, an analyze
 * even finds pages without a row. A plan for that reads all of an index for want of something to
 * choose by. So our own large tables count as large, always, and everything goes by index. */
void plan_for_large_tables();

} // namespace whatsapp::pg
