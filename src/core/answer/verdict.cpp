/*
 * verdict.cpp — the verdicts' names.
 */
#include "core/answer/verdict.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{

const char *
verdict_name(Verdict verdict) noexcept
{
	switch (verdict) {
	case Verdict::accepted:
		return "accepted";
	case Verdict::retry:
		return "retry";
	case Verdict::throttle:
		return "throttle";
	case Verdict::refused:
		return "refused";
	case Verdict::account:
		return "account";
	case Verdict::unknown:
		return "unknown";
	}
	return "unknown";
}

} // namespace whatsapp
