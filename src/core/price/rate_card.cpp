/*
 * rate_card.cpp — header, rows and cells of a rate card.
 */
#include "core/price/rate_card.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/utf8.hpp"
#include "core/price/csv_record.hpp"
#include "core/price/rate.hpp"
#include "core/price/workbook.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* The letters of a column's name, and the category that the column has the rates of. */
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> categories = {{
    {"marketing", "marketing"},
    {"utility", "utility"},
    {"authentication", "authentication"},
    {"authenticationinternational", "authentication_international"},
    {"service", "service"},
}};

constexpr std::size_t max_file_bytes = 1 << 20;

std::string
letters_of(std::string_view name)
{
	std::string letters;
	for (const char c : name) {
		if (is_letter(c))
			letters.push_back(to_lower(c));
	}
	return letters;
}

std::string_view
category_named(std::string_view name)
{
	const std::string letters = letters_of(name);
	for (const auto &[header, category] : categories)
		if (letters == header)
			return category;
	return {};
}

[[noreturn]] void
refuse_line(int line, const std::string &what)
{
	throw Fault(sqlstate::invalid_parameter_value, "the file is no rate card that can be read",
	            "Line " + std::to_string(line) + ": " + what + ".",
	            "Import Meta's file unchanged, or correct this line.");
}

struct RateColumns {
	std::size_t count = 0;
	std::size_t market = npos;
	std::size_t currency = npos;
	std::size_t category = npos;
	std::size_t volume_from = npos;
	std::size_t rate = npos;
	std::vector<std::pair<std::size_t, std::string_view>> categories;

	static constexpr std::size_t npos = static_cast<std::size_t>(-1);

	bool
	tiers() const noexcept
	{
		return category != npos && volume_from != npos && rate != npos;
	}
};

/* The header is known by a cell named market and another one that is named like a column: lines of
 * prose have no such cells. */
bool
is_header(const CsvRecord &record)
{
	const auto named = [](std::string_view name) {
		return [name](const std::string &cell) { return letters_of(cell) == name; };
	};
	const auto &cells = record.cells;
	return std::any_of(cells.begin(), cells.end(), named("market")) &&
	       (std::any_of(cells.begin(), cells.end(),
	                    [](const std::string &cell) { return !category_named(cell).empty(); }) ||
	        std::any_of(cells.begin(), cells.end(), named("rate")));
}

/* True when the name is one of the single columns; twice is refused. */
bool
take_single(RateColumns &columns, const std::string &letters, std::size_t place, int line)
{
	const std::pair<std::string_view, std::size_t *> single[] = {
	    {"market", &columns.market},     {"currency", &columns.currency},
	    {"category", &columns.category}, {"volumefrom", &columns.volume_from},
	    {"rate", &columns.rate},
	};
	for (const auto &[name, column] : single) {
		if (letters != name)
			continue;
		if (*column != RateColumns::npos)
			refuse_line(line, "column \"" + letters + "\" stands there twice");
		*column = place;
		return true;
	}
	return false;
}

RateColumns
read_header(const CsvRecord &header)
{
	RateColumns columns;
	columns.count = header.cells.size();
	while (columns.count > 0 && header.cells[columns.count - 1].empty())
		columns.count--;
	for (std::size_t i = 0; i < columns.count; i++) {
		const std::string &cell = header.cells[i];
		if (take_single(columns, letters_of(cell), i, header.line))
			continue;
		const std::string_view category = category_named(cell);
		if (category.empty())
			refuse_line(header.line, "column " + std::to_string(i + 1) + " has an unknown name");
		for (const auto &other : columns.categories)
			if (other.second == category)
				refuse_line(header.line, "column \"" + cell + "\" stands there twice");
		columns.categories.emplace_back(i, category);
	}
	const bool single = columns.category != RateColumns::npos ||
	                    columns.volume_from != RateColumns::npos ||
	                    columns.rate != RateColumns::npos;
	if (columns.categories.empty() ? !columns.tiers() : single)
		refuse_line(header.line,
		            "a card has columns named after categories, or Category, Volume from "
		            "and Rate");
	return columns;
}

/* Meta writes $US for the dollar of the United States, and codes for the others. */
void
check_currency(const std::string &cell, std::string_view currency, int line)
{
	const std::string_view code = cell == "$US" ? std::string_view("USD") : cell;
	if (code != currency)
		refuse_line(line, "the currency is \"" + cell + "\" and not " + std::string(currency));
}

std::string
rate_of_cell(const std::string &cell, int line)
{
	if (letters_of(cell) == "na" && cell.find_first_of("0123456789") == std::string::npos)
		return {};
	std::string rate = read_rate(cell);
	if (rate.empty())
		refuse_line(line, "\"" + cell + "\" is neither a rate of at most " +
		                      std::to_string(rate_decimals) + " decimals nor n/a");
	return rate;
}

std::int64_t
volume_of_cell(const std::string &cell, int line)
{
	std::int64_t volume = 0;
	const char *end = cell.data() + cell.size();
	const auto [at, error] = std::from_chars(cell.data(), end, volume);
	if (error != std::errc() || at != end || volume < 0)
		refuse_line(line, "\"" + cell + "\" is no number of messages");
	return std::max<std::int64_t>(volume, 1);
}

