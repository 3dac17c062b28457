/*
 * courier.cpp: the thread that delivers webhooks with libcurl's multi interface.
 *
 * Each delivery has a connection of its own while it lasts; one that failed gives it back and waits
 * for its next attempt. Only a limited number of them wait: the rest stays in the queue.
 */
#include <algorithm>
#include <cstdint>
#include <random>

#include "book.hpp"
#include "delivery.hpp"
#include "envelope.hpp"
#include "holds.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

const size_t most_retries = 256;
const size_t longest_answer = 1 << 20;

size_t
store_answer(char *bytes, size_t size, size_t count, void *to)
{
	std::string &body = *static_cast<std::string *>(to);
	if (body.size() + size * count > longest_answer)
		return 0;
	body.append(bytes, size * count);
	return size * count;
}

} // namespace

/* Takes what is due off the queue, grouped into deliveries; with the mutex held. */
std::vector<std::vector<Webhooks::Due>>
Webhooks::take_events(int64_t now, size_t room)
{
	std::vector<std::vector<Due>> groups;
	while (groups.size() < room && !events_.empty() && events_.top().due <= now) {
		std::vector<Due> group;
		while (group.size() < static_cast<size_t>(settings_.batch) && !events_.empty() &&
		       events_.top().due <= now) {
			Event event = events_.top();
			events_.pop();
			const std::vector<std::string> &steps = courses_[static_cast<size_t>(event.course)];
			group.push_back({event, steps[event.step].c_str()});
			if (event.alone || event.step + 1u >= steps.size())
				continue;
			event.step++;
			const int delay = event.delay_ms < 0 ? settings_.status_delay_ms : event.delay_ms;
			event.due = now + delay * int64_t{1000};
			if (steps[event.step] != steps[event.step - 1u])
				event.at = event.due;
			events_.push(event);
		}
		if (settings_.shuffle)
			std::shuffle(group.begin(), group.end(), std::minstd_rand(static_cast<unsigned>(now)));
		groups.push_back(std::move(group));
	}
	return groups;
}

Webhooks::Delivery *
Webhooks::compose(const std::vector<Due> &events, const StatusStyle &style)
{
	auto *delivery = new Delivery;
	std::vector<Status> statuses;
	statuses.reserve(events.size());
	for (const Due &due : events) {
		const Event &event = due.event;
		auto traits = book_.traits(event.serial);
		if (!traits)
			continue; /* the book was cleared meanwhile */
		const std::string_view word = due.word;
		const bool priced = word == "sent" || word == "delivered";
		statuses.push_back(
		    {std::move(*traits), due.word, event.at, word == "failed" ? event.code : -1, priced});
		if (event.step == 0)
			delivery->firsts.push_back(event.serial);
	}
	delivery->statuses = statuses.size();
	delivery->body = status_envelope(account_id_, displays_, statuses, style);
	return delivery;
}

/* Hands a delivery to libcurl. */
void
Webhooks::start(Delivery *delivery, Transfers &transfers)
{
	WebhookSettings settings;
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		settings = settings_;
	}
	CURL *easy = nullptr;
	if (transfers.idle.empty()) {
		easy = curl_easy_init();
	} else {
		easy = transfers.idle.back();
		transfers.idle.pop_back();
		curl_easy_reset(easy);
	}
	delivery->easy = easy;
	delivery->url = settings.url;
	delivery->result = {};
	curl_easy_setopt(easy, CURLOPT_PRIVATE, delivery);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(settings.timeout_ms));
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "facebookexternalua");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, delivery->error);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, store_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &delivery->result.body);
	if (delivery->get) {
		delivery->url += settings.url.find('?') == std::string::npos ? '?' : '&';
		delivery->url += delivery->query;
	} else {
		curl_slist *headers = curl_slist_append(nullptr, "Content-Type: application/json");
		headers = curl_slist_append(headers, "Expect:");
		if (delivery->signing != Signing::None) {
			std::string signature = hmac_sha256_hex(settings.app_secret, delivery->body);
			if (delivery->signing == Signing::Wrong)
				signature[0] = signature[0] == '0' ? '1' : '0';
			headers =
			    curl_slist_append(headers, ("X-Hub-Signature-256: sha256=" + signature).c_str());
		}
		delivery->headers = headers;
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->body.c_str());
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                 static_cast<curl_off_t>(delivery->body.size()));
	}
	curl_easy_setopt(easy, CURLOPT_URL, delivery->url.c_str());
	curl_multi_add_handle(multi_, easy);
	transfers.active.push_back(delivery);
}

