/*
 * single_event.cpp — stores the item in a transaction of its own; if that fails, in one that leaves
 * all that is to be done about it to the reader.
 */
#include "entry/listener/single_event.hpp"

#include "pg/webhooks/event_store.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr int most_locks = 2;

void
store_event(const pg::Event &event)
{
	const pg::EventRun run = {&event, 1};
	pg::store_events(&run, 1);
}

} // namespace

bool
store_single_event(const pg::Event &event, int &locks)
{
	if (locks < most_locks && commit_or_repeat([&] { store_event(event); }))
		return true;
	if (locks < most_locks && pg::failure_is_lock())
		locks++;
	else if (locks < most_locks && (pg::failure_passes() || pg::failure_is_of_schema()))
		return false;
	return commit_or_repeat([&] { pg::store_event_for_reader(event); });
}

} // namespace whatsapp::entry
