/*
 * transaction_end.hpp — who has something to do when a transaction ends.
 *
 * It is a user's transaction. Nothing in these functions may raise an error, write, run a statement
 * or open a table: they set flags and latches. A commit that was refused here would be refused for
 * our sake.
 */
#pragma once

namespace whatsapp::pg
{

/* A static, which registers itself when the library is loaded. */
struct TransactionEnd {
	/* Before the commit is flushed, NULL for nothing to do. It may still be rolled back. */
	void (*before_flush)();
	/* committed: durable, and seen by others. False for a rollback and for PREPARE TRANSACTION,
	 * whose commit comes by another process and calls nothing. */
	void (*after)(bool committed);
	/* It was prepared, and nobody can commit it yet; NULL for nothing to do. after(false) follows.
	 */
	void (*prepared)();
	TransactionEnd *next;

	TransactionEnd(void (*before)(), void (*then)(bool), void (*prepare)() = nullptr) noexcept;
};

/* In _PG_init: one callback for all of them. */
void install_transaction_callback();

} // namespace whatsapp::pg
