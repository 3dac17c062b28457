/* Definitions of templates: what is wanted, the rules of Meta's for it, and what has to be asked for so that Meta has the same. */

CREATE TABLE whatsapp_template_definitions (
    account    text CHECK (pg_catalog.octet_length(account) <= 63),
    name       text NOT NULL CHECK (pg_catalog.octet_length(name) <= 512),
    language   text NOT NULL CHECK (pg_catalog.octet_length(language) <= 63),
    definition jsonb NOT NULL CHECK (pg_catalog.jsonb_typeof(definition) = 'object'),
    alias      text CHECK (pg_catalog.octet_length(alias) <= 512),
    version    integer,
    applied    jsonb,
    defined_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    removed_at timestamptz
);
ALTER TABLE whatsapp_template_definitions REPLICA IDENTITY FULL;

CREATE UNIQUE INDEX whatsapp_template_definitions_key ON whatsapp_template_definitions (name, language, account) NULLS NOT DISTINCT;
CREATE INDEX whatsapp_template_definitions_alias_idx ON whatsapp_template_definitions (alias) WHERE alias IS NOT NULL;

CREATE FUNCTION wa_template_check(definition jsonb) RETURNS TABLE (rule text, component text, "position" integer, message text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 3
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_check';

CREATE FUNCTION wa_template_rules() RETURNS TABLE (rule text, meaning text)
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 80
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_rules';

CREATE FUNCTION whatsapp_require_definition(definition jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_require_definition';

CREATE FUNCTION whatsapp_template_difference(definition jsonb, components jsonb, category text) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_difference';

CREATE FUNCTION whatsapp_template_placeholders(definition jsonb) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_placeholders';

-- po_notification@3 is the third version of the alias po_notification, and its name at Meta is po_notification_v3.
CREATE FUNCTION whatsapp_read_definition(INOUT definition jsonb, OUT alias text, OUT version integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT CASE WHEN v.m IS NULL THEN definition ELSE pg_catalog.jsonb_set(definition, '{name}', pg_catalog.to_jsonb(v.m[1] || '_v' || v.m[2])) END, v.m[1], v.m[2]::integer
    FROM pg_catalog.regexp_match(definition ->> 'name', '^(.+)@([1-9][0-9]{0,5})$') AS v (m);
END;

CREATE FUNCTION wa_template_define(definition jsonb, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO whatsapp_template_definitions AS t (account, name, language, definition, alias, version)
    SELECT wa_template_define.account, d.definition ->> 'name', d.definition ->> 'language', d.definition, d.alias, d.version
    FROM whatsapp_read_definition(wa_template_define.definition) AS d WHERE whatsapp_require_definition(d.definition)
    ON CONFLICT (name, language, account) DO UPDATE
    SET definition = EXCLUDED.definition, alias = EXCLUDED.alias, version = EXCLUDED.version, removed_at = NULL,
        defined_at = CASE WHEN t.definition = EXCLUDED.definition AND t.removed_at IS NULL THEN t.defined_at ELSE pg_catalog.now() END;
END;

CREATE FUNCTION wa_template_remove(name text, language text DEFAULT NULL, account text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE whatsapp_template_definitions AS t SET removed_at = pg_catalog.now()
    WHERE t.name = wa_template_remove.name AND t.language = coalesce(wa_template_remove.language, t.language)
      AND t.account IS NOT DISTINCT FROM wa_template_remove.account AND t.removed_at IS NULL;
END;

CREATE FUNCTION wa_accept_category(template text, language text DEFAULT NULL, account text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH accepted AS (
        UPDATE whatsapp_templates AS t SET accepted_category = t.category
        WHERE t.name = wa_accept_category.template AND t.language = coalesce(wa_accept_category.language, t.language)
          AND t.account IS NOT DISTINCT FROM wa_accept_category.account AND t.category IS NOT NULL
          AND t.accepted_category IS DISTINCT FROM t.category
        RETURNING 1)
    SELECT pg_catalog.count(*) FROM accepted;
END;

-- What stands between what is wanted and what Meta has, with the request that would change it.
CREATE FUNCTION whatsapp_template_steps(account text)
RETURNS TABLE (action text, name text, language text, differences jsonb, blocked text, kind text, request jsonb)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH wanted AS (
        SELECT d.name, d.language, d.definition, d.applied, d.removed_at,
               (SELECT c.rule || ' in ' || c.component FROM wa_template_check(d.definition) AS c LIMIT 1) AS broken,
               whatsapp_missing_sample(d.definition, d.account) AS missing_sample,
               (SELECT o.language FROM whatsapp_template_definitions AS o
                WHERE o.name = d.name AND o.account IS NOT DISTINCT FROM d.account AND o.removed_at IS NULL AND o.language < d.language
                  AND whatsapp_template_placeholders(o.definition) <> whatsapp_template_placeholders(d.definition)
                ORDER BY o.language LIMIT 1) AS differs_from
        FROM whatsapp_template_definitions AS d WHERE d.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), known AS (
        SELECT t.name, t.language, t.template_id, t.status, t.category, t.components, t.message_send_ttl_seconds, t.gone_at
        FROM whatsapp_templates AS t WHERE t.account IS NOT DISTINCT FROM whatsapp_template_steps.account
    ), synced AS (
        SELECT EXISTS (SELECT FROM whatsapp_requests AS r WHERE r.kind = 'sync_templates' AND r.state = 'done'
                       AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account) AS yes
    ), compared AS (
        SELECT coalesce(w.name, k.name) AS name, coalesce(w.language, k.language) AS language, w.definition, w.applied, w.removed_at, w.broken,
               w.differs_from, w.missing_sample, k.template_id, k.status, k.gone_at, k.name IS NOT NULL AND k.gone_at IS NULL AS live,
               CASE WHEN w.definition IS NOT NULL AND k.name IS NOT NULL AND k.gone_at IS NULL
                    THEN whatsapp_template_difference(w.definition, k.components, k.category)::jsonb
                         || CASE WHEN pg_catalog.jsonb_typeof(w.definition -> 'message_send_ttl_seconds') = 'number'
                                  AND w.definition -> 'message_send_ttl_seconds' <> pg_catalog.to_jsonb(coalesce(k.message_send_ttl_seconds, -1))
                                 THEN pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('component', 'message_send_ttl_seconds',
                                          'wanted', w.definition -> 'message_send_ttl_seconds', 'live', k.message_send_ttl_seconds)) ELSE '[]' END
                         -- of one-time codes Meta does not list all: apps, for example
                         || CASE WHEN pg_catalog.upper((w.definition ->> 'category') COLLATE "C") = 'AUTHENTICATION' AND w.applied -> 'components' <> w.definition -> 'components'
                                 THEN pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('component', 'components',
                                          'wanted', w.definition -> 'components', 'live', w.applied -> 'components')) ELSE '[]' END END AS differences
        FROM wanted AS w FULL JOIN known AS k ON w.name = k.name AND w.language = k.language
    ), judged AS (
        SELECT c.*,
               CASE WHEN c.definition IS NULL THEN 'unmanaged'
                    WHEN c.removed_at IS NOT NULL THEN 'delete'
                    WHEN c.broken IS NOT NULL THEN 'invalid'
                    WHEN NOT c.live THEN 'create'
                    WHEN pg_catalog.jsonb_path_exists(c.differences, '$[*] ? (@.component != "category")')
                    THEN CASE WHEN c.applied = c.definition THEN 'drifted' ELSE 'edit' END
                    WHEN c.differences <> '[]' THEN CASE WHEN c.applied ->> 'category' <> c.definition ->> 'category' THEN 'edit' ELSE 'recategorised' END
                    ELSE 'unchanged' END AS action
        FROM compared AS c WHERE c.live OR (c.definition IS NOT NULL AND c.removed_at IS NULL)
    ), asked AS (
        SELECT j.*, (SELECT pg_catalog.max(r.id) FROM whatsapp_requests AS r WHERE r.ended_at IS NULL AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account
                     AND r.kind IN ('create_template', 'edit_template', 'delete_template')
                     AND (r.request ->> 'template_id' = j.template_id
                          OR (r.request ->> 'name' = j.name AND coalesce(r.request ->> 'language', j.language) = j.language
                              AND NOT r.request ? 'template_id'))) AS pending,
               (SELECT pg_catalog.array_agg(r.created_at ORDER BY r.created_at DESC) FROM whatsapp_requests AS r
                WHERE r.kind = 'edit_template' AND r.account IS NOT DISTINCT FROM whatsapp_template_steps.account AND r.state <> 'failed'
                  AND r.request ->> 'template_id' = j.template_id AND r.created_at > pg_catalog.now() - interval '30 days') AS edits
        FROM judged AS j
    )
    SELECT a.action, a.name, a.language, CASE WHEN a.action IN ('edit', 'drifted', 'recategorised') THEN a.differences END,
           CASE WHEN a.action = 'invalid' THEN 'rule ' || a.broken
                WHEN a.action NOT IN ('create', 'edit', 'drifted', 'delete') THEN NULL
                WHEN NOT s.yes THEN 'the account has never been synced'
                WHEN a.pending IS NOT NULL THEN pg_catalog.format('request %s has not ended', a.pending)
                WHEN a.action <> 'delete' AND a.differs_from IS NOT NULL THEN 'its placeholders differ from those of language ' || a.differs_from
                WHEN a.action <> 'delete' AND a.missing_sample IS NOT NULL THEN a.missing_sample
                WHEN a.action = 'create' AND a.gone_at > pg_catalog.now() - interval '30 days' THEN 'the name of a deleted template is free after 30 days only'
                WHEN a.action = 'delete' AND a.status = 'DISABLED' THEN 'a disabled template cannot be deleted'
                WHEN a.action IN ('create', 'delete') THEN NULL
                WHEN a.status IS NULL OR a.status NOT IN ('APPROVED', 'REJECTED', 'PAUSED') THEN 'a template cannot be edited while it is ' || coalesce(a.status, 'unknown')
                WHEN a.status = 'APPROVED' AND a.edits[1] > pg_catalog.now() - interval '24 hours' THEN 'an approved template can be edited once in 24 hours'
                WHEN a.status = 'APPROVED' AND a.edits[10] IS NOT NULL THEN 'an approved template can be edited 10 times in 30 days'
                WHEN a.status = 'APPROVED' AND NOT pg_catalog.jsonb_path_exists(a.differences, '$[*] ? (@.component != "category")')
                THEN 'the category of an approved template cannot be edited' END,
           CASE a.action WHEN 'create' THEN 'create_template' WHEN 'edit' THEN 'edit_template' WHEN 'drifted' THEN 'edit_template'
                         WHEN 'delete' THEN 'delete_template' END,
           CASE WHEN a.action = 'create' THEN whatsapp_with_handles(a.definition, whatsapp_template_steps.account)
                WHEN a.action = 'delete' THEN pg_catalog.jsonb_build_object('name', a.name, 'template_id', a.template_id)
                WHEN a.action IN ('edit', 'drifted')
                THEN pg_catalog.jsonb_build_object('template_id', a.template_id, 'components', whatsapp_with_handles(a.definition -> 'components', whatsapp_template_steps.account))
                     || CASE WHEN a.definition ? 'message_send_ttl_seconds'
                             THEN pg_catalog.jsonb_build_object('message_send_ttl_seconds', a.definition -> 'message_send_ttl_seconds') ELSE '{}' END
                     || CASE WHEN a.status <> 'APPROVED' THEN pg_catalog.jsonb_build_object('category', a.definition -> 'category') ELSE '{}' END END
    FROM asked AS a CROSS JOIN synced AS s ORDER BY a.name, a.language;
END;

CREATE FUNCTION wa_template_plan(account text DEFAULT NULL)
RETURNS TABLE (action text, name text, language text, differences jsonb, blocked text)
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.action, s.name, s.language, s.differences, s.blocked FROM whatsapp_template_steps(wa_template_plan.account) AS s;
END;

CREATE FUNCTION wa_template_apply(account text DEFAULT NULL) RETURNS TABLE (request_id bigint, action text, name text, language text)
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_template_apply';

CREATE FUNCTION wa_render_template(template text, parameters text[], language text, named_parameters jsonb DEFAULT NULL, header jsonb DEFAULT NULL,
                                   buttons jsonb DEFAULT NULL, cards jsonb DEFAULT NULL, offer_ends_at timestamptz DEFAULT NULL,
                                   components jsonb DEFAULT NULL, reply_to text DEFAULT NULL, code text DEFAULT NULL,
                                   sender text DEFAULT NULL, html boolean DEFAULT false) RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_render_message';

-- What a definition of ours says is what was wanted; without one, what the template was before.
CREATE VIEW whatsapp_recategorised_templates AS
SELECT t.account, t.name, t.language, coalesce(w.category, t.previous_category) AS wanted, t.category, t.category_at AS since,
       (SELECT pg_catalog.count(*) FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id
        WHERE q.held_by = 'category of template ' || t.name AND m.template_language = t.language) AS held
FROM whatsapp_templates AS t
LEFT JOIN LATERAL (SELECT d.definition ->> 'category' AS category FROM whatsapp_template_definitions AS d
                   WHERE d.name = t.name AND d.language = t.language AND d.account IS NOT DISTINCT FROM t.account AND d.removed_at IS NULL) AS w ON true
WHERE t.category = 'MARKETING' AND coalesce(w.category, t.previous_category) <> 'MARKETING'
  AND t.accepted_category IS DISTINCT FROM t.category AND t.gone_at IS NULL;

COMMENT ON TABLE whatsapp_template_definitions IS 'Templates as they are wanted. wa_template_plan() compares them with whatsapp_templates, and wa_template_apply() asks Meta for what differs.';
COMMENT ON COLUMN whatsapp_template_definitions.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_template_definitions.name IS 'Name of the template at Meta.';
COMMENT ON COLUMN whatsapp_template_definitions.language IS 'Language of the template, with _.';
COMMENT ON COLUMN whatsapp_template_definitions.definition IS 'Name, language, category, components and the like, as Meta''s creation call takes them.';
COMMENT ON COLUMN whatsapp_template_definitions.alias IS 'Name under which the newest approved version is sent; NULL for a template without versions.';
COMMENT ON COLUMN whatsapp_template_definitions.version IS 'Number of the version, where there is an alias.';
COMMENT ON COLUMN whatsapp_template_definitions.applied IS 'The definition that wa_template_apply() last asked for, or found at Meta.';
COMMENT ON COLUMN whatsapp_template_definitions.defined_at IS 'When the definition last changed.';
COMMENT ON COLUMN whatsapp_template_definitions.removed_at IS 'Since when it is not wanted any more; Meta is asked to delete it.';
COMMENT ON FUNCTION wa_template_check(jsonb) IS
    'The rules of Meta''s that a definition breaks, each with the component and, in a text, the character. No row: none is broken. Raises 22004 for NULL, 22032 for JSON that is too deep or too big.';
COMMENT ON FUNCTION wa_template_rules() IS 'All rules that wa_template_check() knows, and what each asks for.';
COMMENT ON FUNCTION whatsapp_require_definition(jsonb) IS 'True; raises WA016 when the definition breaks a rule.';
COMMENT ON FUNCTION whatsapp_template_difference(jsonb, jsonb, text) IS 'What of a definition differs from what Meta lists: an array with an object for each component.';
COMMENT ON FUNCTION whatsapp_template_placeholders(jsonb) IS 'The placeholders of a definition, a line for each text; equal for translations of one template.';
COMMENT ON FUNCTION whatsapp_read_definition(jsonb) IS 'A definition as Meta takes it, and alias and version when its name is like po_notification@3.';
COMMENT ON FUNCTION whatsapp_template_steps(text) IS 'What wa_template_plan() shows, and the request of each row.';
COMMENT ON FUNCTION wa_template_define(jsonb, text) IS
    'Puts a definition, as Meta''s creation call takes it, into whatsapp_template_definitions, in the place of the older one of that name and language. A name like po_notification@3 makes version po_notification_v3 of the alias po_notification. Raises WA016 when a rule is broken, 22004 for NULL, 22032 for JSON that is too deep or too big.';
COMMENT ON VIEW whatsapp_recategorised_templates IS 'Templates that Meta has made marketing though nobody here has said so, see whatsapp.on_recategorised.';
COMMENT ON COLUMN whatsapp_recategorised_templates.account IS 'Name of the account; NULL is the default one.';
COMMENT ON COLUMN whatsapp_recategorised_templates.name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_recategorised_templates.language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_recategorised_templates.wanted IS 'The category of its definition; without one, what it was before.';
COMMENT ON COLUMN whatsapp_recategorised_templates.category IS 'What Meta has made of it.';
COMMENT ON COLUMN whatsapp_recategorised_templates.since IS 'Meta''s time of the category.';
COMMENT ON COLUMN whatsapp_recategorised_templates.held IS 'Messages that wait because of it.';
COMMENT ON FUNCTION wa_accept_category(text, text, text) IS
    'Agrees to the category that Meta has chosen for a template of an account (NULL: the default one), in a language (NULL: all): its messages are held no more, see whatsapp.on_recategorised. Call it when the recipients have agreed to marketing. Returns how many templates it has agreed to.';
COMMENT ON FUNCTION wa_template_remove(text, text, text) IS
    'Marks definitions as not wanted any more, in one language or for NULL in all: wa_template_apply() asks Meta to delete them.';
COMMENT ON FUNCTION wa_template_plan(text) IS
    'Compares the definitions of an account (NULL: the default one) with what Meta has. action is create, edit, delete, drifted (changed at Meta, not here), recategorised (Meta chose another category), invalid (breaks a rule), unmanaged (no definition here) or unchanged; differences has wanted and live of each component; blocked says why wa_template_apply() would not ask now.';
COMMENT ON FUNCTION wa_template_apply(text) IS
    'Asks the clerk for what wa_template_plan() shows as create, edit, drifted and delete, where nothing blocks it, and returns the requests, rows of whatsapp_requests. Called again, it returns nothing. Raises WA016 when a definition is invalid; then nothing is asked for.';
COMMENT ON FUNCTION wa_render_template(text, text[], text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, text, text, boolean) IS
    'A template message as the recipient reads it, header, body, footer and buttons, by the components in whatsapp_templates and the arguments that wa_send_template() takes; html gives one small card of HTML in its place. Raises what wa_send_template() raises for template and parameters; 42704 also when the template is not known.';

REVOKE ALL ON FUNCTION wa_render_template(text, text[], text, jsonb, jsonb, jsonb, jsonb, timestamptz, jsonb, text, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_template_steps(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_define(jsonb, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_remove(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_accept_category(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_plan(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_template_apply(text) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_template_definitions', '');
