/*
 * report.hpp — the figures as one page for people: wa_report() and GET /report.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/page/figures.hpp"

namespace whatsapp
{

/* What the browser is told beside the page: nothing is loaded from anywhere, and nothing runs. */
inline constexpr char report_policy[] = "default-src 'none'; style-src 'unsafe-inline'";

/* HTML that needs nothing else. Nothing about a person stands on it. */
std::string report_page(const Figures &figures, double now, std::string_view version);

} // namespace whatsapp
