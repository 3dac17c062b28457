/* The loaded library: its version, and the word to the launcher that this database has the extension. */

-- complain if the script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_whatsapp" to load this file. \quit

CREATE FUNCTION whatsapp_attach() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_attach';

CREATE FUNCTION wa_version() RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_version';

COMMENT ON FUNCTION whatsapp_attach() IS
    'Tells the launcher, at commit, that this database may have the extension now. Called once by the install script.';
COMMENT ON FUNCTION wa_version() IS
    'Version of the loaded library; ALTER EXTENSION pg_whatsapp UPDATE is due when it differs from pg_extension.extversion.';

REVOKE ALL ON FUNCTION whatsapp_attach() FROM PUBLIC;

SELECT whatsapp_attach();
