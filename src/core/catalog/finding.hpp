/*
 * finding.hpp — a rule that a definition breaks, and where.
 */
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "core/catalog/rules.hpp"

namespace whatsapp
{

struct Finding {
	Rule rule;
	std::string component; /* "template", "name", "header", "body", "button 0", "card 1 body" */
	std::size_t position;  /* of a character in a text, from 1; 0: none in particular */
	std::string message;   /* a sentence */
};

/* A part of the definition that is being checked. */
struct FindingPlace {
	std::vector<Finding> &findings;
	std::string component;

	void
	note_finding(Rule rule, std::string message, std::size_t position = 0) const
	{
		findings.push_back({rule, component, position, std::move(message)});
	}
	FindingPlace
	part(std::string name) const
	{
		return {findings, std::move(name)};
	}
};

} // namespace whatsapp
