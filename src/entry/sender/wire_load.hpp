/*
 * wire_load.hpp — how much is on the wire, in requests and in bytes, and how much may be.
 */
#pragma once

#include <cstddef>
#include <string_view>

namespace whatsapp::entry
{

class WireLoad
{
public:
	void add_request(std::size_t bytes) noexcept;
	void end_request(std::size_t bytes) noexcept;
	/* multiplexed: by HTTP/2, over a connection that many requests share. */
	void note_answer(bool tls, bool multiplexed) noexcept;

	/* Requests that can be on the wire at once. Over HTTP/1.1 one per connection: more than that
	 * would only be marked as sending and wait inside libcurl, and each would be in doubt after a
	 * crash. A gateway may speak nothing but HTTP/1.1, over TLS, too: this is learnt from its
	 * answers. */
	std::size_t slots(std::string_view base_url, std::size_t max_in_flight,
	                  std::size_t max_connections) const noexcept;

	/* How many bytes the bodies of further requests may have. */
	std::size_t free_bytes() const noexcept;

	/* After a burst of large bodies, when none is left: their memory goes back to the system. */
	void give_back_memory() noexcept;

private:
	std::size_t bytes_ = 0;
	std::size_t bytes_lately_ = 0; /* that were sent since memory was given back */
	bool multiplexed_ = false;
};

} // namespace whatsapp::entry
