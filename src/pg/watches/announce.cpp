/*
 * announce.cpp — one query for all rows of a statement; its result becomes messages, some hundred
 * at a time.
 *
 * What fails is tried again in halves, until the bad row stands alone: the others are announced.
 */
#include "pg/watches/announce.hpp"

#include "pg/enqueue/messages.hpp"
#include "pg/server/replication.hpp"
#include "pg/watches/announced_rows.hpp"
#include "pg/watches/following_messages.hpp"
#include "pg/watches/status_column.hpp"
#include "pg/watches/watch_errors.hpp"
#include "pg/watches/watch_items.hpp"
#include "pg/watches/watch_query.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

/* The work of one watch on one range of a statement's rows. */
struct Announcing {
	const WatchDefinition &watch;
	WatchRows rows;
	AnnouncementTaker *taker; /* NULL: they are enqueued */
	/* messages that wait are moved and cancelled, and new ones are counted only */
	bool only_follows = false;
	std::int64_t left_out = 0;
	bool planned = false;
	/* used for each chunk anew */
	Announcement *announcements = nullptr;
	MessageBatch *batch = nullptr;
};

constexpr int announced_at_once = 200;

/* Where statuses are written back, it is noted of which row a message is. */
void
write_announcements(const Announcing &announcing, int count, bool in_batch)
{
	const WatchDefinition &watch = announcing.watch;
	const bool links =
	    watch.status_column != nullptr && announcing.rows.event != WatchEvent::deleted;
	for (int i = 0; i < count; i++) {
		Announcement &announcement = announcing.announcements[i];
		announcement.message.key_is_new = in_batch;
		std::int64_t id = 0;
		if (announcement.refused != nullptr)
			id = record_refused(announcement.message, *announcement.refused);
		else if (links && announcement.message.idempotency_key == nullptr)
			id = enqueue_message(announcement.message);
		else
			add_message(*announcing.batch, announcement.message);
		if (links && id != 0 && announcement.row_key != nullptr)
			link_message(watch, id, announcement.row_key);
	}
	end_message_batch(*announcing.batch);
	if (links)
		link_announcements(watch, announcing.announcements, count);
}

/* Announcements that wait for other rows become items. Refused ones are recorded at once. */
void
keep_items(const Announcing &announcing, int count)
{
	const WatchDefinition &watch = announcing.watch;
	Announcement *announcements = announcing.announcements;
	int good = 0;
	for (int i = 0; i < count; i++) {
		const Announcement &announcement = announcements[i];
		if (announcement.refused == nullptr) {
			announcements[good++] = announcement;
			continue;
		}
		const std::int64_t id = record_refused(announcement.message, *announcement.refused);
		if (watch.status_column != nullptr && announcement.row_key != nullptr &&
		    announcing.rows.event != WatchEvent::deleted)
			link_message(watch, id, announcement.row_key);
	}
	if (good > 0)
		add_watch_items(watch, announcements, good);
}

/* Messages with a key are first written as a batch, on the guess that none of the keys is there
 * yet. */
void
enqueue_announcements(Announcing &announcing, int count)
{
	Announcement *announcements = announcing.announcements;
	if (collects_rows(announcing.watch)) {
		keep_items(announcing, count);
		return;
	}
	const WatchEvent event = announcing.rows.event;
	const bool follows = announcing.watch.due != nullptr;
	if (follows)
		count = event == WatchEvent::inserted
		            ? drop_unwanted(announcements, count)
		            : follow_rows(announcing.watch, event, announcements, count);
	/* a row that was changed has often been announced before; one that is new hardly ever */
	if (event != WatchEvent::inserted || looks_at_all_senders(announcing.watch))
		count = drop_announced(announcing.watch, announcements, count);
	if (announcing.only_follows) {
		announcing.left_out += count;
		return;
	}
	if (count == 0)
		return;
	bool keyed = false;
	for (int i = 0; i < count; i++)
		keyed = keyed || announcements[i].message.idempotency_key != nullptr;
	if (!keyed) {
		write_announcements(announcing, count, true);
		return;
	}
	Problem problem;
	if (try_body_apart(problem, 0, [&] { write_announcements(announcing, count, true); }))
		return;
	if (!problem_is_repeat(problem))
		raise_problem(problem);
	forget_message_batch(*announcing.batch);
	/* a row that was deleted before has its key still */
	if (follows && event == WatchEvent::inserted)
		count = follow_rows(announcing.watch, event, announcements, count);
	count = drop_announced(announcing.watch, announcements, count);
	write_announcements(announcing, count, false);
}

[[noreturn]] void
reject_announcement(const WatchDefinition &watch, const Announcement &refused)
{
	Failure why = *refused.refused;
	char detail[sizeof why.detail];
	snprintf(detail, sizeof detail, "%s%sIt is of watch \"%s\" and row %s.", why.detail,
	         why.detail[0] == '\0' ? "" : " ", watch.name,
	         refused.row_key == nullptr ? "without a key" : refused.row_key);
	strlcpy(why.detail, detail, sizeof why.detail);
	raise_failure(why);
}

