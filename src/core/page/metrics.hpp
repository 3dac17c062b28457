/*
 * metrics.hpp — the figures as Prometheus reads them: wa_metrics() and GET /metrics are this text.
 */
#pragma once

#include <string>
#include <string_view>

#include "core/page/figures.hpp"

namespace whatsapp
{

/* The text format 0.0.4 that every version reads; or OpenMetrics 1.0, with the id of a message
 * beside a bucket. */
enum class MetricsFormat { text, openmetrics };

/* By the Accept header of a request. */
MetricsFormat metrics_format(std::string_view accept) noexcept;
const char *metrics_content_type(MetricsFormat format) noexcept;

std::string metrics_text(const Figures &figures, double now, std::string_view version,
                         MetricsFormat format);

} // namespace whatsapp
