/*
 * arguments.hpp — reading the arguments of a call before any C++ object lives: each of these may
 * raise.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/message/limits.hpp"
#include "core/message/template.hpp"
#include "pg/server/boundary.hpp"

namespace whatsapp::entry
{

/* Raises 22004 with the argument's name when it is NULL. */
void require_argument(FunctionCallInfo fcinfo, int index, const char *name);

/* Raises 22001 when the value is longer than the limit. Its size stands in its header: a value that
 * is stored out of line is not fetched for it. */
void check_size(FunctionCallInfo fcinfo, int index, const TextLimit &limit);

/* The limit is max_text_argument_bytes, unless the argument has one of its own. */
const text *required_text(FunctionCallInfo fcinfo, int index, const char *name);
const char *required_cstring(FunctionCallInfo fcinfo, int index, const char *name);
const char *required_cstring(FunctionCallInfo fcinfo, int index, const TextLimit &limit);

/* A C string; the default when the argument is NULL. */
const char *optional_text(FunctionCallInfo fcinfo, int index, const char *otherwise);
const char *optional_text(FunctionCallInfo fcinfo, int index, const TextLimit &limit,
                          const char *otherwise);

/* The text of a jsonb; optional: the default when the argument is NULL. */
const char *required_json(FunctionCallInfo fcinfo, int index, const char *name);
const char *optional_json(FunctionCallInfo fcinfo, int index, const char *otherwise);

/* The milliseconds of an interval that is not NULL: a day at most, and 0 for a negative one. */
std::int64_t interval_argument_ms(FunctionCallInfo fcinfo, int index);

/* A TimestampTz that is not NULL. Raises 22008 unless it is finite and before the year 10000: what
 * is computed from it can be written, shown and dumped. */
std::int64_t time_argument(FunctionCallInfo fcinfo, int index, const char *name);

/* The decimal digits of a numeric. */
const char *required_numeric(FunctionCallInfo fcinfo, int index, const char *name);

struct TextArray {
	const text **values;
	int count;
};

/* 22004 for a NULL array or element (named "parameter 1", …), 2202E for more than one dimension. */
TextArray required_texts(FunctionCallInfo fcinfo, int index);

/* The members of a JSON object; numbers are written as jsonb writes them. */
struct NamedText {
	const char *name;
	const char *text;
};
struct NamedTexts {
	const NamedText *values;
	int count;
};

/* 22004 for NULL, 22023 unless it is an object of strings and numbers. Optional: none for NULL. */
NamedTexts required_named_texts(FunctionCallInfo fcinfo, int index, const char *name);
NamedTexts optional_named_texts(FunctionCallInfo fcinfo, int index, const char *name);

/* Inside run_body() only: the copies own memory. */
std::vector<std::string> read_strings(const TextArray &texts);
std::vector<NamedParameter> read_named_texts(const NamedTexts &texts);

} // namespace whatsapp::entry
