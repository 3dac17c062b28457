/* The Cloud API's error codes: what each means, and how the sender reacts. */

CREATE FUNCTION wa_explain(code bigint, OUT code bigint, OUT reaction text, OUT meaning text, OUT hint text) RETURNS SETOF record
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 1
AS 'MODULE_PATHNAME', 'pg_whatsapp_explain';

CREATE FUNCTION wa_error_codes()
RETURNS TABLE (code bigint, reaction text, meaning text, hint text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 120
AS 'MODULE_PATHNAME', 'pg_whatsapp_error_codes';

CREATE VIEW whatsapp_error_codes AS SELECT code, reaction, meaning, hint FROM wa_error_codes();

COMMENT ON FUNCTION wa_explain(bigint) IS
    'Explains an error code of the Cloud API: what it means, how the sender reacts and what to do. No row for a code that is not known. Immutable: the table is part of the library.';
COMMENT ON FUNCTION wa_error_codes() IS
    'Every error code of the Cloud API that a message can meet, and the reaction to it; of a range its first.';
COMMENT ON VIEW whatsapp_error_codes IS 'Every error code of the Cloud API that a message can meet: what it means, how the sender reacts, what to do.';
COMMENT ON COLUMN whatsapp_error_codes.code IS 'Meta''s code; of a range its first.';
COMMENT ON COLUMN whatsapp_error_codes.reaction IS 'What the sender does: refused, retry, throttle or account.';
COMMENT ON COLUMN whatsapp_error_codes.meaning IS 'What the code says.';
COMMENT ON COLUMN whatsapp_error_codes.hint IS 'What to do about it.';
