/*
 * delivery.hpp — a POST of Meta's with statuses, signed.
 */
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bench
{

/* A message that was sent: what a status webhook says of it. */
struct SentMessage {
	std::string wamid;
	std::string callback_data;
	std::string recipient;
};

/* One line for each: wamid, callback data, recipient, with spaces between. */
std::vector<SentMessage> read_messages(const std::string &file);

/* A whole HTTP request, that says of messages [first, first + count) that they are now in status.
 */
std::string status_request(const std::vector<SentMessage> &messages, std::size_t first,
                           std::size_t count, const std::string &status, const std::string &secret);

} // namespace bench
