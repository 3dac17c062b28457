/*
 * options.hpp — "--name value" and "--name" on the command line of a program of this folder.
 */
#pragma once

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

namespace bench
{

class Options
{
public:
	/* flags take no value */
	Options(int argc, char **argv, const std::set<std::string> &flags)
	{
		for (int i = 1; i < argc; i++) {
			const std::string name = argv[i];
			if (name.rfind("--", 0) != 0)
				fail("not an option: " + name);
			if (flags.count(name.substr(2)) != 0)
				values_[name.substr(2)] = "1";
			else if (i + 1 < argc)
				values_[name.substr(2)] = argv[++i];
			else
				fail(name + " needs a value");
		}
	}

	std::string
	text(const std::string &name, const std::string &otherwise = "") const
	{
		const auto found = values_.find(name);
		return found == values_.end() ? otherwise : found->second;
	}

	long
	number(const std::string &name, long otherwise) const
	{
		const std::string value = text(name);
		return value.empty() ? otherwise : std::strtol(value.c_str(), nullptr, 10);
	}

	bool
	has(const std::string &name) const
	{
		return values_.count(name) != 0;
	}

	[[noreturn]] static void
	fail(const std::string &message)
	{
		std::fprintf(stderr, "%s\n", message.c_str());
		std::exit(2);
	}

private:
	std::map<std::string, std::string> values_;
};

/* No program of a benchmark survives it. */
inline void
die_with_parent()
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == 1)
		std::exit(1);
}

} // namespace bench
