/*
 * secrets.cpp — files are opened afresh each time: Kubernetes replaces them by swapping a symlink,
 * and a rotated token must be seen.
 */
#include "pg/server/secrets.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "pg/server/settings.hpp"

#include "pg/server/prelude.hpp"

namespace whatsapp::pg
{

namespace
{

struct EnvironmentName {
	const char *secret;
	const char *variable;
};

constexpr EnvironmentName environment[] = {
    {"access_token", "WHATSAPP_ACCESS_TOKEN"},
    {"app_secret", "WHATSAPP_APP_SECRET"},
    {"app_secret_previous", "WHATSAPP_APP_SECRET_PREVIOUS"},
    {"verify_token", "WHATSAPP_WEBHOOK_VERIFY_TOKEN"},
    {"phone_number_id", "WHATSAPP_PHONE_NUMBER_ID"},
    {"business_account_id", "WHATSAPP_BUSINESS_ACCOUNT_ID"},
};

/* no slash and no leading dot: a name must not climb out of the directory */
bool
plain_name(std::string_view name) noexcept
{
	if (name.empty() || name.size() > 64 || name[0] == '.')
		return false;
	for (const char c : name)
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-' || c == '.'))
			return false;
	return true;
}

/* editors and echo end a file with a newline, which is no part of the secret */
void
trim_secret(Secret &secret) noexcept
{
	while (secret.length > 0 && strchr(" \t\r\n", secret.bytes[secret.length - 1]) != nullptr)
		secret.length--;
	secret.bytes[secret.length] = '\0';
}

bool
trustworthy_file(int file, const char *name, Secret &secret) noexcept
{
	struct stat status;
	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
		snprintf(secret.problem, sizeof secret.problem, "secret file \"%s\" is not a regular file",
		         name);
	else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		snprintf(secret.problem, sizeof secret.problem,
		         "secret file \"%s\" can be written by others than its owner", name);
	else if (status.st_uid != geteuid() && status.st_uid != 0)
		snprintf(secret.problem, sizeof secret.problem,
		         "secret file \"%s\" belongs to neither the server's user nor root", name);
	else if (status.st_size > static_cast<off_t>(max_secret_bytes))
		snprintf(secret.problem, sizeof secret.problem, "secret file \"%s\" is larger than 4 kB",
		         name);
	else
		return true;
	return false;
}

bool
read_file(const char *account, const char *name, Secret &secret) noexcept
{
	char path[MAXPGPATH];
	const int written =
	    account == nullptr
	        ? snprintf(path, sizeof path, "%s/%s", settings.secret_dir, name)
	        : snprintf(path, sizeof path, "%s/%s/%s", settings.secret_dir, account, name);
	if (written < 0 || static_cast<std::size_t>(written) >= sizeof path)
		return false;
	/* links are followed on purpose (Kubernetes), devices are not waited for */
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0) {
		secret.passes = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
		if (errno != ENOENT && errno != ENOTDIR)
			snprintf(secret.problem, sizeof secret.problem, "could not open secret file \"%s\": %s",
			         name, strerror(errno));
		return false;
	}
	bool ok = trustworthy_file(file, name, secret);
	while (ok && secret.length < max_secret_bytes) {
		const ssize_t got =
		    read(file, secret.bytes + secret.length, max_secret_bytes - secret.length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		secret.length += static_cast<std::size_t>(got);
	}
	close(file);
	trim_secret(secret);
	return ok && secret.length > 0;
}

bool
read_environment(const char *name, Secret &secret) noexcept
{
	for (const EnvironmentName &entry : environment) {
		if (strcmp(entry.secret, name) != 0)
			continue;
		const char *value = getenv(entry.variable);
		if (value == nullptr || strlen(value) > max_secret_bytes)
			return false;
		secret.length = strlen(value);
		memcpy(secret.bytes, value, secret.length);
		trim_secret(secret);
		return secret.length > 0;
	}
	return false;
}

} // namespace

void
wipe_secret(Secret &secret) noexcept
{
	explicit_bzero(secret.bytes, sizeof secret.bytes);
	secret.length = 0;
	secret.problem[0] = '\0';
	secret.passes = false;
}

bool
read_secret(const char *account, const char *name, Secret &secret) noexcept
{
	wipe_secret(secret);
	if (!plain_name(name) || (account != nullptr && !plain_name(account)))
		return false;
	if (settings.secret_dir != nullptr && *settings.secret_dir != '\0' &&
	    read_file(account, name, secret))
		return true;
	/* a file that is there but refused must not fall back silently to an older value */
	if (secret.problem[0] != '\0' || account != nullptr)
		return false;
	return read_environment(name, secret);
}

} // namespace whatsapp::pg
