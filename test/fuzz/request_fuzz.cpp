/*
 * request_fuzz.cpp — raw bytes on a connection of the listener's HTTP server: heads, paths,
 * queries, bodies.
 *
 * Whatever comes, the connection ends, every request that is handed out keeps the limits, and none
 * is made of thin air. The handshake is judged by what the query decodes to.
 */
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include <csignal>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/webhook/endpoint.hpp"
#include "core/webhook/signature.hpp"
#include "net/server/http_server.hpp"

#include "expect.hpp"

using whatsapp::net::HttpServer;
using whatsapp::net::HttpServerOptions;
using whatsapp::net::IncomingRequest;

namespace
{

constexpr std::size_t max_body = 4096;
constexpr int max_turns = 20000;

struct Fixture {
	std::string path;
	std::unique_ptr<HttpServer> server;

	Fixture()
	{
		char folder[] = "/tmp/request_fuzz.XXXXXX";
		EXPECT(mkdtemp(folder) != nullptr);
		path = std::string(folder) + "/socket";
		HttpServerOptions options;
		options.address = path.c_str();
		options.max_body_bytes = max_body;
		options.max_header_bytes = 4096;
		const char *error = nullptr;
		server.reset(HttpServer::create(options, error));
		EXPECT(server != nullptr);
		std::signal(SIGPIPE, SIG_IGN);
	}
	~Fixture()
	{
		server.reset();
		rmdir(path.substr(0, path.rfind('/')).c_str());
	}
};

int
connect_to(const std::string &path)
{
	sockaddr_un address{};
	address.sun_family = AF_UNIX;
	path.copy(address.sun_path, sizeof address.sun_path - 1);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(connect(fd, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
	return fd;
}

void
judge(const IncomingRequest &request)
{
	EXPECT(!request.method.empty());
	EXPECT(request.body.size() <= max_body);
	std::string_view account;
	const whatsapp::Endpoint endpoint = whatsapp::endpoint_of(request.path, account);
	EXPECT(account.size() <= 63 && (account.empty() || endpoint == whatsapp::Endpoint::webhook));
	EXPECT(whatsapp::subscription_matches(request.hub_mode, request.hub_token, "the-token") ==
	       (request.hub_mode == "subscribe" && request.hub_token == "the-token"));
	EXPECT(!whatsapp::signature_matches(request.signature, request.body, "unguessable"));
}

std::size_t
count(std::string_view text, std::string_view part)
{
	std::size_t found = 0;
	for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at++)
		found++;
	return found;
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	static Fixture fixture;
	const std::string_view input(reinterpret_cast<const char *>(data), size);
	const int client = connect_to(fixture.path);
	std::size_t sent = 0, taken = 0;
	bool shut = false, closed = false;
	for (int turn = 0; turn < max_turns && !closed; turn++) {
		if (sent < size) {
			const ssize_t got = send(client, data + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
			sent += got > 0 ? static_cast<std::size_t>(got) : 0;
		} else if (!shut) {
			shut = shutdown(client, SHUT_WR) == 0;
		}
		fixture.server->serve_ready();
		IncomingRequest request;
		while (fixture.server->take_request(request)) {
			taken++;
			judge(request);
			fixture.server->send_reply(request.id, 200, "text/plain", request.hub_challenge);
		}
		char answer[65536];
		ssize_t got;
		while ((got = recv(client, answer, sizeof answer, MSG_DONTWAIT)) > 0)
			;
		closed = got == 0 || (errno != EAGAIN && errno != EINTR);
	}
	EXPECT(closed);
	EXPECT(taken <= count(input, "HTTP/1."));
	close(client);
	return 0;
}
