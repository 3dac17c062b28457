/*
 * metrics_format.hpp — the two texts that Prometheus reads.
 */
#pragma once

namespace whatsapp
{

/* The text format 0.0.4 that every version reads; or OpenMetrics 1.0, with the id of a message
 * beside a bucket. */
enum class MetricsFormat { text, openmetrics };

} // namespace whatsapp
