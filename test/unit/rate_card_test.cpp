/*
 * rate_card_test.cpp — rate cards as Meta publishes them, and what must not be read as one.
 */
#include "core/price/rate_card.hpp"

#include "core/price/rate.hpp"

#include <fstream>
#include <iterator>

#include <zip.h>

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

/* The head of Meta's card of July 2026, with its prose, its header on line 6 and its newline inside
 * a name. */
constexpr char card_head[] =
    "Cost per message in USD, effective July 1, 2026,,,,,,\r\n"
    "\"Note: prices, without tax, \"\"as is\"\"\",,,,,,\r\n"
    ",,,,,,\r\n"
    "Market rates,,,,,,\r\n"
    ",,,,,,\r\n"
    "Market,Currency,Marketing,Utility,Authentication,\"Authentication-\nInternational\",Service\r\n";

std::string
card_file(const std::string &rows)
{
	return card_head + rows;
}

std::string
shown(const std::vector<CardRate> &rates)
{
	std::string text;
	for (const CardRate &rate : rates)
		text += rate.market + "/" + rate.category + "/" + std::to_string(rate.volume_from) + "=" +
		        (rate.rate.empty() ? "-" : rate.rate) + "@" + std::to_string(rate.line) + " ";
	return text;
}

std::string
rate_problem(const std::string &file, const char *currency = "USD")
{
	const Fault fault = fault_of([&] { read_rate_card(file, currency); });
	return std::string(fault.sqlstate()) + " " + fault.detail();
}

TEST(Rate, DigitsStay)
{
	const std::pair<const char *, const char *> rates[] = {
	    {"0.0618", "0.0618"},
	    {"8.0E-4", "0.0008"},
	    {"8E-04", "0.0008"},
	    {"1.5e+2", "150"},
	    {"0", "0"},
	    {"0.00", "0"},
	    {".5", "0.5"},
	    {"5.", "5"},
	    {"007", "7"},
	    {"12.50", "12.5"},
	    {"0.00000001", "0.00000001"},
	    {"999999.99999999", "999999.99999999"},
	    {"1.2345678E0", "1.2345678"},
	    {"0.12E1", "1.2"},
	    {"100E-8", "0.000001"},
	};
	for (const auto &[printed, read] : rates)
		EXPECT_EQ(read_rate(printed), read) << printed;
}

TEST(Rate, WhatIsNoneIsRefused)
{
	for (const char *printed :
	     {"",      ".",     "-0.01", "+0.01", "0,05", "$0.05",       "1e",
	      "1e+-2", "1E999", "0x1",   "NaN",   "inf",  "0.000000001", "1000000",
	      "1 000", "0.05 ", "5E-9",  "1.2.3", "1E-",  "--1"})
		EXPECT_EQ(read_rate(printed), "") << printed;
	EXPECT_EQ(read_rate(std::string(100, '0')), "");
}

TEST(Rate, AmountsAreRounded)
{
	const std::pair<const char *, const char *> amounts[] = {
	    {"0.035", "0.03500000"},
	    {"0.035000000000000003", "0.03500000"},
	    {"0.034999999999999996", "0.03500000"},
	    {"0.000000005", "0.00000001"},
	    {"0.0000000049", "0.00000000"},
	    {"9.999999999", "10.00000000"},
	    {"0", "0.00000000"},
	    {"3.5E-2", "0.03500000"},
	    {"87", "87.00000000"},
	    {"999999.99999999", "999999.99999999"},
	};
	for (const auto &[written, read] : amounts)
		EXPECT_EQ(read_amount(written), read) << written;
	for (const char *written : {"", "-0.01", "0,05", "NaN", "1000000", "999999.999999999", "1E99"})
		EXPECT_EQ(read_amount(written), "") << written;
}

TEST(RateCard, AsMetaPublishesIt)
{
	EXPECT_EQ(
	    shown(read_rate_card(
	        card_file("Spain,$US,0.0707,0.0200,0.0200,n/a,0.0200\r\n"
	                  "\"Rest of Central & Eastern Europe\",$US,8.0E-4,0,N/A,n/a,1\r\n,,,,,,\r\n"),
	        "USD")),
	    "Spain/marketing/1=0.0707@8 Spain/utility/1=0.02@8 Spain/authentication/1=0.02@8 "
	    "Spain/authentication_international/1=-@8 Spain/service/1=0.02@8 "
	    "Rest of Central & Eastern Europe/marketing/1=0.0008@9 "
	    "Rest of Central & Eastern Europe/utility/1=0@9 "
	    "Rest of Central & Eastern Europe/authentication/1=-@9 "
	    "Rest of Central & Eastern Europe/authentication_international/1=-@9 "
	    "Rest of Central & Eastern Europe/service/1=1@9 ");
}

