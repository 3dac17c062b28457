/*
 * prelude.hpp — the only file that includes postgres.h; always after every C++ header, since port.h
 * redefines printf and its kin.
 */
#pragma once

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
}

/* A database whose extension is of an older version calls a function with fewer arguments than this
 * library knows, until ALTER EXTENSION UPDATE: those that are not there are NULL. */
#undef PG_ARGISNULL
#undef PG_GETARG_DATUM
#define PG_ARGISNULL(n) ((n) >= PG_NARGS() || fcinfo->args[n].isnull)
#define PG_GETARG_DATUM(n) ((n) < PG_NARGS() ? fcinfo->args[n].value : (Datum)0)
