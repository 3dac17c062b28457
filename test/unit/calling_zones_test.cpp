/* Which time zones a phone number has, and how office hours are written. */
#include "core/value/calling_zones.hpp"
#include "core/value/office_hours.hpp"

#include <gtest/gtest.h>

namespace whatsapp
{

TEST(CallingZones, AreThoseOfTheLongestBeginning)
{
	EXPECT_STREQ(zones_of_phone("+34612345678"), "Europe/Madrid,Atlantic/Canary");
	EXPECT_STREQ(zones_of_phone("34612345678"), zones_of_phone("+34612345678"));
	EXPECT_STREQ(zones_of_phone("+573001234567"), "America/Bogota");
	EXPECT_STREQ(zones_of_phone("+447700900123"), "Europe/London");
	EXPECT_STREQ(zones_of_phone("+18095551234"), "America/Santo_Domingo");
	EXPECT_STREQ(zones_of_phone("+18085551234"), "Pacific/Honolulu");
	EXPECT_STREQ(zones_of_phone("+77012345678"), "Asia/Almaty");
	EXPECT_EQ(std::string_view(zones_of_phone("+79161234567")).substr(0, 14), "Europe/Moscow,");
	EXPECT_EQ(std::string_view(zones_of_phone("+12125551234")).substr(0, 17), "America/New_York,");
	EXPECT_STREQ(zones_of_phone("+5511987654321"), "America/Sao_Paulo");
	EXPECT_STREQ(zones_of_phone("+5592987654321"), "America/Manaus");
}

TEST(CallingZones, BeginWithThatOfMostPeople)
{
	EXPECT_STREQ(zones_of_phone("+380501234567"), "Europe/Kyiv,Europe/Simferopol");
	EXPECT_STREQ(zones_of_phone("+243811234567"), "Africa/Lubumbashi,Africa/Kinshasa");
}

TEST(CallingZones, AreUtcWhereTheCountryIsNotKnown)
{
	for (const char *phone : {"", "+", "+0", "+888123456789", "+870773111632", "ES.1234567890"})
		EXPECT_STREQ(zones_of_phone(phone), "UTC") << phone;
}

TEST(OfficeHours, AreReadAsInSql)
{
	for (const char *hours : {"Mon-Fri 09:00-18:00", "mon 00:00-24:00", " Sat-Mon  22:00-02:00 ",
	                          "Mon-Thu 09:00-18:00, Fri 09:00-14:00", "Mon 09:00-10:00,"})
		EXPECT_TRUE(valid_office_hours(hours)) << hours;
	for (const char *hours : {"", " ", "Mon", "Monday 09:00-18:00", "Mon-Fri 9-18", "Mon 09:00",
	                          "Mon 09:00-25:00", "Mon 09:60-10:00", "Mon 24:01-10:00", "Mo", "Mon-",
	                          "Mon 09:00-18:00 Tue 09:00-18:00", "Mon09:00-18:00", ",", "always"})
		EXPECT_FALSE(valid_office_hours(hours)) << hours;
}

TEST(OfficeHours, TellTimeZonesFromExpressions)
{
	for (const char *zone : {"Europe/Madrid", "UTC", "Etc/GMT+5", "America/Port-au-Prince"})
		EXPECT_TRUE(looks_like_time_zone(zone)) << zone;
	for (const char *expression : {"", "new.zone", "'Europe/Madrid'", "(SELECT 1)"})
		EXPECT_FALSE(looks_like_time_zone(expression)) << expression;
}

} // namespace whatsapp
