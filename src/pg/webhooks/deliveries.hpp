/*
 * deliveries.hpp — deliveries that came by SQL and wait for the listener, and whose accounts'
 * secrets it must know.
 */
#pragma once

#include <cstddef>
#include <cstdint>

struct varlena;

namespace whatsapp::pg
{

/* Session side, with SPI connected: leaves a delivery for the listener. Raises 54000 when it is
 * larger than whatsapp.listen_max_body, and 53000 when too many wait already. */
void leave_delivery(varlena *body, const char *signature);

/* Views on one delivery, valid until the transaction ends. */
struct WaitingDelivery {
	std::int64_t id;
	const char *body;
	std::size_t body_size;
	const char *signature;
	bool poisonous; /* several listeners have begun, and it waits still */
};

/* Listener side, in a transaction: the oldest that wait, and how many of these there are; then each
 * by its place. */
std::size_t find_deliveries();
WaitingDelivery delivery(std::size_t place);
void drop_delivery(std::int64_t id);

/* At the start of a listener: what waits now has survived one more. */
void count_start();

/* Listener side, in a transaction: the names of all accounts but the default one, valid until it
 * ends. */
const char *const *account_names(std::size_t &count);

} // namespace whatsapp::pg
