/*
 * page_text.hpp — numbers, times and names as the pages show them.
 */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace whatsapp
{

std::string escape_html(std::string_view text);
std::string show_number(double value, int digits = 0);
/* 1,234 */
std::string show_count(std::uint64_t value);
std::string show_span(double seconds);
/* Both in Unix seconds; 0 is never. */
std::string show_ago(double at, double now);
/* day: days since 1970-01-01. */
std::string show_day(std::int64_t day);

} // namespace whatsapp