TEST(RateCard, ColumnsAreTakenByName)
{
	EXPECT_EQ(shown(read_rate_card("\xEF\xBB\xBFUtility,MARKET,marketing\nn/a,Spain,0.07", "EUR")),
	          "Spain/utility/1=-@2 Spain/marketing/1=0.07@2 ");
	EXPECT_EQ(shown(read_rate_card("Market,Category,Volume from,Rate\nPeru,Utility,0,0.03\n"
	                               "Peru,Utility,100001,0.0285\n",
	                               "USD")),
	          "Peru/utility/1=0.03@2 Peru/utility/100001=0.0285@3 ");
}

TEST(RateCard, LineByLineInEveryNewline)
{
	for (const char *newline : {"\n", "\r\n", "\r"}) {
		const std::string file = std::string("Market,Utility") + newline + "Spain,0.02" + newline +
		                         "Peru,0.03" + newline;
		EXPECT_EQ(shown(read_rate_card(file, "USD")),
		          "Spain/utility/1=0.02@2 Peru/utility/1=0.03@3 ");
	}
}

/* A workbook of these parts, packed as every program packs it. */
std::string
packed(const std::vector<std::pair<std::string, std::string>> &parts)
{
	zip_error_t error;
	zip_source_t *source = zip_source_buffer_create(nullptr, 0, 0, &error);
	zip_source_keep(source);
	zip_t *archive = zip_open_from_source(source, ZIP_TRUNCATE, &error);
	for (const auto &[name, text] : parts)
		zip_file_add(archive, name.c_str(), zip_source_buffer(archive, text.data(), text.size(), 0),
		             ZIP_FL_OVERWRITE);
	EXPECT_EQ(zip_close(archive), 0);
	EXPECT_EQ(zip_source_open(source), 0);
	zip_source_seek(source, 0, SEEK_END);
	std::string bytes(static_cast<std::size_t>(zip_source_tell(source)), '\0');
	zip_source_seek(source, 0, SEEK_SET);
	EXPECT_EQ(zip_source_read(source, bytes.data(), bytes.size()),
	          static_cast<zip_int64_t>(bytes.size()));
	zip_source_close(source);
	zip_source_free(source);
	return bytes;
}

/* Two sheets, the second of which is empty unless it is said. */
std::string
workbook(const std::string &rows, const std::string &others = "", const std::string &head = "")
{
	const std::string sheet = "<worksheet><sheetData>";
	return packed(
	    {{"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet r:id='a'/><sheet "
	                         "r:id='b'/></sheets></workbook>"},
	     {"xl/_rels/workbook.xml.rels",
	      "<R><Relationship Id='b' Target='/xl/worksheets/two.xml'/><Relationship Id='a' "
	      "Target='worksheets/one.xml'/></R>"},
	     {"xl/sharedStrings.xml",
	      "<sst><si><t>Market</t></si><si><r><t>Uti</t></r><r><t>lity</t></r><rPh><t>x</t>"
	      "</rPh></si><si><t> Spain </t></si></sst>"},
	     {"xl/worksheets/one.xml", head + sheet + rows + "</sheetData></worksheet>"},
	     {"xl/worksheets/two.xml", sheet + others + "</sheetData></worksheet>"}});
}

constexpr char workbook_head[] =
    "<row r='1'><c t='inlineStr'><is><t>Prose</t></is></c></row>"
    "<row r='4'><c r='A4' t='s'><v>0</v></c><c r='C4' t='s'><v>1</v></c></row>";

TEST(RateCard, WorkbookOfAnotherProgram)
{
	std::ifstream file("data/rates.xlsx", std::ios::binary);
	const std::string bytes((std::istreambuf_iterator<char>(file)),
	                        std::istreambuf_iterator<char>());
	EXPECT_EQ(shown(read_rate_card(bytes, "USD")),
	          "Spain/marketing/1=0.0707@5 Spain/utility/1=0.02@5 Spain/authentication/1=0.02@5 "
	          "Spain/authentication_international/1=-@5 Spain/service/1=0.02@5 "
	          "Colombia/marketing/1=0.0125@6 Colombia/utility/1=0.0008@6 "
	          "Colombia/authentication/1=0.0008@6 Colombia/authentication_international/1=-@6 "
	          "Colombia/service/1=0.0008@6 "
	          "India/marketing/1=0.0118@7 India/utility/1=0.0014@7 India/authentication/1=0.0014@7 "
	          "India/authentication_international/1=0.028@7 India/service/1=0.0014@7 ");
	EXPECT_NE(rate_problem(bytes, "EUR").find("the currency is \"$US\" and not EUR"),
	          std::string::npos);
}

