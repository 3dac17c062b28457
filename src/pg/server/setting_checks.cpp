/*
 * setting_checks.cpp — check hooks of the server: they may not raise.
 */
#include "pg/server/setting_checks.hpp"

#include <string_view>

#include "core/base/ascii.hpp"
#include "core/base/listen_text.hpp"
#include "core/base/url.hpp"
#include "core/value/office_hours.hpp"

extern "C" {
#include "pgtime.h"
}

namespace whatsapp::pg
{

extern "C" bool
check_base_url(char **value, void **, GucSource)
{
	const char *problem = base_url_problem(*value);
	if (problem == nullptr)
		return true;
	GUC_check_errdetail("%s", problem);
	GUC_check_errhint("Meta's is https://graph.facebook.com.");
	return false;
}

extern "C" bool
check_account_base_urls(char **value, void **, GucSource)
{
	for (const char *at = *value; *at != '\0';) {
		const std::size_t length = strcspn(at, ", ");
		const char *problem =
		    length == 0 ? nullptr : base_url_problem(std::string_view(at, length));
		if (problem != nullptr) {
			GUC_check_errdetail("%s", problem);
			return false;
		}
		at += length + strspn(at + length, ", ");
	}
	return true;
}

extern "C" bool
check_api_version(char **value, void **, GucSource)
{
	const char *at = *value;
	if (*at++ == 'v' && is_digit(*at) && strspn(at, "0123456789.") == strlen(at))
		return true;
	GUC_check_errdetail("A version is v and a number, as it stands in the API's paths.");
	GUC_check_errhint("Write it like v25.0.");
	return false;
}

/* A webhook that comes again is known by its event, which must be there as long as webhooks may
 * come again. */
extern "C" bool
check_keep_events(int *seconds, void **, GucSource)
{
	constexpr int shortest = 8 * 24 * 3600;
	if (*seconds == 0 || *seconds >= shortest)
		return true;
	GUC_check_errdetail(
	    "Webhooks come again for seven days, and an event tells that one is not new.");
	GUC_check_errhint("Keep them for 8d or longer, or for ever (0).");
	return false;
}

extern "C" bool
check_listen(char **value, void **, GucSource)
{
	for (const char *at = *value; *at != '\0';) {
		at += strspn(at, ", ");
		const std::size_t length = strcspn(at, ",");
		std::string_view address(at, length);
		while (!address.empty() && address.back() == ' ')
			address.remove_suffix(1);
		if (!address.empty() && !listen_address_formed(address)) {
			GUC_check_errdetail("\"%s\" is not an address.",
			                    pnstrdup(address.data(), address.size()));
			GUC_check_errhint("Write host:port with a numeric host or localhost, [v6]:port with a "
			                  "port up to 65535, or the absolute path of a unix socket.");
			return false;
		}
		at += length;
	}
	return true;
}

/* A page without a password: for this machine alone. */
extern "C" bool
check_metrics_listen(char **value, void **, GucSource)
{
	if (**value == '\0')
		return true;
	if (!listen_address_formed(*value)) {
		GUC_check_errdetail("\"%s\" is not an address.", *value);
		GUC_check_errhint("Write 127.0.0.1:9188, or the absolute path of a unix socket.");
		return false;
	}
	if (!listen_address_is_loopback(*value)) {
		GUC_check_errdetail("\"%s\" can be reached from other machines.", *value);
		GUC_check_errhint("Use a loopback address or a unix socket, and a proxy in front of it "
		                  "where others are to read it.");
		return false;
	}
	return true;
}

extern "C" bool
check_account_currency(char **value, void **, GucSource)
{
	const char *at = *value;
	if (*at == '\0' || (strlen(at) == 3 && strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3))
		return true;
	GUC_check_errdetail("A currency is three capital letters, such as EUR.");
	return false;
}

extern "C" bool
check_send_window(char **value, void **, GucSource)
{
	if (**value == '\0' || valid_office_hours(*value))
		return true;
	GUC_check_errhint("Write hours like Mon-Fri 09:00-18:00, Sat 10:00-14:00.");
	return false;
}

extern "C" bool
check_account_time_zone(char **value, void **, GucSource)
{
	if (**value == '\0' || pg_tzset(*value) != nullptr)
		return true;
	GUC_check_errdetail("Time zone \"%s\" is not known.", *value);
	GUC_check_errhint("See pg_timezone_names; write it like Europe/Madrid.");
	return false;
}

} // namespace whatsapp::pg
