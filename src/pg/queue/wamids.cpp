/*
 * wamids.cpp — the generation of what is learnt now.
 */
#include "pg/queue/wamids.hpp"

#include "pg/server/statement.hpp"

namespace whatsapp::pg
{

std::int32_t
newest_generation()
{
	static Statement statement = {"SELECT " NEWEST_GENERATION, 0, {}};
	return run_statement(statement, Values()).int32_at(0, 1);
}

} // namespace whatsapp::pg
