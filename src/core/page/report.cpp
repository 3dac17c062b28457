/*
 * report.cpp — the questions that the page answers: does it send, do webhooks come, what is stuck,
 * what will run out, and how were the last 30 days?
 */
#include "core/page/report.hpp"

#include <algorithm>
#include <cstddef>

#include "core/page/page_text.hpp"
#include "core/page/report_money.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double silent_s = 15;
constexpr double stuck_s = 300;
constexpr double soon_s = 14 * 86400;
constexpr int chart_width = 720;
constexpr int chart_height = 120;

void
add_line(std::string &page, bool good, const std::string &what, const std::string &detail)
{
	page += good ? "<tr class=ok><td>ok</td><td>" : "<tr class=bad><td>look</td><td>";
	page += what + "</td><td>" + detail + "</td></tr>\n";
}

void
add_workers(std::string &page, const Figures &figures, const DatabaseFigures &database, double now)
{
	for (int role = 0; role < count_of<Worker>; role++) {
		const WorkerFigures &worker = role == 0 ? figures.launcher : database.worker[role];
		add_line(page, now - worker.looped_at < silent_s,
		         std::string("Worker ") + word_of(static_cast<Worker>(role)),
		         "seen " + show_ago(worker.looped_at, now));
	}
}

void
add_senders(std::string &page, const Figures &figures, int place, double now)
{
	for (int i = 0; i < figures.senders; i++) {
		const SenderFigures &sender = figures.sender[i].figures;
		if (figures.sender[i].database != place)
			continue;
		std::string detail = show_count(sender.tried[static_cast<int>(Tried::sent)]) + " sent, " +
		                     show_count(sender.tried[static_cast<int>(Tried::refused)]) +
		                     " refused; the last " + show_ago(sender.last_sent_at, now);
		const bool paused = sender.pause != Pause::none;
		if (sender.is_known && !sender.enabled)
			detail = "switched off; " + detail;
		if (paused)
			detail = std::string("pauses because of its ") + word_of(sender.pause) + "; " + detail;
		if (*sender.limit != '\0')
			detail += "; people a day: " + escape_html(sender.limit);
		if (sender.quality_red)
			detail = "Meta has flagged the number; " + detail;
		add_line(page, !paused && !sender.quality_red && (sender.enabled || !sender.is_known),
		         "Sender " + escape_html(sender.name), detail);
	}
}

void
add_webhooks(std::string &page, const DatabaseFigures &database, double now)
{
	const auto taken = [&](Taken what) { return database.taken[static_cast<int>(what)]; };
	const std::uint64_t refused = taken(Taken::bad_signature) + taken(Taken::bad_token);
	add_line(page, database.last_delivery_at > 0 && taken(Taken::bad_token) == 0, "Webhooks",
	         show_count(taken(Taken::stored)) + " stored, " + show_count(refused) +
	             " refused; the last " + show_ago(database.last_delivery_at, now) +
	             ", the last status " + show_ago(database.last_status_at, now));
}

void
add_queue(std::string &page, const DatabaseFigures &database, double now)
{
	if (database.queue_count == 0)
		add_line(page, true, "Queue", "empty");
	for (int i = 0; i < database.queue_count; i++) {
		const QueueFigures &part = database.queue[i];
		const double age = part.oldest_due_at > 0 ? std::max(now - part.oldest_due_at, 0.0) : 0;
		add_line(page, age < stuck_s && queue_state_of("held") != part.state,
		         "Queue of " + escape_html(part.sender),
		         show_count(static_cast<std::uint64_t>(part.messages)) + " " +
		             priority_word(part.priority) + " " + queue_state_word(part.state) +
		             ", the oldest due for " + show_span(age));
	}
	if (database.held)
		add_line(page, false, "Held", "nothing is sent until wa_release() is called");
	if (!database.enabled)
		add_line(page, false, "Switched off", "whatsapp.enabled is off");
}

