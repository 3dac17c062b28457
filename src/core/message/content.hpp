/*
 * content.hpp — checks that the types of messages share; for sources of core/ only.
 *
 * The limits are the platform's. What breaks one would come back as error 100 or 131009 a network
 * round trip later, so it is refused at the call. A Fault names the member by its path, such as
 * interactive.body.text, with the limit; it never repeats the text.
 */
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_tree_fwd.hpp"

namespace whatsapp
{

/* Fault invalid_content. */
[[noreturn]] void refuse_content(std::string message, std::string detail, std::string hint = {});

/* Well-formed UTF-8 without NUL, visible, and of at most limit characters. Faults:
 * invalid_parameter_value, invalid_content (empty), text_too_long. */
void check_content_text(const std::string &path, std::string_view text, std::size_t limit);

/* A web address that the platform can fetch or open: http or https, no white space. Fault
 * invalid_content, text_too_long. */
void check_content_link(const std::string &path, std::string_view link, bool only_https);

/* Meta's id of a message, for replies, reactions and marks. Fault invalid_content. */
void check_wamid(const std::string &path, std::string_view wamid);

/* Text that a caller gave as JSON. Fault invalid_json when it is none, is too deep, or too big. */
json read_content(const std::string &path, std::string_view text);

/* A value of a JSON tree and the path that leads to it. It points into the tree, which must outlive
 * it. */
class ContentNode
{
public:
	ContentNode(const json &value, std::string path);

	/* Fault invalid_content when it is absent, or this is no object. null is absent. */
	ContentNode required_member(const char *name) const;
	std::optional<ContentNode> optional_member(const char *name) const;

	/* Fault invalid_content unless it is an array of least to most elements. */
	std::vector<ContentNode> elements(std::size_t least, std::size_t most) const;

	/* A string, checked as by check_content_text(). */
	std::string required_text(std::size_t limit) const;
	/* A string or an integer as a short id: 1 to limit characters without white space. */
	std::string required_id(std::size_t limit) const;
	/* The same of an id that its owner has made, such as a product's: white space may be in it. */
	std::string required_name(std::size_t limit) const;

	/* Faults unless this is an object with no other members than these. */
	void expect_members(const std::vector<const char *> &names) const;
	void expect_object() const;

	bool is_string() const;
	const json &value() const noexcept;
	const std::string &path() const noexcept;

private:
	const json *value_;
	std::string path_;
};

} // namespace whatsapp
