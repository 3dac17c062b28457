/*
 * workbook.hpp — XLSX: a ZIP archive with a table of texts and a sheet of cells in XML.
 */
#pragma once

#include <string_view>
#include <vector>

#include "core/price/csv_record.hpp"

namespace whatsapp
{

/* By its first bytes, whatever its name says. */
bool is_workbook(std::string_view file) noexcept;

/*
 * The rows that have a cell, as if they came from a CSV file; line is the number of the row. A
 * number is written with the fewest digits that give the same number again, without an exponent.
 * One list for each sheet, in the workbook's order. Fault 22023 for what cannot be read.
 */
std::vector<std::vector<CsvRecord>> read_workbook(std::string_view file);

} // namespace whatsapp
