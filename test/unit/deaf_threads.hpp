/*
 * deaf_threads.hpp — no thread but the first one may hear the server's signals.
 */
#pragma once

#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include <dirent.h>

#include <gtest/gtest.h>

namespace whatsapp::net
{

/*
 * The signals that the server uses, in every thread that was not there before.
 *
 * Of a thread that ends in the middle of the reading the kernel prints an empty mask, and says
 * beside it that its process has no threads (fs/proc/array.c, task_sig): it hears nothing any more.
 */
inline void
expect_deaf_threads(const std::set<std::string> &known, int &seen)
{
	DIR *directory = opendir("/proc/self/task");
	ASSERT_NE(directory, nullptr);
	while (const dirent *entry = readdir(directory)) {
		if (entry->d_name[0] == '.' || known.count(entry->d_name))
			continue;
		std::ifstream file("/proc/self/task/" + std::string(entry->d_name) + "/status");
		std::map<std::string, std::string> status;
		for (std::string line; std::getline(file, line);)
			status[line.substr(0, line.find(':'))] = line.substr(line.find('\t') + 1);
		if (status.count("SigBlk") == 0 || status["Threads"] == "0")
			continue;
		const unsigned long long mask = std::stoull(status["SigBlk"], nullptr, 16);
		for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGTERM,
		                         SIGCHLD, SIGPIPE, SIGURG})
			EXPECT_TRUE(mask >> (number - 1) & 1) << number << " in " << status["SigBlk"];
		seen++;
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
