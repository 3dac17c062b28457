/*
 * line_state.cpp — a message's breaker, the gates of platforms, and the end of a choice.
 */
#include "entry/sender/line_state.hpp"

namespace whatsapp::entry
{

Breaker *
LineState::breaker_of(std::int64_t id)
{
	const auto found = out.find(id);
	if (found == out.end())
		return nullptr;
	const auto route = routes.find(*found->second.sender);
	return route == routes.end() ? nullptr
	                             : &platforms.find_platform(route->second.base_url).breaker;
}

void
LineState::set_gates(std::int64_t now_ms)
{
	for (const auto &platform : platforms)
		lineup.set_group_gate(platform.second.group, platform.second.breaker.gate(now_ms));
}

/* Without memory, what was read ahead is read again. The message may be missing in `out`, if memory
 * failed before it was put there; or an older request of it may be there, see choose_messages(). */
void
LineState::end_choice(const Chosen &one, Ended how, std::int64_t now_ms) noexcept
{
	const auto found = out.find(one.id);
	if (found != out.end() && found->second.order_ticket == one.order_ticket)
		out.erase(found);
	try {
		lineup.end_message(one, how, 0, now_ms);
	} catch (...) {
		lineup.restart_reading();
	}
}

} // namespace whatsapp::entry
