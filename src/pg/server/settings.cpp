/*
 * settings.cpp — the definitions: name, sentence, unit, bounds, who may set it and when.
 */
#include "pg/server/settings.hpp"

#include <climits>
#include <cstdlib>

#include "pg/server/fault_point.hpp"
#include "pg/server/prelude.hpp"
#include "pg/server/setting_checks.hpp"

extern "C" {
#include "utils/guc.h"
#include "utils/builtins.h"
}

namespace whatsapp::pg
{

Settings settings;

namespace
{

/* Read by SQL only, in whatsapp_billing. */
char *account_currency;
char *account_time_zone;

const config_enum_entry parameter_whitespaces[] = {{"error", whitespace_error, false},
                                                   {"collapse", whitespace_collapse, false},
                                                   {nullptr, 0, false}};

const config_enum_entry recategorised_policies[] = {
    {"send", recategorised_send, false}, {"hold", recategorised_hold, false}, {nullptr, 0, false}};

const config_enum_entry marketing_endpoints[] = {
    {"messages", messages_endpoint, false},
    {"marketing_messages", marketing_messages_endpoint, false},
    {nullptr, 0, false}};

const config_enum_entry unknown_policies[] = {
    {"auto", unknown_auto, false},
    {"retry", unknown_retry, false},
    {"fail", unknown_fail, false},
    {nullptr, 0, false},
};

const config_enum_entry log_choices[] = {
    {"none", log_none, false},
    {"failures", log_failures, false},
    {"all", log_all, false},
    {nullptr, 0, false},
};

bool
enabled_by_environment()
{
	const char *value = std::getenv("ENABLE_WHATSAPP_NOTIFICATIONS");
	bool enabled = true;
	if (value == nullptr || *value == '\0' || parse_bool(value, &enabled))
		return enabled;
	ereport(WARNING,
	        (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
	         errmsg("WhatsApp variable ENABLE_WHATSAPP_NOTIFICATIONS is neither true nor false"),
	         errdetail("No message is sent until whatsapp.enabled is set.")));
	return false;
}

/* docs/reference/settings.md prints both. */
struct Meaning {
	const char *sentence;
	const char *more;

