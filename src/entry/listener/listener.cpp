/*
 * listener.cpp — the worker that takes Meta's webhooks for one database: verify, parse, commit, and
 * only then 200.
 *
 * Whatever has arrived together is committed together, so that durability does not cost a flush for
 * each delivery. Deliveries that a web tier left in a table by SQL go the same way.
 */
#include "entry/listener/inbox.hpp"
#include "entry/listener/metrics_door.hpp"
#include "entry/listener/single_event.hpp"

#include <cstdint>
#include <initializer_list>

#include "core/base/secret_text.hpp"
#include "pg/identity/account_ids.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/shutdown.hpp"
#include "pg/webhooks/deliveries.hpp"
#include "pg/webhooks/event_store.hpp"
#include "pg/webhooks/foreign_events.hpp"
#include "pg/server/counters.hpp"
#include "pg/server/fault_point.hpp"
#include "pg/server/settings.hpp"
#include "pg/server/seats.hpp"
#include "pg/server/secrets.hpp"
#include "pg/webhooks/token_question.hpp"
#include "pg/server/transaction.hpp"
#include "pg/server/wait_set.hpp"
#include "pg/server/worker.hpp"

#include "entry/launcher/worker_place.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace whatsapp::entry
{

namespace
{

/* a port that is taken is tried again with growing pauses, and said once */
constexpr std::int64_t first_retry_ms = 1000;
constexpr std::int64_t last_retry_ms = 60000;
/* anybody can send forged webhooks; the log tells of them, and is not filled by them */
constexpr std::int64_t complain_ms = 60000;
/* for a row that was written by hand */
constexpr std::int64_t look_ms = 5000;

struct Listener {
	Inbox *inbox;
	MetricsDoor *door;
	MemoryContext batch;

	char address[MAXPGPATH]; /* as it is wanted */
	bool bound;
	std::int64_t next_bind;
	std::int64_t bind_pause;

	bool rung;
	std::int64_t next_look;  /* for deliveries that came by SQL */
	std::int64_t look_pause; /* not 0 while one of them cannot be stored */

	std::int64_t next_judgement;
	std::int64_t next_complaint;
	bool unverifiable; /* deliveries wait for an app secret */
};

void
bind_address(Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	if (listener.bound || now < listener.next_bind)
		return;
	const char *error = nullptr;
	listener.bound = listener.inbox->bind_address(listener.address, error);
	if (listener.bound) {
		if (listener.address[0] != '\0')
			ereport(LOG, (errmsg("listening for WhatsApp webhooks on \"%s\"", listener.address)));
		return;
	}
	if (listener.bind_pause == first_retry_ms)
		ereport(LOG, (errmsg("could not listen for WhatsApp webhooks on \"%s\": %s",
		                     listener.address, error),
		              errhint("Another process may hold the address; it is tried again until "
		                      "it is free, or whatsapp.listen changes.")));
	listener.next_bind = now + listener.bind_pause;
	listener.bind_pause = Min(listener.bind_pause * 2, last_retry_ms);
}

/* Limits and secrets hold at once, and connections that are open stay, even when the address is
 * another one. */
void
configure_listener(Listener &listener)
{
	char address[MAXPGPATH];
	listen_address(worker_place(), address, sizeof address);
	if (strcmp(address, listener.address) != 0) {
		strlcpy(listener.address, address, sizeof listener.address);
		listener.bound = false;
	}
	listener.next_bind = 0;
	listener.bind_pause = first_retry_ms;
	listener.inbox->reload_settings();
	listener.door->reload_settings(pg::settings.metrics_listen);
}

/* There is one address for the whole cluster. The first listener to bind it has it; those of other
 * databases keep trying, in case it is given up. */
void
bind_door(Listener &listener)
{
	const char *error = nullptr;
	switch (listener.door->bind_address(pg::monotonic_ms(), error)) {
	case MetricsDoor::Bound::now:
		if (*pg::settings.metrics_listen != '\0')
			ereport(LOG,
			        (errmsg("serving WhatsApp metrics on \"%s\"", pg::settings.metrics_listen)));
		break;
	case MetricsDoor::Bound::first_failure:
		ereport(
		    worker_place() == 0 ? LOG : DEBUG1,
		    (errmsg("could not serve WhatsApp metrics on \"%s\": %s", pg::settings.metrics_listen,
		            error),
		     errhint("Another process may hold the address; it is tried again until it is free, "
		             "or whatsapp.metrics_listen changes.")));
		break;
	case MetricsDoor::Bound::unchanged:
		break;
	}
}

void
learn_secrets(Listener &listener)
{
	if (!listener.inbox->secrets_are_stale())
		return;
	if (!pg::run_transaction([&] {
		    pg::leave_without_extension(pg::Role::listener, worker_place());
		    std::size_t count;
		    const char *const *names = pg::account_names(count);
		    listener.inbox->learn_secrets(names, count);
		    const pg::AccountId *ids = pg::read_account_ids(count);
		    listener.inbox->learn_ids(ids, count);
	    }))
		listener.inbox->learn_secrets_again();
}

/* For wa_preflight(): a session never reads a secret, and is told no more than this. */
void
judge_credentials(Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	if (now < listener.next_judgement)
		return;
	listener.next_judgement = now + look_ms;
	static pg::Secret secret;
	for (int i = 0; i < count_of<Credential>; i++) {
		const auto credential = static_cast<Credential>(i);
		CredentialState state = CredentialState::absent;
		if (pg::read_secret(nullptr, word_of(credential), secret))
			state = credential != Credential::phone_number_id &&
			                secret_is_weak(word_of(credential), {secret.bytes, secret.length})
			            ? CredentialState::weak
			            : CredentialState::good;
		else if (secret.unreadable)
			continue;
		else if (secret.problem[0] != '\0')
			state = CredentialState::refused;
		pg::note_credential(credential, state);
	}
	pg::wipe_secret(secret);
}

void
answer_questions(Listener &listener)
{
	pg::TokenQuestion question;
	while (pg::next_question(question)) {
		learn_secrets(listener);
		pg::answer_token_question(question, listener.inbox->token_digest_matches(
		                                        question.digest, sizeof question.digest));
	}
}

void
admit_waiting(Listener &listener)
{
	const std::size_t count = pg::find_deliveries();
	listener.unverifiable = count > 0 && !listener.inbox->can_verify();
	if (listener.unverifiable)
		return;
	std::size_t admitted = 0;
	while (admitted < count && listener.inbox->admit_delivery(pg::delivery(admitted)))
		admitted++;
	/* look again at once: there may be more of them */
	if (admitted > 0)
		listener.next_look = 0;
}

void
look_for_deliveries(Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	if (now < listener.next_look && (!listener.rung || listener.look_pause > 0))
		return;
	listener.rung = false;
	listener.next_look = now + look_ms;
	learn_secrets(listener);
	pg::run_transaction([&] {
		pg::leave_without_extension(pg::Role::listener, worker_place());
		admit_waiting(listener);
	});
}

bool
store_deliveries(const Inbox::Delivery *deliveries, std::size_t count)
{
	return commit_or_repeat([&] {
		pg::leave_without_extension(pg::Role::listener, worker_place());
		auto *runs = static_cast<pg::EventRun *>(palloc(sizeof(pg::EventRun) * count));
		std::size_t size = 0;
		for (std::size_t i = 0; i < count; i++) {
			const Inbox::Delivery &delivery = deliveries[i];
			if (delivery.verdict == Inbox::BodyVerdict::malformed)
				pg::put_body_aside(delivery.body, delivery.body_size, pg::malformed_body);
			else if (delivery.verdict == Inbox::BodyVerdict::poisonous)
				pg::put_body_aside(delivery.body, delivery.body_size, pg::refused_body);
			else if (delivery.verdict == Inbox::BodyVerdict::good)
				runs[size++] = {delivery.events, delivery.event_count};
			if (delivery.verdict == Inbox::BodyVerdict::good && delivery.is_cut)
				pg::put_body_aside(delivery.body, delivery.body_size, pg::malformed_body);
			if (delivery.row != 0)
				pg::drop_delivery(delivery.row);
		}
		pg::store_events(runs, size);
		pg::fault_point(pg::FaultPoint::events_stored);
	});
}

/* One item that the database refuses must lose neither its delivery nor the others: each goes
 * alone. A status that cannot be applied, for a user's trigger on whatsapp_messages or a row that
 * somebody has locked, is left to the reader, who tries again; of what cannot even be stored, the
 * body is put aside. False when it is the database that is not ready, and Meta should come again.
 */
bool
store_item_by_item(const Inbox::Delivery &delivery, int &locks)
{
	if (delivery.verdict != Inbox::BodyVerdict::good)
		return store_deliveries(&delivery, 1);
	bool lost = false;
	for (std::size_t i = 0; i < delivery.event_count; i++) {
		if (store_single_event(delivery.events[i], locks))
			continue;
		if (pg::failure_passes() || pg::failure_is_of_schema())
			return false;
		lost = true;
	}
	if (!lost && !delivery.is_cut && delivery.row == 0)
		return true;
	return commit_or_repeat([&] {
		const bool refused =
		    lost && !pg::store_refused_events(delivery.events, delivery.event_count);
		if (refused || delivery.is_cut)
			pg::put_body_aside(delivery.body, delivery.body_size,
			                   refused ? pg::refused_body : pg::malformed_body);
		if (delivery.row != 0)
			pg::drop_delivery(delivery.row);
	});
}

/* Whoever sets the webhook up first presses the test button of Meta's dashboard, and wants to see
 * in the log that it works. */
void
report_tests(const Inbox::Delivery &delivery)
{
	for (std::size_t i = 0; i < delivery.event_count; i++)
		if (strcmp(delivery.events[i].kind, "test") == 0) {
			ereport(LOG,
			        (errmsg("a test of the WhatsApp webhook arrived from the app's dashboard"),
			         errdetail("It is kept in whatsapp_events as kind \"test\", and nothing was "
			                   "done about it.")));
			return;
		}
}

void
note_statuses(const Inbox::Delivery &delivery)
{
	for (std::size_t i = 0; i < delivery.event_count; i++)
		if (strcmp(delivery.events[i].kind, "status") == 0) {
			pg::note_status();
			return;
		}
}

void
serve_deliveries(Listener &listener)
{
	if (listener.inbox->has_request())
		learn_secrets(listener);
	std::size_t count;
	const Inbox::Delivery *deliveries = listener.inbox->take_deliveries(count);
	pg::fault_point(pg::FaultPoint::delivery_taken, count);
	const bool stored = count == 0 || store_deliveries(deliveries, count);
	pg::fault_point(pg::FaultPoint::events_committed, count);
	/* a full disk is the same for all of them, and so is a lock on what every item needs */
	bool hopeless = !stored && pg::failure_passes() && !pg::failure_is_lock();
	int locks = 0;
	bool stuck = false;
	for (std::size_t i = 0; i < count; i++) {
		pg::fault_point(pg::FaultPoint::half_answered, i == count / 2);
		if (stored || (!hopeless && store_item_by_item(deliveries[i], locks))) {
			listener.inbox->accept_delivery(i);
			report_tests(deliveries[i]);
			note_statuses(deliveries[i]);
		} else {
			listener.inbox->defer_delivery(i);
			hopeless = hopeless || pg::failure_passes();
			stuck = stuck || deliveries[i].row != 0;
		}
	}
	listener.inbox->finish_deliveries();
	pg::fault_point(pg::FaultPoint::all_answered, count);
	MemoryContextReset(listener.batch);
	if (stuck) {
		listener.look_pause =
		    listener.look_pause == 0 ? first_retry_ms : Min(listener.look_pause * 2, last_retry_ms);
		listener.next_look = pg::monotonic_ms() + listener.look_pause;
	} else if (count > 0) {
		listener.look_pause = 0;
	}
}

void
report_refused(Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	pg::report_foreign_events();
	if (now < listener.next_complaint)
		return;
	const Inbox::Refused refused = listener.inbox->take_refused();
	if (refused.signatures + refused.tokens + refused.requests == 0 && !listener.unverifiable)
		return;
	listener.next_complaint = now + complain_ms;
	const char *problem = listener.inbox->secret_problem();
	if (problem[0] != '\0')
		ereport(LOG, (errmsg("could not use a secret to verify WhatsApp webhooks: %s", problem)));
	if (listener.unverifiable)
		ereport(LOG,
		        (errmsg("WhatsApp webhook deliveries wait to be verified: no app secret is set"),
		         errhint("Set WHATSAPP_APP_SECRET or the file app_secret.")));
	if (refused.signatures + refused.tokens > 0)
		ereport(
		    LOG,
		    (errmsg("WhatsApp webhook requests were refused: %u",
		            refused.signatures + refused.tokens),
		     errdetail("Signature missing or wrong: %u. Verify token missing or wrong: %u.",
		               refused.signatures, refused.tokens),
		     errhint(
		         "If they are Meta's, check that WHATSAPP_APP_SECRET and WHATSAPP_WEBHOOK_VERIFY_TOKEN, or the files app_secret and "
		         "verify_token, match the app's settings there.")));
	if (refused.requests > 0)
		ereport(LOG, (errmsg("WhatsApp webhook requests were turned away: %llu",
		                     static_cast<unsigned long long>(refused.requests)),
		              errdetail("They were malformed, too large, too slow or too many.")));
}

long
wait_ms(const Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	std::int64_t until = listener.next_look;
	if (!listener.bound)
		until = Min(until, listener.next_bind);
	const long own = static_cast<long>(Max(until - now, 0));
	long wait = own;
	for (const long other : {listener.inbox->timeout_ms(), listener.door->timeout_ms()})
		wait = other < 0 ? wait : Min(wait, other);
	return wait;
}

} // namespace

} // namespace whatsapp::entry

