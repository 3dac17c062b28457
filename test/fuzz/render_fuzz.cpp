/*
 * render_fuzz.cpp — a body and parameters, separated by the ASCII record separator: a Fault or
 * exactly the filled text.
 *
 * The same texts go through the builders of payloads and phone numbers, whose JSON must be readable
 * and whose texts must survive.
 */
#include <cstdint>

#include "core/value/e164.hpp"
#include "core/base/fault.hpp"
#include "core/message/message.hpp"
#include "core/value/money.hpp"
#include "core/message/template.hpp"

#include "../unit/jsonb_text.hpp"
#include "expect.hpp"

namespace
{

std::vector<std::string>
records_of(std::string_view text)
{
	std::vector<std::string> records;

	for (std::size_t end = 0; (end = text.find('\x1E')) != std::string_view::npos;) {
		records.emplace_back(text.substr(0, end));
		text.remove_prefix(end + 1);
	}
	records.emplace_back(text);
	return records;
}

template <typename Function>
void
attempt(Function function)
{
	try {
		function();
	} catch (const whatsapp::Fault &fault) {
		EXPECT(!fault.message().empty() && std::string_view(fault.sqlstate()).size() == 5);
		EXPECT(fault.message().size() < 400 && fault.detail().size() < 400);
	}
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::vector<std::string> records =
	    records_of(std::string_view(reinterpret_cast<const char *>(data), size));
	std::string body = records.front();
	std::vector<std::string> parameters(records.begin() + 1, records.end());
	std::vector<whatsapp::NamedParameter> named;
	for (std::size_t i = 0; i + 1 < parameters.size(); i += 2)
		named.push_back({parameters[i], parameters[i + 1]});

	attempt([&] {
		std::string text = whatsapp::render_template(body, parameters);
		for (const std::string &parameter : parameters)
			EXPECT(text.find(parameter) != std::string::npos);
	});
	attempt([&] { whatsapp::render_template(body, named); });
	attempt([&] {
		std::string payload = whatsapp::template_payload("a", "es", parameters, {body});
		std::string request = whatsapp::request_body(body, "n.1", payload);
		EXPECT(whatsapp::jsonb_accepts(request));
		whatsapp::json tree = whatsapp::json::parse(request);
		for (std::size_t i = 0; i < parameters.size(); i++)
			EXPECT(tree["template"]["components"][0]["parameters"][i]["text"] == parameters[i]);
	});
	attempt([&] { whatsapp::request_body(body, body, body); });
	attempt([&] { whatsapp::check_phone(body); });
	attempt([&] { whatsapp::check_template_name(body); });
	attempt([&] { whatsapp::check_language(body); });
	if (parameters.size() >= 2)
		attempt([&] { whatsapp::format_amount(body, parameters[0], parameters[1]); });

	whatsapp::Correlation correlation;
	if (whatsapp::parse_callback_data(body, correlation))
		EXPECT(whatsapp::callback_data(correlation) == body);
	return 0;
}
