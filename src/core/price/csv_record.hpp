/*
 * csv_record.hpp — CSV (RFC 4180) one record at a time: cells in quotes may hold commas, quotes and
 * newlines.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace whatsapp
{

struct CsvRecord {
	std::vector<std::string> cells; /* without white space around them */
	int line = 0;                   /* where it begins, from 1 */

	/* Whether all of its cells are empty. */
	bool is_blank() const noexcept;
};

class CsvReader
{
public:
	explicit CsvReader(std::string_view file) : rest_(file) {}

	/* False at the end. Throws 22023 for a quote that is never closed, or that is followed by
	 * something else than a comma or a newline. */
	bool next_record(CsvRecord &record);

private:
	std::string take_quoted();
	std::string take_plain();
	bool take_newline() noexcept;

	std::string_view rest_;
	int line_ = 1;
};

} // namespace whatsapp
