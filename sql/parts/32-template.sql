/* Templates: filled in, and what Meta has told about them. */

-- As far as webhooks and the API have told. The account is that of whatsapp_senders: NULL is the default one.
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
    accepted_category text,
    category_at       timestamptz,
    components        jsonb,
    components_at     timestamptz,
    parameter_format  text,
    message_send_ttl_seconds bigint,
    synced_at         timestamptz,
    gone_at           timestamptz,
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

COMMENT ON TABLE whatsapp_templates IS 'Templates as Meta has them, as far as webhooks and wa_sync_templates() have told. Each group of columns has its time, and an older report changes nothing.';
COMMENT ON COLUMN whatsapp_templates.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_templates.name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_templates.language IS 'Language of the template, with _.';
COMMENT ON COLUMN whatsapp_templates.template_id IS 'Meta''s id of it.';
COMMENT ON COLUMN whatsapp_templates.status IS 'APPROVED, PAUSED, REJECTED, DISABLED and the like; any but APPROVED may be refused, see whatsapp.check_templates.';
COMMENT ON COLUMN whatsapp_templates.rejected_reason IS 'Why it was rejected, by Meta''s word.';
COMMENT ON COLUMN whatsapp_templates.status_detail IS 'More about the status, such as FIRST_PAUSE.';
COMMENT ON COLUMN whatsapp_templates.status_at IS 'Meta''s time of the status.';
COMMENT ON COLUMN whatsapp_templates.quality IS 'GREEN, YELLOW, RED or UNKNOWN.';
COMMENT ON COLUMN whatsapp_templates.quality_at IS 'Meta''s time of the quality.';
COMMENT ON COLUMN whatsapp_templates.category IS 'UTILITY, MARKETING or AUTHENTICATION.';
COMMENT ON COLUMN whatsapp_templates.previous_category IS 'What the category was before.';
COMMENT ON COLUMN whatsapp_templates.correct_category IS 'What the category will become.';
COMMENT ON COLUMN whatsapp_templates.accepted_category IS 'The category that wa_accept_category() has agreed to.';
COMMENT ON COLUMN whatsapp_templates.category_at IS 'Meta''s time of the category.';
COMMENT ON COLUMN whatsapp_templates.components IS 'Header, body, footer and buttons, as the API has them.';
COMMENT ON COLUMN whatsapp_templates.components_at IS 'Meta''s time of the components.';
COMMENT ON COLUMN whatsapp_templates.parameter_format IS 'POSITIONAL or NAMED.';
COMMENT ON COLUMN whatsapp_templates.message_send_ttl_seconds IS 'How long Meta tries to deliver a message of it; NULL for 30 days, and of one-time codes 10 minutes.';
COMMENT ON COLUMN whatsapp_templates.synced_at IS 'When Meta''s API last told about it; NULL when only webhooks have.';
COMMENT ON COLUMN whatsapp_templates.gone_at IS 'Since when Meta does not have it any more; its status is DELETED then.';
COMMENT ON COLUMN whatsapp_templates.updated_at IS 'When the last webhook about it was acted upon.';
COMMENT ON FUNCTION wa_render_template(text, text[]) IS
    'The body of a template as the recipient reads it, with {{1}}, {{2}}, … filled in. Raises WA005 when their number differs, WA003, WA004, 22001 for a bad parameter.';
COMMENT ON FUNCTION wa_render_template(text, jsonb) IS
    'The body of a template as the recipient reads it, with {{name}} placeholders filled in from an object of strings and numbers. Raises 22023 for what is no such object, and what the positional form raises.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_templates', '');
