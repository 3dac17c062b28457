/*
 * content.cpp — checks of lengths, counts and presence, so that all types of messages say the same
 * in their errors.
 */
#include "core/message/content.hpp"

#include <algorithm>

#include "core/base/json_tree.hpp"

#include "core/base/fault.hpp"
#include "core/base/json_bounded.hpp"
#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

/* Meta publishes no limit for a link; browsers and servers agree on about this. */
constexpr std::size_t max_link_bytes = 2000;
constexpr std::size_t max_wamid_bytes = 256;

struct Measure {
	std::size_t characters = 0;
	bool visible = false;
};

Measure
measure_text(const std::string &path, std::string_view text)
{
	Measure measure;
	for (std::size_t at = 0; at < text.size(); measure.characters++) {
		const Utf8Character character = decode_utf8(text.substr(at));
		if (character.length == 0 || character.code_point == 0)
			throw Fault(sqlstate::invalid_parameter_value, path + " is not valid UTF-8",
			            "The fault stands at character " + std::to_string(measure.characters + 1) +
			                ".");
		measure.visible = measure.visible || character.code_point > ' ';
		at += character.length;
	}
	return measure;
}

bool
has_white_space(std::string_view text) noexcept
{
	return std::any_of(text.begin(), text.end(),
	                   [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
}

std::string
count_of(std::size_t count, const char *noun)
{
	return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

} // namespace

void
refuse_content(std::string message, std::string detail, std::string hint)
{
	throw Fault(sqlstate::invalid_content, std::move(message), std::move(detail), std::move(hint));
}

void
check_content_text(const std::string &path, std::string_view text, std::size_t limit)
{
	const Measure measure = measure_text(path, text);
	if (!measure.visible)
		refuse_content(path + " is empty", "The platform refuses an empty text.");
	if (measure.characters > limit)
		throw Fault(sqlstate::text_too_long, path + " is too long",
		            "It has " + count_of(measure.characters, "character") +
		                ", and the platform takes " + std::to_string(limit) + ".");
}

void
check_content_link(const std::string &path, std::string_view link, bool only_https)
{
	const bool https = link.substr(0, 8) == "https://" && link.size() > 8;
	const bool http = link.substr(0, 7) == "http://" && link.size() > 7;
	if (!https && (only_https || !http))
		refuse_content(path + " is not a web address",
		               only_https ? "It must begin with https://, since the platform fetches it."
		                          : "It must begin with https:// or http://.");
	if (has_white_space(link))
		refuse_content(path + " contains white space", "A web address has none.",
		               "Write a space as %20.");
	if (link.size() > max_link_bytes)
		throw Fault(sqlstate::text_too_long, path + " is too long",
		            "It has " + count_of(link.size(), "byte") + ", and at most " +
		                std::to_string(max_link_bytes) + " are taken.");
	measure_text(path, link);
}

void
check_wamid(const std::string &path, std::string_view wamid)
{
	if (wamid.empty() || wamid.size() > max_wamid_bytes || has_white_space(wamid))
		refuse_content(path + " is not the id of a message",
		               "It must be an id as Meta gives it, of 1 to " +
		                   std::to_string(max_wamid_bytes) + " bytes without white space.",
		               "See whatsapp_messages.wamid and whatsapp_inbound.wamid.");
	measure_text(path, wamid);
}

json
read_content(const std::string &path, std::string_view text)
{
	json tree;
	const JsonProblem problem = parse_bounded(text, tree);
	if (problem != JsonProblem::none)
		throw Fault(sqlstate::invalid_json, path + " cannot be read as JSON",
		            json_problem_text(problem));
	return tree;
}

ContentNode::ContentNode(const json &value, std::string path)
    : value_(&value), path_(std::move(path))
{
}

std::optional<ContentNode>
ContentNode::optional_member(const char *name) const
{
	expect_object();
	const auto found = value_->find(name);
	if (found == value_->end() || found->is_null())
		return std::nullopt;
	return ContentNode(*found, path_ + "." + name);
}

ContentNode
ContentNode::required_member(const char *name) const
{
	std::optional<ContentNode> found = optional_member(name);
	if (!found)
		refuse_content(path_ + " lacks \"" + name + "\"",
		               std::string("The platform requires ") + path_ + "." + name + ".");
	return *std::move(found);
}

std::vector<ContentNode>
ContentNode::elements(std::size_t least, std::size_t most) const
{
	if (!value_->is_array())
		refuse_content(path_ + " is not a list", "It must be a JSON array.");
	const std::size_t count = value_->size();
	if (count < least || count > most)
		refuse_content(path_ + (count < least ? " has too few elements" : " has too many elements"),
		               "It has " + std::to_string(count) + ", and the platform takes " +
		                   std::to_string(least) + " to " + std::to_string(most) + ".");
	std::vector<ContentNode> nodes;
	nodes.reserve(count);
	for (std::size_t i = 0; i < count; i++)
		nodes.emplace_back((*value_)[i], path_ + "[" + std::to_string(i) + "]");
	return nodes;
}

std::string
ContentNode::required_text(std::size_t limit) const
{
	if (!value_->is_string())
		refuse_content(path_ + " is not a text", "It must be a JSON string.");
	std::string text = value_->get<std::string>();
	check_content_text(path_, text, limit);
	return text;
}

std::string
ContentNode::required_id(std::size_t limit) const
{
	std::string id = text_of(value_);
	if (id.empty() || has_white_space(id))
		refuse_content(path_ + " is not an id",
		               "It must be a string or an integer, without white space.");
	check_content_text(path_, id, limit);
	return id;
}

std::string
ContentNode::required_name(std::size_t limit) const
{
	const std::string name = text_of(value_);
	if (name.empty())
		refuse_content(path_ + " is not an id", "It must be a string or an integer.");
	check_content_text(path_, name, limit);
	return name;
}

void
ContentNode::expect_object() const
{
	if (!value_->is_object())
		refuse_content(path_ + " is not an object", "It must be a JSON object.");
}

void
ContentNode::expect_members(const std::vector<const char *> &names) const
{
	expect_object();
	for (const auto &member : value_->items()) {
		const std::string &name = member.key();
		if (std::none_of(names.begin(), names.end(),
		                 [&name](const char *known) { return name == known; })) {
			std::string list;
			for (const char *known : names)
				list += (list.empty() ? "" : ", ") + std::string(known);
			refuse_content(path_ + " has an unknown member " + quote_name(name),
			               "Its members are " + list + ".");
		}
	}
}

bool
ContentNode::is_string() const
{
	return value_->is_string();
}

const json &
ContentNode::value() const noexcept
{
	return *value_;
}

const std::string &
ContentNode::path() const noexcept
{
	return path_;
}

} // namespace whatsapp
