/*
 * workbook.cpp — libzip for the archive, Expat for the XML. What an archive could blow up to is
 * limited; entities are expanded by nobody.
 */
#include "core/price/workbook.hpp"

#include <charconv>
#include <cstddef>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include <expat.h>
#include <zip.h>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr std::size_t max_part_bytes = 8 << 20;
constexpr std::size_t max_unpacked_bytes = 64 << 20;
constexpr std::size_t max_sheets = 256;
constexpr std::size_t max_columns = 256;
constexpr std::size_t max_rows = 20000;

[[noreturn]] void
refuse_workbook(const std::string &what)
{
	throw Fault(sqlstate::invalid_parameter_value, "the workbook cannot be read", what + ".",
	            "Import Meta's file unchanged, or save it as CSV and import that.");
}

/* What a workbook unpacks to, in all. A small file may name a large part in many sheets, a long
 * text in many cells, and the last column in many rows. */
class UnpackedSize
{
public:
	void
	add(std::size_t bytes)
	{
		if (bytes > max_unpacked_bytes - bytes_)
			refuse_workbook("It unpacks to more than 64 MB");
		bytes_ += bytes;
	}

private:
	std::size_t bytes_ = 0;
};

struct CloseArchive {
	void
	operator()(zip_t *archive) const noexcept
	{
		zip_discard(archive);
	}
};
struct CloseFile {
	void
	operator()(zip_file_t *file) const noexcept
	{
		zip_fclose(file);
	}
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

Archive
open_archive(std::string_view file)
{
	zip_error_t error;
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(file.data(), file.size(), 0, &error);
	zip_t *archive = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
	zip_error_fini(&error);
	if (archive == nullptr) {
		zip_source_free(source);
		refuse_workbook("It is no whole ZIP archive");
	}
	return Archive(archive);
}

/* Empty when the archive has no part of that name. */
std::string
read_part(zip_t *archive, const std::string &name)
{
	zip_stat_t about;
	if (zip_stat(archive, name.c_str(), 0, &about) != 0)
		return {};
	if ((about.valid & ZIP_STAT_SIZE) == 0 || about.size > max_part_bytes)
		refuse_workbook("Its part " + name + " is larger than 8 MB");
	const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(archive, name.c_str(), 0));
	if (file == nullptr)
		refuse_workbook("Its part " + name + " is encrypted or damaged");
	std::string text(static_cast<std::size_t>(about.size), '\0');
	std::size_t got = 0;
	while (got < text.size()) {
		const zip_int64_t bytes = zip_fread(file.get(), text.data() + got, text.size() - got);
		if (bytes <= 0)
			refuse_workbook("Its part " + name + " is damaged");
		got += static_cast<std::size_t>(bytes);
	}
	/* libzip compares the checksum when the end is read */
	char more;
	if (zip_fread(file.get(), &more, 1) != 0)
		refuse_workbook("Its part " + name + " is damaged");
	return text;
}

/* Gets the elements of a part, by their names without a namespace, and the texts in them. An
 * exception may not pass through Expat, which is C: it is kept, and thrown again when Expat has
 * returned. */
class XmlListener
{
public:
	virtual ~XmlListener() = default;
	virtual void begin_element(std::string_view name, const char **attributes) = 0;
	virtual void end_element(std::string_view name) = 0;
	virtual void take_text(std::string_view part) = 0;

	void parse_part(const std::string &xml, const std::string &part);

private:
	template <class Call>
	void
	keep_exception(Call call) noexcept
	{
		try {
			if (failure_ == nullptr)
				call();
		} catch (...) {
			failure_ = std::current_exception();
			XML_StopParser(parser_, XML_FALSE);
		}
	}
	static std::string_view
	local_name(const char *name) noexcept
	{
		const char *behind = std::strrchr(name, '|');
		return behind == nullptr ? name : behind + 1;
	}

	XML_Parser parser_ = nullptr;
	std::exception_ptr failure_;
};

