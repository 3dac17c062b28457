/*
 * listener.cpp — the worker that takes Meta's webhooks for one database: verify, parse, commit, and
 * only then 200.
 *
 * Whatever has arrived together is committed together, so that durability does not cost a flush for
 * each delivery.
 */
#include "entry/inbox.hpp"

#include <cstdint>

#include "pg/shmem.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "pg/wait_set.hpp"
#include "pg/worker.hpp"

#include "entry/entry.hpp"

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

struct Listener {
	Inbox *inbox;
	MemoryContext batch;
	char address[MAXPGPATH];
	std::int64_t next_complaint;
};

bool
store(const Inbox::Delivery *deliveries, std::size_t count)
{
	return pg::transact([&] {
		pg::leave_without_extension(pg::Role::listener, worker_place());
		auto *batches = static_cast<pg::Batch *>(palloc(sizeof(pg::Batch) * count));
		std::size_t size = 0;
		for (std::size_t i = 0; i < count; i++) {
			if (deliveries[i].events == nullptr)
				pg::quarantine(deliveries[i].body, deliveries[i].body_size);
			else
				batches[size++] = {deliveries[i].events, deliveries[i].event_count};
		}
		pg::store_events(batches, size);
	});
}

/* One item that the database refuses must lose neither its delivery nor the others: each goes
 * alone, and what still fails is kept raw. False when it is the database that is not ready, and
 * Meta should come again. */
bool
store_item_by_item(const Inbox::Delivery &delivery)
{
	if (delivery.events == nullptr)
		return store(&delivery, 1);
	bool lost = false;
	for (std::size_t i = 0; i < delivery.event_count; i++) {
		if (pg::transact([&] { pg::store_events(delivery.events + i, 1); }))
			continue;
		if (pg::failure_passes())
			return false;
		lost = true;
	}
	return !lost || pg::transact([&] { pg::quarantine(delivery.body, delivery.body_size); });
}

void
serve(Listener &listener)
{
	std::size_t count;
	const Inbox::Delivery *deliveries = listener.inbox->take(count);
	if (count == 0)
		return;
	const bool stored = store(deliveries, count);
	/* a lock or a full disk is the same for all of them */
	const bool hopeless = !stored && pg::failure_passes();
	for (std::size_t i = 0; i < count; i++) {
		if (stored || (!hopeless && store_item_by_item(deliveries[i])))
			listener.inbox->accept(i);
		else
			listener.inbox->defer(i);
	}
	MemoryContextReset(listener.batch);
}

void
complain(Listener &listener)
{
	const std::int64_t now = pg::monotonic_ms();
	if (now < listener.next_complaint)
		return;
	const unsigned refused = listener.inbox->take_refused();
	if (refused == 0)
		return;
	listener.next_complaint = now + complain_ms;
	ereport(
	    LOG,
	    (errmsg("WhatsApp webhook requests were refused: %u", refused),
	     errdetail("Their signature or their verify token was missing or wrong."),
	     errhint(
	         "If they are Meta's, check that WHATSAPP_APP_SECRET and WHATSAPP_WEBHOOK_VERIFY_TOKEN, or the files app_secret and "
	         "verify_token, match the app's settings there.")));
}

/* Until it is bound, or the address or the process is wanted no more. */
void
bind(Listener &listener)
{
	pg::WaitSet waits(-1, "WhatsappListenerBind");
	std::int64_t pause = first_retry_ms;
	while (!pg::shutdown_requested()) {
		CHECK_FOR_INTERRUPTS();
		listen_address(worker_place(), listener.address, sizeof listener.address);
		if (listener.address[0] == '\0')
			pg::leave();
		const char *error = nullptr;
		listener.inbox = Inbox::create(listener.address, error);
		if (listener.inbox != nullptr)
			break;
		if (pause == first_retry_ms)
			ereport(LOG, (errmsg("could not listen for WhatsApp webhooks on \"%s\": %s",
			                     listener.address, error),
			              errhint("Another process may hold the address; it is tried again until "
			                      "it is free, or whatsapp.listen changes.")));
		waits.wait(static_cast<long>(pause));
		pause = Min(pause * 2, last_retry_ms);
		if (pg::reload_if_requested())
			pause = first_retry_ms;
	}
	waits.close();
}

/* The new limits and secrets hold at once; a new address means a new start, which the launcher
 * makes. */
void
reload(Listener &listener)
{
	char address[MAXPGPATH];
	listen_address(worker_place(), address, sizeof address);
	if (strcmp(address, listener.address) != 0)
		pg::leave();
	listener.inbox->reload();
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
	bind(listener);
	if (pg::shutdown_requested())
		pg::leave();
	ereport(LOG, (errmsg("listening for WhatsApp webhooks on \"%s\"", listener.address)));

	static pg::WaitSet waits(listener.inbox->descriptor(), "WhatsappListener");
	while (!pg::shutdown_requested()) {
		CHECK_FOR_INTERRUPTS();
		if (pg::reload_if_requested())
			reload(listener);
		listener.inbox->run();
		serve(listener);
		complain(listener);
		waits.wait(listener.inbox->timeout_ms());
	}
	pg::leave();
}
