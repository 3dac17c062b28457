/*
 * desk.hpp — the clerk's hands: claimed requests become calls, answers become what is to be
 * written.
 *
 * It owns what needs destructors and is reached by a static pointer only, so that no server error
 * can jump over it. Every function is noexcept.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "entry/clerk/written_answer.hpp"
#include "pg/requests/requests.hpp"

namespace whatsapp::entry
{

class Desk
{
public:
	/* NULL when memory or libcurl fails. */
	static Desk *create() noexcept;
	Desk(const Desk &) = delete;
	Desk &operator=(const Desk &) = delete;

	void reload_settings() noexcept;

	/* False: nothing may be claimed at all. */
	bool busy_accounts(std::int64_t now_ms, pg::BusyAccounts &busy) noexcept;

	/* Takes a request that was marked by a commit, and makes its first call. False when there was
	 * no memory for it: nothing of it has left then. */
	bool begin_request(const pg::ClaimedRequest &claimed) noexcept;

	/* Serves the sockets and judges what has been answered. */
	void collect_answers() noexcept;

	/* The next answer that is to be written now. False: there is none. */
	bool next_answer(std::int64_t now_ms, WrittenAnswer &answer) noexcept;
	/* The answer was written: the request ends, or its next call is made. */
	void answer_written(std::int64_t id) noexcept;
	/* The answer could not be written. It is handed out again after a while; without_rows: as a
	 * failure. */
	void answer_kept(std::int64_t id, std::int64_t now_ms, bool without_rows) noexcept;

	std::size_t in_hand() const noexcept;
	int descriptor() const noexcept;
	/* Milliseconds until there may be something to do; -1 for nothing. */
	long timeout_ms(std::int64_t now_ms) const noexcept;

private:
	struct State;
	explicit Desk(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
