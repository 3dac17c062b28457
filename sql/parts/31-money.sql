/* Amounts as people read them. */

CREATE FUNCTION wa_format_amount(amount numeric, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount';

CREATE FUNCTION wa_format_amount(amount real, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_real';

CREATE FUNCTION wa_format_amount(amount double precision, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_double';

CREATE FUNCTION wa_format_amount(amount bigint, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_bigint';

CREATE FUNCTION wa_format_amount(amount text, currency text DEFAULT NULL, locale text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_format_amount_text';

COMMENT ON FUNCTION wa_format_amount(numeric, text, text) IS
    'Writes an amount as people read it: 1250 EUR is €1,250.00 in locale en. Defaults: whatsapp.default_currency, whatsapp.amount_locale; hence stable, not immutable. Raises WA006 for the amount, WA007 for the currency, WA008 for the locale, 22004 for a NULL amount.';
COMMENT ON FUNCTION wa_format_amount(real, text, text) IS
    'Writes a real as an amount, by its shortest digits that are exact; a cast of real to numeric keeps six.';
COMMENT ON FUNCTION wa_format_amount(double precision, text, text) IS 'Writes a double precision as an amount, by its shortest digits that are exact.';
COMMENT ON FUNCTION wa_format_amount(bigint, text, text) IS 'Writes an integer as an amount, with the defaults and errors of the form for numeric.';
COMMENT ON FUNCTION wa_format_amount(text, text, text) IS 'Writes a number that is written as text, or has no type yet, as an amount.';
