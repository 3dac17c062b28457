/*
 * transaction.hpp — one transaction of a worker, and the only PG_TRY of the house.
 */
#pragma once

namespace whatsapp::pg
{

/* Runs body inside a transaction with SPI connected, and commits. When it raises: logs the error,
 * rolls back and returns false; a FATAL leaves the process as ever. body must own no C++ object
 * that needs a destructor. */
bool in_transaction(void (*body)(void *), void *argument);

/* Whether the last in_transaction() that returned false failed for a reason that passes: a lock, a
 * deadlock, a lack of something. */
bool failure_passes();

template <class Body>
bool
transact(Body &&body)
{
	return in_transaction([](void *self) { (*static_cast<Body *>(self))(); }, &body);
}

} // namespace whatsapp::pg
