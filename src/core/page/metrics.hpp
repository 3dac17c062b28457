/*
 * metrics.hpp — the figures as Prometheus reads them: wa_metrics() and GET /metrics are this text.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/page/figures.hpp"
#include "core/page/metrics_format.hpp"

namespace whatsapp
{

/* By the Accept header of a request. */
MetricsFormat metrics_format(std::string_view accept) noexcept;
const char *metrics_content_type(MetricsFormat format) noexcept;

std::string metrics_text(const Figures &figures, double now, std::string_view version,
                         MetricsFormat format);

} // namespace whatsapp
