/*
 * template_review.cpp: the rules of Meta's documentation for a template's definition (2026-11), in
 * its order: components, variables, buttons, one-time codes, cards. The first one that is broken is
 * the answer, as Meta's creation call tells one.
 *
 * Written from the documentation and from nothing else: a client's own rules are tried against
 * these.
 */
#include "template_review.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "demand.hpp"
#include "text.hpp"

namespace sandbox
{

using nlohmann::json;

namespace
{

constexpr int invalid_parameter = 100;
constexpr int wrong_category = 2388039;
constexpr int too_long = 2388040;
constexpr int wrong_header = 2388047;
constexpr int wrong_body = 2388072;
constexpr int wrong_footer = 2388073;
constexpr int too_many_variables = 2388293;
constexpr int variable_at_end = 2388299;

std::string
word(const json &object, const char *name)
{
	const auto found = object.find(name);
	return found != object.end() && found->is_string() ? lower(found->get<std::string>())
	                                                   : std::string();
}

const std::string &
text_in(const json &object, const char *name, std::string_view where)
{
	const auto found = object.find(name);
	demand(found != object.end() && found->is_string(), invalid_parameter,
	       std::string(where) + ": " + name + " is a required string");
	const std::string &text = found->get_ref<const std::string &>();
	demand(text.find_first_not_of(" \t\r\n") != std::string::npos, invalid_parameter,
	       std::string(where) + ": " + name + " is empty");
	return text;
}

const json &
list_in(const json &object, const char *name, std::string_view where)
{
	const auto found = object.find(name);
	demand(found != object.end() && found->is_array() && !found->empty(), invalid_parameter,
	       std::string(where) + ": " + name + " is a required list");
	return *found;
}

/* Characters of UTF-8: bytes that do not continue one. */
size_t
length_of(const std::string &text)
{
	return static_cast<size_t>(
	    std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

void
demand_length(const std::string &text, size_t most, const std::string &where)
{
	demand(length_of(text) <= most, too_long,
	       where + ": at most " + std::to_string(most) + " characters");
}

struct Variable {
	size_t begin, end;
	std::string name;
	bool
	number() const
	{
		return std::isdigit(static_cast<unsigned char>(name[0])) != 0;
	}
};

std::vector<Variable>
variables_of(const std::string &text, int code, const std::string &where)
{
	std::vector<Variable> found;
	size_t at = 0;
	while ((at = text.find("{{", at)) != std::string::npos) {
		const size_t close = text.find("}}", at);
		demand(close != std::string::npos, code, where + ": a variable is not closed");
		const std::string name = text.substr(at + 2, close - at - 2);
		demand(!name.empty(), code, where + ": a variable has no name");
		const bool digits = name.find_first_not_of("0123456789") == std::string::npos;
		const bool snake =
		    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos &&
		    std::isdigit(static_cast<unsigned char>(name[0])) == 0;
		demand((digits && name[0] != '0') || snake, code,
		       where + ": the variable " + name + " is neither a number nor lower_snake");
		found.push_back({at, close + 2, name});
		at = close + 2;
	}
	return found;
}

bool
blank(const std::string &text, size_t begin, size_t end)
{
	return std::all_of(text.begin() + static_cast<long>(begin),
	                   text.begin() + static_cast<long>(end),
	                   [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; });
}

std::set<std::string>
names_of(const std::vector<Variable> &variables, bool named, int code, const std::string &where)
{
	std::set<std::string> names;
	for (const Variable &one : variables) {
		demand(one.number() != named, code,
		       where + ": the variable " + one.name + " is not of the parameter format");
		names.insert(one.name);
	}
	for (size_t i = 1; !named && i <= names.size(); i++)
		demand(names.count(std::to_string(i)) == 1, code,
		       where + ": the variables are not numbered in sequence");
	return names;
}

void
demand_examples(const json &component, const char *kind, const std::set<std::string> &names,
                bool named, const std::string &where)
{
	if (names.empty())
		return;
	const std::string member = std::string(kind) + (named ? "_text_named_params" : "_text");
	const json example = component.value("example", json::object());
	demand(example.is_object() && example.contains(member) && example[member].is_array(),
	       invalid_parameter, where + ": example." + member + " is missing");
	json list = example[member];
	if (!named && list.size() == 1 && list[0].is_array())
		list = json(list[0]);
	demand(list.size() == names.size(), invalid_parameter,
	       where + ": each variable has one example");
	for (const json &one : list) {
		const json text = named && one.is_object() ? one.value("example", json()) : one;
		demand(text.is_string() && !text.get<std::string>().empty(), invalid_parameter,
		       where + ": an example is a text");
		demand(!named || names.count(one.value("param_name", "")) == 1, invalid_parameter,
		       where + ": an example has the name of no variable");
	}
}

/* Words: between blanks, with a letter or digit that is not of a variable. */
size_t
words_beside(const std::string &text, const std::vector<Variable> &variables)
{
	std::string rest = text;
	for (const Variable &one : variables)
		for (size_t i = one.begin; i < one.end; i++)
			rest[i] = '-';
	size_t words = 0;
	bool inside = false;
	for (const char c : rest) {
		const auto byte = static_cast<unsigned char>(c);
		if (std::isspace(byte) != 0)
			inside = false;
		else if (!inside && (std::isalnum(byte) != 0 || byte >= 0x80)) {
			inside = true;
			words++;
		}
	}
	/* scripts that write no blanks: a word for two characters of three bytes */
	const auto wide =
	    std::count_if(rest.begin(), rest.end(), [](char c) { return (c & 0xF0) == 0xE0; });
	return std::max(words, static_cast<size_t>(wide) / 2);
}

void
review_body(const json &body, size_t most, bool named, const std::string &where)
{
	const std::string &text = text_in(body, "text", where);
	demand_length(text, most, where);
	const std::vector<Variable> variables = variables_of(text, wrong_body, where);
	const std::set<std::string> names = names_of(variables, named, wrong_body, where);
	if (variables.empty())
		return;
	demand(!blank(text, 0, variables.front().begin) &&
	           !blank(text, variables.back().end, text.size()),
	       variable_at_end, where + ": a variable stands at the start or the end");
	for (size_t i = 1; i < variables.size(); i++)
		demand(!blank(text, variables[i - 1].end, variables[i].begin), wrong_body,
		       where + ": two variables stand side by side");
	demand(words_beside(text, variables) > 2 * variables.size(), too_many_variables,
	       where + ": too many variables for the length of the text");
	demand_examples(body, "body", names, named, where);
}

void
review_header(const json &header, bool named, const std::string &category, const std::string &where)
{
	const std::string format = word(header, "format");
	if (format == "text") {
		const std::string &text = text_in(header, "text", where);
		demand_length(text, 60, where);
		const std::vector<Variable> variables = variables_of(text, wrong_header, where);
		demand(variables.size() <= 1, wrong_header, where + ": one variable at most");
		for (const char *sign : {"*", "_", "~", "`"}) {
			const size_t open = text.find(sign);
			const bool begins = open != std::string::npos && (open == 0 || text[open - 1] == ' ');
			demand(!begins || text.find(sign, open + 2) == std::string::npos, wrong_header,
			       where + ": no formatting");
		}
		return demand_examples(header, "header", names_of(variables, named, wrong_header, where),
		                       named, where);
	}
	static const std::set<std::string> media = {"image", "video", "document", "gif"};
	demand(media.count(format) == 1 || format == "location" || format == "product", wrong_header,
	       where + ": the format is not known");
	demand(!header.contains("text"), wrong_header, where + ": no text beside media");
	if (media.count(format) == 1) {
		const json example = header.value("example", json::object());
		demand(example.is_object() && example.value("header_handle", json()).is_array() &&
		           example["header_handle"].size() == 1,
		       invalid_parameter, where + ": example.header_handle is missing");
	}
	if (format == "location")
		demand(category == "utility" || category == "marketing", wrong_category,
		       where + ": a location is for utility and marketing");
}

void
review_url(const json &button, const std::string &where)
{
	const std::string &url = text_in(button, "url", where);
	demand_length(url, 2000, where);
	demand(url.rfind("https://", 0) == 0 || url.rfind("http://", 0) == 0, invalid_parameter,
	       where + ": no web address");
	demand(url.find_first_of(" \t\r\n") == std::string::npos, invalid_parameter,
	       where + ": blanks in an address");
	const std::vector<Variable> variables = variables_of(url, invalid_parameter, where);
	if (variables.empty())
		return;
	demand(variables.size() == 1 && variables[0].end == url.size() &&
	           (!variables[0].number() || variables[0].name == "1"),
	       invalid_parameter, where + ": one variable, at the end");
	const json example = button.value("example", json());
	demand(example.is_string() || (example.is_array() && example.size() == 1), invalid_parameter,
	       where + ": the example is missing");
}

void
review_button(const json &button, const std::string &where)
{
	const std::string type = word(button, "type");
	static const std::set<std::string> texted = {"quick_reply", "url", "phone_number", "flow"};
	static const std::set<std::string> others = {
	    "copy_code",    "catalog", "mpm", "spm", "voice_call", "request_contact_info",
	    "order_details"};
	demand(texted.count(type) + others.count(type) == 1, invalid_parameter,
	       where + ": the type is not known, or is not possible here");
	if (texted.count(type) == 1)
		demand_length(text_in(button, "text", where), 25, where);
	if (type == "url")
		review_url(button, where);
	if (type == "phone_number") {
		const std::string &number = text_in(button, "phone_number", where);
		demand_length(number, 20, where);
		demand(number.find_first_not_of("0123456789", number[0] == '+' ? 1 : 0) ==
		           std::string::npos,
		       invalid_parameter, where + ": no phone number");
	}
	if (type == "copy_code") {
		json example = button.value("example", json());
		if (example.is_array() && example.size() == 1)
			example = json(example[0]);
		demand(example.is_string(), invalid_parameter, where + ": the example is missing");
		demand_length(example.get<std::string>(), 20, where);
	}
	if (type == "flow")
		demand(button.contains("flow_id") + button.contains("flow_name") +
		               button.contains("flow_json") ==
		           1,
		       invalid_parameter, where + ": one of flow_id, flow_name and flow_json");
	for (const auto &[fixed_type, fixed_text] :
	     {std::pair("catalog", "View catalog"), std::pair("mpm", "View items"),
	      std::pair("spm", "View")})
		demand(type != fixed_type || button.value("text", "") == fixed_text, invalid_parameter,
		       where + ": the text is " + fixed_text);
}

void
review_buttons(const json &component, size_t most, const std::string &where)
{
	const json &buttons = list_in(component, "buttons", where);
	demand(buttons.size() <= most, invalid_parameter, where + ": too many");
	size_t urls = 0, phones = 0, codes = 0, runs = 0;
	bool before = false;
	for (size_t i = 0; i < buttons.size(); i++) {
		demand(buttons[i].is_object(), invalid_parameter, where + ": a button is an object");
		const std::string type = word(buttons[i], "type");
		const bool reply = type == "quick_reply";
		urls += type == "url", phones += type == "phone_number", codes += type == "copy_code";
		runs += i == 0 || reply != before;
		before = reply;
		review_button(buttons[i], where + " " + std::to_string(i));
	}
	demand(urls <= 2 && phones <= 1 && codes <= 1, invalid_parameter,
	       where + ": 2 addresses, 1 number and 1 code at most");
	demand(runs <= 2, invalid_parameter, where + ": quick replies stand together");
}

void
review_codes(const json &components)
{
	size_t buttons = 0;
	for (const json &component : components) {
		const std::string type = word(component, "type");
		if (type == "body") {
			demand(!component.contains("text"), wrong_body, "body: the text is fixed");
		} else if (type == "footer") {
			demand(!component.contains("text"), wrong_footer, "footer: the text is fixed");
			const json minutes = component.value("code_expiration_minutes", json());
			demand(minutes.is_number_integer() && minutes >= 1 && minutes <= 90, invalid_parameter,
			       "footer: code_expiration_minutes is 1 to 90");
		} else {
			demand(type == "buttons", wrong_category, type + ": not of a one-time code");
			const json list = list_in(component, "buttons", "buttons");
			demand(list.size() == 1 && word(list[0], "type") == "otp", invalid_parameter,
			       "buttons: one of type OTP");
			const std::string kind = word(list[0], "otp_type");
			demand(kind == "copy_code" || kind == "one_tap" || kind == "zero_tap",
			       invalid_parameter, "buttons: otp_type is not known");
			buttons++;
			if (kind == "copy_code")
				continue;
			const json apps = list_in(list[0], "supported_apps", "buttons");
			demand(apps.size() <= 5, invalid_parameter, "buttons: 5 apps at most");
			for (const json &app : apps) {
				demand_length(text_in(app, "package_name", "app"), 224, "app");
				demand(length_of(text_in(app, "signature_hash", "app")) == 11, invalid_parameter,
				       "app: the signature hash has 11 characters");
			}
			demand(kind == "one_tap" ||
			           list[0].value("zero_tap_terms_accepted", json()) == json(true),
			       invalid_parameter, "buttons: the terms of zero tap are not accepted");
		}
	}
	demand(buttons == 1, invalid_parameter, "buttons: one of type OTP");
}

void
review_cards(const json &carousel, bool named, const std::string &category)
{
	const json cards = list_in(carousel, "cards", "carousel");
	demand(cards.size() >= 2 && cards.size() <= 10, invalid_parameter, "carousel: 2 to 10 cards");
	std::string first;
	for (const json &card : cards) {
		std::string layout;
		bool header = false;
		for (const json &component : list_in(card, "components", "card")) {
			const std::string type = word(component, "type");
			layout += type + " " + word(component, "format") + " ";
			if (type == "header") {
				const std::string format = word(component, "format");
				header = format == "image" || format == "video" || format == "product";
				review_header(component, named, category, "card header");
			} else if (type == "body") {
				review_body(component, 160, named, "card body");
			} else {
				demand(type == "buttons", invalid_parameter, "card: " + type + " is not possible");
				review_buttons(component, 2, "card buttons");
				for (const json &button : component["buttons"])
					layout += word(button, "type") + " ";
			}
		}
		demand(header, wrong_header, "card: a header of image, video or product");
		if (first.empty())
			first = layout;
		demand(layout == first, invalid_parameter, "carousel: the cards differ");
	}
}

void
review_offer(const json &components, const json &component)
{
	const json offer = component.value("limited_time_offer", json());
	demand(offer.is_object(), invalid_parameter, "limited_time_offer: missing");
	demand_length(text_in(offer, "text", "limited_time_offer"), 16, "limited_time_offer");
	for (const json &other : components) {
		const std::string type = word(other, "type");
		demand(type != "footer", wrong_footer, "limited_time_offer: no footer");
		if (type == "header")
			demand(word(other, "format") == "image" || word(other, "format") == "video",
			       wrong_header, "limited_time_offer: a header of image or video");
		if (type == "buttons")
			for (const json &button : list_in(other, "buttons", "buttons"))
				demand(word(button, "type") == "copy_code" || word(button, "type") == "url",
				       invalid_parameter, "limited_time_offer: buttons copy_code and url");
	}
}

/* What each component may be beside the others. */
void
review_components(const json &components, bool named, const std::string &category)
{
	std::set<std::string> kinds;
	bool product = false;
	for (const json &component : components) {
		demand(component.is_object(), invalid_parameter, "components: an object each");
		const std::string type = word(component, "type");
		static const std::set<std::string> known = {"header",
		                                            "body",
		                                            "footer",
		                                            "buttons",
		                                            "limited_time_offer",
		                                            "carousel",
		                                            "call_permission_request"};
		demand(known.count(type) == 1, invalid_parameter, "components: " + type + " is not known");
		demand(kinds.insert(type).second, invalid_parameter, "components: two of " + type);
		product = product || (type == "header" && word(component, "format") == "product");
	}
	demand(kinds.count("body") == 1, invalid_parameter,
	       "components: a template has at least a body");
	if (category == "authentication")
		return review_codes(components);
	const bool offer = kinds.count("limited_time_offer") == 1;
	for (const json &component : components) {
		const std::string type = word(component, "type");
		demand(kinds.count("carousel") == 0 || type == "carousel" || type == "body",
		       invalid_parameter, "carousel: a body only beside it");
		if (type == "header")
			review_header(component, named, category, "header");
		if (type == "body")
			review_body(component, offer ? 600 : product ? 160 : 1024, named, "body");
		if (type == "footer") {
			demand_length(text_in(component, "text", "footer"), 60, "footer");
			demand(component["text"].get<std::string>().find("{{") == std::string::npos,
			       wrong_footer, "footer: no variables");
		}
		if (type == "buttons")
			review_buttons(component, 10, "buttons");
		if (type == "limited_time_offer")
			review_offer(components, component);
		if (type == "carousel")
			review_cards(component, named, category);
	}
}

void
review_whole(const json &definition)
{
	const std::string &name = text_in(definition, "name", "template");
	demand(name.size() <= 512 &&
	           name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos,
	       invalid_parameter, "name: [a-z0-9_], at most 512");
	const std::string &language = text_in(definition, "language", "template");
	demand(language.size() >= 2 && language.find('-') == std::string::npos, invalid_parameter,
	       "language: like es or en_US");
	const std::string category = word(definition, "category");
	demand(category == "authentication" || category == "marketing" || category == "utility",
	       wrong_category, "category: not known");
	const std::string format = word(definition, "parameter_format");
	demand(format.empty() || format == "named" || format == "positional", invalid_parameter,
	       "parameter_format: not known");
	const json seconds = definition.value("message_send_ttl_seconds", json());
	if (seconds.is_number_integer() && (seconds != -1 || category == "marketing")) {
		const int least = category == "marketing" ? 43200 : 30;
		const int most = category == "marketing" ? 2592000 : category == "utility" ? 43200 : 900;
		demand(seconds >= least && seconds <= most, invalid_parameter,
		       "message_send_ttl_seconds: out of range");
	}
	review_components(list_in(definition, "components", "template"), format == "named", category);
}

} // namespace

std::optional<Error>
review_template(const json &definition)
{
	try {
		review_whole(definition);
		return std::nullopt;
	} catch (const Refused &refused) {
		return Error{refused.code, refused.details};
	} catch (const json::exception &) {
		return Error{invalid_parameter, "a member has another type", "(#100) Invalid parameter"};
	}
}

} // namespace sandbox