	Meaning(const char *first, const char *second = nullptr) : sentence(first), more(second) {}
};

void
define_string(const char *name, const Meaning &meaning, char **value, const char *initial,
              GucContext context, int flags = 0, GucStringCheckHook check = nullptr)
{
	DefineCustomStringVariable(name, meaning.sentence, meaning.more, value, initial, context, flags,
	                           check, nullptr, nullptr);
}

void
define_int(const char *name, const Meaning &meaning, int *value, int initial, int min, int max,
           int flags)
{
	DefineCustomIntVariable(name, meaning.sentence, meaning.more, value, initial, min, max,
	                        PGC_SIGHUP, flags, nullptr, nullptr, nullptr);
}

void
define_api_settings()
{
	DefineCustomBoolVariable(
	    "whatsapp.enabled", "Sends messages; when off, they stay PENDING and nothing leaves.",
	    "Webhooks are still taken. The default comes from the environment variable ENABLE_WHATSAPP_NOTIFICATIONS.",
	    &settings.enabled, enabled_by_environment(), PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	DefineCustomBoolVariable(
	    "whatsapp.clerk",
	    "Makes requests to the Cloud API that are no message: templates, numbers, media.",
	    "When off, and when whatsapp.enabled is off, they wait in whatsapp_requests.",
	    &settings.clerk, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	DefineCustomBoolVariable(
	    "whatsapp.core_files", "Lets workers leave a core file when they crash.",
	    "It has the access token and the messages that were on the way in it. The server's other "
	    "processes have neither, and are not concerned.",
	    &settings.core_files, false, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	define_int("whatsapp.clerk_idle_timeout",
	           {"Time without work after which the clerk ends.",
	            "Another one is started when there is something to do."},
	           &settings.clerk_idle_timeout, 60, 1, 86400, GUC_UNIT_S);
	define_int(
	    "whatsapp.sync_interval",
	    {"Age at which templates, numbers, what the token may, and costs are read from the Cloud API "
	     "again; 0 for never.",
	     "Templates and numbers are also read after a start, and templates after each webhook about "
	     "one. Costs are read for accounts whose currency and time zone are known."},
	    &settings.sync_interval, 86400, 0, INT_MAX / 1000, GUC_UNIT_S);
	define_string(
	    "whatsapp.media_hosts",
	    {"Hosts from which media that came in may be fetched, besides that of the API and "
	     "those of Meta.",
	     "A list separated by commas. Meta's are lookaside.fbsbx.com and what ends with "
	     ".fbcdn.net, .fbsbx.com, .facebook.com or .whatsapp.net."},
	    &settings.media_hosts, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY);
	define_int("whatsapp.max_media_size", "Largest media file that is fetched.",
	           &settings.max_media_size, 102400, 1, 1000000, GUC_UNIT_KB);
	define_string(
	    "whatsapp.allowed_recipients",
	    {"Recipients that messages may be sent to; empty for all.",
	     "For test servers: a list of phone numbers and user ids, separated by commas, a star at the "
	     "end for any rest, such as +34600111222, +3461*. A message to anybody else is FAILED when "
	     "its turn comes."},
	    &settings.allowed_recipients, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY);
	define_string("whatsapp.api_base_url",
	              {"Base URL of the Cloud API.", "Plain http is for loopback addresses only."},
	              &settings.api_base_url, "https://graph.facebook.com", PGC_SIGHUP,
	              GUC_SUPERUSER_ONLY, check_base_url);
	define_string("whatsapp.account_base_urls",
	              {"Base URLs that whatsapp_accounts may name besides whatsapp.api_base_url.",
	               "A list separated by commas."},
	              &settings.account_base_urls, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
	              check_account_base_urls);
	define_string("whatsapp.api_version",
	              {"Version of the Cloud API, as it stands in its paths.",
	               "An account may have its own, in whatsapp_accounts."},
	              &settings.api_version, "v25.0", PGC_SIGHUP, 0, check_api_version);
	define_string("whatsapp.ca_file",
	              "File of certificate authorities for the Cloud API; empty for the system's.",
	              &settings.ca_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY);
	define_string(
	    "whatsapp.secret_dir",
	    {"Directory of the files that hold the secrets.",
	     "A file goes before the environment variable of the same secret, and is read again within a second."},
	    &settings.secret_dir, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY);
}

void
define_marketing_settings()
{
	DefineCustomEnumVariable(
	    "whatsapp.on_recategorised",
	    "What becomes of messages whose template Meta has made marketing by itself.",
	    "send: they are sent, at the price of marketing; hold: they wait until "
	    "wa_accept_category() says that their recipients have agreed to marketing.",
	    &settings.on_recategorised, recategorised_send, recategorised_policies, PGC_SIGHUP, 0,
	    nullptr, nullptr, nullptr);
	DefineCustomEnumVariable(
	    "whatsapp.marketing_endpoint",
	    "Endpoint of the API to which marketing templates of the default account are sent.",
	    "marketing_messages: that of the Marketing Messages API, for accounts that are in it. Other "
	    "accounts have theirs in whatsapp_accounts.",
	    &settings.marketing_endpoint, messages_endpoint, marketing_endpoints, PGC_SIGHUP, 0,
	    nullptr, nullptr, nullptr);
}

void
define_sending_settings()
{
	DefineCustomEnumVariable(
	    "whatsapp.unknown_policy", "What becomes of a message whose request got no answer.",
	    "auto: retried when webhooks flow and none named it, else failed; retry: at least once; fail: at most once.",
	    &settings.unknown_policy, unknown_auto, unknown_policies, PGC_SIGHUP, 0, nullptr, nullptr,
	    nullptr);
	define_int("whatsapp.campaign_failure_limit",
	           {"Percentage of failures above which a campaign stops by itself; 0 for never.",
	            "Of the messages that Meta has answered, 50 at least, since it began or went on."},
	           &settings.campaign_failure_limit, 30, 0, 100, 0);
	define_int("whatsapp.unknown_grace",
	           "Time that a status webhook has to settle an unknown outcome.",
	           &settings.unknown_grace, 120, 1, INT_MAX / 1000, GUC_UNIT_S);
	define_int("whatsapp.default_ttl",
	           {"Age at which a message that was not sent yet fails instead of being sent.",
	            "It counts from send_at where that was given. A change is for new messages."},
	           &settings.default_ttl, 86400, 1, INT_MAX / 1000, GUC_UNIT_S);
	define_int("whatsapp.resume_gap",
	           {"Pause in the sender's heartbeat after which older messages are held for review.",
	            "After an unclean stop only; wa_release() ends it."},
	           &settings.resume_gap, 900, 1, INT_MAX / 1000, GUC_UNIT_S);
	define_int("whatsapp.max_in_flight",
	           {"Requests that wait for an answer at once.",
	            "With HTTP/1.1 there is one request per connection."},
	           &settings.max_in_flight, 200, 1, 10000, 0);
	define_int("whatsapp.max_connections",
	           {"Connections to the Cloud API.",
	            "With HTTP/1.1 also the requests that wait for an answer at once."},
	           &settings.max_connections, 8, 1, 1000, 0);
	define_int("whatsapp.connect_timeout", "Longest time to connect to the Cloud API.",
	           &settings.connect_timeout, 5000, 1, 600000, GUC_UNIT_MS);
	define_int("whatsapp.request_timeout", "Longest time for a request and its answer.",
	           &settings.request_timeout, 30000, 1, 600000, GUC_UNIT_MS);
	define_int(
	    "whatsapp.messages_per_second",
	    "Messages that a sender hands over in any one second at most, unless whatsapp_senders says otherwise; 0 for no limit.",
	    &settings.messages_per_second, 80, 0, 100000, 0);
	define_int(
	    "whatsapp.pair_interval",
	    {"Least distance of two messages from one sender to one recipient, once whatsapp.pair_burst has been used up; 0 for no limit.",
	     "whatsapp_senders may say otherwise for one sender."},
	    &settings.pair_interval, 6000, 0, 3600000, GUC_UNIT_MS);
	define_int(
	    "whatsapp.pair_burst",
	    {"Messages from one sender to one recipient that may leave without that distance.",
	     "Meta bears 45. After a start of the sender it grows from 1. whatsapp_senders may say otherwise for one sender."},
	    &settings.pair_burst, 5, 1, 1000, 0);
	define_int(
	    "whatsapp.failover_quarantine",
	    "Time after a promotion in which nothing is sent, so that webhooks tell what the old primary had sent.",
	    &settings.failover_quarantine, 60, 0, 86400, GUC_UNIT_S);
	define_int("whatsapp.trigger_timeout",
	           {"Longest time that a trigger on whatsapp_inbound may take for one message.",
	            "Then its statement is cancelled, and the message is tried again later."},
	           &settings.trigger_timeout, 5000, 1, 600000, GUC_UNIT_MS);
	define_int("whatsapp.callback_timeout",
	           {"Longest time that a callback may take for one call.",
	            "Then it is cancelled, and tried again later. See wa_on_status()."},
	           &settings.callback_timeout, 5000, 1, 600000, GUC_UNIT_MS);
	define_int("whatsapp.max_attempts",
	           {"Attempts after which a message that meets only transient errors fails.",
	            "Errors of the network and limits of the platform are not counted."},
	           &settings.max_attempts, 8, 1, 1000, 0);
}

void
define_listener_settings()
{
	define_string(
	    "whatsapp.listen",
	    {"Address that takes webhooks: host:port with a numeric host or localhost, [v6]:port, or the path of a unix socket; empty for none.",
	     "A list separated by commas for several databases, in the order of whatsapp.databases. Open connections outlive a change."},
	    &settings.listen, "", PGC_SIGHUP, 0, check_listen);
	DefineCustomEnumVariable(
	    "whatsapp.log_messages", "Which attempts to send the server's log tells of.",
	    "A line for each: message, sender, attempt, HTTP status, error code, duration and the masked phone number. failures: what was not accepted.",
	    &settings.log_messages, log_none, log_choices, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	define_string(
	    "whatsapp.metrics_listen",
	    {"Loopback address or unix socket that answers GET /metrics and GET /report; empty for none.",
	     "One for the whole server, whatever the number of its databases. It reads no table, and never shares a door with the webhooks."},
	    &settings.metrics_listen, "", PGC_SIGHUP, 0, check_metrics_listen);
	define_int(
	    "whatsapp.listen_max_connections",
	    "Connections to the webhook listener; for a further one the oldest that is idle or incomplete is closed.",
	    &settings.listen_max_connections, 512, 1, 10000, 0);
	define_int("whatsapp.listen_max_body",
	           "Largest webhook delivery; a larger one is answered 413.", &settings.listen_max_body,
	           3072, 1, 65536, GUC_UNIT_KB);
	define_int(
	    "whatsapp.listen_max_buffered",
	    {"Bytes of webhook deliveries that wait to be stored, together; more are answered 503.",
	     "As much may wait in whatsapp_deliveries, too."},
	    &settings.listen_max_buffered, 65536, 64, 1048576, GUC_UNIT_KB);
	define_int("whatsapp.listen_request_timeout",
	           {"Longest time from the first byte of a webhook request to its last.",
	            "Then the connection is closed."},
	           &settings.listen_request_timeout, 20000, 100, 600000, GUC_UNIT_MS);
	define_int("whatsapp.listen_idle_timeout",
	           "Silence after which a connection to the webhook listener is closed.",
	           &settings.listen_idle_timeout, 30000, 1000, 600000, GUC_UNIT_MS);
	DefineCustomBoolVariable(
	    "whatsapp.notify_status",
	    "Notifies the channel whatsapp_status of each change of a message's status.",
	    "The payload is JSON: id, status and sender of the message.", &settings.notify_status,
	    false, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	DefineCustomBoolVariable("whatsapp.notify_inbound",
	                         "Notifies the channel whatsapp_inbound of each message that comes in.",
	                         "The payload is JSON: the id of its row of whatsapp_inbound.",
	                         &settings.notify_inbound, false, PGC_SIGHUP, 0, nullptr, nullptr,
	                         nullptr);
}

void
define_session_settings()
{
	define_string("whatsapp.default_sender",
	              {"Sender of messages that name none.",
	               "A watch keeps the one of the session that called wa_watch()."},
	              &settings.default_sender, "default", PGC_USERSET);
	define_string("whatsapp.default_language", "Template language of messages that name none.",
	              &settings.default_language, "es", PGC_USERSET);
	define_string("whatsapp.default_currency", "Currency (ISO 4217) of amounts that name none.",
	              &settings.default_currency, "EUR", PGC_USERSET);
	define_string(
	    "whatsapp.send_window",
	    {"Hours within which the messages of watches leave; empty for any time.",
	     "Such as Mon-Fri 09:00-18:00, in the time zone of the recipient's country. A watch "
	     "with send_window or send_at has its own; urgent messages do not wait."},
	    &settings.send_window, "", PGC_SUSET, 0, check_send_window);
	DefineCustomBoolVariable(
	    "whatsapp.check_opt_outs", "Refuses messages to recipients who have opted out of them.",
	    "They are refused when they are enqueued, and again when their turn comes.",
	    &settings.check_opt_outs, true, PGC_SUSET, 0, nullptr, nullptr, nullptr);
	DefineCustomBoolVariable(
	    "whatsapp.check_templates",
	    "Refuses templates that Meta has not approved, and messages that do not "
	    "fit their template.",
	    "As far as whatsapp_templates knows. Templates that it does not have are "
	    "refused once wa_sync_templates() has read those of the account.",
	    &settings.check_templates, true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	DefineCustomEnumVariable(
	    "whatsapp.parameter_whitespace",
	    "What becomes of newlines, tabs and runs of spaces in template parameters.",
	    "error: the message is refused, as the platform would refuse it; collapse: each run becomes "
	    "one space. Of body parameters.",
	    &settings.parameter_whitespace, whitespace_error, parameter_whitespaces, PGC_USERSET, 0,
	    nullptr, nullptr, nullptr);
	DefineCustomBoolVariable(
	    "whatsapp.check_windows",
	    "Refuses messages without a template to recipients who have not written for 24 hours.",
	    "They are refused when their turn comes. Turn it off where webhooks about inbound messages "
	    "do not reach this database.",
	    &settings.check_windows, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
	define_string("whatsapp.amount_locale",
	              {"Locale in which amounts are written.",
	               "A language, or a language and a region, such as es or es_ES."},
	              &settings.amount_locale, "en", PGC_USERSET);
	define_string(
	    "whatsapp.account_currency",
	    {"Currency in which Meta charges the default account; empty for what Meta tells of it.",
	     "It never changes. Other accounts have theirs in whatsapp_accounts."},
	    &account_currency, "", PGC_SUSET, 0, check_account_currency);
	define_string(
	    "whatsapp.account_time_zone",
	    {"Time zone of the default account, in which its days and months begin; empty when "
	     "it is not known.",
	     "Rates, free messages and budgets go by it. Other accounts have theirs in "
	     "whatsapp_accounts."},
	    &account_time_zone, "", PGC_SUSET, 0, check_account_time_zone);
}

void
define_retention_settings()
{
	define_int("whatsapp.keep_messages",
	           {"Age at which messages are deleted that wait for nothing any more; 0 to keep them.",
	            "With the attempts that failed. It counts from created_at."},
	           &settings.keep_messages, 0, 0, INT_MAX, GUC_UNIT_S);
	define_int("whatsapp.keep_bodies",
	           {"Age at which the content of such messages is deleted; 0 to keep it.",
	            "The column payload becomes NULL. It counts from created_at."},
	           &settings.keep_bodies, 0, 0, INT_MAX, GUC_UNIT_S);
	DefineCustomIntVariable(
	    "whatsapp.keep_events",
	    "Age at which events are deleted that have been acted upon; 0 to keep them.",
	    "8 days at least.", &settings.keep_events, 0, 0, INT_MAX, PGC_SIGHUP, GUC_UNIT_S,
	    check_keep_events, nullptr, nullptr);
	define_int("whatsapp.keep_inbound",
	           "Age at which messages that came in are deleted; 0 to keep them.",
	           &settings.keep_inbound, 0, 0, INT_MAX, GUC_UNIT_S);
	define_int("whatsapp.keep_changes",
	           {"How long changes of a status are kept for wa_changes(); 0: not at all.",
	            "It counts from the number's making."},
	           &settings.keep_changes, 0, 0, INT_MAX, GUC_UNIT_S);
	DefineCustomBoolVariable(
	    "whatsapp.compact_statuses",
	    "Keeps of a status only what its message does not say: its word and its time.",
	    "Failures, statuses of messages that are not known or wait, and those with members that are new "
	    "are kept whole. Off, all are.",
	    &settings.compact_statuses, true, PGC_SIGHUP, 0, nullptr, nullptr, nullptr);
}

} // namespace

void
define_settings()
{
	/* A restart-only variable may not be defined later, when the library is merely loaded by a
	 * function call; then it is only named, so that the configuration file draws no warning. */
	define_string("whatsapp.databases",
	              {"Databases in which messages are sent and webhooks are taken.",
	               "A list separated by commas, 64 at most."},
	              &settings.databases, "postgres",
	              process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP,
	              GUC_LIST_INPUT);
	define_api_settings();
	define_marketing_settings();
	define_sending_settings();
	define_listener_settings();
	define_session_settings();
	define_retention_settings();
	define_fault_points();
	MarkGUCPrefixReserved("whatsapp");
}

} // namespace whatsapp::pg
