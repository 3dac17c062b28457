/*
 * metrics.cpp — one family after the other, each with all its samples, as the formats want it.
 *
 * Labels are names of databases and senders and words of ours: nothing about a person, and no more
 * series than there are counters in shared memory.
 */
#include "core/page/metrics.hpp"

#include "core/page/metrics_writer.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

template <class Body>
void
for_databases(const Figures &figures, Body body)
{
	for (int i = 0; i < figures.databases; i++)
		body(MetricLabel{"database", figures.database[i].name}, figures.database[i]);
}

template <class Body>
void
for_senders(const Figures &figures, Body body)
{
	for (int i = 0; i < figures.senders; i++) {
		const PlacedSender &each = figures.sender[i];
		body(MetricLabel{"database", figures.database[each.database].name},
		     MetricLabel{"sender", each.figures.name}, each.figures);
	}
}

void
add_worker_times(MetricsWriter &writer, const Figures &figures, double WorkerFigures::*time)
{
	writer.add_sample({{"worker", word_of(Worker::launcher)}}, figures.launcher.*time);
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		for (int role = 1; role < count_of<Worker>; role++)
			writer.add_sample({database, {"worker", word_of(static_cast<Worker>(role))}},
			                  each.worker[role].*time);
	});
}

void
add_workers(MetricsWriter &writer, const Figures &figures)
{
	writer.begin_family("whatsapp_worker_last_loop_timestamp_seconds", "gauge",
	                    "When the worker last went through its loop, at least each five seconds.");
	add_worker_times(writer, figures, &WorkerFigures::looped_at);
	writer.begin_family("whatsapp_worker_start_timestamp_seconds", "gauge",
	                    "When the worker was started.");
	add_worker_times(writer, figures, &WorkerFigures::started_at);
}

void
add_database_gauge(MetricsWriter &writer, const Figures &figures, const char *name,
                   const char *help, double (*value)(const DatabaseFigures &))
{
	writer.begin_family(name, "gauge", help);
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		writer.add_sample({database}, value(each));
	});
}

void
add_databases(MetricsWriter &writer, const Figures &figures)
{
	add_database_gauge(writer, figures, "whatsapp_counters_since_timestamp_seconds",
	                   "Since when the counters of the database count.",
	                   [](const DatabaseFigures &each) { return each.since; });
	add_database_gauge(writer, figures, "whatsapp_sending_enabled",
	                   "1 while whatsapp.enabled is on.",
	                   [](const DatabaseFigures &each) { return each.enabled ? 1.0 : 0.0; });
	add_database_gauge(
	    writer, figures, "whatsapp_database_held",
	    "1 while nothing is sent until wa_release() is called: a copy, a restore or a long gap.",
	    [](const DatabaseFigures &each) { return each.held ? 1.0 : 0.0; });
	add_database_gauge(
	    writer, figures, "whatsapp_requests_in_flight", "Requests on the wire.",
	    [](const DatabaseFigures &each) { return static_cast<double>(each.in_flight); });
	add_database_gauge(writer, figures, "whatsapp_request_slots",
	                   "Requests that may be on the wire at once.",
	                   [](const DatabaseFigures &each) { return static_cast<double>(each.slots); });
}

void
add_credentials(MetricsWriter &writer, const Figures &figures)
{
	writer.begin_family("whatsapp_credential_usable", "gauge",
	                    "1 when the credential of the default account is set and could be read.");
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		for (int i = 0; i < count_of<Credential>; i++)
			if (each.credential[i] != CredentialState::unseen)
				writer.add_sample({database, {"credential", word_of(static_cast<Credential>(i))}},
				                  each.credential[i] >= CredentialState::weak ? 1 : 0);
	});
}

void
add_token_ends(MetricsWriter &writer, const Figures &figures)
{
	writer.begin_family("whatsapp_token_expires_timestamp_seconds", "gauge",
	                    "When the access token ends that ends first, where Meta has said so.");
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		if (each.token_ends_at > 0)
			writer.add_sample({database}, each.token_ends_at);
	});
}

