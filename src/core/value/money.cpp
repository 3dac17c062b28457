/*
 * money.cpp — ICU's number formatter, behind a cache of one.
 *
 * The amount reaches ICU as decimal text and never as a double, so thirty digits stay thirty
 * digits. The cache belongs to a process with one thread, which is what a server process is.
 */
#include "core/value/money.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <unicode/ucurr.h>
#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include "core/base/ascii.hpp"
#include "core/base/fault.hpp"
#include "core/base/redact.hpp"
#include "core/base/utf8.hpp"
#include "core/value/character_name.hpp"
#include "core/value/e164.hpp"

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

constexpr char exponent_detail[] =
    "It is in exponent form, as spreadsheets write it, and its last digits may be lost.";

std::string
sentence_of(std::string_view text, std::size_t at)
{
	std::string name = name_character_at(text, at);
	name[0] = 'T';
	return name + ".";
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
	if (!rest.empty() && (rest.front() == '-' || rest.front() == '+'))
		rest.remove_prefix(1);
	bool digits = false;
	bool point = false;
	for (std::size_t i = 0; i < rest.size(); i++) {
		bool inner_point = rest[i] == '.' && !point && digits && i + 1 < rest.size();
		if (!is_digit(rest[i]) && !inner_point)
			throw Fault(sqlstate::invalid_amount, message,
			            in_exponent_form(decimal)
			                ? exponent_detail
			                : sentence_of(decimal, i + decimal.size() - rest.size()),
			            hint);
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

	if (code.size() != currency_bytes || !is_letter(code[0]) || !is_letter(code[1]) ||
	    !is_letter(code[2]))
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

int
fraction_digits(const Currency &currency) noexcept
{
	UErrorCode status = U_ZERO_ERROR;
	return ucurr_getDefaultFractionDigits(currency.wide, &status);
}

bool
locale_shape(std::string_view locale) noexcept
{
	if (locale.size() < 2 || locale.size() > max_locale_bytes)
		return false;
	for (char c : locale)
		if (!is_letter_or_digit(c) && c != '_' && c != '-')
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

namespace
{

/* How many digits stand behind the point of a text that is [sign] digits [. digits]; -1 for any
 * other text. */
int
decimal_places(std::string_view text) noexcept
{
	if (!text.empty() && (text[0] == '-' || text[0] == '+'))
		text.remove_prefix(1);
	const std::size_t point = std::min(text.find('.'), text.size());
	const std::string_view whole = text.substr(0, point);
	const std::string_view places = text.substr(std::min(point + 1, text.size()));
	constexpr std::string_view figures = "0123456789";
	if (whole.empty() || whole.find_first_not_of(figures) != std::string_view::npos ||
	    places.find_first_not_of(figures) != std::string_view::npos ||
	    (point < text.size() && places.empty()))
		return -1;
	return static_cast<int>(places.size());
}

/* At which byte the first invisible character stands, in a text that would be a number without such
 * characters; else npos. */
std::size_t
hidden_character(std::string_view text)
{
	std::string rest;
	std::size_t first = std::string_view::npos;
	for (std::size_t at = 0; at < text.size();) {
		const Utf8Character c = decode_utf8(text.substr(at));
		const std::size_t length = c.length == 0 ? 1 : c.length;
		if (c.length > 0 && (is_invisible(c.code_point) || is_foreign_space(c.code_point)))
			first = std::min(first, at);
		else
			rest.append(text, at, length);
		at += length;
	}
	return decimal_places(rest) < 0 ? std::string_view::npos : first;
}

} // namespace

bool
is_plain_amount(std::string_view text, std::string_view currency)
{
	constexpr int thousand = 3;
	static constexpr char hint[] =
	    "Give it as a number such as 1250.00, or as it is to be read, such as €1,250.00.";
	if (text.size() > max_decimal_bytes)
		return false;
	if (in_exponent_form(text))
		throw Fault(sqlstate::invalid_amount, "amount is not a plain number", exponent_detail,
		            hint);
	if (text == "NaN" || text == "Infinity" || text == "-Infinity")
		check_decimal(text);
	const std::size_t hidden = hidden_character(text);
	if (hidden != std::string_view::npos)
		throw Fault(sqlstate::invalid_amount, "amount is not a plain number",
		            sentence_of(text, hidden), hint);
	const int places = decimal_places(text);
	if (places < 0)
		return false;
	const std::size_t whole = text.find_first_of("123456789");
	const bool grouped = places == thousand && whole <= 1 && text.find('.') - whole <= 3;
	if (grouped && fraction_digits(check_currency(currency)) != thousand)
		throw Fault(sqlstate::invalid_amount, "amount can be read in two ways",
		            "Three digits stand behind a point, which may be decimal places or thousands.",
		            hint);
	return true;
}

std::string
format_amount(std::string_view decimal, std::string_view currency, std::string_view locale)
{
	check_decimal(decimal);
	if (decimal.front() == '+')
		decimal.remove_prefix(1);
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