TEST(RateCard, WorkbookByItsParts)
{
	/* column B has no name: then it is not known what it is */
	EXPECT_NE(rate_problem(workbook(workbook_head)).find("column 2 has an unknown name"),
	          std::string::npos);
	const std::string head = "<row r='2'><c r='A2' t='s'><v>0</v></c><c r='B2' "
	                         "t='s'><v>1</v></c></row>";
	const auto row = [](const char *cell) {
		return std::string("<row r='9'><c r='A9' t='s'><v>2</v></c><c r='B9'") + cell +
		       "</c></row>";
	};
	/* as a sheet has 0.0707 */
	EXPECT_EQ(shown(read_rate_card(workbook(head + row("><v>7.0699999999999999E-2</v>")), "USD")),
	          "Spain/utility/1=0.0707@9 ");
	EXPECT_EQ(shown(read_rate_card(workbook("", head + row("><v>8.0E-4</v>")), "USD")),
	          "Spain/utility/1=0.0008@9 ");
	EXPECT_EQ(
	    shown(read_rate_card(workbook(head + row(" t='inlineStr'><is><t>n/a</t></is>")), "USD")),
	    "Spain/utility/1=-@9 ");
	const std::pair<std::string, const char *> files[] = {
	    /* what a formula could not compute is not n/a */
	    {workbook(head + row(" t='e'><v>#N/A</v>")), "is neither a rate"},
	    {workbook(head + row("><v>0.0123456789</v>")), "is neither a rate"},
	    {workbook(head + row(" t='s'><v>3</v>")), "names a text that is not there"},
	    {workbook(head + row(" t='s'><v>-1</v>")), "names a text that is not there"},
	    {workbook("<row><c r='ZZZZ1'><v>1</v></c></row>"), "more than 256 columns"},
	    {workbook(head, "", "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>"), "document type"},
	    {workbook("<row>"), "is no XML"},
	    {workbook(""), "no line with a column named Market"},
	    {packed({{"xl/workbook.xml", "<workbook/>"}}), "no part xl/_rels/workbook.xml.rels"},
	    {packed({{"word/document.xml", "<x/>"}}), "no part xl/workbook.xml"},
	    {packed({{"xl/workbook.xml", std::string(9 << 20, ' ')}}), "larger than 8 MB"},
	    {std::string("PK\3\4\0\0Market,Utility", 20), "no whole ZIP archive"},
	};
	for (const auto &[file, detail] : files) {
		const std::string said = rate_problem(file);
		EXPECT_EQ(said.substr(0, 5), "22023") << said;
		EXPECT_NE(said.find(detail), std::string::npos) << said << " has not: " << detail;
	}
	const std::string rates = head + row("><v>1</v>");
	const Fault twice = fault_of([&] { read_rate_card(workbook(rates, rates), "USD"); });
	EXPECT_NE(twice.message().find("more than one sheet"), std::string::npos);
	const Fault old = fault_of([] { read_rate_card("\xD0\xCF\x11\xE0", "USD"); });
	EXPECT_NE(old.message().find("XLS workbook"), std::string::npos);
}

/* A workbook with this many sheets, all of which are one part. */
std::string
repeated(int sheets, const std::string &rows, const std::string &text = "Market")
{
	std::string names;
	for (int i = 0; i < sheets; i++)
		names += "<sheet r:id='a'/>";
	return packed(
	    {{"xl/workbook.xml", "<workbook xmlns:r='r'><sheets>" + names + "</sheets></workbook>"},
	     {"xl/_rels/workbook.xml.rels", "<R><Relationship Id='a' Target='a.xml'/></R>"},
	     {"xl/sharedStrings.xml", "<sst><si><t>" + text + "</t></si></sst>"},
	     {"xl/a.xml", "<worksheet>" + rows + "</worksheet>"}});
}

TEST(RateCard, ASmallWorkbookStaysSmall)
{
	constexpr std::size_t million = 1000000;
	std::string cells = "<row>";
	for (int i = 0; i < 100; i++)
		cells += "<c t='s'><v>0</v></c>";
	cells += "</row>";
	std::string wide;
	for (int i = 0; i < 10000; i++)
		wide += "<row><c r='IV1'><v>1</v></c></row>";
	const struct {
		std::string file;
		const char *detail;
	} files[] = {
	    {repeated(100, std::string(million, ' ')), "unpacks to more than 64 MB"},
	    {repeated(1, cells, std::string(million, 'x')), "unpacks to more than 64 MB"},
	    {repeated(1, cells, std::string(million, '\t')), "unpacks to more than 64 MB"},
	    {repeated(10, wide), "unpacks to more than 64 MB"},
	    {repeated(1000, "<row/>"), "more than 256 sheets"},
	};
	for (const auto &one : files) {
		EXPECT_LT(one.file.size(), 100000U);
		const std::string said = rate_problem(one.file);
		EXPECT_NE(said.find(one.detail), std::string::npos) << said;
	}
}