void
add_queue(MetricsWriter &writer, const Figures &figures, double now)
{
	const auto for_queue = [&](auto value) {
		for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
			for (int i = 0; i < each.queue_count; i++) {
				const QueueFigures &part = each.queue[i];
				writer.add_sample({database,
				                   {"sender", part.sender},
				                   {"priority", priority_word(part.priority)},
				                   {"state", queue_state_word(part.state)}},
				                  value(part));
			}
		});
	};
	writer.begin_family("whatsapp_queue_messages", "gauge",
	                    "Messages that are still to be sent, as they were last counted.");
	for_queue([](const QueueFigures &part) { return static_cast<double>(part.messages); });
	writer.begin_family("whatsapp_queue_oldest_age_seconds", "gauge",
	                    "For how long the oldest of them has been due; 0 when none is due yet.");
	for_queue([now](const QueueFigures &part) {
		return part.oldest_due_at > 0 && part.oldest_due_at < now ? now - part.oldest_due_at : 0;
	});
	add_database_gauge(writer, figures, "whatsapp_queue_counted_timestamp_seconds",
	                   "When the queue was last counted.",
	                   [](const DatabaseFigures &each) { return each.counted_at; });
}

void
add_budgets(MetricsWriter &writer, const Figures &figures)
{
	const auto for_budgets = [&](const char *name, const char *help, auto value) {
		writer.begin_family(name, "gauge", help);
		for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
			for (int i = 0; i < each.budget_count; i++) {
				const BudgetFigures &budget = each.budget[i];
				writer.add_sample(
				    {database, {"budget", budget.name}, {"currency", budget.currency}},
				    value(budget));
			}
		});
	};
	for_budgets("whatsapp_budget_amount", "How much may be spent in the day or month that is now.",
	            [](const BudgetFigures &budget) { return budget.amount; });
	for_budgets("whatsapp_budget_spent", "What the delivered messages of it cost.",
	            [](const BudgetFigures &budget) { return budget.spent; });
	for_budgets("whatsapp_budget_reserved",
	            "What those cost that were claimed and are neither delivered nor refused.",
	            [](const BudgetFigures &budget) { return budget.reserved; });
	for_budgets(
	    "whatsapp_budget_held_messages", "Messages that wait because of the budget.",
	    [](const BudgetFigures &budget) { return static_cast<double>(budget.held_messages); });
	for_budgets("whatsapp_budget_unpriced_messages",
	            "Messages of it whose price nobody knows: they count as 0.",
	            [](const BudgetFigures &budget) { return static_cast<double>(budget.unpriced); });
}

template <class Enum>
void
add_counted(MetricsWriter &writer, const Figures &figures, const char *name, const char *help,
            const char *label, const std::int64_t (DatabaseFigures::*counts)[count_of<Enum>])
{
	writer.begin_family(name, "gauge", help);
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		/* no sample before the first count: 0 would look like a jump when the true number
		 * follows */
		for (int i = 0; each.counted_at > 0 && i < count_of<Enum>; i++)
			writer.add_sample({database, {label, word_of(static_cast<Enum>(i))}},
			                  static_cast<double>((each.*counts)[i]));
	});
}

void
add_people_and_templates(MetricsWriter &writer, const Figures &figures)
{
	add_counted<TemplateState>(writer, figures, "whatsapp_templates",
	                           "Templates by what Meta last said of them.", "status",
	                           &DatabaseFigures::templates);
	add_counted<OptOut>(writer, figures, "whatsapp_opted_out_contacts",
	                    "Persons who want no messages, or no marketing, each once for each sender.",
	                    "scope", &DatabaseFigures::opted_out);
}

template <class Enum>
void
add_sender_counter(MetricsWriter &writer, const Figures &figures, const char *label,
                   const std::uint64_t (SenderFigures::*counts)[count_of<Enum>])
{
	for_senders(figures, [&](MetricLabel database, MetricLabel sender, const SenderFigures &each) {
		for (int i = 0; i < count_of<Enum>; i++)
			writer.add_sample({database, sender, {label, word_of(static_cast<Enum>(i))}},
			                  static_cast<double>((each.*counts)[i]));
	});
}

