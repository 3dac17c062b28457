/*
 * committer.cpp — commits one message after the other on one session and notes when each commit
 * came back.
 *
 *   committer --uri URI --count N [--gap-us N] [--from N] [--statement SQL]
 *
 * $1 of the statement is the digits of the recipient. Prints for each message the digits of its
 * recipient and two times in microseconds since 1970: when the statement went out and when its
 * commit was known.
 */
#include "book.hpp"
#include "options.hpp"

#include <cstdio>
#include <string>
#include <vector>

#include <libpq-fe.h>
#include <unistd.h>

namespace bench
{

namespace
{

constexpr const char *our_statement =
    "SELECT wa_send_po('Proveedor ABC', 'PO-' || $1, '€1,250.00'::text, '+' || $1)";

struct Commit {
	std::string recipient;
	std::int64_t sent_us;
	std::int64_t returned_us;
};

PGconn *
connect(const std::string &uri, const std::string &statement)
{
	PGconn *session = PQconnectdb(uri.c_str());
	if (PQstatus(session) != CONNECTION_OK)
		Options::fail(PQerrorMessage(session));
	PGresult *prepared = PQprepare(session, "send", statement.c_str(), 0, nullptr);
	if (PQresultStatus(prepared) != PGRES_COMMAND_OK)
		Options::fail(PQerrorMessage(session));
	PQclear(prepared);
	return session;
}

Commit
commit(PGconn *session, long number)
{
	char recipient[32];
	std::snprintf(recipient, sizeof recipient, "346%08ld", number);
	const char *values[] = {recipient};
	Commit made{recipient, realtime_us(), 0};
	PGresult *result = PQexecPrepared(session, "send", 1, values, nullptr, nullptr, 0);
	made.returned_us = realtime_us();
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		Options::fail(PQerrorMessage(session));
	PQclear(result);
	return made;
}

} // namespace

} // namespace bench

int
main(int argc, char **argv)
{
	const bench::Options options(argc, argv, {});
	bench::die_with_parent();
	PGconn *session =
	    bench::connect(options.text("uri"), options.text("statement", bench::our_statement));
	const long from = options.number("from", 1), count = options.number("count", 1);
	const long gap_us = options.number("gap-us", 0);
	std::vector<bench::Commit> commits;
	commits.reserve(static_cast<std::size_t>(count));
	for (long i = 0; i < count; i++) {
		if (gap_us > 0 && i > 0)
			usleep(static_cast<useconds_t>(gap_us));
		commits.push_back(bench::commit(session, from + i));
	}
	PQfinish(session);
	for (const bench::Commit &made : commits)
		std::printf("%s %lld %lld\n", made.recipient.c_str(), static_cast<long long>(made.sent_us),
		            static_cast<long long>(made.returned_us));
}
