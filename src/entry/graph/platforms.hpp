/*
 * platforms.hpp — what answers at each base URL, with its breaker. Each worker has its own.
 */
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/turn/breaker.hpp"

namespace whatsapp::entry
{

struct Platform {
	int group; /* a number for the senders that share it */
	Breaker breaker;
};

class Platforms
{
public:
	/* Made when it is asked for first. The reference stays valid. */
	Platform &
	find_platform(const std::string &base_url)
	{
		const int group = static_cast<int>(by_url_.size());
		return by_url_.try_emplace(base_url, Platform{group, Breaker()}).first->second;
	}

	/* The first time at which a breaker lets a probe through; 0 when none is shut. */
	std::int64_t
	next_probe_ms(std::int64_t now_ms) const noexcept
	{
		std::int64_t next = 0;
		for (const auto &platform : by_url_) {
			const std::int64_t at = platform.second.breaker.next_probe_ms(now_ms);
			if (at != 0 && (next == 0 || at < next))
				next = at;
		}
		return next;
	}

	void
	end_rests() noexcept
	{
		for (auto &platform : by_url_)
			platform.second.breaker.end_rest();
	}

	auto
	begin() const noexcept
	{
		return by_url_.begin();
	}
	auto
	end() const noexcept
	{
		return by_url_.end();
	}

private:
	std::map<std::string, Platform> by_url_;
};

} // namespace whatsapp::entry
