/*
 * metrics_door.cpp — a page for each request; no SQL, no ereport.
 */
#include "entry/listener/metrics_door.hpp"

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/page/metrics.hpp"
#include "core/page/report.hpp"
#include "net/server/http_server.hpp"
#include "pg/server/counters.hpp"

namespace whatsapp::entry
{

namespace
{

constexpr std::int64_t retry_ms = 5000;
constexpr char text_plain[] = "text/plain; charset=utf-8";

/* No body is accepted: a request for a page needs none. */
net::HttpServerOptions
door_options() noexcept
{
	net::HttpServerOptions options;
	options.address = nullptr;
	options.max_body_bytes = 0;
	options.max_buffered_bytes = std::size_t{1} << 20;
	options.max_connections = 32;
	options.request_timeout_ms = 5000;
	return options;
}

} // namespace

struct MetricsDoor::State {
	net::HttpServer *server = nullptr;
	std::string address;
	bool bound = false;
	bool told = false;
	std::int64_t next_bind = 0;
	/* room for a copy of the figures */
	std::vector<DatabaseFigures> databases;
	std::vector<PlacedSender> senders;

	void answer_request(const net::IncomingRequest &request);
};

void
MetricsDoor::State::answer_request(const net::IncomingRequest &request)
{
	const bool is_report = request.path == "/report";
	if (!is_report && request.path != "/metrics") {
		server->send_reply(request.id, 404, text_plain,
		                   "not found: there are /metrics and /report\n");
		return;
	}
	if (request.method != "GET" && request.method != "HEAD") {
		server->send_reply(request.id, 405, text_plain, "method not allowed\n",
		                   {"Allow", "GET, HEAD"});
		return;
	}
	databases.resize(max_counted_databases);
	senders.resize(max_counted_senders);
	Figures figures = {};
	figures.database = databases.data();
	figures.sender = senders.data();
	(void)pg::read_figures(figures);
	if (is_report) {
		server->send_reply(request.id, 200, "text/html; charset=utf-8",
		                   report_page(figures, pg::unix_now(), PG_WHATSAPP_VERSION),
		                   {"Content-Security-Policy", report_policy});
		return;
	}
	pg::note_scrape();
	const MetricsFormat format = metrics_format(request.accept);
	server->send_reply(request.id, 200, metrics_content_type(format),
	                   metrics_text(figures, pg::unix_now(), PG_WHATSAPP_VERSION, format));
}

MetricsDoor *
MetricsDoor::create(const char *&error) noexcept
{
	try {
		auto state = std::make_unique<State>();
		state->server = net::HttpServer::create(door_options(), error);
		return state->server == nullptr ? nullptr : new MetricsDoor(state.release());
	} catch (...) {
		error = "out of memory";
		return nullptr;
	}
}

void
MetricsDoor::reload_settings(const char *address) noexcept
{
	try {
		state_->next_bind = 0;
		if (state_->address == address && state_->bound)
			return;
		state_->address = address;
		state_->bound = state_->told = false;
	} catch (...) {
		/* out of memory: it stays where it is */
	}
}

MetricsDoor::Bound
MetricsDoor::bind_address(std::int64_t now_ms, const char *&error) noexcept
{
	State &state = *state_;
	if (state.bound || now_ms < state.next_bind)
		return Bound::unchanged;
	state.next_bind = now_ms + retry_ms;
	state.bound =
	    state.server->move_address(state.address.empty() ? nullptr : state.address.c_str(), error);
	if (state.bound)
		return Bound::now;
	const bool first = !state.told;
	state.told = true;
	return first ? Bound::first_failure : Bound::unchanged;
}

int
MetricsDoor::descriptor() const noexcept
{
	return state_->server->descriptor();
}

long
MetricsDoor::timeout_ms() const noexcept
{
	return state_->server->timeout_ms();
}

void
MetricsDoor::serve_requests() noexcept
{
	state_->server->serve_ready();
	net::IncomingRequest request;
	while (state_->server->take_request(request)) {
		try {
			state_->answer_request(request);
		} catch (...) {
			state_->server->send_reply(request.id, 503, text_plain, "out of memory\n");
		}
	}
	/* what was answered leaves now, and not with the next event */
	state_->server->serve_ready();
}

} // namespace whatsapp::entry
