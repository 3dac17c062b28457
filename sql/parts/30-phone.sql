/* Phone numbers: whether they are in E.164 format, which number somebody means, and the key of the person behind one. */

CREATE FUNCTION wa_valid_e164(phone text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_valid_e164';

CREATE FUNCTION wa_phone_problem(phone text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_problem';

CREATE FUNCTION wa_contact_key(phone text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_contact_key';

-- Stable and no more: the numbering plans come from libphonenumber, and change with it.
CREATE FUNCTION wa_normalize_phone(phone text, region text DEFAULT NULL) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_normalize_phone';

CREATE FUNCTION wa_phone_info(phone text, OUT e164 text, OUT region text, OUT country_code integer, OUT type text, OUT possible boolean,
                              OUT valid boolean, OUT national_format text, OUT international_format text, OUT problem text)
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_info';

-- With the caller's rights on the table; so it needs no rights of its own.
CREATE FUNCTION wa_check_phones(table_name regclass, column_name name, region text DEFAULT NULL)
RETURNS TABLE (key jsonb, phone text, problem text, suggestion text)
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_check_phones';

CREATE FUNCTION wa_phone_time_zones(phone text) RETURNS text[]
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_time_zones';

COMMENT ON FUNCTION wa_valid_e164(text) IS
    'True for +, then 6 to 15 ASCII digits of which the first is not 0 (ITU-T E.164). Never raises; fit for CHECK constraints.';
COMMENT ON FUNCTION wa_phone_problem(text) IS
    'Says in words what is wrong with a phone number; NULL for one in E.164 format. By its characters alone: it knows no country. Never raises.';
COMMENT ON FUNCTION wa_normalize_phone(text, text) IS
    'The number in E.164 format, as libphonenumber reads it: spaces, dashes, points, parentheses, characters without a shape and digits of other scripts are understood, 00 is +. region (ISO 3166-1 alpha-2, such as ES) says of where a number without country code is; without it nothing is guessed. NULL for NULL. Raises 22023 when the number cannot be read, does not exist by the numbering plans, or can be read in two ways, and for a region that does not exist; 22001 for more than 1,024 bytes; 58P01 when pg_whatsapp_phone or libphonenumber is not installed.';
COMMENT ON FUNCTION wa_phone_info(text) IS
    'What the numbering plans say of a number with its country code: region (ISO 3166-1 alpha-2; NULL for those of no country), country_code, type (mobile, fixed_line, fixed_line_or_mobile, toll_free, premium_rate, shared_cost, voip, personal, pager, company, voicemail, unknown), whether its length is possible and the number valid, how it is written within its country and from abroad, and what is wrong with it. The answers change with libphonenumber. NULL for NULL. Raises 58P01 as wa_normalize_phone().';
COMMENT ON FUNCTION wa_check_phones(regclass, name, text) IS
    'The rows of a table or view whose column holds a number that is not in E.164 format or does not exist by the numbering plans: key (the primary key; without one table and ctid; NULL for a view without a key), the value as it is stored, the problem, and the number that is meant where that is sure, with region as in wa_normalize_phone(). NULL and user ids are no problem. With the caller''s rights on the table. Raises 42703 for a column, 42809 for what is no table or view, 42501 without the right to read, 22004 for NULL, 22023 for region, 58P01 as wa_normalize_phone().';
COMMENT ON FUNCTION wa_contact_key(text) IS
    'The key of a person in whatsapp_inbound, whatsapp_windows and whatsapp_opt_outs: the digits of the phone without the one that WhatsApp adds to numbers of Brazil, Mexico and Argentina; a user id stays as it is.';
COMMENT ON FUNCTION wa_phone_time_zones(text) IS
    'The time zones of the country that a phone number is from, by its calling code: of a country with several one for each time, that of most people first. {UTC} for a number whose country is not known. Never raises.';