void
XmlListener::parse_part(const std::string &xml, const std::string &part)
{
	const std::unique_ptr<XML_ParserStruct, void (*)(XML_Parser)> parser(
	    XML_ParserCreateNS(nullptr, '|'), XML_ParserFree);
	if (parser == nullptr)
		throw std::bad_alloc();
	parser_ = parser.get();
	XML_SetUserData(parser_, this);
	XML_SetElementHandler(
	    parser_,
	    [](void *self, const char *name, const char **attributes) {
		    auto *listener = static_cast<XmlListener *>(self);
		    listener->keep_exception(
		        [&] { listener->begin_element(local_name(name), attributes); });
	    },
	    [](void *self, const char *name) {
		    auto *listener = static_cast<XmlListener *>(self);
		    listener->keep_exception([&] { listener->end_element(local_name(name)); });
	    });
	XML_SetCharacterDataHandler(parser_, [](void *self, const char *text, int length) {
		auto *listener = static_cast<XmlListener *>(self);
		listener->keep_exception([&] {
			listener->take_text({text, static_cast<std::size_t>(length)});
		});
	});
	/* a workbook has no document type, and so no entities of its own */
	XML_SetStartDoctypeDeclHandler(parser_,
	                               [](void *self, const char *, const char *, const char *, int) {
		                               static_cast<XmlListener *>(self)->keep_exception(
		                                   [] { refuse_workbook("It has a document type"); });
	                               });
	const bool whole =
	    XML_Parse(parser_, xml.data(), static_cast<int>(xml.size()), XML_TRUE) == XML_STATUS_OK;
	if (failure_ != nullptr)
		std::rethrow_exception(failure_);
	if (!whole)
		refuse_workbook("Its part " + part + " is no XML");
}

std::string_view
attribute(const char **attributes, std::string_view name)
{
	for (; *attributes != nullptr; attributes += 2) {
		const char *behind = std::strrchr(*attributes, '|');
		if ((behind == nullptr ? *attributes : behind + 1) == name)
			return attributes[1];
	}
	return {};
}

/* Reads two parts: of xl/workbook.xml the ids of the sheets, in their order; of its relations, to
 * which part each id leads. */
class Names : public XmlListener
{
public:
	std::vector<std::string> sheets;
	std::map<std::string, std::string> targets;

	void
	begin_element(std::string_view name, const char **attributes) override
	{
		if (name == "sheet")
			sheets.emplace_back(attribute(attributes, "id"));
		else if (name == "Relationship")
			targets[std::string(attribute(attributes, "Id"))] = attribute(attributes, "Target");
	}
	void
	end_element(std::string_view) override
	{
	}
	void
	take_text(std::string_view) override
	{
	}
};

/* The table of texts. A text with formats consists of several runs, which are joined; hints of how
 * to pronounce it (rPh) are left out. */
class SharedStrings : public XmlListener
{
public:
	std::vector<std::string> all;

	void
	begin_element(std::string_view name, const char **) override
	{
		if (name == "si")
			all.emplace_back();
		reads_ = name == "t" && !is_spoken_;
		is_spoken_ = is_spoken_ || name == "rPh";
	}
	void
	end_element(std::string_view name) override
	{
		reads_ = false;
		is_spoken_ = is_spoken_ && name != "rPh";
	}
	void
	take_text(std::string_view part) override
	{
		if (reads_ && !all.empty())
			all.back() += part;
	}

private:
	bool reads_ = false;
	bool is_spoken_ = false;
};

/* A number as a person reads it: the file may have 0.070699999999999999 for 0.0707, and 8.0E-4 for
 * 0.0008. */
std::string
plain_number(const std::string &text)
{
	double number = 0;
	const char *end = text.data() + text.size();
	const auto [at, error] = std::from_chars(text.data(), end, number);
	char digits[400];
	if (error != std::errc() || at != end || number > 1e15 || number < -1e15)
		return text;
	const auto written =
	    std::to_chars(digits, digits + sizeof digits, number, std::chars_format::fixed);
	return {digits, written.ptr};
}

/* Columns count from 1: that of B7 is 2. 0 when there are no letters. */
std::size_t
column_of(std::string_view place)
{
	std::size_t column = 0;
	for (const char c : place) {
		if (!is_upper(c))
			break;
		column = 26 * column + static_cast<std::size_t>(c - 'A' + 1);
		if (column > max_columns)
			refuse_workbook("It has more than 256 columns");
	}
	return column;
}

