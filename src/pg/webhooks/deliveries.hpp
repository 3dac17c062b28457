/*
 * deliveries.hpp — deliveries that came by SQL and wait for the listener, and the names of the
 * accounts whose secrets it needs.
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
	bool poisonous; /* it has waited at the start of several listeners: perhaps it ended those
	                   before */
};

/* Listener side, in a transaction. find_deliveries(): how many of the oldest it has found;
 * delivery(): one of these, by its place from 0 on. */
std::size_t find_deliveries();
WaitingDelivery delivery(std::size_t place);
void drop_delivery(std::int64_t id);

/* At the start of a listener: counts it for each delivery that waits, see poisonous. */
void count_start();

/* Listener side, in a transaction: the names of all accounts but the default one, valid until it
 * ends. */
const char *const *account_names(std::size_t &count);

} // namespace whatsapp::pg
