/*
 * word_case.hpp — for SQL: a word of the platform in lower case, whatever the database's locale. By
 * a Turkish one, lower('UTILITY') is no category that anybody knows.
 */
#pragma once

/* word: an expression of SQL as a literal. The result has the database's collation. */
#define LOWER_WORD(word) "(lower(" word " COLLATE \"C\") COLLATE \"default\")"