void
read_row(const CsvRecord &record, const RateColumns &columns, std::vector<CardRate> &rates)
{
	CardRate row;
	row.market = record.cells[columns.market];
	row.line = record.line;
	if (row.market.empty())
		refuse_line(record.line, "the market is missing");
	for (const auto &[place, category] : columns.categories) {
		row.category = category;
		row.rate = rate_of_cell(record.cells[place], record.line);
		rates.push_back(row);
	}
	if (!columns.tiers())
		return;
	row.category = category_named(record.cells[columns.category]);
	if (row.category.empty())
		refuse_line(record.line, "the category is unknown");
	row.volume_from = volume_of_cell(record.cells[columns.volume_from], record.line);
	row.rate = rate_of_cell(record.cells[columns.rate], record.line);
	rates.push_back(row);
}

void
check_file(std::string_view file)
{
	if (file.substr(0, 4) == std::string_view("\xD0\xCF\x11\xE0", 4))
		throw Fault(sqlstate::invalid_parameter_value,
		            "the rate card is an XLS workbook, whatever its name says",
		            "CSV is read, and XLSX.", "Save it as one of them, and import that.");
	if (file.size() > max_file_bytes)
		throw Fault(sqlstate::invalid_parameter_value, "the rate card is larger than 1 MB");
}

void
check_text(std::string_view file)
{
	for (std::string_view rest = file; !rest.empty();) {
		const Utf8Character next = decode_utf8(rest);
		if (next.length == 0 || next.code_point == 0)
			throw Fault(sqlstate::invalid_parameter_value, "the rate card is not text in UTF-8",
			            "Byte " + std::to_string(file.size() - rest.size() + 1) +
			                " is not part of a character.");
		rest.remove_prefix(next.length);
	}
}

constexpr char no_card_message[] = "the file is no rate card";
constexpr char no_header_detail[] =
    "It has no line with a column named Market and those of categories.";

/* The rates of a card. next gives its records one after the other, the prose first. Empty when
 * there is no header. */
template <class Next>
std::vector<CardRate>
read_records(Next next, std::string_view currency)
{
	CsvRecord record;
	do {
		if (!next(record))
			return {};
	} while (!is_header(record));
	const RateColumns columns = read_header(record);

	std::vector<CardRate> rates;
	std::set<std::tuple<std::string, std::string, std::int64_t>> seen;
	while (next(record)) {
		if (record.is_blank())
			continue;
		if (record.cells.size() < columns.count)
			refuse_line(record.line, "it has " + std::to_string(record.cells.size()) + " of " +
			                             std::to_string(columns.count) + " cells");
		if (columns.currency != RateColumns::npos)
			check_currency(record.cells[columns.currency], currency, record.line);
		const std::size_t before = rates.size();
		read_row(record, columns, rates);
		for (std::size_t i = before; i < rates.size(); i++)
			if (!seen.emplace(rates[i].market, rates[i].category, rates[i].volume_from).second)
				refuse_line(record.line,
				            "market \"" + rates[i].market + "\" has this rate already");
	}
	if (rates.empty())
		throw Fault(sqlstate::invalid_parameter_value, "the rate card has no rates");
	return rates;
}

std::vector<CardRate>
read_csv_card(std::string_view file, std::string_view currency)
{
	check_text(file);
	constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
	if (file.substr(0, byte_order_mark.size()) == byte_order_mark)
		file.remove_prefix(byte_order_mark.size());
	CsvReader reader(file);
	return read_records([&reader](CsvRecord &record) { return reader.next_record(record); },
	                    currency);
}

/* One sheet has the rates; which one of several counts nobody can know. */
std::vector<CardRate>
read_workbook_card(std::string_view file, std::string_view currency)
{
	std::vector<CardRate> rates;
	for (std::vector<CsvRecord> &sheet : read_workbook(file)) {
		/* cells at the end of a row that are empty are not in the file */
		std::size_t widest = 0;
		for (const CsvRecord &row : sheet)
			widest = std::max(widest, row.cells.size());
		std::size_t place = 0;
		std::vector<CardRate> found = read_records(
		    [&](CsvRecord &record) {
			    if (place == sheet.size())
				    return false;
			    record = std::move(sheet[place++]);
			    record.cells.resize(widest);
			    return true;
		    },
		    currency);
		if (!found.empty() && !rates.empty())
			throw Fault(sqlstate::invalid_parameter_value,
			            "the workbook has more than one sheet with rates", {},
			            "Leave one of them in it.");
		if (!found.empty())
			rates = std::move(found);
	}
	return rates;
}

} // namespace

std::vector<CardRate>
read_rate_card(std::string_view file, std::string_view currency)
{
	check_file(file);
	std::vector<CardRate> rates =
	    is_workbook(file) ? read_workbook_card(file, currency) : read_csv_card(file, currency);
	if (rates.empty())
		throw Fault(sqlstate::invalid_parameter_value, no_card_message, no_header_detail);
	return rates;
}

} // namespace whatsapp