void
add_credentials(std::string &page, const DatabaseFigures &database)
{
	constexpr const char *words[] = {"not looked at", "not set", "refused", "weak", "set"};
	for (int i = 0; i < count_of<Credential>; i++)
		add_line(page, database.credential[i] == CredentialState::good,
		         std::string("Credential ") + word_of(static_cast<Credential>(i)),
		         words[static_cast<int>(database.credential[i])]);
}

/* What will run out beside money: access, and the right to use a template. */
void
add_endings(std::string &page, const DatabaseFigures &database, double now)
{
	if (database.token_ends_at > 0)
		add_line(page, database.token_ends_at - now > soon_s, "Access token",
		         database.token_ends_at > now ? "ends in " + show_span(database.token_ends_at - now)
		                                      : "has ended");
	std::string counts;
	for (int i = 0; i < count_of<TemplateState>; i++)
		if (database.templates[i] > 0)
			counts += (counts.empty() ? "" : ", ") +
			          show_count(static_cast<std::uint64_t>(database.templates[i])) + " " +
			          word_of(static_cast<TemplateState>(i));
	const auto count = [&](TemplateState state) {
		return database.templates[static_cast<int>(state)];
	};
	if (!counts.empty())
		add_line(page, count(TemplateState::paused) == 0 && count(TemplateState::disabled) == 0,
		         "Templates", counts);
}

/* Bars of one day each: sent, and within it delivered and read; failed below. */
void
add_days(std::string &page, const DatabaseFigures &database)
{
	std::int64_t most = 1;
	std::uint64_t sums[4] = {};
	for (int i = 0; i < database.day_count; i++) {
		const DayFigures &day = database.day[i];
		most = std::max({most, day.sent, day.failed});
		sums[0] += static_cast<std::uint64_t>(std::max<std::int64_t>(day.sent, 0));
		sums[1] += static_cast<std::uint64_t>(std::max<std::int64_t>(day.delivered, 0));
		sums[2] += static_cast<std::uint64_t>(std::max<std::int64_t>(day.read, 0));
		sums[3] += static_cast<std::uint64_t>(std::max<std::int64_t>(day.failed, 0));
	}
	page += "<h3>30 days</h3>\n<p>" + show_count(sums[0]) + " sent, " + show_count(sums[1]) +
	        " delivered" +
	        (sums[0] == 0
	             ? std::string()
	             : " (" +
	                   show_number(
	                       100.0 * static_cast<double>(sums[1]) / static_cast<double>(sums[0]), 1) +
	                   " %)") +
	        ", " + show_count(sums[2]) + " read, " + show_count(sums[3]) + " failed</p>\n";
	page += "<svg role=img aria-label=\"Messages by day\" viewBox=\"0 0 " +
	        std::to_string(chart_width) + " " + std::to_string(chart_height) + "\">\n";
	const double step = static_cast<double>(chart_width) / max_day_figures;
	for (int i = 0; i < database.day_count; i++) {
		const DayFigures &day = database.day[i];
		const std::int64_t place =
		    max_day_figures - 1 - (database.day[database.day_count - 1].day - day.day);
		if (place < 0)
			continue;
		const auto add_bar = [&](const char *what, std::int64_t count, double from, double width) {
			const double height = std::max<double>(static_cast<double>(count), 0) *
			                      (chart_height - 4) / static_cast<double>(most);
			page += std::string("<rect class=") + what + " x=\"" +
			        show_number(static_cast<double>(place) * step + from, 1) + "\" y=\"" +
			        show_number(chart_height - height, 1) + "\" width=\"" + show_number(width, 1) +
			        "\" height=\"" + show_number(height, 1) + "\"/>\n";
		};
		page += "<g><title>" + show_day(day.day) + ": " + std::to_string(day.sent) + " sent, " +
		        std::to_string(day.delivered) + " delivered, " + std::to_string(day.read) +
		        " read, " + std::to_string(day.failed) + " failed</title>\n";
		add_bar("sent", day.sent, 1, step * 0.6);
		add_bar("delivered", day.delivered, 1, step * 0.6);
		add_bar("read", day.read, 1, step * 0.6);
		add_bar("failed", day.failed, 1 + step * 0.62, step * 0.25);
		page += "</g>\n";
	}
	page += "</svg>\n<p class=key><b class=sent></b> sent <b class=delivered></b> delivered <b "
	        "class=read></b> read <b class=failed></b> failed</p>\n";
}

