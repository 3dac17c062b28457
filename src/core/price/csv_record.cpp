/*
 * csv_record.cpp — no library: PostgreSQL reads CSV from files and clients only, and the rest is
 * four rules.
 */
#include "core/price/csv_record.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

bool
CsvRecord::is_blank() const noexcept
{
	return std::all_of(cells.begin(), cells.end(),
	                   [](const std::string &cell) { return cell.empty(); });
}

std::string
CsvReader::take_quoted()
{
	const int began = line_;
	std::string cell;
	rest_.remove_prefix(1);
	for (;;) {
		if (rest_.empty())
			throw Fault(sqlstate::invalid_parameter_value,
			            "a quote in the CSV file is never closed",
			            "It opens on line " + std::to_string(began) + ".");
		const char c = rest_.front();
		rest_.remove_prefix(1);
		if (c == '"') {
			if (rest_.empty() || rest_.front() != '"')
				return cell;
			rest_.remove_prefix(1);
		}
		line_ += c == '\n';
		cell.push_back(c);
	}
}

std::string
CsvReader::take_plain()
{
	const std::size_t end = std::min(rest_.find_first_of(",\r\n"), rest_.size());
	std::string cell(rest_.substr(0, end));
	rest_.remove_prefix(end);
	return cell;
}

/* CR LF, LF, or a CR alone. */
bool
CsvReader::take_newline() noexcept
{
	if (rest_.front() == ',')
		return false;
	const bool pair = rest_.size() > 1 && rest_[0] == '\r' && rest_[1] == '\n';
	rest_.remove_prefix(pair ? 2 : 1);
	line_++;
	return true;
}

bool
CsvReader::next_record(CsvRecord &record)
{
	record.cells.clear();
	record.line = line_;
	if (rest_.empty())
		return false;
	for (;;) {
		const bool quoted = !rest_.empty() && rest_.front() == '"';
		record.cells.emplace_back(trimmed_text(quoted ? take_quoted() : take_plain()));
		if (rest_.empty())
			return true;
		if (rest_.front() != ',' && rest_.front() != '\r' && rest_.front() != '\n')
			throw Fault(sqlstate::invalid_parameter_value,
			            "a cell of the CSV file goes on after its closing quote",
			            "It ends on line " + std::to_string(line_) + ".");
		if (take_newline())
			return true;
		rest_.remove_prefix(1);
	}
}

} // namespace whatsapp
