/*
 * main.cpp: starts the sandbox, says where it listens, and waits for the signal to end.
 */
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <curl/curl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "front.hpp"
#include "server.hpp"

namespace
{

/* The file appears complete or not at all, so whoever waits for it never reads half a number. */
void
write_port(const std::string &file, int port)
{
	const std::string draft = file + ".new";
	std::FILE *stream = std::fopen(draft.c_str(), "w");
	bool written = stream != nullptr && std::fprintf(stream, "%d\n", port) > 0;
	written = stream != nullptr && std::fclose(stream) == 0 && written;
	if (!written || std::rename(draft.c_str(), file.c_str()) != 0)
		throw std::runtime_error(file + ": " + std::strerror(errno));
}

void
run(const sandbox::Options &options, const sigset_t &signals)
{
	sandbox::Sandbox box(options);
	if (!options.templates_file.empty())
		box.templates.load(options.templates_file);
	const sandbox::Server server(box);
	const sandbox::Front front(box, server.port());
	if (!options.tls_port_file.empty())
		write_port(options.tls_port_file, front.tls_port());
	if (!options.h2c_port_file.empty())
		write_port(options.h2c_port_file, front.h2c_port());
	if (!options.control_port_file.empty())
		write_port(options.control_port_file, server.control_port());
	if (!options.port_file.empty())
		write_port(options.port_file, server.port());
	std::printf("sandbox: listening on http://127.0.0.1:%d\n", server.port());
	std::fflush(stdout);
	int received = 0;
	sigwait(&signals, &received);
}

} // namespace

int
main(int argc, char **argv)
{
	const sandbox::Options options = sandbox::read_options(argc, argv);

	/* Blocked before the first thread starts, so that all inherit it and only sigwait takes them.
	 */
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, nullptr);
	std::signal(SIGPIPE, SIG_IGN);

	const pid_t parent = getppid();
	if (options.exit_with_parent) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			return 0; /* it ended in between */
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	try {
		run(options, signals);
	} catch (const std::exception &e) {
		std::fprintf(stderr, "sandbox: %s\n", e.what());
		return 1;
	}
	curl_global_cleanup();
	return 0;
}
