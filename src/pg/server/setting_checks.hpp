/*
 * setting_checks.hpp — what a value must be like; whoever is refused is told why, and what to
 * write.
 */
#pragma once

#include "pg/server/prelude.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace whatsapp::pg
{

extern "C" {
bool check_base_url(char **value, void **extra, GucSource source);
bool check_account_base_urls(char **value, void **extra, GucSource source);
bool check_api_version(char **value, void **extra, GucSource source);
bool check_keep_events(int *value, void **extra, GucSource source);
bool check_listen(char **value, void **extra, GucSource source);
bool check_metrics_listen(char **value, void **extra, GucSource source);
bool check_account_currency(char **value, void **extra, GucSource source);
bool check_send_window(char **value, void **extra, GucSource source);
bool check_account_time_zone(char **value, void **extra, GucSource source);
}

} // namespace whatsapp::pg
