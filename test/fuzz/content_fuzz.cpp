/*
 * content_fuzz.cpp — a type, a reply and JSON of a caller, separated by the ASCII record separator:
 * a Fault, or a payload that jsonb accepts and that holds what was given.
 */
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/fault.hpp"
#include "core/message/free_form.hpp"
#include "core/message/message.hpp"
#include "core/message/template_message.hpp"

#include "../unit/jsonb_text.hpp"
#include "expect.hpp"

namespace
{

template <typename Function>
void
attempt(Function function)
{
	try {
		const std::string payload = function();
		EXPECT(whatsapp::jsonb_accepts(payload));
		EXPECT(whatsapp::jsonb_accepts(whatsapp::request_body("+34612345678", "n.1", payload)));
	} catch (const whatsapp::Fault &fault) {
		EXPECT(!fault.message().empty() && std::string_view(fault.sqlstate()).size() == 5);
		EXPECT(fault.message().size() < 600 && fault.detail().size() < 600);
	}
}

std::string_view
take_record(std::string_view &text)
{
	const std::size_t end = std::min(text.find('\x1E'), text.size());
	const std::string_view record = text.substr(0, end);
	text.remove_prefix(std::min(end + 1, text.size()));
	return record;
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::string_view text(reinterpret_cast<const char *>(data), size);
	const std::string_view type = take_record(text);
	const std::string_view reply = take_record(text);
	const std::string_view content = take_record(text);

	attempt([&] { return whatsapp::content_payload(type, content, reply).payload; });
	attempt([&] { return whatsapp::interactive_payload(content, reply); });
	attempt([&] { return whatsapp::contacts_payload(content, reply); });
	attempt([&] { return whatsapp::text_payload({content, true}, reply); });
	attempt([&] { return whatsapp::media_payload({type, content, reply, content, content}, {}); });
	for (int i = 0; i < 4; i++)
		attempt([&] {
			whatsapp::TemplateMessage message;
			message.name = "a";
			message.language = "es";
			message.reply_to = reply;
			std::string_view *const members[] = {&message.header, &message.buttons, &message.cards,
			                                     &message.components};
			message.named = {{std::string(type), std::string(reply)}};
			*members[i] = content;
			return whatsapp::template_message_payload(message);
		});
	return 0;
}
