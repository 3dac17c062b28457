/*
 * token_question.hpp — a session asks the listener whether a verify token is right; neither tells
 * the other the token.
 *
 * Only the workers read secrets. A session puts the digest of what it was given on a slate in
 * shared memory and rings; the listener compares and writes yes or no. So a token that was replaced
 * on disk is known at once, and nothing derived from a secret lies in shared memory.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

inline constexpr std::size_t token_digest_length = 64; /* SHA-256 in hexadecimal digits */

/* Session side. */
enum class TokenAnswer { wrong, right, none };

/* Waits for the listener of this database; none: it is not there, or too many ask at once. Raises
 * on cancel. */
TokenAnswer ask_about_token(const char *digest);

/* Listener side. */
struct TokenQuestion {
	int place;
	unsigned ticket;
	char digest[token_digest_length];
};

/* False when nobody asks about this database. */
bool next_question(TokenQuestion &question);
void answer_token_question(const TokenQuestion &question, bool right);

} // namespace whatsapp::pg
