/*
 * settings.hpp — every whatsapp.* setting as the server holds it. Secrets are never settings: SHOW
 * and pg_settings would tell them.
 */
#pragma once

namespace whatsapp::pg
{

enum ParameterWhitespace : int { whitespace_error, whitespace_collapse };
enum OnRecategorised : int { recategorised_send, recategorised_hold };
enum MarketingEndpoint : int { messages_endpoint, marketing_messages_endpoint };
enum UnknownPolicy : int { unknown_auto, unknown_retry, unknown_fail };

enum LogMessages : int { log_none, log_failures, log_all };

struct Settings {
	char *databases;
	bool enabled;
	bool clerk;
	bool core_files;
	int clerk_idle_timeout; /* seconds */
	int sync_interval;      /* seconds; 0: never by itself */
	char *media_hosts;
	char *allowed_recipients;
	int max_media_size; /* kB */
	char *api_base_url;
	char *api_version;
	char *secret_dir;
	char *listen;
	char *metrics_listen;
	char *default_sender;
	char *default_language;
	char *default_currency;
	char *send_window; /* empty: any time */
	char *amount_locale;
	int unknown_policy;
	int unknown_grace;   /* seconds */
	int default_ttl;     /* seconds */
	int resume_gap;      /* seconds */
	int max_in_flight;   /* requests */
	int max_connections; /* sockets to one host */
	int connect_timeout; /* milliseconds */
	int request_timeout; /* milliseconds */
	int max_attempts;
	int messages_per_second; /* 0: not paced */
	char *ca_file;
	int pair_interval;       /* milliseconds; 0: no pair limit */
	int pair_burst;          /* messages */
	int failover_quarantine; /* seconds */
	char *account_base_urls;
	int listen_max_connections;
	int listen_max_body;        /* kB */
	int listen_max_buffered;    /* kB */
	int listen_request_timeout; /* milliseconds */
	int listen_idle_timeout;    /* milliseconds */
	bool notify_status;
	bool notify_inbound;
	int trigger_timeout;  /* milliseconds */
	int callback_timeout; /* milliseconds */
	bool check_opt_outs;
	bool check_templates;
	int parameter_whitespace;
	bool check_windows;
	int on_recategorised;
	int marketing_endpoint;
	int keep_messages; /* seconds; 0: for ever; as the next three */
	int keep_bodies;
	int keep_events;
	int keep_inbound;
	int keep_changes; /* seconds; 0: none are kept */
	bool compact_statuses;
	int log_messages;
	int campaign_failure_limit; /* percent; 0: none */
};

extern Settings settings;

/* Called once by _PG_init. */
void define_settings();

} // namespace whatsapp::pg