void
take_chunk(Announcing &announcing, const Result &rows)
{
	Announcement *announcements = announcing.announcements;
	TemplateInUse template_in_use = {};
	int count = 0;
	for (uint64 i = 0; i < rows.count(); i++) {
		Announcement &announcement = announcements[count];
		compose_announcement(announcing.watch, announcing.rows.event, rows, i, template_in_use,
		                     announcement);
		if (is_silenced(announcing.watch, announcing.rows.event, announcement.row_key))
			continue;
		if (announcing.taker != nullptr && announcement.wanted)
			announcing.taker->take(*announcing.taker, announcing.watch, announcement);
		else if (announcement.refused != nullptr && announcement.wanted && announcing.watch.rejects)
			reject_announcement(announcing.watch, announcement);
		count++;
	}
	if (announcing.taker == nullptr && count > 0)
		enqueue_announcements(announcing, count);
}

/* The results of our statements live until SPI is left, so each chunk has a connection of its
 * own. */
bool
fetch_chunk(Announcing &announcing, Portal cursor)
{
	const WatchOwner session = begin_watch_owner(announcing.watch);
	const Result rows = fetch_rows(cursor, announced_at_once);
	end_watch_owner(session);
	const bool more = rows.count() == announced_at_once;
	if (!rows.empty()) {
		MemoryContext memory =
		    AllocSetContextCreate(CurrentMemoryContext, "announcements", ALLOCSET_DEFAULT_SIZES);
		SPI_connect();
		MemoryContext spi = MemoryContextSwitchTo(memory);
		take_chunk(announcing, rows);
		MemoryContextSwitchTo(spi);
		SPI_finish();
		MemoryContextDelete(memory);
	}
	free_rows(rows);
	CHECK_FOR_INTERRUPTS();
	return more;
}

void
announce_range(Announcing &announcing)
{
	SPI_connect();
	register_rows(announcing.rows);
	const WatchOwner session = begin_watch_owner(announcing.watch);
	SPIPlanPtr plan =
	    plan_watch_query(announcing.watch, announcing.rows, WatchQuery::announcements);
	Portal cursor = SPI_cursor_open(nullptr, plan, nullptr, nullptr, false);
	end_watch_owner(session);
	announcing.planned = true;
	announcing.announcements =
	    static_cast<Announcement *>(palloc(sizeof(Announcement) * announced_at_once));
	announcing.batch = begin_message_batch();
	while (fetch_chunk(announcing, cursor))
		;
	SPI_cursor_close(cursor);
	SPI_finish();
}

void
note_trouble(WatchTrouble &trouble, const Problem &problem, const WatchRows &rows)
{
	if (trouble.rows == 0) {
		trouble.problem = problem;
		Problem other;
		if (!try_body_apart(other, 0, [&] {
			    strlcpy(trouble.first_row, describe_first_row(rows), sizeof trouble.first_row);
		    }))
			strlcpy(trouble.first_row, "a row that cannot be read", sizeof trouble.first_row);
	}
	trouble.rows += rows.count;
}

/* Ranges of a statement's rows. */
struct Ranges {
	WatchRows *list;
	int count;
	int room;
};

void
add_range(Ranges &ranges, const WatchRows &rows)
{
	if (ranges.count == ranges.room) {
		ranges.room *= 2;
		ranges.list = static_cast<WatchRows *>(
		    repalloc(ranges.list, sizeof(WatchRows) * static_cast<Size>(ranges.room)));
	}
	ranges.list[ranges.count++] = rows;
}

/* What is done with the rows of a statement, and what came of it. */
struct HalvedWork {
	void (*work)(Announcing &announcing);
	bool only_follows = false;
	WatchTrouble trouble = {};
	Ranges *done = nullptr; /* where it was done, if that matters */
	std::int64_t left_out = 0;
};

/* Whether the rows are in work.done now, so that their store is still needed. */
bool
work_in_halves(const WatchDefinition &watch, const WatchRows &rows, HalvedWork &work)
{
	Announcing announcing = {watch, rows, nullptr, work.only_follows};
	WatchTrouble &trouble = work.trouble;
	Problem problem;
	check_stack_depth();
	if (trouble.given_up) {
		trouble.rows += rows.count;
		return false;
	}
	if (try_body_apart(problem, 0, [&] { work.work(announcing); })) {
		work.left_out += announcing.left_out;
		if (work.done != nullptr)
			add_range(*work.done, rows);
		return work.done != nullptr;
	}
	/* where changes are applied, the server tries the whole transaction again */
	if (somebody_cancels(problem) || (applies_changes() && problem_passes(problem)))
		raise_problem(problem);
	trouble.given_up = ends_the_attempts(problem);
	if (!announcing.planned || rows.count < 2 || trouble.given_up) {
		note_trouble(trouble, problem, rows);
		return false;
	}
	WatchRows left;
	WatchRows right;
	split_rows(rows, left, right);
	if (!work_in_halves(watch, left, work))
		tuplestore_end(left.store);
	if (!work_in_halves(watch, right, work))
		tuplestore_end(right.store);
	return false;
}

