/* Templates: filled in, and what webhooks have told about them. */

-- As far as webhooks have told. The account is that of whatsapp_senders: NULL is the default one.
CREATE TABLE whatsapp_templates (
    account           text,
    name              text NOT NULL,
    language          text NOT NULL,
    template_id       text,
    status            text,
    rejected_reason   text,
    status_detail     text,
    status_at         timestamptz,
    quality           text,
    quality_at        timestamptz,
    category          text,
    previous_category text,
    correct_category  text,
    category_at       timestamptz,
    components        jsonb,
    components_at     timestamptz,
    updated_at        timestamptz NOT NULL DEFAULT pg_catalog.now()
);
ALTER TABLE whatsapp_templates REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_templates_key ON whatsapp_templates (name, language, account) NULLS NOT DISTINCT;

CREATE FUNCTION wa_render_template(body text, parameters text[]) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_positional';

CREATE FUNCTION wa_render_template(body text, parameters jsonb) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_named';

COMMENT ON TABLE whatsapp_templates IS 'Templates as far as webhooks have told about them.';
COMMENT ON FUNCTION wa_render_template(text, text[]) IS
    'The body of a template with {{1}}, {{2}}, … filled in. Raises WA005 when their number differs, WA003, WA004, 22001 for a bad parameter.';
COMMENT ON FUNCTION wa_render_template(text, jsonb) IS
    'The body of a template with {{name}} placeholders filled in from an object of strings and numbers. Raises as the positional form does.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_templates', '');
