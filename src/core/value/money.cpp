/*
 * money.cpp — ICU's number formatter, behind a cache of one.
 *
 * The amount reaches ICU as decimal text and never as a double, so thirty digits stay thirty
 * digits. The cache belongs to a process with one thread, which is what a server process is.
 */
#include "core/value/money.hpp"

#include <cstdint>
#include <cstring>

#include <unicode/ucurr.h>
#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include "core/base/fault.hpp"
#include "core/base/redact.hpp"

#include "core/base/server_free.hpp"

namespace whatsapp
{
namespace
{

/* Ample for an invoice; numeric itself would allow 131,072 digits in one message. */
constexpr std::size_t max_decimal_bytes = 1000;
constexpr std::size_t max_locale_bytes = 63;
constexpr std::size_t currency_bytes = 3;

/* ISO 4217's codes for "testing" and "no currency": ICU would print the sign ¤ for them. */
constexpr int numeric_code_test = 963;
constexpr int numeric_code_none = 999;

/* sign-negative writes no minus sign before a rounded-off 0.00; ICU knows it since version 69. */
#if U_ICU_VERSION_MAJOR_NUM >= 69
constexpr char sign_display[] = "sign-negative";
#else
constexpr char sign_display[] = "sign-auto";
#endif

struct Currency {
	char code[currency_bytes + 1];
	UChar wide[currency_bytes + 1];
};

struct Formatter {
	UNumberFormatter *formatter;
	UFormattedNumber *result;
	char currency[currency_bytes + 1];
	char locale[max_locale_bytes + 1];
};

bool
ascii_letter(char c) noexcept
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool
ascii_digit(char c) noexcept
{
	return c >= '0' && c <= '9';
}

void
check_decimal(std::string_view decimal)
{
	static constexpr char message[] = "amount is not a finite decimal number";
	static constexpr char hint[] = "Give the amount as a number such as 1250.00.";

	if (decimal == "NaN" || decimal == "Infinity" || decimal == "-Infinity")
		throw Fault(sqlstate::invalid_amount, message,
		            "NaN and infinite values have no place in a message.", hint);
	if (decimal.size() > max_decimal_bytes)
		throw Fault(sqlstate::invalid_amount, "amount has too many digits",
		            "At most " + std::to_string(max_decimal_bytes) + " characters are possible.");

	std::string_view rest = decimal;
	if (!rest.empty() && rest.front() == '-')
		rest.remove_prefix(1);
	bool digits = false;
	bool point = false;
	for (std::size_t i = 0; i < rest.size(); i++) {
		bool inner_point = rest[i] == '.' && !point && digits && i + 1 < rest.size();
		if (!ascii_digit(rest[i]) && !inner_point)
			throw Fault(sqlstate::invalid_amount, message, {}, hint);
		digits = true;
		point = point || inner_point;
	}
	if (!digits)
		throw Fault(sqlstate::invalid_amount, message, {}, hint);
}

Currency
check_currency(std::string_view code)
{
	static constexpr char hint[] = "Use an ISO 4217 code such as EUR.";
	Currency currency = {};

	if (code.size() != currency_bytes || !ascii_letter(code[0]) || !ascii_letter(code[1]) ||
	    !ascii_letter(code[2]))
		throw Fault(sqlstate::invalid_currency, "invalid currency code " + quote_name(code),
		            "A currency code has three letters.", hint);
	for (std::size_t i = 0; i < currency_bytes; i++) {
		currency.code[i] = static_cast<char>(code[i] & ~0x20);
		currency.wide[i] = static_cast<UChar>(currency.code[i]);
	}

	int number = ucurr_getNumericCode(currency.wide);
	if (number == 0 || number == numeric_code_test || number == numeric_code_none)
		throw Fault(sqlstate::invalid_currency, "unknown currency code " + quote_name(code), {},
		            hint);
	return currency;
}

bool
locale_shape(std::string_view locale) noexcept
{
	if (locale.size() < 2 || locale.size() > max_locale_bytes)
		return false;
	for (char c : locale)
		if (!ascii_letter(c) && !ascii_digit(c) && c != '_' && c != '-')
			return false;
	return true;
}

/* ICU formats an unknown locale like its default one, silently: a customer in Spain would read a
 * sum by the rules of the server's environment. */
bool
known_locale(const char *locale) noexcept
{
	char language[ULOC_LANG_CAPACITY];
	char country[ULOC_COUNTRY_CAPACITY];
	char other[ULOC_LANG_CAPACITY];
	UErrorCode status = U_ZERO_ERROR;

	uloc_getLanguage(locale, language, sizeof(language), &status);
	uloc_getCountry(locale, country, sizeof(country), &status);
	if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING ||
	    uloc_getISO3Language(locale)[0] == '\0')
		return false;
	if (std::strlen(country) == 2 && uloc_getISO3Country(locale)[0] == '\0')
		return false;

