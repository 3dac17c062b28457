/*
 * templates.hpp: the account's templates: the built-in ones, those of --templates and created ones.
 *
 * Each is kept twice: as the JSON that the listing shows, and taken apart for checking and filling
 * in.
 */
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sandbox
{

/* Text with placeholders: literals.size() == variables.size() + 1. */
struct Pattern {
	std::vector<std::string> literals = {std::string()};
	std::vector<std::string> variables = {}; /* distinct, in the order of their values */
	std::vector<size_t> slots = {};          /* which variable stands after which literal */

	std::string fill(const std::vector<std::string> &values) const;
};

struct Button {
	std::string type;
	std::string label;
	bool variable;
};

/* A card has what stands below the name only. */
struct Template {
	std::shared_ptr<const nlohmann::json> listed;
	std::string name, language, status, category;
	bool named = false;
	std::string header_format = {}; /* empty: no header */
	Pattern header = {};
	Pattern body = {};
	std::string footer = {};
	std::vector<Button> buttons = {};
	bool has_offer = false;
	bool offer_expires = false;
	std::vector<Template> cards = {};
};

class Templates
{
public:
	Templates();

	/*
	 * Adds a template in the listing's shape, or merges the members into the known one of that name
	 * and language. Throws std::runtime_error with what is wrong.
	 */
	const Template &put(const nlohmann::json &listed);
	void load(const std::string &file);
	/* The name and language of an approved one cannot be taken again for 30 days. */
	void remove(const std::string &name, const std::string &language);
	bool is_blocked(const std::string &name, const std::string &language) const;

	/* When it was edited while it was approved. */
	std::deque<int64_t> &
	edits_of(const std::string &id)
	{
		return edits_[id];
	}

	const Template *find(std::string_view name, std::string_view language) const;
	const std::deque<Template> &
	all() const
	{
		return all_;
	}

private:
	std::deque<Template> all_;
	std::unordered_map<std::string, size_t> index_;
	std::unordered_map<std::string, int64_t> removed_at_;
	std::unordered_map<std::string, std::deque<int64_t>> edits_;
	uint64_t next_id_ = 1100000000000001;
};

} // namespace sandbox
