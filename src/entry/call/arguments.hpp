/*
 * arguments.hpp — reading the arguments of a call before any C++ object lives: each of these may
 * raise.
 */
#pragma once

#include <string>
#include <vector>

#include "pg/server/boundary.hpp"

namespace whatsapp::entry
{

/* 22004 with the argument's name when it is NULL. */
void require_argument(FunctionCallInfo fcinfo, int place, const char *name);

const text *required_text(FunctionCallInfo fcinfo, int place, const char *name);
const char *required_cstring(FunctionCallInfo fcinfo, int place, const char *name);

/* A C string; the default when the argument is NULL. */
const char *optional_text(FunctionCallInfo fcinfo, int place, const char *otherwise);

/* The decimal digits of a numeric. */
const char *required_numeric(FunctionCallInfo fcinfo, int place, const char *name);

struct TextArray {
	const text **values;
	int count;
};

/* 22004 for a NULL array or element (named "parameter 1", …), 2202E for more than one dimension. */
TextArray required_texts(FunctionCallInfo fcinfo, int place);

/* Inside guarded() only: the copies own memory. */
std::vector<std::string> read_strings(const TextArray &texts);

} // namespace whatsapp::entry
