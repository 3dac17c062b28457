/*
 * metrics_writer.hpp — the two formats of Prometheus, family by family.
 */
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "core/page/figures.hpp"
#include "core/page/metrics_format.hpp"

namespace whatsapp
{

struct MetricLabel {
	const char *name;
	std::string_view value;
};
using MetricLabels = std::initializer_list<MetricLabel>;

class MetricsWriter
{
public:
	explicit MetricsWriter(MetricsFormat format) : format_(format) {}

	/* name: without _total. In OpenMetrics only the samples of a counter have that ending. */
	void
	begin_family(const char *name, const char *type, const char *help)
	{
		name_ = name;
		is_counter_ = std::string_view(type) == "counter";
		const bool whole = is_counter_ && format_ == MetricsFormat::text;
		for (const bool is_help : {true, false}) {
			text_ += is_help ? "# HELP " : "# TYPE ";
			text_ += name;
			text_ += whole ? "_total " : " ";
			text_ += is_help ? help : type;
			text_ += '\n';
		}
	}

	void
	add_sample(MetricLabels labels, double value)
	{
		write_sample(is_counter_ ? "_total" : "", labels, value);
		text_ += '\n';
	}

	void add_latency(MetricLabels labels, const LatencyFigures &figures);

	std::string
	take_text()
	{
		if (format_ == MetricsFormat::openmetrics)
			text_ += "# EOF\n";
		return std::move(text_);
	}

private:
	void write_sample(const char *suffix, MetricLabels labels, double value);
	void write_labels(MetricLabels labels);
	void write_number(double value);
	void write_example(const LatencyFigures &figures);

	MetricsFormat format_;
	std::string text_;
	const char *name_ = "";
	bool is_counter_ = false;
};

} // namespace whatsapp