class Sheet : public XmlListener
{
public:
	Sheet(const std::vector<std::string> &texts, UnpackedSize &size) : texts_(texts), size_(size) {}
	std::vector<CsvRecord> rows;

	void
	begin_element(std::string_view name, const char **attributes) override
	{
		if (name == "row")
			begin_row(attribute(attributes, "r"));
		else if (name == "c")
			begin_cell(attribute(attributes, "r"), attribute(attributes, "t"));
		reads_ = name == "v" || (name == "t" && type_ == "inlineStr");
	}
	void
	end_element(std::string_view name) override
	{
		reads_ = false;
		if (name == "c")
			end_cell();
		else if (name == "row" && !row_.cells.empty())
			rows.push_back(std::exchange(row_, CsvRecord()));
	}
	void
	take_text(std::string_view part) override
	{
		if (reads_)
			value_ += part;
	}

private:
	void
	begin_row(std::string_view number)
	{
		if (rows.size() >= max_rows)
			refuse_workbook("It has more than 20,000 rows");
		int line = line_ + 1;
		std::from_chars(number.data(), number.data() + number.size(), line);
		row_ = CsvRecord();
		row_.line = line_ = line;
	}
	void
	begin_cell(std::string_view place, std::string_view type)
	{
		const std::size_t column = column_of(place);
		column_ = column > 0 ? column - 1 : row_.cells.size();
		type_ = type;
		value_.clear();
	}
	void
	end_cell()
	{
		std::string shown = value_;
		if (type_ == "s")
			shown = shared_text();
		else if (type_ == "e")
			shown = "error " + value_;
		else if (type_.empty() || type_ == "n")
			shown = plain_number(value_);
		size_.add(shown.size());
		shown = std::string(trimmed_text(shown));
		if (shown.empty() || column_ >= max_columns)
			return;
		if (row_.cells.size() <= column_) {
			size_.add((column_ + 1 - row_.cells.size()) * sizeof(std::string));
			row_.cells.resize(column_ + 1);
		}
		row_.cells[column_] = std::move(shown);
	}
	const std::string &
	shared_text() const
	{
		std::size_t place = 0;
		const auto [at, error] =
		    std::from_chars(value_.data(), value_.data() + value_.size(), place);
		if (error != std::errc() || at != value_.data() + value_.size() || place >= texts_.size())
			refuse_workbook("Row " + std::to_string(row_.line) + " names a text that is not there");
		return texts_[place];
	}

	const std::vector<std::string> &texts_;
	UnpackedSize &size_;
	CsvRecord row_;
	int line_ = 0;
	std::size_t column_ = 0;
	std::string type_;
	std::string value_;
	bool reads_ = false;
};

std::string
part_named(const std::string &target)
{
	return target.empty() || target[0] != '/' ? "xl/" + target : target.substr(1);
}

} // namespace

bool
is_workbook(std::string_view file) noexcept
{
	return file.substr(0, 4) == std::string_view("PK\3\4", 4);
}

std::vector<std::vector<CsvRecord>>
read_workbook(std::string_view file)
{
	const Archive archive = open_archive(file);
	UnpackedSize size;
	const auto read = [&](XmlListener &listener, const std::string &name, bool needed) {
		const std::string xml = read_part(archive.get(), name);
		size.add(xml.size());
		if (xml.empty() && needed)
			refuse_workbook("It has no part " + name);
		if (!xml.empty())
			listener.parse_part(xml, name);
	};
	Names names;
	read(names, "xl/workbook.xml", true);
	read(names, "xl/_rels/workbook.xml.rels", true);
	if (names.sheets.size() > max_sheets)
		refuse_workbook("It has more than 256 sheets");
	SharedStrings texts;
	read(texts, "xl/sharedStrings.xml", false);
	std::vector<std::vector<CsvRecord>> sheets;
	for (const std::string &id : names.sheets) {
		Sheet sheet(texts.all, size);
		read(sheet, part_named(names.targets[id]), true);
		sheets.push_back(std::move(sheet.rows));
	}
	return sheets;
}

} // namespace whatsapp