/* Starts posted deliveries, then repetitions, then new statuses, as far as connections are free. */
void
Webhooks::start_due(Transfers &transfers)
{
	const int64_t now = now_us();
	std::vector<Delivery *> posted;
	std::vector<std::vector<Due>> groups;
	size_t copies = 1;
	uint64_t generation = 0;
	StatusStyle style;
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		posted.swap(posted_);
		generation = generation_;
		style = settings_.style;
		copies = static_cast<size_t>(settings_.duplicate);
		const size_t connections = static_cast<size_t>(settings_.connections);
		size_t room = connections - std::min(connections, transfers.active.size());
		if (settings_.paused)
			room = 0;
		while (!transfers.retries.empty() && (transfers.retries.top()->generation != generation_ ||
		                                      (room > 0 && transfers.retries.top()->due <= now))) {
			Delivery *delivery = transfers.retries.top();
			transfers.retries.pop();
			if (delivery->generation != generation_) {
				delete delivery;
				continue;
			}
			posted.push_back(delivery);
			room--;
		}
		if (transfers.retries.size() < most_retries)
			groups = take_events(now, (room + copies - 1) / copies);
	}
	for (Delivery *delivery : posted)
		start(delivery, transfers);
	for (const std::vector<Due> &group : groups) {
		Delivery *delivery = compose(group, style);
		delivery->generation = generation;
		if (delivery->statuses == 0) {
			delete delivery;
			continue;
		}
		for (size_t copy = 1; copy < copies; copy++) {
			start(new Delivery(*delivery), transfers);
			const std::lock_guard<std::mutex> lock(mutex_);
			if (generation == generation_)
				counts_.queued += delivery->statuses;
		}
		start(delivery, transfers);
	}
}

void
Webhooks::finish(Delivery *delivery, Transfers &transfers)
{
	curl_slist_free_all(delivery->headers);
	delivery->headers = nullptr;
	transfers.active.erase(std::find(transfers.active.begin(), transfers.active.end(), delivery));
	if (delivery->done) {
		delivery->done(delivery->result);
		delete delivery;
		return;
	}
	std::vector<uint64_t> tickets;
	{
		const std::lock_guard<std::mutex> lock(mutex_);
		if (delivery->generation != generation_) {
			delete delivery;
			return;
		}
		if (delivery->result.status != 200) {
			counts_.failed_attempts++;
			if (settings_.retries >= 0 && delivery->attempts >= settings_.retries) {
				counts_.given_up += delivery->statuses;
				counts_.queued -= delivery->statuses;
				delete delivery;
				return;
			}
			const int64_t wait = int64_t{settings_.retry_ms} << std::min(delivery->attempts, 20);
			delivery->due = now_us() + 1000 * std::min<int64_t>(wait, settings_.retry_longest_ms);
			delivery->attempts++;
			transfers.retries.push(delivery);
			return;
		}
		counts_.deliveries++;
		counts_.delivered += delivery->statuses;
		counts_.queued -= delivery->statuses;
		for (const uint64_t serial : delivery->firsts) {
			const auto found = awaited_.empty() ? awaited_.end() : awaited_.find(serial);
			if (found == awaited_.end())
				continue;
			tickets.push_back(found->second);
			awaited_.erase(found);
		}
	}
	for (const uint64_t ticket : tickets)
		holds_.release(ticket);
	delete delivery;
}

/* How long the thread may sleep; notes it down, so that others know whether to wake it. */
int
Webhooks::sleep_ms(const Transfers &transfers)
{
	const std::lock_guard<std::mutex> lock(mutex_);
	sleeping_until_ = 0;
	if (stopping_ || !posted_.empty())
		return 0;
	const int64_t now = now_us();
	int64_t until = now + 1000000;
	const bool room = !settings_.paused && !settings_.url.empty() &&
	                  transfers.active.size() < static_cast<size_t>(settings_.connections);
	if (room && !transfers.retries.empty())
		until = std::min(until, transfers.retries.top()->due);
	if (room && transfers.retries.size() < most_retries) {
		if (!events_.empty())
			until = std::min(until, events_.top().due);
		sleeping_until_ = until;
	}
	return until <= now ? 0 : static_cast<int>((until - now + 999) / 1000);
}

/* At the end: what is on the way is dropped with its connections. */
void
Webhooks::abandon(Transfers &transfers)
{
	for (Delivery *delivery : transfers.active) {
		curl_multi_remove_handle(multi_, delivery->easy);
		curl_easy_cleanup(delivery->easy);
		curl_slist_free_all(delivery->headers);
		delete delivery;
	}
	for (CURL *easy : transfers.idle)
		curl_easy_cleanup(easy);
	for (; !transfers.retries.empty(); transfers.retries.pop())
		delete transfers.retries.top();
	const std::lock_guard<std::mutex> lock(mutex_);
	for (const Delivery *delivery : posted_)
		delete delivery;
	posted_.clear();
}

void
Webhooks::run()
{
	Transfers transfers;
	for (;;) {
		{
			const std::lock_guard<std::mutex> lock(mutex_);
			if (stopping_)
				break;
		}
		start_due(transfers);
		int running = 0;
		curl_multi_perform(multi_, &running);
		int left = 0;
		bool finished = false;
		while (CURLMsg *message = curl_multi_info_read(multi_, &left)) {
			if (message->msg != CURLMSG_DONE)
				continue;
			CURL *easy = message->easy_handle;
			const CURLcode outcome = message->data.result;
			Delivery *delivery = nullptr;
			curl_easy_getinfo(easy, CURLINFO_PRIVATE, &delivery);
			if (outcome == CURLE_OK)
				curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &delivery->result.status);
			else
				delivery->result.error =
				    delivery->error[0] != '\0' ? delivery->error : curl_easy_strerror(outcome);
			curl_multi_remove_handle(multi_, easy);
			transfers.idle.push_back(easy);
			finish(delivery, transfers);
			finished = true;
		}
		if (!finished)
			curl_multi_poll(multi_, nullptr, 0, sleep_ms(transfers), nullptr);
	}
	abandon(transfers);
}

} // namespace sandbox
