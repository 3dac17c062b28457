/*
 * phone_spelling_test.cpp — what people write around digits goes, and nothing else.
 */
#include "core/value/phone_spelling.hpp"
#include "core/value/character_name.hpp"

#include "fault_matcher.hpp"

namespace whatsapp
{
namespace
{

TEST(PhoneSpelling, IsTakenAway)
{
	const struct {
		const char *written;
		const char *spelled;
	} forms[] = {
	    {"+34612345678", "+34612345678"},
	    {" +34 612 34 56 78\n", "+34612345678"},
	    {"+34-612.345(678)", "+34612345678"},
	    {"tel:+34-612-345-678", "+34612345678"},
	    {"0034 612345678", "0034612345678"},
	    {"030/123456", "030123456"},
	    {"\xE2\x80\x8E+34\xC2\xA0"
	     "612\xE2\x80\x8B"
	     "345\xE2\x80\x91"
	     "678\xE2\x80\xAC",
	     "+34612345678"},
	    {"\xEF\xBC\x8B\xEF\xBC\x93\xEF\xBC\x94"
	     "612345678",
	     "+34612345678"}, /* full-width */
	    {"+\xD9\xA3\xD9\xA4"
	     "612345678",
	     "+34612345678"}, /* Arabic-Indic */
	};
	for (const auto &form : forms)
		EXPECT_EQ(spell_phone(form.written), form.spelled) << form.written;
}

TEST(PhoneSpelling, IsRefusedWhereItMayBeAnotherNumber)
{
	const struct {
		const char *written;
		const char *reason;
	} forms[] = {
	    {"", "text is empty"},
	    {" \t", "text is empty"},
	    {"+", "no digits"},
	    {"+34612345678 ext. 4", "position 14 is \"e\""},
	    {"1-800-FLOWERS", "position 7 is \"F\""},
	    {"+34612345678;+34612345679", "position 13 is \";\""},
	    {"+34612345678 +34612345679", "plus sign stands at the beginning only"},
	    {"612345678/79", "two numbers"},
	    {"612345678/612345679/1", "two numbers"},
	    {"612\n345678", "U+000A LINE FEED"},
	    {"3.4612345678E+10", "exponent form"},
	    {"34612345678.0", "decimal places"},
	    {"+34612345678\xFF", "no UTF-8"},
	};
	for (const auto &form : forms) {
		const Fault fault = fault_of([&] { spell_phone(form.written); });
		EXPECT_STREQ(fault.sqlstate(), "22023");
		EXPECT_NE(fault.detail().find(form.reason), std::string::npos)
		    << form.written << ": " << fault.detail();
		EXPECT_EQ(fault.detail().find("34612345678"), std::string::npos);
	}
}

TEST(CharacterName, CodesAndPlaces)
{
	EXPECT_EQ(name_character(0x200E), "U+200E LEFT-TO-RIGHT MARK");
	EXPECT_EQ(name_character(0xFEFF), "U+FEFF ZERO WIDTH NO-BREAK SPACE");
	EXPECT_EQ(name_character(0x669), "U+0669 ARABIC-INDIC DIGIT NINE");
	EXPECT_EQ(name_character(0x1F600), "U+1F600");
	EXPECT_EQ(name_character(0x10FFFF), "U+10FFFF");
	EXPECT_EQ(name_character_at("\xC3\xB1\xE2\x80\x8B", 2),
	          "the character at position 2 is U+200B ZERO WIDTH SPACE");
}

} // namespace
} // namespace whatsapp
