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

#include "core/base/ascii.hpp"
#include "core/base/secret_text.hpp"
#include "pg/server/settings.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "storage/fd.h"
}

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
		if (!(is_letter_or_digit(c) || c == '_' || c == '-' || c == '.'))
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

/* As it stands below whatsapp.secret_dir: the file of another account must not be taken for it. */
struct FileName {
	char text[2 * NAMEDATALEN + 32];

	FileName(const char *account, const char *name) noexcept
	{
		snprintf(text, sizeof text, "%s%s%s", account == nullptr ? "" : account,
		         account == nullptr ? "" : "/", name);
	}
};

bool
refuse_secret(Secret &secret, const FileName &file, const char *why) noexcept
{
	snprintf(secret.problem, sizeof secret.problem, "secret file \"%s\" %s", file.text, why);
	return false;
}

bool
trustworthy_file(int file, const FileName &name, Secret &secret) noexcept
{
	struct stat status;
	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
		return refuse_secret(secret, name, "is not a regular file");
	if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse_secret(secret, name, "can be written by others than its owner");
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return refuse_secret(secret, name, "belongs to neither the server's user nor root");
	if (status.st_size > static_cast<off_t>(max_secret_bytes))
		return refuse_secret(secret, name, "is larger than 4 kB");
	return true;
}

/* Whoever can write to a folder can put a link there, to any file of root's. With the sticky bit he
 * cannot take the files that are there away; Kubernetes mounts secrets so. */
bool
anybody_may_write(const char *folder) noexcept
{
	struct stat status;
	return stat(folder, &status) == 0 && (status.st_mode & S_IWOTH) != 0 &&
	       (status.st_mode & S_ISVTX) == 0;
}

bool
path_of(const char *account, const char *name, char (&path)[MAXPGPATH]) noexcept
{
	const int written =
	    snprintf(path, sizeof path, "%s/%s%s%s", settings.secret_dir,
	             account == nullptr ? "" : account, account == nullptr ? "" : "/", name);
	return written >= 0 && static_cast<std::size_t>(written) < sizeof path;
}

bool
folders_are_safe(const char *account, const FileName &name, Secret &secret) noexcept
{
	char folder[MAXPGPATH];
	if (anybody_may_write(settings.secret_dir) ||
	    (account != nullptr && path_of(nullptr, account, folder) && anybody_may_write(folder)))
		return refuse_secret(secret, name, "stands in a folder that everybody can write to");
	return true;
}

/* False: the file could not be opened. Links are followed on purpose (Kubernetes), devices are not
 * waited for. */
bool
open_file(const char *path, const FileName &name, int &file, Secret &secret) noexcept
{
	file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file >= 0)
		return true;
	if (errno == ENOENT || errno == ENOTDIR)
		return false;
	secret.unreadable = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO;
	snprintf(secret.problem, sizeof secret.problem, "could not open secret file \"%s\": %s",
	         name.text, strerror(errno));
	return false;
}

bool
read_bytes(int file, const FileName &name, Secret &secret) noexcept
{
	while (secret.length < max_secret_bytes) {
		const ssize_t got =
		    read(file, secret.bytes + secret.length, max_secret_bytes - secret.length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			secret.unreadable = true;
			return refuse_secret(secret, name, "could not be read");
		}
		if (got == 0)
			break;
		secret.length += static_cast<std::size_t>(got);
	}
	return true;
}

bool
read_file(const char *account, const char *name, Secret &secret) noexcept
{
	const FileName shown(account, name);
	char path[MAXPGPATH];
	int file;
	if (!path_of(account, name, path) || !open_file(path, shown, file, secret))
		return false;
	const bool taken = folders_are_safe(account, shown, secret) &&
	                   trustworthy_file(file, shown, secret) && read_bytes(file, shown, secret);
	close(file);
	trim_secret(secret);
	if (!taken)
		return false;
	const char *problem = secret_text_problem(name, {secret.bytes, secret.length});
	return problem == nullptr || refuse_secret(secret, shown, problem);
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
		if (secret.length == 0)
			return false;
		const char *problem = secret_text_problem(name, {secret.bytes, secret.length});
		if (problem == nullptr)
			return true;
		snprintf(secret.problem, sizeof secret.problem, "environment variable \"%s\" %s",
		         entry.variable, problem);
		return false;
	}
	return false;
}

/* Looks at the folder of an account; for NULL, at whatsapp.secret_dir itself. */
void
warn_in_folder(const char *account)
{
	for (const EnvironmentName &entry : environment) {
		char path[MAXPGPATH];
		struct stat status;
		if (path_of(account, entry.secret, path) && stat(path, &status) == 0 &&
		    (status.st_mode & S_IROTH) != 0)
			ereport(WARNING, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			                  errmsg("WhatsApp secret file \"%s\" can be read by everybody",
			                         FileName(account, entry.secret).text),
			                  errhint("Close it with chmod 600, and its folder with chmod 700.")));
	}
}

} // namespace

void
warn_of_exposed_secrets()
{
	if (settings.secret_dir == nullptr || *settings.secret_dir == '\0')
		return;
	struct stat status;
	/* when the folder is closed to others, so are the files in it */
	if (stat(settings.secret_dir, &status) != 0 || (status.st_mode & S_IXOTH) == 0)
		return;
	warn_in_folder(nullptr);
	DIR *folder = AllocateDir(settings.secret_dir);
	if (folder == nullptr)
		return;
	while (const dirent *entry = ReadDirExtended(folder, settings.secret_dir, LOG))
		if (plain_name(entry->d_name))
			warn_in_folder(entry->d_name);
	FreeDir(folder);
}

void
wipe_secret(Secret &secret) noexcept
{
	explicit_bzero(secret.bytes, sizeof secret.bytes);
	secret.length = 0;
	secret.problem[0] = '\0';
	secret.unreadable = false;
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
	if (secret.problem[0] == '\0' && account == nullptr && read_environment(name, secret))
		return true;
	/* what was refused must not be used all the same */
	explicit_bzero(secret.bytes, sizeof secret.bytes);
	secret.length = 0;
	return false;
}

} // namespace whatsapp::pg
