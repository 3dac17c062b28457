/*
 * outcome_fuzz.cpp — any status and any bytes as an answer: always an outcome, never an exception.
 *
 * The first two bytes choose the HTTP status, the rest is the body, and once more the errors of a
 * failed status.
 */
#include <cstdint>

#include "core/answer/outcome.hpp"
#include "core/base/redact.hpp"

#include "../unit/jsonb_text.hpp"
#include "expect.hpp"

namespace
{

void
check(const whatsapp::Outcome &outcome)
{
	EXPECT(outcome.message.size() <= 1000);
	EXPECT(whatsapp::clean_utf8(outcome.message) == outcome.message);
	EXPECT(outcome.message.find('\n') == std::string::npos);
	EXPECT(outcome.details.empty() || whatsapp::jsonb_accepts(outcome.details));
	EXPECT(outcome.retry_after_ms >= -1);
	EXPECT(outcome.has_code || outcome.code == 0);
	if (outcome.verdict == whatsapp::Verdict::accepted)
		EXPECT(!outcome.wamid.empty() && outcome.http_status / 100 == 2);
	else
		EXPECT(!outcome.message.empty() && !outcome.hint.empty() && outcome.wamid.empty());
}

} // namespace

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	std::string_view input(reinterpret_cast<const char *>(data), size);
	if (size < 2)
		return 0;

	whatsapp::Answer answer;
	answer.transport = whatsapp::Transport::answered;
	answer.http_status = (data[0] % 6) * 100L + data[1] % 100;
	answer.body = input.substr(2);
	answer.retry_after = input.substr(0, 2);
	check(whatsapp::judge_answer(answer));
	check(whatsapp::judge_failed_status(answer.body));

	answer.transport = whatsapp::Transport::unknown;
	answer.transport_error = answer.body;
	check(whatsapp::judge_answer(answer));
	return 0;
}