extern "C" PGDLLEXPORT void
pg_whatsapp_listener_main(Datum)
{
	using namespace whatsapp;
	using namespace whatsapp::entry;

	pg::start_worker(pg::Role::listener, worker_place(), worker_database());

	static Listener listener;
	listener.batch =
	    AllocSetContextCreate(TopMemoryContext, "pg_whatsapp batch", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(listener.batch);
	const char *error = nullptr;
	listener.inbox = Inbox::create(error);
	if (listener.inbox == nullptr)
		ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("could not take WhatsApp webhooks: %s", error)));
	listener.door = MetricsDoor::create(error);
	if (listener.door == nullptr)
		ereport(FATAL, (errcode(ERRCODE_OUT_OF_MEMORY),
		                errmsg("could not serve WhatsApp metrics: %s", error)));
	pg::run_transaction([] { pg::count_start(); });
	configure_listener(listener);

	static pg::WaitSet waits(listener.inbox->descriptor(), "WhatsappListener",
	                         listener.door->descriptor());
	while (!pg::shutdown_requested()) {
		CHECK_FOR_INTERRUPTS();
		if (pg::reload_if_requested())
			configure_listener(listener);
		bind_address(listener);
		pg::note_loop(pg::Role::listener);
		pg::note_listening(listener.bound && listener.address[0] != '\0');
		bind_door(listener);
		listener.inbox->serve_requests();
		listener.door->serve_requests();
		answer_questions(listener);
		judge_credentials(listener);
		look_for_deliveries(listener);
		serve_deliveries(listener);
		report_refused(listener);
		if (waits.wait_for_event(wait_ms(listener)))
			listener.rung = true;
	}
	pg::end_worker();
}