void
add_senders(MetricsWriter &writer, const Figures &figures)
{
	writer.begin_family("whatsapp_attempts", "counter",
	                    "Attempts to send, by what became of them; unsent ones met an obstacle of "
	                    "ours before the wire.");
	add_sender_counter<Tried>(writer, figures, "outcome", &SenderFigures::tried);
	writer.begin_family("whatsapp_statuses", "counter",
	                    "Messages of which a webhook told this status for the first time.");
	add_sender_counter<Told>(writer, figures, "status", &SenderFigures::told);
	writer.begin_family("whatsapp_sender_last_sent_timestamp_seconds", "gauge",
	                    "When the platform last accepted a message of the sender.");
	for_senders(figures, [&](MetricLabel database, MetricLabel sender, const SenderFigures &each) {
		writer.add_sample({database, sender}, each.last_sent_at);
	});
	const auto for_known = [&](const char *name, const char *help, auto value) {
		writer.begin_family(name, "gauge", help);
		for_senders(figures,
		            [&](MetricLabel database, MetricLabel sender, const SenderFigures &each) {
			            if (each.is_known)
				            writer.add_sample({database, sender}, value(each) ? 1 : 0);
		            });
	};
	for_known("whatsapp_sender_enabled", "1 unless the sender is switched off.",
	          [](const SenderFigures &each) { return each.enabled; });
	for_known("whatsapp_sender_quality_red", "1 while Meta has flagged the number.",
	          [](const SenderFigures &each) { return each.quality_red; });
	writer.begin_family("whatsapp_sender_paused", "gauge",
	                    "1 while the sender pauses for this reason.");
	for_senders(figures, [&](MetricLabel database, MetricLabel sender, const SenderFigures &each) {
		for (int i = 1; each.is_known && i < count_of<Pause>; i++)
			writer.add_sample({database, sender, {"reason", word_of(static_cast<Pause>(i))}},
			                  each.pause == static_cast<Pause>(i) ? 1 : 0);
	});
}

void
add_latencies(MetricsWriter &writer, const Figures &figures)
{
	constexpr struct {
		Step step;
		const char *name;
		const char *help;
	} families[] = {
	    {Step::queued, "whatsapp_queue_wait_seconds",
	     "From the time when a message was due to its first request."},
	    {Step::answered, "whatsapp_answer_seconds", "From a request to the platform's answer."},
	    {Step::delivered, "whatsapp_delivery_seconds",
	     "From the answer to the delivery, which Meta tells in whole seconds."},
	    {Step::read, "whatsapp_reading_seconds",
	     "From the delivery to the reading, which Meta tells in whole seconds."}};
	for (const auto &family : families) {
		writer.begin_family(family.name, "histogram", family.help);
		for_senders(
		    figures, [&](MetricLabel database, MetricLabel sender, const SenderFigures &each) {
			    writer.add_latency({database, sender}, each.latency[static_cast<int>(family.step)]);
		    });
	}
}

void
add_webhooks(MetricsWriter &writer, const Figures &figures)
{
	writer.begin_family("whatsapp_webhook_deliveries", "counter",
	                    "Requests to the webhook, by what became of them.");
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		for (int i = 0; i < count_of<Taken>; i++)
			writer.add_sample({database, {"result", word_of(static_cast<Taken>(i))}},
			                  static_cast<double>(each.taken[i]));
	});
	writer.begin_family("whatsapp_inbound_messages", "counter", "Messages that people wrote.");
	for_databases(figures, [&](MetricLabel database, const DatabaseFigures &each) {
		writer.add_sample({database}, static_cast<double>(each.inbound));
	});
	add_database_gauge(writer, figures, "whatsapp_webhook_listening",
	                   "1 while the listener has an address and could bind it.",
	                   [](const DatabaseFigures &each) { return each.listening ? 1.0 : 0.0; });
	add_database_gauge(writer, figures, "whatsapp_webhook_last_received_timestamp_seconds",
	                   "When a signed delivery was last stored.",
	                   [](const DatabaseFigures &each) { return each.last_delivery_at; });
	add_database_gauge(writer, figures, "whatsapp_webhook_last_status_timestamp_seconds",
	                   "When a status of a message last came.",
	                   [](const DatabaseFigures &each) { return each.last_status_at; });
}

} // namespace

MetricsFormat
metrics_format(std::string_view accept) noexcept
{
	return accept.find("application/openmetrics-text") == std::string_view::npos
	           ? MetricsFormat::text
	           : MetricsFormat::openmetrics;
}

const char *
metrics_content_type(MetricsFormat format) noexcept
{
	return format == MetricsFormat::text
	           ? "text/plain; version=0.0.4; charset=utf-8"
	           : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

std::string
metrics_text(const Figures &figures, double now, std::string_view version, MetricsFormat format)
{
	MetricsWriter writer(format);
	writer.begin_family("whatsapp_build_info", "gauge", "1, with the version of the library.");
	writer.add_sample({{"version", version}}, 1);
	add_workers(writer, figures);
	add_databases(writer, figures);
	add_credentials(writer, figures);
	add_token_ends(writer, figures);
	add_queue(writer, figures, now);
	add_budgets(writer, figures);
	add_people_and_templates(writer, figures);
	add_senders(writer, figures);
	add_latencies(writer, figures);
	add_webhooks(writer, figures);
	return writer.take_text();
}

} // namespace whatsapp
