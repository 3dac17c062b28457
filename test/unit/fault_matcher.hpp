/*
 * fault_matcher.hpp — the Fault that an expression throws, for assertions on its four parts.
 *
 * Every fault that passes here is also held to the house's message style, so each test of an error
 * tests its wording too.
 */
#pragma once

#include <cctype>
#include <string>

#include <gtest/gtest.h>

#include "core/base/fault.hpp"

namespace whatsapp
{

template <typename Function>
Fault
fault_of(Function function)
{
	try {
		function();
	} catch (const Fault &fault) {
		EXPECT_FALSE(fault.message().empty());
		EXPECT_FALSE(std::isupper(static_cast<unsigned char>(fault.message().front())));
		EXPECT_NE(fault.message().back(), '.');
		EXPECT_TRUE(fault.detail().empty() || fault.detail().back() == '.') << fault.detail();
		EXPECT_TRUE(fault.hint().empty() || fault.hint().back() == '.') << fault.hint();
		EXPECT_EQ(std::string(fault.sqlstate()).size(), 5U);
		EXPECT_STREQ(fault.what(), fault.message().c_str());
		return fault;
	}
	ADD_FAILURE() << "no fault was thrown";
	return Fault("00000", "no fault");
}

template <typename Function>
std::string
sqlstate_of(Function function)
{
	return fault_of(function).sqlstate();
}

} // namespace whatsapp
