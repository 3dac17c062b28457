/*
 * known_nonces.hpp — which instance made the correlation that a status brings back, by the nonces
 * of whatsapp_instances.
 */
#pragma once

#include <string_view>

namespace whatsapp::pg
{

/* own: the rows here tell whether a message was on the wire. older: of another life of these rows
 * (before a promotion or a restore, or of the original of a copy), which may have sent more than
 * they tell. */
enum class NonceOrigin { foreign, own, older };

/* In a transaction, before origin_of_nonce(); cheap when nothing has changed. */
void read_known_nonces();

NonceOrigin origin_of_nonce(std::string_view nonce);

} // namespace whatsapp::pg
