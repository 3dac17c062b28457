/*
 * gate.hpp — whether a sender, or the platform that it sends to, may have requests now.
 */
#pragma once

namespace whatsapp
{

enum class Gate : unsigned char {
	shut,  /* disabled, paused, or its platform is down */
	probe, /* one in flight: to see whether the trouble is over */
	open,
};

} // namespace whatsapp