void
withdraw_range(Announcing &announcing)
{
	withdraw_messages(announcing.watch, announcing.rows, announcing.planned);
}

/* Whether messages that wait may have to be moved or cancelled. */
bool
follows_changes(const WatchDefinition &watch, WatchEvent event)
{
	return watch.due != nullptr && event != WatchEvent::inserted;
}

/* Messages that are cancelled go first, of all rows. A row that fails there is not announced. */
HalvedWork
announce_apart(const WatchDefinition &watch, const WatchRows &rows, bool only_follows)
{
	HalvedWork announcing = {announce_range, only_follows};
	if (!follows_changes(watch, rows.event)) {
		(void)work_in_halves(watch, rows, announcing);
		return announcing;
	}
	Ranges ranges = {static_cast<WatchRows *>(palloc(sizeof(WatchRows))), 0, 1};
	HalvedWork withdrawing = {withdraw_range};
	withdrawing.done = &ranges;
	(void)work_in_halves(watch, rows, withdrawing);
	announcing.trouble = withdrawing.trouble;
	for (int i = 0; i < ranges.count; i++) {
		if (rows.event != WatchEvent::deleted)
			(void)work_in_halves(watch, ranges.list[i], announcing);
		if (ranges.list[i].store != rows.store)
			tuplestore_end(ranges.list[i].store);
	}
	return announcing;
}

/* The same in reject mode. Returns how many messages were left out. */
std::int64_t
announce_or_raise(const WatchDefinition &watch, const WatchRows &rows, bool only_follows)
{
	Announcing announcing = {watch, rows, nullptr, only_follows};
	if (follows_changes(watch, rows.event))
		withdraw_range(announcing);
	if (!follows_changes(watch, rows.event) || rows.event != WatchEvent::deleted)
		announce_range(announcing);
	return announcing.left_out;
}

/* Stands in the chain of error contexts as long as a watch is at work, and is_at_work() looks for
 * it there: after an error, the server itself takes it out of the chain. */
extern "C" void
name_watch(void *argument)
{
	errcontext("watch \"%s\"", static_cast<const WatchDefinition *>(argument)->name);
}

bool
is_at_work(const WatchDefinition &watch)
{
	for (ErrorContextCallback *one = error_context_stack; one != nullptr; one = one->previous)
		if (one->callback == name_watch && one->arg == &watch)
			return true;
	return false;
}

/* Sets why there are to be no messages of a statement: of none of its rows, or no new ones. */
enum class Allowed { all, no_new_ones, nothing };
Allowed
check_statement(const WatchDefinition &watch, const WatchRows &rows, Problem &problem)
{
	if (is_at_work(watch)) {
		strlcpy(problem.sqlstate, "54001", sizeof problem.sqlstate);
		strlcpy(problem.message, "watch changes the table that it watches", sizeof problem.message);
		return Allowed::nothing;
	}
	if (rows.count > watch.max_rows) {
		strlcpy(problem.sqlstate, "54000", sizeof problem.sqlstate);
		snprintf(problem.message, sizeof problem.message,
		         "statement has " INT64_FORMAT
		         " rows, more than max_rows of the watch (" INT64_FORMAT ")",
		         rows.count, watch.max_rows);
		return follows_changes(watch, rows.event) ? Allowed::no_new_ones : Allowed::nothing;
	}
	return Allowed::all;
}

} // namespace

void
announce_rows(const WatchDefinition &watch, const WatchRows &rows)
{
	if (rows.count == 0)
		return;
	WatchTrouble trouble = {};
	Problem problem;
	ErrorContextCallback callback = {error_context_stack, name_watch,
	                                 const_cast<WatchDefinition *>(&watch)};
	const Allowed allowed = check_statement(watch, rows, problem);
	const bool only_follows = allowed == Allowed::no_new_ones;
	WatchRows left_out = rows;
	error_context_stack = &callback;
	if (allowed == Allowed::nothing) {
		if (watch.rejects)
			raise_problem(problem);
	} else if (watch.rejects) {
		left_out.count = announce_or_raise(watch, rows, only_follows);
		if (left_out.count > 0)
			raise_problem(problem);
	} else {
		const HalvedWork done = announce_apart(watch, rows, only_follows);
		trouble = done.trouble;
		left_out.count = done.left_out;
	}
	if (left_out.count > 0)
		note_trouble(trouble, problem, left_out);
	if (trouble.rows > 0)
		record_trouble(watch, rows.event, trouble);
	error_context_stack = callback.previous;
}

void
announce_nothing(const WatchDefinition &watch, WatchEvent event, const Problem &why,
                 std::int64_t rows)
{
	if (watch.rejects)
		raise_problem(why);
	WatchTrouble trouble = {rows, why, "unknown", false};
	record_trouble(watch, event, trouble);
}

void
preview_rows(const WatchDefinition &watch, const WatchRows &rows, AnnouncementTaker &taker)
{
	Announcing announcing = {watch, rows, &taker};
	announce_range(announcing);
}

} // namespace whatsapp::pg
