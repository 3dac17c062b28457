/*
 * expect.hpp — the assertion of the fuzz targets: a broken promise ends the run, so that the fuzzer
 * keeps the input.
 *
 * Independent of NDEBUG, unlike assert().
 */
#pragma once

#include <cstdio>
#include <cstdlib>

#define EXPECT(condition)                                                                \
	do {                                                                                 \
		if (!(condition)) {                                                              \
			std::fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition); \
			std::abort();                                                                \
		}                                                                                \
	} while (0)
