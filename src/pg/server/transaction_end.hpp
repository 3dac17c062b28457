/*
 * transaction_end.hpp — who has something to do when a transaction ends.
 *
 * It is a user's transaction, which must not fail because of us. So these functions may not raise
 * an error, write, run a statement or open a table: they set flags and latches.
 */
#pragma once

namespace whatsapp::pg
{

/* To be a static object: it registers itself when the library is loaded. */
struct TransactionEnd {
	/* Called before the commit is flushed; the transaction may still be rolled back. NULL: nothing
	 * to do. */
	void (*before_flush)();
	/* Called at the end. committed: true when the commit is durable and visible to others; false
	 * for a rollback, and for PREPARE TRANSACTION: the commit of that comes from another process,
	 * and calls nothing here. */
	void (*after)(bool committed);
	/* Called when it has been prepared, and nobody can commit it yet; after(false) follows. NULL:
	 * nothing to do. */
	void (*prepared)();
	TransactionEnd *next;

	TransactionEnd(void (*before)(), void (*then)(bool), void (*prepare)() = nullptr) noexcept;
};

/* In _PG_init: one callback for all of them. */
void install_transaction_callback();

} // namespace whatsapp::pg
