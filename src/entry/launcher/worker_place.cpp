/*
 * worker_place.cpp — read from the worker's entry of the server.
 */
#include "entry/launcher/worker_place.hpp"

#include "pg/server/settings.hpp"

extern "C" {
#include "postmaster/bgworker.h"
}

namespace whatsapp::entry
{

namespace
{

WorkerPlace
own_place()
{
	WorkerPlace own;
	memcpy(&own, MyBgworkerEntry->bgw_extra, sizeof own);
	return own;
}

} // namespace

int
worker_place()
{
	return own_place().place;
}

Oid
worker_database()
{
	return own_place().database;
}

void
listen_address(int place, char *address, size_t size)
{
	const char *at = pg::settings.listen;
	for (; place > 0 && at != nullptr; place--) {
		at = strchr(at, ',');
		if (at != nullptr)
			at++;
	}
	address[0] = '\0';
	if (at == nullptr)
		return;
	while (*at == ' ')
		at++;
	size_t length = strcspn(at, ",");
	while (length > 0 && at[length - 1] == ' ')
		length--;
	if (length < size) {
		memcpy(address, at, length);
		address[length] = '\0';
	}
}

} // namespace whatsapp::entry
