/*
 * metrics_test.cpp — the page of metrics, and what is read out of a histogram.
 */
#include "core/page/metrics.hpp"

#include <cstring>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace whatsapp
{
namespace
{

struct Sample {
	std::unique_ptr<DatabaseFigures> database = std::make_unique<DatabaseFigures>();
	std::unique_ptr<PlacedSender> sender = std::make_unique<PlacedSender>();
	Figures figures = {};

	Sample()
	{
		figures.database = database.get();
		figures.sender = sender.get();
		figures.databases = figures.senders = 1;
		std::strcpy(database->name, "shop");
		std::strcpy(sender->figures.name, "nor\"th\\\n");
		sender->figures.is_known = true;
	}
	std::string
	text(MetricsFormat format = MetricsFormat::text) const
	{
		return metrics_text(figures, 1000, "1.0", format);
	}
	bool
	has(const std::string &line, MetricsFormat format = MetricsFormat::text) const
	{
		return ("\n" + text(format)).find("\n" + line + "\n") != std::string::npos;
	}
};

TEST(Metrics, EscapesLabels)
{
	Sample sample;
	sample.sender->figures.tried[0] = 3;
	EXPECT_TRUE(sample.has(
	    R"(whatsapp_attempts_total{database="shop",sender="nor\"th\\\n",outcome="sent"} 3)"))
	    << sample.text();
}

TEST(Metrics, NumbersHaveNoExponent)
{
	Sample sample;
	sample.database->since = 1895336240.5;
	sample.sender->figures.tried[0] = 1234567890123;
	EXPECT_TRUE(
	    sample.has(R"(whatsapp_counters_since_timestamp_seconds{database="shop"} 1895336240.5)"));
	EXPECT_NE(sample.text().find(" 1234567890123\n"), std::string::npos);
}

TEST(Metrics, AnEndThatIsKnown)
{
	Sample sample;
	EXPECT_EQ(sample.text().find("whatsapp_token_expires_timestamp_seconds{"), std::string::npos);
	sample.database->token_ends_at = 1895336240;
	EXPECT_TRUE(
	    sample.has(R"(whatsapp_token_expires_timestamp_seconds{database="shop"} 1895336240)"));
}

TEST(Metrics, ABudgetHasItsName)
{
	Sample sample;
	EXPECT_EQ(sample.text().find("whatsapp_budget_spent{"), std::string::npos);
	sample.database->budget_count = 1;
	BudgetFigures &budget = sample.database->budget[0];
	std::strcpy(budget.name, "spring");
	std::strcpy(budget.currency, "USD");
	budget.amount = 100;
	budget.spent = 12.5;
	budget.reserved = 0.02;
	budget.held_messages = 3;
	const std::string labels = R"({database="shop",budget="spring",currency="USD"})";
	EXPECT_TRUE(sample.has("whatsapp_budget_amount" + labels + " 100"));
	EXPECT_TRUE(sample.has("whatsapp_budget_spent" + labels + " 12.5"));
	EXPECT_TRUE(sample.has("whatsapp_budget_reserved" + labels + " 0.02"));
	EXPECT_TRUE(sample.has("whatsapp_budget_held_messages" + labels + " 3"));
	EXPECT_TRUE(sample.has("whatsapp_budget_unpriced_messages" + labels + " 0"));
}

TEST(Metrics, BucketsAddUp)
{
	Sample sample;
	std::strcpy(sample.sender->figures.name, "north");
	LatencyFigures &latency = sample.sender->figures.latency[static_cast<int>(Step::answered)];
	for (const double seconds : {0.001, 0.2, 0.2, 1e6}) {
		latency.bucket[latency_bucket(seconds)]++;
		latency.sum += seconds;
	}
	latency.example_id = 17;
	latency.example_seconds = 0.2;
	latency.example_at = 999;
	const std::string labels = R"(database="shop",sender="north")";
	EXPECT_TRUE(sample.has("whatsapp_answer_seconds_bucket{" + labels + R"(,le="0.001"} 1)"));
	EXPECT_TRUE(sample.has("whatsapp_answer_seconds_bucket{" + labels + R"(,le="0.25"} 3)"));
	EXPECT_TRUE(sample.has("whatsapp_answer_seconds_bucket{" + labels + R"(,le="+Inf"} 4)"));
	EXPECT_TRUE(sample.has("whatsapp_answer_seconds_count{" + labels + "} 4"));
	EXPECT_TRUE(sample.has("whatsapp_answer_seconds_bucket{" + labels +
	                           R"(,le="0.25"} 3 # {message_id="17"} 0.2 999)",
	                       MetricsFormat::openmetrics));
	EXPECT_EQ(sample.text().find('#', sample.text().find("whatsapp_answer_seconds_bucket")),
	          sample.text().find("# HELP whatsapp_delivery_seconds"))
	    << "the text format knows no examples";
}

TEST(Metrics, AgeOfWhatIsDue)
{
	Sample sample;
	sample.database->queue_count = 2;
	sample.database->queue[0] = {"north", 0, 0, 5, 990};
	sample.database->queue[1] = {"north", 2, 3, 1, 2000};
	const std::string urgent =
	    R"({database="shop",sender="north",priority="urgent",state="ready"})";
	EXPECT_TRUE(sample.has("whatsapp_queue_messages" + urgent + " 5"));
	EXPECT_TRUE(sample.has("whatsapp_queue_oldest_age_seconds" + urgent + " 10"));
	EXPECT_TRUE(sample.has(
	    R"(whatsapp_queue_oldest_age_seconds{database="shop",sender="north",priority="bulk",state="held"} 0)"));
}

TEST(Metrics, FamiliesAreFewAndExplained)
{
	const std::string text = Sample().text();
	int families = 0;
	for (std::size_t at = text.find("# TYPE "); at != std::string::npos;
	     at = text.find("# TYPE ", at + 1))
		families++;
	EXPECT_GT(families, 20);
	EXPECT_LE(families, 40);
	EXPECT_NE(text.find("# TYPE whatsapp_attempts_total counter\n"), std::string::npos);
	const std::string open = Sample().text(MetricsFormat::openmetrics);
	EXPECT_NE(open.find("# TYPE whatsapp_attempts counter\n"), std::string::npos);
	EXPECT_EQ(open.substr(open.size() - 6), "# EOF\n");
}

TEST(Metrics, FormatIsAskedFor)
{
	EXPECT_EQ(metrics_format("text/html,*/*"), MetricsFormat::text);
	EXPECT_EQ(metrics_format("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"),
	          MetricsFormat::openmetrics);
}

TEST(Figures, Quantiles)
{
	LatencyFigures latency = {};
	EXPECT_EQ(latency_quantile(latency, 0.5), -1);
	for (int i = 0; i < 100; i++)
		latency.bucket[latency_bucket(0.75)]++;
	EXPECT_DOUBLE_EQ(latency_quantile(latency, 0.5), 0.75);
	EXPECT_DOUBLE_EQ(latency_quantile(latency, 0.99), 0.995);
	latency.bucket[latency_bounds] = 1000;
	EXPECT_DOUBLE_EQ(latency_quantile(latency, 0.99), 86400);
}

TEST(Figures, ReasonsOfPauses)
{
	EXPECT_EQ(pause_of(nullptr), Pause::none);
	EXPECT_EQ(pause_of("Error validating access token: the session has expired"), Pause::token);
	EXPECT_EQ(pause_of("no access token is set"), Pause::token);
	EXPECT_EQ(pause_of("no valid phone number id is set"), Pause::number);
	EXPECT_EQ(pause_of("Object with ID '1' does not exist"), Pause::number);
	EXPECT_EQ(pause_of("Business Account locked: account"), Pause::account);
	EXPECT_EQ(pause_of("x"), Pause::other);
}

} // namespace
} // namespace whatsapp
