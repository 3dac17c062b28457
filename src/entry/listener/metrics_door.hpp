/*
 * metrics_door.hpp — the address where monitoring asks: pages made of shared memory alone.
 *
 * It is an address of its own: what Meta and the whole world can reach must not show these pages,
 * and a flood there must not shut monitoring out. Every function is noexcept.
 */
#pragma once

#include <cstdint>

namespace whatsapp::entry
{

class MetricsDoor
{
public:
	/* Not bound to an address yet. NULL, and why in error, when memory fails. */
	static MetricsDoor *create(const char *&error) noexcept;
	MetricsDoor(const MetricsDoor &) = delete;
	MetricsDoor &operator=(const MetricsDoor &) = delete;

	/* The address as it is wanted now; empty for none. */
	void reload_settings(const char *address) noexcept;
	enum class Bound { unchanged, now, first_failure };
	/* To be called in each turn. It tries to bind once in a while, as long as it is not bound. */
	Bound bind_address(std::int64_t now_ms, const char *&error) noexcept;

	int descriptor() const noexcept;
	long timeout_ms() const noexcept;
	void serve_requests() noexcept;

private:
	struct State;
	explicit MetricsDoor(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
