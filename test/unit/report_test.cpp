/*
 * report_test.cpp — the page is right with nothing, with one message, and whatever a name is.
 */
#include "core/page/report.hpp"

#include <cstring>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

struct ReportSample {
	std::unique_ptr<DatabaseFigures> database = std::make_unique<DatabaseFigures>();
	std::unique_ptr<PlacedSender> sender = std::make_unique<PlacedSender>();
	Figures figures = {};

	ReportSample()
	{
		figures.database = database.get();
		figures.sender = sender.get();
		figures.databases = figures.senders = 1;
		std::strcpy(database->name, "shop");
		std::strcpy(sender->figures.name, "<b>&\"");
		database->enabled = sender->figures.enabled = sender->figures.is_known = true;
	}
	std::string
	page() const
	{
		return report_page(figures, 1895336240, "1.0");
	}
};

bool
has(const std::string &page, const char *text)
{
	return page.find(text) != std::string::npos;
}

TEST(Report, NothingAtAll)
{
	const std::string page = report_page(Figures(), 1895336240, "1.0");
	EXPECT_TRUE(has(page, "No worker has served a database yet"));
	EXPECT_TRUE(has(page, "</html>"));
}

TEST(Report, NoMessage)
{
	const std::string page = ReportSample().page();
	EXPECT_TRUE(has(page, "<p>0 sent, 0 delivered, 0 read, 0 failed</p>")) << page;
	EXPECT_FALSE(has(page, "nan"));
	EXPECT_FALSE(has(page, "<rect"));
}

TEST(Report, OneMessage)
{
	ReportSample sample;
	sample.database->day_count = 1;
	sample.database->day[0] = {21937, 1, 1, 0, 0};
	sample.sender->figures.latency[1].bucket[latency_bucket(0.2)] = 1;
	const std::string page = sample.page();
	EXPECT_TRUE(has(page, "<p>1 sent, 1 delivered (100.0 %), 0 read, 0 failed</p>")) << page;
	EXPECT_TRUE(has(page, "<title>2030-01-23: 1 sent, 1 delivered, 0 read, 0 failed</title>"))
	    << page;
	EXPECT_TRUE(has(page, "wire to answer"));
}

TEST(Report, MoneyByCurrencyAndDay)
{
	ReportSample sample;
	sample.database->cost_count = 3;
	sample.database->cost[0] = {21936, "EUR", 2, 1, 0, 0.0305, 0, 0};
	sample.database->cost[1] = {21937, "EUR", 1, 0, 0, 0.5, 1, 0.5};
	sample.database->cost[2] = {21937, "USD", 1, 0, 1, 0, 0, 0};
	const std::string page = sample.page();
	EXPECT_TRUE(has(page, "<p>0.5305 EUR: 3 delivered, 1 free; 1 of them estimated (0.50 EUR)</p>"))
	    << page;
	EXPECT_TRUE(has(page, "<p>0.00 USD: 1 delivered, 0 free; as Meta told, 1 without a price</p>"));
	/* the last day first */
	EXPECT_LT(page.find("2030-01-23<td"), page.find("2030-01-22<td"));
	EXPECT_TRUE(has(page, "0.50 EUR<td>estimated</tr>"));
}

TEST(Report, BudgetThatHolds)
{
	ReportSample sample;
	sample.database->budget_count = 2;
	sample.database->budget[0] = {"<i>", "EUR", 100, 60, 25, 0, 0};
	sample.database->budget[1] = {"small", "EUR", 100, 1, 0, 0, 0};
	const std::string page = sample.page();
	EXPECT_TRUE(has(page, "<tr class=bad><td>look<td>&lt;i&gt;<td class=r>60.00 EUR")) << page;
	EXPECT_TRUE(has(page, "<tr class=ok><td>ok<td>small"));
}

TEST(Report, NamesAreText)
{
	const std::string page = ReportSample().page();
	EXPECT_FALSE(has(page, "<b>&\""));
	EXPECT_TRUE(has(page, "Sender &lt;b&gt;&amp;&quot;"));
}

TEST(Report, NothingIsLoadedOrRuns)
{
	const std::string page = ReportSample().page();
	EXPECT_FALSE(has(page, "<script"));
	EXPECT_FALSE(has(page, "http://"));
	EXPECT_FALSE(has(page, "https://"));
	EXPECT_FALSE(has(page, "src="));
}

TEST(Report, WhatIsWrongIsMarked)
{
	ReportSample sample;
	EXPECT_TRUE(has(sample.page(), "<tr class=bad><td>look</td><td>Worker sender"));
	sample.database->worker[1].looped_at = 1895336240 - 3;
	EXPECT_TRUE(has(sample.page(), "<tr class=ok><td>ok</td><td>Worker sender"));
	sample.sender->figures.pause = Pause::token;
	EXPECT_TRUE(has(sample.page(), "pauses because of its token"));
	sample.database->queue_count = 1;
	sample.database->queue[0] = {"north", 1, 0, 1234567, 1895336240 - 7200};
	EXPECT_TRUE(has(sample.page(), "1,234,567 normal ready, the oldest due for 2 h"));
}

TEST(Report, WhatWillRunOut)
{
	ReportSample sample;
	EXPECT_FALSE(has(sample.page(), "Access token"));
	EXPECT_FALSE(has(sample.page(), "Templates"));
	sample.database->token_ends_at = 1895336240 + 60 * 86400;
	sample.database->templates[static_cast<int>(TemplateState::approved)] = 5;
	std::strcpy(sample.sender->figures.limit, "TIER_1K");
	EXPECT_TRUE(
	    has(sample.page(), "<tr class=ok><td>ok</td><td>Access token</td><td>ends in 60 days<"));
	EXPECT_TRUE(has(sample.page(), "<tr class=ok><td>ok</td><td>Templates</td><td>5 approved<"));
	EXPECT_TRUE(has(sample.page(), "people a day: TIER_1K"));
	sample.database->token_ends_at = 1895336240 + 3 * 86400;
	sample.database->templates[static_cast<int>(TemplateState::paused)] = 1;
	EXPECT_TRUE(
	    has(sample.page(), "<tr class=bad><td>look</td><td>Access token</td><td>ends in 3 days<"));
	EXPECT_TRUE(has(sample.page(),
	                "<tr class=bad><td>look</td><td>Templates</td><td>5 approved, 1 paused<"));
	sample.database->token_ends_at = 1895336240 - 60;
	EXPECT_TRUE(has(sample.page(), "has ended"));
}

TEST(Report, TenMillionMessages)
{
	ReportSample sample;
	sample.database->day_count = 2;
	sample.database->day[0] = {21936, 9999999, 9900000, 5000000, 100000};
	sample.database->day[1] = {21937, 1, 1, 1, 0};
	sample.database->cost_count = 1;
	sample.database->cost[0] = {21936, "EUR", 9900000, 1000, 0, 197980.0001, 0, 0};
	const std::string page = sample.page();
	EXPECT_TRUE(has(page, "<p>10,000,000 sent, 9,900,001 delivered (99.0 %), 5,000,001 read, "
	                      "100,000 failed</p>"))
	    << page;
	EXPECT_TRUE(has(page, "<p>197980.0001 EUR: 9,900,000 delivered, 1,000 free; as Meta told</p>"))
	    << page;
}

} // namespace
} // namespace whatsapp
