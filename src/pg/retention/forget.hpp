/*
 * forget.hpp — deletes all that the tables know of one person; counts stay.
 */
#pragma once

#include <cstdint>

namespace whatsapp::pg
{

struct ForgottenRows {
	const char *table;
	const char *what; /* "deleted", "emptied" or "cancelled" */
	std::int64_t rows;
};

inline constexpr int most_forgotten = 16;

/*
 * contact: see contact_key(). Everybody who is known to be the same person is forgotten, too.
 * Returns how many of the places were filled: one for each table, also where there was nothing.
 *
 * In a transaction, with SPI connected. Raises 55006 while a message to the person is on the wire
 * or its outcome is not known: its answer would bring back what was forgotten.
 */
int forget_person(const char *contact, ForgottenRows (&forgotten)[most_forgotten]);

} // namespace whatsapp::pg
