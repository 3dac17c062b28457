/*
 * metrics_writer.cpp — samples with their labels, and histograms as cumulated buckets.
 */
#include "core/page/metrics_writer.hpp"

#include <charconv>

#include "core/base/server_free.hpp"

namespace whatsapp
{

/* Without an exponent, since people read the page, too. */
void
MetricsWriter::write_number(double value)
{
	char digits[400];
	const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed);
	text_.append(digits, end.ptr);
}

void
MetricsWriter::write_labels(MetricLabels labels)
{
	char before = '{';
	for (const MetricLabel &label : labels) {
		if (label.name == nullptr)
			continue;
		text_ += before;
		before = ',';
		text_ += label.name;
		text_ += "=\"";
		for (const char byte : label.value) {
			if (byte == '\n') {
				text_ += "\\n";
				continue;
			}
			if (byte == '\\' || byte == '"')
				text_ += '\\';
			text_ += byte;
		}
		text_ += '"';
	}
	if (before == ',')
		text_ += '}';
}

void
MetricsWriter::write_sample(const char *suffix, MetricLabels labels, double value)
{
	text_ += name_;
	text_ += suffix;
	write_labels(labels);
	text_ += ' ';
	write_number(value);
}

/* An exemplar: the id of a message, which says nothing about a person, and by which its row is
 * found. */
void
MetricsWriter::write_example(const LatencyFigures &figures)
{
	text_ += " # {message_id=\"" + std::to_string(figures.example_id) + "\"} ";
	write_number(figures.example_seconds);
	text_ += ' ';
	write_number(figures.example_at);
}

void
MetricsWriter::add_latency(MetricLabels labels, const LatencyFigures &figures)
{
	const auto *label = labels.begin();
	const MetricLabel database = label[0];
	const MetricLabel sender = label[1];
	const int exampled = figures.example_at > 0 && format_ == MetricsFormat::openmetrics
	                         ? latency_bucket(figures.example_seconds)
	                         : -1;
	std::uint64_t below = 0;
	for (int place = 0; place <= latency_bounds; place++) {
		char bound[32];
		std::string_view shown = "+Inf";
		if (place < latency_bounds) {
			const auto end = std::to_chars(bound, bound + sizeof bound, latency_bound[place]);
			shown = {bound, static_cast<std::size_t>(end.ptr - bound)};
		}
		below += figures.bucket[place];
		write_sample("_bucket", {database, sender, {"le", shown}}, static_cast<double>(below));
		if (place == exampled)
			write_example(figures);
		text_ += '\n';
	}
	write_sample("_sum", {database, sender}, figures.sum);
	text_ += '\n';
	write_sample("_count", {database, sender}, static_cast<double>(below));
	text_ += '\n';
}

} // namespace whatsapp
