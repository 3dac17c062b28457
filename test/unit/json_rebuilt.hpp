/*
 * json_rebuilt.hpp — what the reader in place has seen, as the tree that the other reader makes.
 *
 * U+FFFD stands for NUL in both: the reader in place puts it there itself.
 */
#pragma once

#include "core/base/json_bounded.hpp"
#include "core/base/json_view.hpp"

#include "core/base/json_tree.hpp"

namespace whatsapp
{

inline std::string
without_nul(const std::string &text)
{
	std::string clean;
	for (const char c : text)
		if (c == '\0')
			clean += "\xEF\xBF\xBD";
		else
			clean += c;
	return clean;
}

inline whatsapp::json
without_nul(const whatsapp::json &tree)
{
	if (tree.is_string())
		return without_nul(tree.get<std::string>());
	whatsapp::json clean = tree;
	if (tree.is_array())
		for (whatsapp::json &item : clean)
			item = without_nul(item);
	if (tree.is_object()) {
		clean = whatsapp::json::object();
		for (const auto &[key, value] : tree.items())
			clean[without_nul(key)] = without_nul(value);
	}
	return clean;
}

inline whatsapp::json
rebuilt(const JsonNode &node)
{
	using whatsapp::json;
	switch (node.type) {
	case JsonType::null:
		return nullptr;
	case JsonType::no:
		return false;
	case JsonType::yes:
		return true;
	case JsonType::integer:
	case JsonType::real:
		return json::parse(node.raw.begin(), node.raw.end());
	case JsonType::string:
		return std::string(node.text);
	case JsonType::array:
	case JsonType::object:
		break;
	}
	json tree = node.has_type(JsonType::array) ? json::array() : json::object();
	for (const JsonNode &item : JsonItems(node))
		if (node.has_type(JsonType::array))
			tree.push_back(rebuilt(item));
		else
			tree[std::string(item.key)] = rebuilt(item);
	return tree;
}

} // namespace whatsapp
