/*
 * card_fuzz.cpp — rate cards, CSV and XLSX: whatever the bytes are, rates come out or a Fault.
 */
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/fault.hpp"
#include "core/price/rate_card.hpp"

#include "expect.hpp"

using namespace whatsapp;

extern "C" int
LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	const std::string_view file(reinterpret_cast<const char *>(data), size);
	try {
		for (const CardRate &rate : read_rate_card(file, "USD"))
			EXPECT(!rate.market.empty() && !rate.category.empty() && rate.volume_from > 0);
	} catch (const Fault &) {
	}
	return 0;
}
