/*
 * error_codes.hpp — what an error code of the platform means and what to do about it: the one table
 * of them.
 */
#pragma once

#include "core/answer/verdict.hpp"

#include <cstddef>
#include <cstdint>

namespace whatsapp
{

/* What a code means, for people: wa_explain(code) shows it. Static strings. */
struct Explanation {
	long long code;
	Verdict verdict;
	const char *meaning; /* plain words */
	const char *hint;    /* what to do */
};

/* The one place where a subcode decides: under code 100 it tells a wrong message from a wrong
 * sender or object. */
inline constexpr long long invalid_parameter_code = 100;
inline constexpr long long unknown_node_subcode = 33;

inline constexpr char platform_status_hint[] =
    "Retried by itself; see https://developers.facebook.com/status if it lasts.";

/* The row for a code (ranges such as 200-299 resolved), or NULL for one that is not in the table.
 */
const Explanation *explain_code(long long code) noexcept;

/* The whole table, ordered by code. */
const Explanation *error_code_table(std::size_t &count) noexcept;

/* Milliseconds that the platform's documentation asks for after this code, or -1. */
std::int64_t documented_wait_ms(long long code) noexcept;

} // namespace whatsapp
