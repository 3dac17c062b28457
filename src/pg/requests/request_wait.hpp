/*
 * request_wait.hpp — for procedures that ask for something and wait until it is there.
 */
#pragma once

#include <cstdint>

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

/* Raises 2D000 where a procedure may not commit: in a transaction block, in a function. */
void require_own_transactions(FunctionCallInfo fcinfo, const char *procedure, const char *function);

/* Raises 55000 when nobody would make a request. */
void require_clerk();

/* Between SPI_connect_ext(SPI_OPT_NONATOMIC) and SPI_finish(), in the procedure with that OID:
 * commits, and waits until the request has ended; it can be cancelled. Raises what went wrong
 * (WA030), or that the time is over (WA031): the request goes on then. */
void await_request(std::int64_t id, std::int64_t timeout_ms, Oid function);

/* Until end(), statements have the rights of the extension's owner and find nothing of the
 * caller's, as in a SECURITY DEFINER function that sets search_path. (Such a procedure could not
 * commit.) An error ends that, too. Nothing may commit before end(). */
class OwnerRights
{
public:
	explicit OwnerRights(Oid function);
	void end();

private:
	Oid user_;
	int context_;
	int settings_level_;
};

} // namespace whatsapp::pg
