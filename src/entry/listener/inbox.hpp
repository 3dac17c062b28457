/*
 * inbox.hpp — deliveries between the HTTP server and the tables: verified, parsed, not yet stored.
 *
 * Like the dispatcher it owns what needs destructors, lives behind a static pointer and never
 * raises. What it can answer alone (the handshake, a wrong path, a wrong signature) it answers at
 * once. What costs much is done a piece at a time, so that the others are served in between.
 */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pg/identity/account_ids.hpp"
#include "pg/webhooks/deliveries.hpp"
#include "pg/webhooks/event.hpp"

namespace whatsapp::entry
{

class Inbox
{
public:
	/* malformed, poisonous: the body is to be put aside */
	enum class BodyVerdict { good, malformed, poisonous, forged };
	struct Delivery {
		BodyVerdict verdict;
		bool is_cut; /* the events are not all of it: the body is to be put aside, too */
		const pg::Event *events;
		std::size_t event_count;
		const char *body;
		std::size_t body_size;
		std::int64_t
		    row; /* in whatsapp_deliveries, to be dropped when it is stored; 0: came by HTTP */
	};

	/* What was refused since the last call of take_refused(). */
	struct Refused {
		unsigned signatures;
		unsigned tokens;
		std::uint64_t requests; /* by the server's limits */
	};

	/* NULL, and why in error, when memory fails. */
	static Inbox *create(const char *&error) noexcept;
	Inbox(const Inbox &) = delete;
	Inbox &operator=(const Inbox &) = delete;

	/* New connections are taken at this address from now on, and nowhere when it is empty or cannot
	 * be bound (false, and why in error, a string that lives long enough to be logged). */
	bool bind_address(const char *address, const char *&error) noexcept;

	/* The limits hold at once, and secrets are read again. */
	void reload_settings() noexcept;

	/* Whether secrets were read more than a second ago: then learn_secrets() must be called before
	 * anything is verified. names: of the accounts beside the default one. */
	bool secrets_are_stale() const noexcept;
	void learn_secrets(const char *const *names, std::size_t count) noexcept;
	/* The ids by which Meta names the accounts, so that the right secret is tried first. */
	void learn_ids(const pg::AccountId *ids, std::size_t count) noexcept;
	/* Reads the secrets of the accounts that are known by now. */
	void learn_secrets_again() noexcept;
	/* Whether there is an app secret, with which deliveries can be verified. */
	bool can_verify() const noexcept;
	/* Why a secret could not be had; empty when there was no trouble. */
	const char *secret_problem() const noexcept;
	bool token_digest_matches(const char *digest, std::size_t length) const noexcept;

	void serve_requests() noexcept;
	int descriptor() const noexcept;
	long timeout_ms() const noexcept;

	/* Whether a request waits for take_deliveries(). */
	bool has_request() const noexcept;

	/* A delivery that came by SQL joins the next take_deliveries(). poisonous: its body is put
	 * aside unread. False when there is no room: it has to wait for a later call. */
	bool admit_delivery(const pg::WaitingDelivery &delivery) noexcept;

	/* The deliveries that wait to be stored; valid until finish_deliveries(). Each is answered by
	 * accept_delivery() or defer_delivery(). */
	const Delivery *take_deliveries(std::size_t &count) noexcept;
	void finish_deliveries() noexcept;

	Refused take_refused() noexcept;

	/* Stored and committed: 200. */
	void accept_delivery(std::size_t index) noexcept;
	/* The database would not have it: 503, so that Meta sends it again. */
	void defer_delivery(std::size_t index) noexcept;

private:
	struct State;
	explicit Inbox(State *state) noexcept : state_(state) {}
	State *state_;
};

} // namespace whatsapp::entry
