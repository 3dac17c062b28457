/*
 * counters.cpp — a table under a spinlock that is held for some additions or one copy.
 */
#include "pg/server/counters.hpp"

#include "pg/server/seats.hpp"
#include "pg/server/shared_memory.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "storage/spin.h"
#include "utils/timestamp.h"
}

namespace whatsapp::pg
{

namespace
{

static_assert(max_counted_databases == max_databases);
static_assert(max_name_bytes >= NAMEDATALEN);
static_assert(static_cast<int>(Role::reader) == static_cast<int>(Worker::reader) &&
              static_cast<int>(Role::listener) == static_cast<int>(Worker::listener) &&
              static_cast<int>(Role::sender) == static_cast<int>(Worker::sender));

constexpr char others[] = "(others)";

struct Counters {
	slock_t lock;
	WorkerFigures launcher;
	double scraped_at;
	int senders;
	DatabaseFigures database[max_counted_databases]; /* by place; without a name: none */
	PlacedSender sender[max_counted_senders];
};

Counters *counters = nullptr;
/* of this process; NULL when it is no worker of a database */
DatabaseFigures *own = nullptr;
int own_place = -1;
Role own_role;
int last_sender = -1;

void
attach_counters(void *memory, bool is_new)
{
	counters = static_cast<Counters *>(memory);
	if (is_new)
		SpinLockInit(&counters->lock);
}

SharedPart part("pg_whatsapp counters", sizeof(Counters), attach_counters);

/* The clerk comes and goes with its work. */
bool
is_watched(Role role)
{
	return static_cast<int>(role) < count_of<Worker>;
}

bool
is_own_sender(const PlacedSender &sender, const char *name)
{
	return sender.database == own_place && strcmp(sender.figures.name, name) == 0;
}

/* Under the lock. */
SenderFigures &
find_sender(const char *name, double now)
{
	if (last_sender >= 0 && is_own_sender(counters->sender[last_sender], name))
		return counters->sender[last_sender].figures;
	for (int i = 0; i < counters->senders; i++)
		if (is_own_sender(counters->sender[i], name)) {
			last_sender = i;
			return counters->sender[i].figures;
		}
	/* the last one of all is for all who have found no room */
	if (counters->senders >= max_counted_senders - 1) {
		PlacedSender &last = counters->sender[max_counted_senders - 1];
		counters->senders = max_counted_senders;
		if (last.figures.name[0] == '\0') {
			last.database = own_place;
			last.figures.since = now;
			strlcpy(last.figures.name, others, sizeof last.figures.name);
		}
		return last.figures;
	}
	last_sender = counters->senders++;
	PlacedSender &added = counters->sender[last_sender];
	memset(&added, 0, sizeof added);
	added.database = own_place;
	strlcpy(added.figures.name, name, sizeof added.figures.name);
	added.figures.since = now;
	return added.figures;
}

/* Under the lock; nothing in a process that is no worker of a database. No body raises. */
template <class Body>
void
change_own(Body body)
{
	if (own == nullptr)
		return;
	SpinLockAcquire(&counters->lock);
	body();
	SpinLockRelease(&counters->lock);
}

/* As many as there is room for. */
template <class Entry, std::size_t room>
void
put_list(Entry (&list)[room], int &length, const Entry *entries, int count)
{
	length = Min(count, static_cast<int>(room));
	memcpy(list, entries, sizeof(Entry) * static_cast<std::size_t>(length));
}

} // namespace

double
unix_seconds(std::int64_t timestamp)
{
	constexpr double epoch =
	    static_cast<double>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	return epoch + static_cast<double>(timestamp) / USECS_PER_SEC;
}

double
unix_now()
{
	return unix_seconds(GetCurrentTimestamp());
}

void
start_counting(Role role, int place, const char *database)
{
	if (counters == nullptr)
		return;
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	if (role == Role::launcher) {
		counters->launcher = {now, now};
	} else {
		own_place = place;
		own_role = role;
		own = &counters->database[place];
		if (strcmp(own->name, database) != 0) {
			memset(own, 0, sizeof *own);
			strlcpy(own->name, database, sizeof own->name);
			own->since = now;
		}
		if (is_watched(role))
			own->worker[static_cast<int>(role)] = {now, now};
	}
	SpinLockRelease(&counters->lock);
}

void
note_loop(Role role)
{
	if (counters == nullptr)
		return;
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	if (role == Role::launcher)
		counters->launcher.looped_at = now;
	else if (own != nullptr && is_watched(role))
		own->worker[static_cast<int>(role)].looped_at = now;
	SpinLockRelease(&counters->lock);
}

void
count_tried(const char *sender, Tried tried)
{
	if (own == nullptr || sender == nullptr)
		return;
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	SenderFigures &figures = find_sender(sender, now);
	figures.tried[static_cast<int>(tried)]++;
	if (tried == Tried::sent)
		figures.last_sent_at = now;
	SpinLockRelease(&counters->lock);
}

void
count_told(const char *sender, Told told)
{
	const double now = unix_now();
	change_own([&] { find_sender(sender, now).told[static_cast<int>(told)]++; });
}

void
note_latency(const char *sender, Step step, double seconds, std::int64_t message_id)
{
	if (own == nullptr || sender == nullptr)
		return;
	seconds = Max(seconds, 0);
	const int bucket = latency_bucket(seconds);
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	LatencyFigures &figures = find_sender(sender, now).latency[static_cast<int>(step)];
	figures.bucket[bucket]++;
	figures.sum += seconds;
	figures.example_id = message_id;
	figures.example_seconds = seconds;
	figures.example_at = now;
	SpinLockRelease(&counters->lock);
}

void
count_taken(Taken taken)
{
	const double now = unix_now();
	change_own([&] {
		own->taken[static_cast<int>(taken)]++;
		if (taken == Taken::stored)
			own->last_delivery_at = now;
	});
}

void
count_inbound()
{
	change_own([] { own->inbound++; });
}

void
note_status()
{
	if (own != nullptr)
		own->last_status_at = unix_now();
}

bool
is_counting_webhooks()
{
	return own != nullptr && (own_role == Role::listener || own_role == Role::reader);
}

void
note_listening(bool listening)
{
	if (own != nullptr)
		own->listening = listening;
}

void
note_wire(std::size_t in_flight, std::size_t slots)
{
	if (own == nullptr)
		return;
	own->in_flight = static_cast<std::int64_t>(in_flight);
	own->slots = static_cast<std::int64_t>(slots);
}

void
note_enabled(bool enabled)
{
	if (own != nullptr)
		own->enabled = enabled;
}

void
note_held(bool held)
{
	if (own != nullptr)
		own->held = held;
}

void
note_credential(Credential credential, CredentialState state)
{
	if (own != nullptr)
		own->credential[static_cast<int>(credential)] = state;
}

void
note_scrape()
{
	if (counters == nullptr)
		return;
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	counters->scraped_at = now;
	SpinLockRelease(&counters->lock);
}

void
note_days(const DayFigures *days, int count)
{
	change_own([&] { put_list(own->day, own->day_count, days, count); });
}

void
note_budgets(const BudgetFigures *budgets, int count)
{
	change_own([&] { put_list(own->budget, own->budget_count, budgets, count); });
}

void
note_costs(const CostFigures *costs, int count)
{
	const double now = unix_now();
	change_own([&] {
		put_list(own->cost, own->cost_count, costs, count);
		own->costs_at = now;
	});
}

void
note_templates(const std::int64_t (&count)[count_of<TemplateState>])
{
	change_own([&] { memcpy(own->templates, count, sizeof own->templates); });
}

void
note_opt_outs(const std::int64_t (&count)[count_of<OptOut>])
{
	change_own([&] { memcpy(own->opted_out, count, sizeof own->opted_out); });
}

void
note_token_end(double at)
{
	change_own([&] { own->token_ends_at = at; });
}

void
note_queue(const QueueFigures *figures, int count)
{
	const double now = unix_now();
	change_own([&] {
		put_list(own->queue, own->queue_count, figures, count);
		own->counted_at = now;
	});
}

void
note_senders(const SenderState *senders, std::size_t count)
{
	if (own == nullptr)
		return;
	const double now = unix_now();
	SpinLockAcquire(&counters->lock);
	for (int i = 0; i < counters->senders; i++)
		if (counters->sender[i].database == own_place)
			counters->sender[i].figures.is_known = false;
	for (std::size_t i = 0; i < count; i++) {
		SenderFigures &figures = find_sender(senders[i].name, now);
		figures.is_known = true;
		figures.enabled = senders[i].enabled;
		figures.quality_red = senders[i].quality_red;
		figures.pause = senders[i].pause;
		figures.paused_until = senders[i].paused_until;
		strlcpy(figures.limit, senders[i].limit == nullptr ? "" : senders[i].limit,
		        sizeof figures.limit);
	}
	SpinLockRelease(&counters->lock);
}

bool
read_figures(Figures &figures)
{
	if (counters == nullptr)
		return false;
	int place_of[max_counted_databases];
	figures.databases = figures.senders = 0;
	SpinLockAcquire(&counters->lock);
	figures.launcher = counters->launcher;
	figures.scraped_at = counters->scraped_at;
	SpinLockRelease(&counters->lock);
	/* one at a time: a spinlock is held for moments only */
	for (int i = 0; i < max_counted_databases; i++) {
		place_of[i] = -1;
		if (counters->database[i].name[0] == '\0')
			continue;
		SpinLockAcquire(&counters->lock);
		figures.database[figures.databases] = counters->database[i];
		SpinLockRelease(&counters->lock);
		place_of[i] = figures.databases++;
	}
	for (int i = 0; i < max_counted_senders && i < counters->senders; i++) {
		PlacedSender &copy = figures.sender[figures.senders];
		SpinLockAcquire(&counters->lock);
		copy = counters->sender[i];
		SpinLockRelease(&counters->lock);
		copy.database = place_of[copy.database];
		if (copy.database >= 0 && copy.figures.name[0] != '\0')
			figures.senders++;
	}
	return true;
}

bool
reset_counters(const char *database)
{
	if (counters == nullptr)
		return false;
	const double now = unix_now();
	bool found = false;
	SpinLockAcquire(&counters->lock);
	for (int i = 0; i < max_counted_databases; i++) {
		DatabaseFigures &each = counters->database[i];
		if (strcmp(each.name, database) != 0)
			continue;
		found = true;
		each.since = now;
		memset(each.taken, 0, sizeof each.taken);
		each.inbound = 0;
		for (int k = 0; k < counters->senders; k++) {
			SenderFigures &figures = counters->sender[k].figures;
			if (counters->sender[k].database != i)
				continue;
			figures.since = now;
			memset(figures.tried, 0, sizeof figures.tried);
			memset(figures.told, 0, sizeof figures.told);
			memset(figures.latency, 0, sizeof figures.latency);
		}
	}
	SpinLockRelease(&counters->lock);
	return found;
}

} // namespace whatsapp::pg
