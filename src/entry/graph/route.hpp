/*
 * route.hpp — where the requests of a sender or an account go.
 */
#pragma once

#include <string>

namespace whatsapp::entry
{

/* What the tables say; NULL where they say nothing. */
struct RouteColumns {
	const char *account;
	const char *phone_number_id;
	const char *api_version;
	const char *api_base_url;
};

struct Route {
	std::string account;         /* empty: the default one */
	std::string phone_number_id; /* empty: the one among the account's secrets */
	std::string api_version;     /* empty: whatsapp.api_version */
	std::string base_url;        /* without a slash at its end */
	bool is_allowed = false;     /* base_url is one that the superuser named */
};

/* By the settings of this moment. */
Route resolve_route(const RouteColumns &columns);

} // namespace whatsapp::entry