/* Wherever a byte is lost or another one, nothing comes out but a Fault or the card. */
TEST(RateCard, WorkbookThatIsDamaged)
{
	std::ifstream file("data/rates.xlsx", std::ios::binary);
	const std::string bytes((std::istreambuf_iterator<char>(file)),
	                        std::istreambuf_iterator<char>());
	const std::string whole = shown(read_rate_card(bytes, "USD"));
	for (std::size_t place = 4; place < bytes.size(); place += 7) {
		std::string damaged = bytes;
		damaged[place] = static_cast<char>(damaged[place] ^ 0x41);
		for (const std::string &each : {damaged, bytes.substr(0, place)}) {
			try {
				EXPECT_EQ(shown(read_rate_card(each, "USD")), whole) << place;
			} catch (const Fault &) {
			}
		}
	}
}

TEST(RateCard, WhatIsNotUnderstoodIsRefused)
{
	const std::pair<std::string, const char *> files[] = {
	    {"", "no line with a column named Market"},
	    {"<html>Market</html>", "no line with"},
	    {card_file(""), ""},
	    {card_file("Spain,$US,0.07,0.02,0.02,n/a\n"), "Line 8: it has 6 of 7 cells"},
	    {card_file("Spain,EUR,0.07,0.02,0.02,n/a,0.02\n"), "the currency is \"EUR\" and not USD"},
	    {card_file("Spain,$A,0.07,0.02,0.02,n/a,0.02\n"), "the currency is \"$A\" and not USD"},
	    {card_file("Spain,$US,\"0,07\",0.02,0.02,n/a,0.02\n"), "\"0,07\" is neither a rate"},
	    {card_file("Spain,$US,,0.02,0.02,n/a,0.02\n"), "\"\" is neither a rate"},
	    {card_file("Spain,$US,0.0707000001,0.02,0.02,n/a,0.02\n"), "of at most 8 decimals"},
	    {card_file("Spain,$US,-1,0.02,0.02,n/a,0.02\n"), "\"-1\" is neither"},
	    {card_file(",$US,0.07,0.02,0.02,n/a,0.02\n"), "the market is missing"},
	    {card_file("Spain,$US,1,1,1,1,1\nSpain,$US,1,1,1,1,1\n"),
	     "Line 9: market \"Spain\" has this rate already"},
	    {card_file("Spain,$US,1,1,1,1,\"1\nFrance"), "It opens on line 8"},
	    {card_file("Spain,$US,\"1\"1,1,1,1,1"), "It ends on line 8"},
	    {"Market,Utility,Discount\nSpain,1,1", "column 3 has an unknown name"},
	    {"Market,Utility,Utility\nSpain,1,1", "stands there twice"},
	    {"Market,Market,Utility\nSpain,1,1", "stands there twice"},
	    {"Market,Rate\nSpain,1", "Category, Volume from and Rate"},
	    {"Market,Utility,Rate\nSpain,1,1", "Category, Volume from and Rate"},
	    {"Market,Category,Volume from,Rate\nPeru,Magic,1,1", "the category is unknown"},
	    {"Market,Category,Volume from,Rate\nPeru,Utility,-1,1", "is no number of messages"},
	    {"Market,Category,Volume from,Rate\nPeru,Utility,1e5,1", "is no number of messages"},
	    {"Market,Utility\nSpa\xF1 a,1", "Byte 19 is not part of a character"},
	    {std::string("M\0arket", 7), "Byte 2"},
	    {std::string((1 << 20) + 1, ' '), ""},
	};
	for (const auto &[file, detail] : files) {
		const std::string said = rate_problem(file);
		EXPECT_EQ(said.substr(0, 5), "22023") << file.substr(0, 200);
		EXPECT_NE(said.find(detail), std::string::npos) << said;
	}
}

TEST(RateCard, NoCutMakesAPriceOfSomethingElse)
{
	const std::string whole = card_file("Spain,$US,0.0707,0.0200,0.0200,n/a,0.0200\n");
	for (std::size_t size = 0; size < whole.size(); size++) {
		std::vector<CardRate> rates;
		try {
			rates = read_rate_card(whole.substr(0, size), "USD");
		} catch (const Fault &) {
			continue;
		}
		/* Only the digits of the last cell may be missing without anybody being able to tell. */
		EXPECT_GE(size, whole.size() - 7);
		EXPECT_EQ(rates.size(), 5U);
		EXPECT_EQ(rates[0].rate, "0.0707");
	}
}

} // namespace
} // namespace whatsapp
