/*
 * demand.hpp: rules that are checked one after the other; the first that is broken is the answer.
 */
#pragma once

#include <string>

namespace sandbox
{

struct Refused {
	int code;
	std::string details;
};

inline void
demand(bool condition, int code, const std::string &details)
{
	if (!condition)
		throw Refused{code, details};
}

} // namespace sandbox
