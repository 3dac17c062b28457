/*
 * status_changes.hpp — which message got which status: noted by whoever changes it, in the same
 * transaction, as long as somebody is told of changes.
 *
 * A message may skip a status: a webhook tells of READ and DELIVERED together. Then each of them is
 * noted, in its order.
 */
#pragma once

#include <cstdint>

struct MemoryContextData;

namespace whatsapp::pg
{

/* What of a message is told. Times are TimestampTz, 0 for NULL. */
struct NotedMessage {
	std::int64_t id;
	const char *sender;
	const char *status;
	std::int64_t sent_at;
	std::int64_t delivered_at;
	std::int64_t read_at;
	std::int64_t failed_at;
	bool has_code;
	std::int64_t error_code;
};

/* The changes of one statement, or of one batch of a worker; in the memory context that it was made
 * in. With SPI connected, as the extension's owner. */
class StatusChanges
{
public:
	StatusChanges();
	/* The status was status_before, and is now.status. now.sender must live until
	 * write_changes(). */
	void add_change(const char *status_before, std::int64_t sent_before, const NotedMessage &now);
	void write_changes();

private:
	struct Change;
	void add_step(const NotedMessage &message, const char *status, std::int64_t at);

	MemoryContextData *memory_;
	bool wanted_;
	Change *changes_ = nullptr;
	int count_ = 0;
	int room_ = 0;
};

/* A message that was refused as it was made. */
void note_refused(std::int64_t id, const char *sender);

} // namespace whatsapp::pg
