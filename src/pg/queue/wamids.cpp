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
	run(statement, Values());
	bool null;
	return DatumGetInt32(column(0, 1, null));
}

} // namespace whatsapp::pg
