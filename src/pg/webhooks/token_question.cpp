/*
 * token_question.cpp — questions stand in a few places of shared memory. A few are enough: a
 * handshake happens once per change of the app's settings.
 */
#include "pg/webhooks/token_question.hpp"

#include <cstdint>

#include "pg/server/bells.hpp"
#include "pg/server/clock.hpp"
#include "pg/server/shared_memory.hpp"
#include "pg/server/transaction_end.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
}

namespace whatsapp::pg
{

namespace
{

constexpr int max_questions = 64;
/* a database whose listener does not answer must not keep the others from asking */
constexpr int max_of_database = 8;
constexpr std::int64_t patience_ms = 5000;
/* the listener may be starting just now: it is rung again and again until it answers */
constexpr long ring_again_ms = 100;

struct Slate {
	int pid; /* 0: free */
	Oid database;
	Latch *asker; /* of its PGPROC */
	unsigned ticket;
	bool answered;
	bool right;
	char digest[token_digest_length];
};

struct Slates {
	slock_t lock;
	unsigned last_ticket;
	Slate slate[max_questions];
};

Slates *slates = nullptr;
int my_slate = -1;

bool
write_question(const char *digest)
{
	SpinLockAcquire(&slates->lock);
	int own = 0;
	for (const Slate &slate : slates->slate)
		own += slate.pid != 0 && slate.database == MyDatabaseId ? 1 : 0;
	for (int i = 0; i < max_questions && my_slate < 0 && own < max_of_database; i++) {
		Slate &slate = slates->slate[i];
		if (slate.pid != 0)
			continue;
		slate.pid = MyProcPid;
		slate.database = MyDatabaseId;
		slate.asker = MyLatch;
		slate.ticket = ++slates->last_ticket;
		slate.answered = slate.right = false;
		memcpy(slate.digest, digest, token_digest_length);
		my_slate = i;
	}
	SpinLockRelease(&slates->lock);
	return my_slate >= 0;
}

TokenAnswer
read_answer()
{
	SpinLockAcquire(&slates->lock);
	const Slate &slate = slates->slate[my_slate];
	const TokenAnswer answer = !slate.answered ? TokenAnswer::none
	                           : slate.right   ? TokenAnswer::right
	                                           : TokenAnswer::wrong;
	SpinLockRelease(&slates->lock);
	return answer;
}

void
attach_slates(void *memory, bool is_new)
{
	slates = static_cast<Slates *>(memory);
	if (is_new)
		SpinLockInit(&slates->lock);
}

SharedPart part("pg_whatsapp token questions", sizeof(Slates), attach_slates);

void
withdraw_question()
{
	if (my_slate < 0)
		return;
	SpinLockAcquire(&slates->lock);
	slates->slate[my_slate].pid = 0;
	SpinLockRelease(&slates->lock);
	my_slate = -1;
}

void
withdraw_own_question(bool)
{
	withdraw_question();
}

/* After an error, the question may still be there: it is withdrawn at the end of the
 * transaction. */
TransactionEnd at_end(nullptr, withdraw_own_question);

} // namespace

TokenAnswer
ask_about_token(const char *digest)
{
	if (slates == nullptr || !write_question(digest))
		return TokenAnswer::none;
	const std::int64_t end = monotonic_ms() + patience_ms;
	TokenAnswer answer;
	while ((answer = read_answer()) == TokenAnswer::none && monotonic_ms() < end) {
		ring_listener();
		WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ring_again_ms,
		          PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	withdraw_question();
	return answer;
}

bool
next_question(TokenQuestion &question)
{
	bool found = false;
	SpinLockAcquire(&slates->lock);
	for (int i = 0; i < max_questions && !found; i++) {
		const Slate &slate = slates->slate[i];
		if (slate.pid == 0 || slate.answered || slate.database != MyDatabaseId)
			continue;
		question.place = i;
		question.ticket = slate.ticket;
		memcpy(question.digest, slate.digest, token_digest_length);
		found = true;
	}
	SpinLockRelease(&slates->lock);
	return found;
}

void
answer_token_question(const TokenQuestion &question, bool right)
{
	Latch *asker = nullptr;
	SpinLockAcquire(&slates->lock);
	Slate &slate = slates->slate[question.place];
	/* who asked may have gone, and another have come */
	if (slate.pid != 0 && slate.ticket == question.ticket) {
		slate.answered = true;
		slate.right = right;
		asker = slate.asker;
	}
	SpinLockRelease(&slates->lock);
	if (asker != nullptr)
		SetLatch(asker);
}

} // namespace whatsapp::pg
