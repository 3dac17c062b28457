/*
 * deaf_threads.hpp — no thread but the first one may hear the server's signals.
 */
#pragma once

#include <csignal>
#include <fstream>
#include <set>
#include <string>

#include <dirent.h>

#include <gtest/gtest.h>

namespace whatsapp::net
{

/* The signals that the server uses, in every thread that was not there before. */
inline void
expect_deaf_threads(const std::set<std::string> &known, int &seen)
{
	DIR *directory = opendir("/proc/self/task");
	ASSERT_NE(directory, nullptr);
	while (const dirent *entry = readdir(directory)) {
		if (entry->d_name[0] == '.' || known.count(entry->d_name))
			continue;
		std::ifstream status("/proc/self/task/" + std::string(entry->d_name) + "/status");
		for (std::string line; std::getline(status, line);) {
			if (line.compare(0, 7, "SigBlk:") != 0)
				continue;
			const unsigned long long mask = std::stoull(line.substr(8), nullptr, 16);
			for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM,
			                         SIGCHLD, SIGPIPE, SIGURG})
				EXPECT_TRUE(mask >> (number - 1) & 1) << number << " in " << line;
			seen++;
		}
	}
	closedir(directory);
}

inline std::set<std::string>
thread_ids()
{
	std::set<std::string> ids;
	DIR *directory = opendir("/proc/self/task");
	while (const dirent *entry = readdir(directory))
		ids.insert(entry->d_name);
	closedir(directory);
	return ids;
}

} // namespace whatsapp::net