void
add_latencies(std::string &page, const Figures &figures, int place)
{
	constexpr const char *names[] = {"commit to wire", "wire to answer", "answer to delivered",
	                                 "delivered to read"};
	page +=
	    "<h3>Latency</h3>\n<table><tr><th>sender<th>step<th class=r>messages<th class=r>median<th "
	    "class=r>95 %<th class=r>99 %</tr>\n";
	for (int i = 0; i < figures.senders; i++)
		for (int step = 0; figures.sender[i].database == place && step < count_of<Step>; step++) {
			const SenderFigures &sender = figures.sender[i].figures;
			const LatencyFigures &latency = sender.latency[step];
			const std::uint64_t count = count_latencies(latency);
			if (count == 0)
				continue;
			page += "<tr><td>" + escape_html(sender.name) + "<td>" + names[step] + "<td class=r>" +
			        show_count(count);
			for (const double share : {0.5, 0.95, 0.99})
				page += "<td class=r>" + show_span(latency_quantile(latency, share));
			page += "</tr>\n";
		}
	page += "</table>\n";
}

constexpr char head[] =
    "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8><title>WhatsApp messages</title>\n"
    "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
    "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
    "style-src 'unsafe-inline'\">\n"
    "<style>body{font:15px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:"
    "#222}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
    "padding:.2em .6em;border-bottom:1px solid #ddd}td{overflow-wrap:anywhere}tr.bad td:first"
    "-child{background:#c33;color:#fff}tr.ok td:first-child{background:#2a7;color:#fff}tr.ok "
    "td:first-child,tr.bad td:first-child,.n,.r{white-space:nowrap;overflow-wrap:normal}.r{te"
    "xt-align:right}svg{width:100%;background:#f6f6f6}.key b{display:inline-block;width:1em;h"
    "eight:1em;vertical-align:-2px}.sent{fill:#9bd;background:#9bd}.delivered{fill:#48b;backg"
    "round:#48b}.read{fill:#257;background:#257}.failed{fill:#c33;background:#c33}@media(max-"
    "width:34em){body{font-size:13px;margin:1em auto;padding:0 .5em}td,th{padding:.2em .3em}."
    "r{white-space:normal}}</style></head><body>\n<h1>WhatsApp messages</h1>\n";

} // namespace

std::string
report_page(const Figures &figures, double now, std::string_view version)
{
	std::string page = head;
	for (int place = 0; place < figures.databases; place++) {
		const DatabaseFigures &database = figures.database[place];
		page += "<h2>Database " + escape_html(database.name) + "</h2>\n<table>\n";
		add_workers(page, figures, database, now);
		add_senders(page, figures, place, now);
		add_webhooks(page, database, now);
		add_queue(page, database, now);
		add_credentials(page, database);
		add_endings(page, database, now);
		page += "</table>\n";
		add_days(page, database);
		add_money(page, database, now);
		add_latencies(page, figures, place);
		page += "<p>Counting began " + show_ago(database.since, now) + ".</p>\n";
	}
	if (figures.databases == 0)
		page += "<p>No worker has served a database yet.</p>\n";
	page += "<p>pg_whatsapp " + escape_html(version) +
	        ". What to do about a red line: SELECT * FROM wa_diagnose();</p>\n</body></html>\n";
	return page;
}

} // namespace whatsapp
