/*
 * dispatcher.hpp — the sender's hands: claimed rows become requests, answers become results to be
 * written.
 *
 * It owns what needs destructors and is reached by a static pointer only, so that no server error
 * can jump over it. Every function is noexcept; strings handed out live until forget_results().
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/queue/queue.hpp"

namespace whatsapp::pg
{
struct Instance;
}

namespace whatsapp::entry
{

class Line;

class Dispatcher
{
public:
	/* NULL when memory or libcurl fails. */
	static Dispatcher *create(Line &line) noexcept;
	Dispatcher(const Dispatcher &) = delete;
	Dispatcher &operator=(const Dispatcher &) = delete;

	/* Settings may have changed; secrets are read again before the next request. */
	void reload_settings() noexcept;

	/* A secret has been replaced since the last time, or is there at last. */
	bool has_new_secret() noexcept;

	/* To be called when there may soon be something to send: reads the secrets that would have to
	 * be read then. */
	void refresh_secrets() noexcept;

	/* Reserves memory for so many more results. False when there is none: then nothing may be
	 * claimed, since what becomes of a claimed message must never get lost for lack of memory. */
	bool reserve_slots(std::size_t count) noexcept;

	/* Takes a claimed and committed row: sends its request, or adds a result with the reason why
	 * not. */
	void send_message(const pg::Claimed &row, const pg::Instance &instance) noexcept;

	/* Serves the sockets and judges what has been answered. */
	void collect_answers() noexcept;

	/* Tells the line which messages have ended since the last call. To be called before results(),
	 * which sorts them. */
	void report_ends() noexcept;

	/* What waits to be written, in order of id. */
	const pg::Settled *results(std::size_t &count) noexcept;
	/* The first ones, or all. */
	void forget_results(std::size_t count = SIZE_MAX) noexcept;
	/* One of results() that could not be written: see kept_answers.hpp. */
	void keep_result(std::size_t place) noexcept;
	std::size_t kept_count() const noexcept;
	/* The first of them, most at most; good until forget_kept(). */
	const pg::Settled *kept_results(std::size_t most, std::size_t &count) noexcept;
	/* The first ones, as many as tried, have been tried: those that were written are dropped, the
	 * others go to the end. */
	void forget_kept(const bool *written, std::size_t tried) noexcept;
	bool has_results() const noexcept;
	std::size_t result_count() const noexcept;

	std::size_t in_flight() const noexcept;

	/* On the wire, or among the results. */
	bool has_in_hand(std::int64_t id) const noexcept;

	/* How many bytes the bodies of further requests may have. */
	std::size_t free_bytes() const noexcept;

	/* After a burst of large messages, when none is left on the wire. */
	void give_back_memory() noexcept;

	/* How many requests can be on the wire at once. */
	std::size_t slots() const noexcept;
	int descriptor() const noexcept;

	/* Before the process leaves: nothing is sent after it. */
	void stop_client() noexcept;

private:
	struct State;
	explicit Dispatcher(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
