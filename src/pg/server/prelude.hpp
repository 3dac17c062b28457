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
