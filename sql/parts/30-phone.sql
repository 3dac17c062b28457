/* Phone numbers: whether they are in E.164 format, and the key of the person behind one. */

CREATE FUNCTION wa_valid_e164(phone text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_valid_e164';

CREATE FUNCTION wa_phone_problem(phone text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_phone_problem';

CREATE FUNCTION wa_contact_key(phone text) RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_contact_key';

COMMENT ON FUNCTION wa_valid_e164(text) IS
    'True for +, then 7 to 15 ASCII digits of which the first is not 0 (ITU-T E.164). Never raises; fit for CHECK constraints.';
COMMENT ON FUNCTION wa_phone_problem(text) IS
    'Says in words what is wrong with a phone number; NULL for one in E.164 format. Never raises.';
COMMENT ON FUNCTION wa_contact_key(text) IS
    'The key of a person in whatsapp_inbound, whatsapp_windows and whatsapp_opt_outs: the digits of the phone without the one that WhatsApp adds to numbers of Brazil, Mexico and Argentina; a user id stays as it is.';
