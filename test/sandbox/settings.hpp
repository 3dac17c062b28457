/*
 * settings.hpp: what the command line says once and the control interface may change later.
 *
 * Only the server thread reads and writes them; the webhook thread gets its part by copy.
 */
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tls.hpp"

namespace sandbox
{

/* What statuses say of money, from Meta's eldest way to its youngest. */
enum class Pricing : uint8_t {
	Cbp,
	Conversation,
	Pmp,
	Typed,
	FreeEntryPoint,
	Free,
	None,
	MaxPrice
};

/* How a recipient is named. */
enum class Naming : uint8_t { Both, Phone, UserId };

struct StatusStyle {
	Pricing pricing = Pricing::Pmp;
	Naming naming = Naming::Both;
	size_t per_change = 0; /* statuses in a change; 0: all of a number */
	size_t per_entry = 0;  /* changes in an entry; 0: all */
};

struct WebhookSettings {
	std::string url;
	std::string app_secret = "sandbox-app-secret";
	int status_delay_ms = 20;
	int timeout_ms = 10000;
	int batch = 1;
	int duplicate = 1;
	int connections = 16;
	int retry_ms = 50; /* doubled each time, up to: */
	int retry_longest_ms = 1000;
	int retries = -1; /* -1: for ever */
	StatusStyle style;
	bool read = true;
	bool paused = false;
	bool shuffle = false;
};

/* One message per interval to a recipient, and bursts that are borrowed from the future. */
struct PairLimit {
	bool on = false;
	int interval_ms = 6000;
	int burst = 45;
};

struct Settings {
	std::vector<std::string> tokens;
	std::string verify_token = "random-secret";
	int delay_ms = 0;
	int throughput = 0; /* accepted messages per second and number; 0 = no limit */
	std::map<std::string, int> throughput_of; /* of numbers with a limit of their own */
	PairLimit pair_limit;
	std::optional<int> reject_all;
	/* what debug_token and subscribed_apps say */
	std::vector<std::string> token_scopes = {"whatsapp_business_management",
	                                         "whatsapp_business_messaging"};
	long long token_expires_at = 0; /* 0 = never */
	bool subscribed = true;
	std::string override_callback_uri; /* of the account; empty: none */
	int graph_calls_per_hour = 0;      /* that are no message; 0 = no limit */
	int most_on_page = 1000;           /* whatever ?limit= says */
	/* AVAILABLE, LIMITED or BLOCKED: what health_status says */
	std::string health = "AVAILABLE";
	/* of marketing messages: none, both or only */
	std::string marketing_endpoint = "none";
	int media_url_seconds = 300;
	std::string media_host; /* of those addresses; empty: this one */
	WebhookSettings webhooks;
};

/* One sending phone number of the account. */
struct Number {
	std::string id;
	std::string display; /* digits */
};

struct Options {
	int port = 0;
	std::string port_file;
	std::string templates_file;
	std::string business_account_id = "987654321";
	std::vector<Number> numbers;
	bool exit_with_parent = false;
	bool counters_only = false;
	std::optional<int> control_port;
	std::string control_port_file;
	std::optional<int> tls_port, h2c_port;
	std::string tls_port_file, h2c_port_file;
	int most_streams = 100; /* of a connection of HTTP/2 */
	TlsOptions tls;
	Settings settings;
};

/* Exits with a message and status 2 when the command line is wrong, and with 0 after --help. */
Options read_options(int argc, char **argv);

} // namespace sandbox
