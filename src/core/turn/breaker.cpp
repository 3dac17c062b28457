/*
 * breaker.cpp — failures in a row, a rest that doubles, and the retries' tenth.
 */
#include "core/turn/breaker.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/server_free.hpp"

namespace whatsapp
{

namespace
{

constexpr double retries_per_request = 0.1;
constexpr double retries_per_ms = 0.001;
constexpr std::int64_t longest_delay_ms = std::int64_t{15} * 60 * 1000;

} // namespace

void
Breaker::count_answer(std::int64_t started_ms) noexcept
{
	if (started_ms <= fell_ms_)
		return;
	failures_ = 0;
	rest_ms_ = 0;
}

void
Breaker::count_failure(std::int64_t started_ms, std::int64_t now_ms) noexcept
{
	if (started_ms <= fell_ms_ || ++failures_ < most_failures || now_ms < rest_until_ms_)
		return;
	fell_ms_ = now_ms;
	rest_ms_ = std::clamp(rest_ms_ * 2, first_rest_ms, last_rest_ms);
	rest_until_ms_ = now_ms + rest_ms_;
}

void
Breaker::rest_until(std::int64_t at_ms) noexcept
{
	rest_until_ms_ = std::max(rest_until_ms_, at_ms);
}

void
Breaker::end_rest() noexcept
{
	rest_until_ms_ = 0;
}

Gate
Breaker::gate(std::int64_t now_ms) const noexcept
{
	if (now_ms < rest_until_ms_)
		return Gate::shut;
	return failures_ >= most_failures ? Gate::probe : Gate::open;
}

std::int64_t
Breaker::next_probe_ms(std::int64_t now_ms) const noexcept
{
	return now_ms < rest_until_ms_ ? rest_until_ms_ : 0;
}

void
Breaker::count_request() noexcept
{
	retries_ = std::min(retry_burst, retries_ + retries_per_request);
}

std::int64_t
Breaker::retry_delay_ms(std::int64_t delay_ms, std::int64_t now_ms) noexcept
{
	if (refilled_ms_ != 0)
		retries_ = std::min(retry_burst,
		                    retries_ + static_cast<double>(now_ms - refilled_ms_) * retries_per_ms);
	refilled_ms_ = now_ms;
	retries_ = std::max(retries_ - 1, -retries_per_ms * static_cast<double>(longest_delay_ms));
	if (retries_ >= 0)
		return delay_ms;
	return std::max(delay_ms, static_cast<std::int64_t>(-retries_ / retries_per_ms));
}

} // namespace whatsapp
