/*
 * transaction_end.cpp — the server's callback.
 */
#include "pg/server/transaction_end.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "access/xact.h"
}

namespace whatsapp::pg
{

namespace
{

TransactionEnd *ends = nullptr;

extern "C" void
at_transaction_end(XactEvent event, void *)
{
	switch (event) {
	case XACT_EVENT_PRE_COMMIT:
		for (const TransactionEnd *end = ends; end != nullptr; end = end->next)
			if (end->before_flush != nullptr)
				end->before_flush();
		break;
	case XACT_EVENT_PREPARE:
		for (const TransactionEnd *end = ends; end != nullptr; end = end->next)
			if (end->prepared != nullptr)
				end->prepared();
		[[fallthrough]];
	case XACT_EVENT_COMMIT:
	case XACT_EVENT_ABORT:
		for (const TransactionEnd *end = ends; end != nullptr; end = end->next)
			end->after(event == XACT_EVENT_COMMIT);
		break;
	default:
		break;
	}
}

} // namespace

TransactionEnd::TransactionEnd(void (*before)(), void (*then)(bool), void (*prepare)()) noexcept
    : before_flush(before), after(then), prepared(prepare), next(ends)
{
	ends = this;
}

void
install_transaction_callback()
{
	RegisterXactCallback(at_transaction_end, nullptr);
}

} // namespace whatsapp::pg
