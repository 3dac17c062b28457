/*
 * preview.cpp — the texts of a definition, filled in with what a message gives.
 */
#include "core/catalog/preview.hpp"

#include <algorithm>

#include "core/base/ascii.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* Lines of a message, by what they are. */
enum class PreviewPart : unsigned char { medium, header, offer, body, footer, button, card };

struct PreviewLine {
	PreviewPart part;
	std::string text;
	std::string target; /* of a button */
};

std::string
filled_text(const TemplateText &wanted, const std::vector<NamedParameter> &given)
{
	if (wanted.placeholders.empty())
		return wanted.text;
	if (given.empty())
		return wanted.text;
	if (!given.front().name.empty())
		return render_template(wanted.text, given);
	std::vector<std::string> texts;
	for (const NamedParameter &one : given)
		texts.push_back(one.text);
	return render_template(wanted.text, texts);
}

/* What the button opens: its address with the end that was given, its phone number, or its code. */
std::string
target_of(const TemplateButton &button, const GivenButton *given)
{
	if (button.code || button.type == "COPY_CODE")
		return given == nullptr ? std::string() : given->text;
	if (button.type == "PHONE_NUMBER")
		return button.phone_number;
	if (!button.variable || given == nullptr)
		return button.url;
	return button.url.substr(0, button.url.find("{{")) + given->text;
}

void
add_header(std::vector<PreviewLine> &lines, const TemplateCard &card, const GivenCard &given)
{
	if (card.header_format.empty())
		return;
	if (card.header_format == "TEXT")
		return lines.push_back({PreviewPart::header, filled_text(card.header, given.header), {}});
	lines.push_back({PreviewPart::medium,
	                 lower_case_of(card.header_format) +
	                     (given.header_name.empty() ? "" : ": " + given.header_name),
	                 {}});
}

void
add_buttons(std::vector<PreviewLine> &lines, const TemplateCard &card, const GivenCard &given)
{
	for (std::size_t i = 0; i < card.buttons.size(); i++) {
		const auto found = std::find_if(given.buttons.begin(), given.buttons.end(),
		                                [i](const GivenButton &one) { return one.index == i; });
		lines.push_back(
		    {PreviewPart::button, card.buttons[i].text,
		     target_of(card.buttons[i], found == given.buttons.end() ? nullptr : &*found)});
	}
}

std::vector<PreviewLine>
lines_of(const TemplateDefinition &definition, const GivenArguments &given)
{
	std::vector<PreviewLine> lines;
	add_header(lines, definition.whole, given.whole);
	if (definition.has_offer)
		lines.push_back({PreviewPart::offer, definition.offer, {}});
	lines.push_back({PreviewPart::body, filled_text(definition.whole.body, given.whole.body), {}});
	if (!definition.footer.empty())
		lines.push_back({PreviewPart::footer, definition.footer, {}});
	add_buttons(lines, definition.whole, given.whole);
	for (std::size_t i = 0; i < given.cards.size(); i++) {
		const TemplateCard &card = card_of(definition, i);
		lines.push_back({PreviewPart::card, std::to_string(i + 1), {}});
		add_header(lines, card, given.cards[i]);
		if (!card.body.text.empty())
			lines.push_back({PreviewPart::body, filled_text(card.body, given.cards[i].body), {}});
		add_buttons(lines, card, given.cards[i]);
	}
	return lines;
}

void
append_html(std::string &html, const std::string &text)
{
	for (const char c : text) {
		switch (c) {
		case '&':
			html += "&amp;";
			break;
		case '<':
			html += "&lt;";
			break;
		case '>':
			html += "&gt;";
			break;
		case '"':
			html += "&quot;";
			break;
		case '\'':
			html += "&#39;";
			break;
		case '\n':
			html += "<br>";
			break;
		case '\r':
			break;
		default:
			html += c;
		}
	}
}

const char *
class_of(PreviewPart part)
{
	switch (part) {
	case PreviewPart::medium:
		return "medium";
	case PreviewPart::header:
		return "header";
	case PreviewPart::offer:
		return "offer";
	case PreviewPart::body:
		return "body";
	case PreviewPart::footer:
		return "footer";
	case PreviewPart::button:
		return "button";
	case PreviewPart::card:
		return "card";
	}
	return "";
}

} // namespace

std::string
preview_text(const TemplateDefinition &definition, const GivenArguments &given)
{
	std::string text;
	for (const PreviewLine &line : lines_of(definition, given)) {
		if (!text.empty())
			text += '\n';
		const bool boxed = line.part == PreviewPart::medium || line.part == PreviewPart::button;
		if (line.part == PreviewPart::card)
			text += "-- " + line.text + " --";
		else
			text += (boxed ? "[" : "") + line.text +
			        (line.target.empty() ? "" : " > " + line.target) + (boxed ? "]" : "");
	}
	return text;
}

/* It has classes and no style of its own: the page decides. Addresses are shown as text and are no
 * links, since nobody is to click in a preview. */
std::string
preview_html(const TemplateDefinition &definition, const GivenArguments &given)
{
	std::string html = "<div class=\"whatsapp-message\">";
	for (const PreviewLine &line : lines_of(definition, given)) {
		html += std::string("<div class=\"") + class_of(line.part) + "\">";
		append_html(html, line.text);
		if (!line.target.empty()) {
			html += " <small>";
			append_html(html, line.target);
			html += "</small>";
		}
		html += "</div>";
	}
	return html + "</div>";
}

} // namespace whatsapp