	for (std::int32_t i = 0; i < uloc_countAvailable(); i++) {
		status = U_ZERO_ERROR;
		uloc_getLanguage(uloc_getAvailable(i), other, sizeof(other), &status);
		if (U_SUCCESS(status) && std::strcmp(language, other) == 0)
			return true;
	}
	return false;
}

[[noreturn]] void
icu_fault(const char *sqlstate, UErrorCode status)
{
	throw Fault(sqlstate, "could not format the amount",
	            std::string("ICU reported ") + u_errorName(status) + ".");
}

UNumberFormatter *
open_formatter(const Currency &currency, std::string_view locale)
{
	char name[max_locale_bytes + 1] = {};

	if (locale_shape(locale))
		std::memcpy(name, locale.data(), locale.size());
	if (name[0] == '\0' || !known_locale(name))
		throw Fault(sqlstate::invalid_locale, "unknown locale " + quote_name(locale), {},
		            "Use a language, or a language and a region, such as es or es_ES.");

	UChar skeleton[96];
	std::string ascii =
	    std::string("currency/") + currency.code + " rounding-mode-half-up " + sign_display;
	u_uastrcpy(skeleton, ascii.c_str());

	UErrorCode status = U_ZERO_ERROR;
	UNumberFormatter *formatter = unumf_openForSkeletonAndLocale(skeleton, -1, name, &status);
	if (U_FAILURE(status)) {
		unumf_close(formatter);
		icu_fault(sqlstate::invalid_locale, status);
	}
	return formatter;
}

/* Opening a formatter costs some 200 µs, formatting with it 1 µs; messages of one batch share
 * currency and locale. */
Formatter &
formatter_for(std::string_view code, std::string_view locale)
{
	static Formatter cache;

	if (cache.formatter != nullptr && code == cache.currency && locale == cache.locale)
		return cache;

	Currency currency = check_currency(code);
	if (cache.result == nullptr) {
		UErrorCode status = U_ZERO_ERROR;
		UFormattedNumber *result = unumf_openResult(&status);
		if (U_FAILURE(status))
			icu_fault(sqlstate::invalid_amount, status);
		cache.result = result;
	}

	UNumberFormatter *opened = open_formatter(currency, locale);
	unumf_close(cache.formatter);
	cache.formatter = opened;
	std::memcpy(cache.currency, code.data(), currency_bytes);
	std::memset(cache.locale, 0, sizeof(cache.locale));
	std::memcpy(cache.locale, locale.data(), locale.size());
	return cache;
}

std::string
to_utf8(const UChar *text, std::int32_t length)
{
	UErrorCode status = U_ZERO_ERROR;
	std::int32_t written = 0;

	/* A UTF-16 unit needs at most three bytes. */
	std::string utf8(static_cast<std::size_t>(length) * 3 + 1, '\0');
	u_strToUTF8(utf8.data(), static_cast<std::int32_t>(utf8.size()), &written, text, length,
	            &status);
	if (U_FAILURE(status))
		icu_fault(sqlstate::invalid_amount, status);
	utf8.resize(static_cast<std::size_t>(written));
	return utf8;
}

} // namespace

std::string
format_amount(std::string_view decimal, std::string_view currency, std::string_view locale)
{
	check_decimal(decimal);
	Formatter &cache = formatter_for(currency, locale);

	UErrorCode status = U_ZERO_ERROR;
	unumf_formatDecimal(cache.formatter, decimal.data(), static_cast<std::int32_t>(decimal.size()),
	                    cache.result, &status);
	if (U_FAILURE(status))
		icu_fault(sqlstate::invalid_amount, status);

	/* Longer than any amount with its separators: digits, grouping, sign, symbol and marks. */
	UChar text[2 * max_decimal_bytes + 64];
	std::int32_t length = unumf_resultToString(
	    cache.result, text, static_cast<std::int32_t>(sizeof(text) / sizeof(text[0])), &status);
	if (U_FAILURE(status))
		icu_fault(sqlstate::invalid_amount, status);
	return to_utf8(text, length);
}

} // namespace whatsapp
