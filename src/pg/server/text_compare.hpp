/*
 * text_compare.hpp — columns that may be NULL, compared as texts of C.
 */
#pragma once

#include <cstring>

namespace whatsapp::pg
{

/* NULL is the same as NULL, and as nothing else. */
inline bool
is_same_text(const char *left, const char *right)
{
	return left == right || (left != nullptr && right != nullptr && std::strcmp(left, right) == 0);
}

} // namespace whatsapp::pg
