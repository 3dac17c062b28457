/* Samples: the files that a template shows in review, uploaded to Meta before the template is asked for. */

CREATE TABLE whatsapp_template_samples (
    account       text CHECK (pg_catalog.octet_length(account) <= 63),
    name          text NOT NULL CHECK (name ~ '^[A-Za-z0-9._-]{1,100}$'),
    mime_type     text NOT NULL CHECK (pg_catalog.octet_length(mime_type) <= 127),
    sha256        text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    content       bytea NOT NULL,
    handle        text CHECK (pg_catalog.octet_length(handle) <= 8192),
    uploaded_at   timestamptz,
    request_id    bigint,
    error_message text,
    created_at    timestamptz NOT NULL DEFAULT pg_catalog.now()
);
ALTER TABLE whatsapp_template_samples REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_template_samples_key ON whatsapp_template_samples (name, account) NULLS NOT DISTINCT;

CREATE FUNCTION wa_template_sample(name text, content bytea, mime_type text, account text DEFAULT NULL) RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_sample';

-- The handles of the samples that a definition names, in their places.
CREATE FUNCTION whatsapp_with_handles(definition jsonb, account text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH RECURSIVE named AS (
        SELECT pg_catalog.row_number() OVER () AS place, pg_catalog.to_jsonb('sample:' || s.name)::text AS sample, pg_catalog.to_jsonb(s.handle)::text AS handle
        FROM whatsapp_template_samples AS s
        WHERE s.account IS NOT DISTINCT FROM whatsapp_with_handles.account AND s.handle IS NOT NULL
          AND pg_catalog.strpos(whatsapp_with_handles.definition::text, pg_catalog.to_jsonb('sample:' || s.name)::text) > 0
    ), filled (place, text) AS (
        SELECT 0::bigint, whatsapp_with_handles.definition::text
        UNION ALL
        SELECT n.place, pg_catalog.replace(f.text, n.sample, n.handle) FROM filled AS f JOIN named AS n ON n.place = f.place + 1
    )
    SELECT f.text::jsonb FROM filled AS f ORDER BY f.place DESC LIMIT 1;
END;

-- The first sample of a definition that is not at Meta, and why; NULL when there is none.
CREATE FUNCTION whatsapp_missing_sample(definition jsonb, account text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN s.name IS NULL THEN pg_catalog.format('sample %s has not been given: see wa_template_sample()', w.name)
                WHEN s.error_message IS NOT NULL THEN pg_catalog.format('sample %s could not be uploaded: %s', w.name, s.error_message)
                ELSE pg_catalog.format('sample %s is being uploaded, request %s', w.name, s.request_id) END
    FROM (SELECT DISTINCT pg_catalog.substr(h.handle #>> '{}', 8) AS name
          FROM pg_catalog.jsonb_path_query(whatsapp_missing_sample.definition, '$.**.header_handle[*] ? (@ starts with "sample:")') AS h (handle)) AS w
    LEFT JOIN whatsapp_template_samples AS s ON s.name = w.name AND s.account IS NOT DISTINCT FROM whatsapp_missing_sample.account
    WHERE s.handle IS NULL ORDER BY w.name LIMIT 1;
END;

COMMENT ON TABLE whatsapp_template_samples IS 'Files that templates show in review, see wa_template_sample(). A definition names one as "sample:NAME" in header_handle.';
COMMENT ON COLUMN whatsapp_template_samples.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_template_samples.name IS 'Name of the sample; letters, digits, dot, _ and -.';
COMMENT ON COLUMN whatsapp_template_samples.mime_type IS 'Such as image/png.';
COMMENT ON COLUMN whatsapp_template_samples.sha256 IS 'Of the bytes, in hexadecimal digits.';
COMMENT ON COLUMN whatsapp_template_samples.content IS 'The bytes.';
COMMENT ON COLUMN whatsapp_template_samples.handle IS 'By which Meta knows the file; NULL before it is uploaded.';
COMMENT ON COLUMN whatsapp_template_samples.uploaded_at IS 'When it was uploaded.';
COMMENT ON COLUMN whatsapp_template_samples.request_id IS 'The last request about it, a row of whatsapp_requests.';
COMMENT ON COLUMN whatsapp_template_samples.error_message IS 'Why its upload failed.';
COMMENT ON COLUMN whatsapp_template_samples.created_at IS 'When these bytes were given.';
COMMENT ON FUNCTION wa_template_sample(text, bytea, text, text) IS
    'Keeps a file that templates of an account (NULL: the default one) show in review, and asks for its upload to Meta: a definition names it as "sample:NAME" in header_handle. Returns the id of the request, a row of whatsapp_requests, at once; NULL when the same bytes were uploaded less than 25 days ago. Raises 22023 for a type, a size or a name that is not taken, 42704 when there is no such account.';
COMMENT ON FUNCTION whatsapp_with_handles(jsonb, text) IS 'A definition with the handles of its samples.';
COMMENT ON FUNCTION whatsapp_missing_sample(jsonb, text) IS 'Which sample of a definition is not at Meta, and why; NULL when all are.';

REVOKE ALL ON FUNCTION wa_template_sample(text, bytea, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_with_handles(jsonb, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_missing_sample(jsonb, text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_template_samples', '');
