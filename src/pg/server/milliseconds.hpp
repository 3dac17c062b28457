/*
 * milliseconds.hpp — SQL: from a column's time to a number that a worker can wait for.
 *
 * Whoever owns a table may write any time into it. The difference to an infinite one is an error,
 * and that to a far one does not fit everywhere.
 */
#pragma once

/* A year, the longest time that is counted: a worker looks again long before it is over. */
#define MOST_MILLISECONDS "31536000000"

/* bigint: milliseconds from a timestamptz to a later one; 0 when that is the past, NULL for NULL.
 */
#define MILLISECONDS_UNTIL(time, from)                                             \
	"(CASE WHEN (" time ") IS NULL THEN NULL WHEN (" time ") <= (" from ") THEN 0" \
	" WHEN NOT isfinite(" time ") OR (" time ") > (" from ") + interval '1 year'"  \
	" THEN " MOST_MILLISECONDS " ELSE ceil(extract(epoch FROM (" time ") - (" from \
	")) * 1000)::bigint END)"

/* bigint: of an interval, which is not negative; NULL for NULL. */
#define MILLISECONDS_OF(duration)                                                          \
	"(CASE WHEN (" duration ") IS NULL THEN NULL WHEN (" duration                          \
	") > interval '1 year' THEN " MOST_MILLISECONDS " ELSE (extract(epoch FROM (" duration \
	")) * 1000)::bigint END)"
