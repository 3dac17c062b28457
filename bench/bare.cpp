/*
 * bare.cpp — the limit: libcurl's multi interface in one thread, with no database behind it. The
 * same body and headers as the sender's, libcurl's deadline in a variable, handles used again.
 *
 *   bare --url URL --requests N --concurrency N [--connections N] [--ca-file FILE] [--keep-answers]
 *
 * Prints one line of JSON. With https, HTTP/2 is asked for, of at most --connections connections;
 * with http, each request on the wire has a connection of its own.
 */
#include "options.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/resource.h>

namespace bench
{

namespace
{

constexpr int max_events = 64;
constexpr long max_streams = 100;

double
now()
{
	return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
	    .count();
}

double
cpu_seconds()
{
	rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

class Bare
{
public:
	explicit Bare(const Options &options);
	void run();

private:
	struct Transfer {
		CURL *easy;
		std::string body;
		std::string answer;
	};

	void prepare(Transfer &transfer);
	bool start(Transfer &transfer);
	void collect();

	static std::size_t on_answer(char *data, std::size_t, std::size_t size, void *transfer);
	static int on_socket(CURL *, curl_socket_t socket, int what, void *self, void *known);
	static int on_timer(CURLM *, long timeout_ms, void *self);

	const Options &options_;
	const std::string url_;
	const long requests_;
	CURLM *multi_;
	int epoll_;
	curl_slist *headers_ = nullptr;
	double deadline_ = -1;
	long started_ = 0;
	long ended_ = 0;
	long failed_ = 0;
	std::vector<std::unique_ptr<Transfer>> transfers_;
};

Bare::Bare(const Options &options)
    : options_(options), url_(options.text("url")), requests_(options.number("requests", 10000)),
      multi_(curl_multi_init()), epoll_(epoll_create1(EPOLL_CLOEXEC))
{
	const long concurrency = options.number("concurrency", 100);
	const long connections = options.number("connections", concurrency);
	curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
	curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
	curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
	curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
	curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, connections);
	curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
	curl_multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, max_streams);
	headers_ = curl_slist_append(headers_, "Authorization: Bearer sandbox-token");
	headers_ = curl_slist_append(headers_, "Content-Type: application/json");
	headers_ = curl_slist_append(headers_, "Expect:");
	for (long i = 0; i < concurrency; i++) {
		transfers_.push_back(std::make_unique<Transfer>());
		prepare(*transfers_.back());
	}
}

void
Bare::prepare(Transfer &transfer)
{
	transfer.easy = curl_easy_init();
	const std::string ca_file = options_.text("ca-file");
	curl_easy_setopt(transfer.easy, CURLOPT_PRIVATE, &transfer);
	curl_easy_setopt(transfer.easy, CURLOPT_URL, url_.c_str());
	curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, headers_);
	curl_easy_setopt(transfer.easy, CURLOPT_USERAGENT, "pg_whatsapp-bench");
	curl_easy_setopt(transfer.easy, CURLOPT_WRITEFUNCTION, &on_answer);
	curl_easy_setopt(transfer.easy, CURLOPT_WRITEDATA, &transfer);
	curl_easy_setopt(transfer.easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(transfer.easy, CURLOPT_PROXY, "");
	curl_easy_setopt(transfer.easy, CURLOPT_TIMEOUT_MS, 30000L);
	if (url_.rfind("https", 0) == 0) {
		curl_easy_setopt(transfer.easy, CURLOPT_HTTP_VERSION,
		                 static_cast<long>(CURL_HTTP_VERSION_2TLS));
		curl_easy_setopt(transfer.easy, CURLOPT_PIPEWAIT, 1L);
	}
	if (!ca_file.empty())
		curl_easy_setopt(transfer.easy, CURLOPT_CAINFO, ca_file.c_str());
}

bool
Bare::start(Transfer &transfer)
{
	if (started_ == requests_)
		return false;
	char body[640];
	const long id = ++started_;
	const int size = std::snprintf(
	    body, sizeof body,
	    R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+346%08ld",)"
	    R"("biz_opaque_callback_data":"0123456789abcdef.%ld.845566677788899","type":"template","template":)"
	    R"({"name":"po_notification","language":{"code":"es"},"components":[{"type":"body","parameters":)"
	    R"([{"type":"text","text":"Proveedor ABC"},{"type":"text","text":"PO-%ld"},{"type":"text","text":"€1,250.00"}]}]}})",
	    id % 100000000, id, id);
	transfer.body.assign(body, static_cast<std::size_t>(size));
	transfer.answer.clear();
	curl_easy_setopt(transfer.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(size));
	curl_easy_setopt(transfer.easy, CURLOPT_POSTFIELDS, transfer.body.c_str());
	return curl_multi_add_handle(multi_, transfer.easy) == CURLM_OK;
}

std::size_t
Bare::on_answer(char *data, std::size_t, std::size_t size, void *transfer)
{
	static_cast<Transfer *>(transfer)->answer.append(data, size);
	return size;
}

int
Bare::on_socket(CURL *, curl_socket_t socket, int what, void *self, void *known)
{
	Bare &bare = *static_cast<Bare *>(self);
	epoll_event event{};
	event.data.fd = socket;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(bare.epoll_, EPOLL_CTL_DEL, socket, &event);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	epoll_ctl(bare.epoll_, known != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event);
	if (known == nullptr)
		curl_multi_assign(bare.multi_, socket, &bare);
	return 0;
}

int
Bare::on_timer(CURLM *, long timeout_ms, void *self)
{
	static_cast<Bare *>(self)->deadline_ =
	    timeout_ms < 0 ? -1 : now() + static_cast<double>(timeout_ms) / 1e3;
	return 0;
}

void
Bare::collect()
{
	int left;
	while (const CURLMsg *message = curl_multi_info_read(multi_, &left)) {
		Transfer *transfer = nullptr;
		long status = 0;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
		if (message->data.result != CURLE_OK || status != 200 ||
		    transfer->answer.find("wamid.") == std::string::npos) {
			if (failed_++ == 0)
				std::fprintf(stderr, "%s, status %ld\n", curl_easy_strerror(message->data.result),
				             status);
		}
		ended_++;
		curl_multi_remove_handle(multi_, transfer->easy);
		start(*transfer);
	}
}

void
Bare::run()
{
	const double began = now(), cpu_began = cpu_seconds();
	for (auto &transfer : transfers_)
		start(*transfer);
	epoll_event events[max_events];
	while (ended_ < requests_) {
		int timeout_ms = -1, running;
		if (deadline_ >= 0)
			timeout_ms = std::max(0, static_cast<int>((deadline_ - now()) * 1e3 + 0.999));
		const int count = epoll_wait(epoll_, events, max_events, timeout_ms);
		for (int i = 0; i < count; i++) {
			const auto ready = events[i].events;
			const int mask = (ready & EPOLLIN ? CURL_CSELECT_IN : 0) |
			                 (ready & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			                 (ready & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
			curl_multi_socket_action(multi_, events[i].data.fd, mask, &running);
		}
		if (deadline_ >= 0 && now() >= deadline_) {
			deadline_ = -1;
			curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		collect();
	}
	const double seconds = now() - began;
	std::printf(R"({"requests":%ld,"failed":%ld,"seconds":%.6f,"rate":%.1f,"cpu_us":%.2f})"
	            "\n",
	            requests_, failed_, seconds, static_cast<double>(requests_) / seconds,
	            (cpu_seconds() - cpu_began) * 1e6 / static_cast<double>(requests_));
}

} // namespace

} // namespace bench

int
main(int argc, char **argv)
{
	const bench::Options options(argc, argv, {});
	bench::die_with_parent();
	rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	bench::Bare(options).run();
}
