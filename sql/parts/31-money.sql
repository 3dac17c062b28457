/* Amounts as people read them. */

CREATE FUNCTION wa_format_amount(amount numeric, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount';

COMMENT ON FUNCTION wa_format_amount(numeric, text, text) IS
    'Writes an amount as people read it: 1250 EUR is €1,250.00 in locale en. Defaults: whatsapp.default_currency, whatsapp.amount_locale; hence stable, not immutable. Raises WA006 for the amount, WA007 for the currency, WA008 for the locale, 22004 for a NULL amount.';
