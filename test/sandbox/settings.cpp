/*
 * settings.cpp: the command line.
 */
#include "settings.hpp"

#include <cstdio>
#include <cstdlib>

#include <getopt.h>

namespace sandbox
{

namespace
{

const char help[] =
    "sandbox: behaves as Meta's WhatsApp Cloud API does, on 127.0.0.1\n\n"
    "  --port N                  port, 0 = any free one (default 0)\n"
    "  --port-file FILE          the port is written there once it listens\n"
    "  --token T                 accepted access token, repeatable (default sandbox-token)\n"
    "  --app-secret S            key of webhook signatures (default sandbox-app-secret)\n"
    "  --phone-number-id ID      sending number, repeatable (default 123456789)\n"
    "  --business-account-id ID  business account (default 987654321)\n"
    "  --webhook URL             where webhooks go (default: nowhere)\n"
    "  --verify-token T          token of the webhook handshake (default random-secret)\n"
    "  --templates FILE          more templates: JSON array in the listing's shape\n"
    "  --delay-ms N              answer messages after N ms (default 0)\n"
    "  --status-delay-ms N       time between status webhooks (default 20)\n"
    "  --no-read                 statuses stop at delivered\n"
    "  --control-port N          another port for the control interface, 0 = any free one\n"
    "  --control-port-file FILE  it is written there\n"
    "  --tls-port N              HTTPS port (HTTP/2 and HTTP/1.1), 0 = any free one\n"
    "  --tls-port-file FILE      it is written there\n"
    "  --ca-file FILE            the CA of the certificate is written there\n"
    "  --tls-name NAME           the certificate's name, repeatable (default localhost, 127.0.0.1)\n"
    "  --tls-expired             the certificate ended yesterday\n"
    "  --tls-cert, --tls-key FILE  a certificate of your own, PEM\n"
    "  --h2c-port N              port of HTTP/2 without TLS, 0 = any free one\n"
    "  --h2c-port-file FILE      it is written there\n"
    "  --max-streams N           concurrent streams of an HTTP/2 connection (default 100)\n"
    "  --books-only-counters     keep counts only: for benchmarks\n"
    "  --exit-with-parent        end when the parent process ends\n"
    "  --help\n";

[[noreturn]] void
fail(const char *option, const char *why)
{
	std::fprintf(stderr, "sandbox: --%s: %s\n", option, why);
	std::exit(2);
}

int
whole(const char *option, const char *text, long max)
{
	char *end = nullptr;
	const long value = std::strtol(text, &end, 10);
	if (end == text || *end != '\0' || value < 0 || value > max)
		fail(option, "not a whole number in range");
	return static_cast<int>(value);
}

Number
numbered(const std::string &id, size_t index)
{
	/* Looks like a Madrid number; the range is not in use. */
	return {id, std::to_string(34910000001 + index)};
}

} // namespace

Options
read_options(int argc, char **argv)
{
	enum {
		Port = 256,
		PortFile,
		Token,
		AppSecret,
		PhoneNumberId,
		BusinessAccountId,
		Webhook,
		VerifyToken,
		Templates,
		DelayMs,
		StatusDelayMs,
		NoRead,
		ExitWithParent,
		ControlPort,
		ControlPortFile,
		OnlyCounters,
		TlsPort,
		TlsPortFile,
		CaFile,
		TlsName,
		TlsExpired,
		TlsCert,
		TlsKey,
		H2cPort,
		H2cPortFile,
		MaxStreams,
		Help
	};
	static const option known[] = {
	    {"port", required_argument, nullptr, Port},
	    {"port-file", required_argument, nullptr, PortFile},
	    {"token", required_argument, nullptr, Token},
	    {"app-secret", required_argument, nullptr, AppSecret},
	    {"phone-number-id", required_argument, nullptr, PhoneNumberId},
	    {"business-account-id", required_argument, nullptr, BusinessAccountId},
	    {"webhook", required_argument, nullptr, Webhook},
	    {"verify-token", required_argument, nullptr, VerifyToken},
	    {"templates", required_argument, nullptr, Templates},
	    {"delay-ms", required_argument, nullptr, DelayMs},
	    {"status-delay-ms", required_argument, nullptr, StatusDelayMs},
	    {"no-read", no_argument, nullptr, NoRead},
	    {"control-port", required_argument, nullptr, ControlPort},
	    {"control-port-file", required_argument, nullptr, ControlPortFile},
	    {"books-only-counters", no_argument, nullptr, OnlyCounters},
	    {"tls-port", required_argument, nullptr, TlsPort},
	    {"tls-port-file", required_argument, nullptr, TlsPortFile},
	    {"ca-file", required_argument, nullptr, CaFile},
	    {"tls-name", required_argument, nullptr, TlsName},
	    {"tls-expired", no_argument, nullptr, TlsExpired},
	    {"tls-cert", required_argument, nullptr, TlsCert},
	    {"tls-key", required_argument, nullptr, TlsKey},
	    {"h2c-port", required_argument, nullptr, H2cPort},
	    {"h2c-port-file", required_argument, nullptr, H2cPortFile},
	    {"max-streams", required_argument, nullptr, MaxStreams},
	    {"exit-with-parent", no_argument, nullptr, ExitWithParent},
	    {"help", no_argument, nullptr, Help},
	    {nullptr, 0, nullptr, 0}};
	Options options;
	Settings &settings = options.settings;
	std::vector<std::string> ids;
	for (int found; (found = getopt_long(argc, argv, "", known, nullptr)) != -1;) {
		switch (found) {
		case Port:
			options.port = whole("port", optarg, 65535);
			break;
		case PortFile:
			options.port_file = optarg;
			break;
		case Token:
			settings.tokens.emplace_back(optarg);
			break;
		case AppSecret:
			settings.webhooks.app_secret = optarg;
			break;
		case PhoneNumberId:
			ids.emplace_back(optarg);
			break;
		case BusinessAccountId:
			options.business_account_id = optarg;
			break;
		case Webhook:
			settings.webhooks.url = optarg;
			break;
		case VerifyToken:
			settings.verify_token = optarg;
			break;
		case Templates:
			options.templates_file = optarg;
			break;
		case DelayMs:
			settings.delay_ms = whole("delay-ms", optarg, 3600000);
			break;
		case StatusDelayMs:
			settings.webhooks.status_delay_ms = whole("status-delay-ms", optarg, 3600000);
			break;
		case NoRead:
			settings.webhooks.read = false;
			break;
		case ExitWithParent:
			options.exit_with_parent = true;
			break;
		case ControlPort:
			options.control_port = whole("control-port", optarg, 65535);
			break;
		case ControlPortFile:
			options.control_port_file = optarg;
			break;
		case OnlyCounters:
			options.counters_only = true;
			break;
		case TlsPort:
			options.tls_port = whole("tls-port", optarg, 65535);
			break;
		case TlsPortFile:
			options.tls_port_file = optarg;
			break;
		case CaFile:
			options.tls.ca_file = optarg;
			break;
		case TlsName:
			options.tls.names.emplace_back(optarg);
			break;
		case TlsExpired:
			options.tls.expired = true;
			break;
		case TlsCert:
			options.tls.certificate_file = optarg;
			break;
		case TlsKey:
			options.tls.key_file = optarg;
			break;
		case H2cPort:
			options.h2c_port = whole("h2c-port", optarg, 65535);
			break;
		case H2cPortFile:
			options.h2c_port_file = optarg;
			break;
		case MaxStreams:
			options.most_streams = whole("max-streams", optarg, 1000000);
			break;
		case Help:
			std::fputs(help, stdout);
			std::exit(0);
		default:
			std::fputs("Try sandbox --help.\n", stderr);
			std::exit(2);
		}
	}
	if (optind < argc)
		fail(argv[optind], "unexpected argument");
	if (options.tls.certificate_file.empty() != options.tls.key_file.empty())
		fail("tls-cert", "needs --tls-key, and the other way round");
	if (settings.tokens.empty())
		settings.tokens.emplace_back("sandbox-token");
	if (ids.empty())
		ids.emplace_back("123456789");
	for (size_t i = 0; i < ids.size(); i++)
		options.numbers.push_back(numbered(ids[i], i));
	return options;
}

} // namespace sandbox
