-- definitions: templates as they are wanted: rules, plan and apply; what wa_send_template() refuses once Meta has told; aliases, other
-- languages, and the preview. The clerk does not run here: what it would write is written by hand.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- a definition as Meta's creation call takes it
\set order '{"name": "order_ready", "language": "es", "category": "UTILITY", "components": [{"type": "HEADER", "format": "TEXT", "text": "Pedido {{1}}", "example": {"header_text": ["A-1"]}}, {"type": "BODY", "text": "Hola {{1}}, su pedido {{2}} ya está listo.", "example": {"body_text": [["Ana", "A-1"]]}}, {"type": "FOOTER", "text": "Responda a este mensaje"}, {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Ver", "url": "https://example.org/po/{{1}}", "example": ["A-1"]}]}]}'
SELECT * FROM wa_template_check(:'order');
SELECT * FROM wa_template_check(jsonb_set(:'order', '{components,1,text}', '"{{1}} y {{3}}"'));
SELECT * FROM wa_template_check('{"name": "Order", "language": "es", "components": {}}');
SELECT count(*) >= 40 AS enough, count(*) FILTER (WHERE meaning LIKE '%.') = count(*) AS sentences FROM wa_template_rules();
SELECT pg_temp.refused('SELECT * FROM wa_template_check(NULL)') AS refused;

-- defined: only what breaks no rule; the same again changes nothing
SELECT pg_temp.refused(format('SELECT wa_template_define(%L)', jsonb_set(:'order', '{components,2,text}', '"Adiós {{1}}"'))) AS refused;
SELECT count(*) FROM whatsapp_template_definitions;
SELECT wa_template_define(:'order');
SELECT wa_template_define(:'order');
SELECT account, name, language, alias, version, applied, removed_at FROM whatsapp_template_definitions;

-- planned: nothing is asked for before Meta's templates have been read
SELECT * FROM wa_template_plan();
SELECT * FROM wa_template_apply();
INSERT INTO whatsapp_requests (kind, state, ended_at) VALUES ('sync_templates', 'done', now());
SELECT * FROM wa_template_plan();
BEGIN;
SELECT action, name, language FROM wa_template_apply();
-- once: what was asked for is not asked for again
SELECT * FROM wa_template_apply();
SELECT action, blocked ~ '^request [0-9]+ has not ended$' AS waits FROM wa_template_plan();
COMMIT;
SELECT kind, account, request = :'order' AS whole_definition, state FROM whatsapp_requests WHERE kind <> 'sync_templates';

-- what the clerk writes when it was created, and what Meta adds
UPDATE whatsapp_requests SET state = 'done', ended_at = now() WHERE kind = 'create_template';
INSERT INTO whatsapp_templates (name, language, template_id, status, category, components, synced_at)
VALUES ('order_ready', 'es', '11', 'PENDING', 'UTILITY', :'order'::jsonb -> 'components', now()),
       ('hello_world', 'en_US', '12', 'APPROVED', 'UTILITY', '[{"type": "BODY", "text": "Welcome"}]', now());
UPDATE whatsapp_templates SET components = jsonb_set(components, '{0,example}', '{"header_text": ["https://expired.example"]}') WHERE name = 'order_ready';
SELECT * FROM wa_template_plan();
SELECT * FROM wa_template_apply();

-- edited: not in review, once in 24 hours, 10 times in 30 days
SELECT wa_template_define(jsonb_set(:'order', '{components,1,text}', '"Hola {{1}}, su pedido {{2}} le espera."'));
SELECT action, differences, blocked FROM wa_template_plan() WHERE name = 'order_ready';
UPDATE whatsapp_templates SET status = 'APPROVED' WHERE name = 'order_ready';
SELECT action, name, language FROM wa_template_apply();
SELECT kind, request - 'components' AS request, request #>> '{components,1,text}' AS body FROM whatsapp_requests WHERE kind = 'edit_template';
UPDATE whatsapp_requests SET state = 'done', ended_at = now() WHERE kind = 'edit_template';
SELECT action, blocked FROM wa_template_plan() WHERE name = 'order_ready';
UPDATE whatsapp_requests SET created_at = now() - interval '25 hours' WHERE kind = 'edit_template';
SELECT action, blocked FROM wa_template_plan() WHERE name = 'order_ready';
INSERT INTO whatsapp_requests (kind, state, request, created_at, ended_at)
SELECT 'edit_template', 'done', '{"template_id": "11"}', now() - n * interval '2 days', now() FROM generate_series(1, 9) AS n;
SELECT action, blocked FROM wa_template_plan() WHERE name = 'order_ready';
UPDATE whatsapp_requests SET state = 'failed' WHERE kind = 'edit_template';
SELECT action, blocked FROM wa_template_plan() WHERE name = 'order_ready';

-- drifted: changed at Meta and not here. Recategorised: the category is Meta's
UPDATE whatsapp_templates SET components = jsonb_set((SELECT definition -> 'components' FROM whatsapp_template_definitions), '{2,text}', '"Otro pie"')
WHERE name = 'order_ready';
SELECT action, differences, blocked FROM wa_template_plan() WHERE name = 'order_ready';
UPDATE whatsapp_templates SET components = (SELECT definition -> 'components' FROM whatsapp_template_definitions), category = 'MARKETING'
WHERE name = 'order_ready';
SELECT action, differences, blocked FROM wa_template_plan() WHERE name = 'order_ready';
SELECT * FROM wa_template_apply();
UPDATE whatsapp_templates SET category = 'UTILITY' WHERE name = 'order_ready';

-- another language wants the same placeholders
SELECT wa_template_define('{"name": "order_ready", "language": "fr", "category": "UTILITY", "components": [{"type": "BODY", "text": "Votre commande est là."}]}');
SELECT action, language, blocked FROM wa_template_plan() WHERE name = 'order_ready';
DELETE FROM whatsapp_template_definitions WHERE language = 'fr';

-- a definition that was changed by hand is invalid, and nothing at all is asked for
UPDATE whatsapp_template_definitions SET definition = jsonb_set(definition, '{components,2,text}', '"Adiós {{1}}"');
SELECT action, blocked FROM wa_template_plan() WHERE name = 'order_ready';
SELECT pg_temp.refused('SELECT * FROM wa_template_apply()') AS refused;
UPDATE whatsapp_template_definitions SET definition = applied;

-- not wanted any more
SELECT wa_template_remove('order_ready');
SELECT action, name, language, blocked FROM wa_template_plan();
SELECT action, name, language FROM wa_template_apply();
SELECT request FROM whatsapp_requests WHERE kind = 'delete_template';
UPDATE whatsapp_requests SET state = 'done', ended_at = now() WHERE kind = 'delete_template';
UPDATE whatsapp_templates SET gone_at = now(), status = 'DELETED' WHERE name = 'order_ready';
SELECT action, name, language, blocked FROM wa_template_plan();
-- wanted again: Meta keeps the name
SELECT wa_template_define(:'order');
SELECT action, name, language, blocked FROM wa_template_plan() WHERE name = 'order_ready';
UPDATE whatsapp_templates SET gone_at = NULL, status = 'APPROVED', components = :'order'::jsonb -> 'components' WHERE name = 'order_ready';
SELECT action, name, language, blocked FROM wa_template_plan();

-- at the call: names, languages and parameters
\set good 'wa_send_template(''+34612345678'', ''order_ready'', ARRAY[''Ana'', ''A-1''], header => ''"A-1"'', buttons => ''[{"url": "A-1"}]'''
SELECT :good) IS NOT NULL AS sent;
SELECT call, pg_temp.refused('SELECT ' || call) AS refused
FROM (VALUES (1, $$wa_send_template('+34612345678', 'order_redy', ARRAY['Ana'])$$),
             (2, $$wa_send_template('+34612345678', 'order_ready', ARRAY['Ana'], 'es_MX')$$),
             (3, $$wa_send_template('+34612345678', 'order_ready', ARRAY['Ana'], header => '"A-1"', buttons => '[{"url": "A-1"}]')$$),
             (4, $$wa_send_template('+34612345678', 'order_ready', ARRAY['Ana', 'A-1'], buttons => '[{"url": "A-1"}]')$$),
             (5, $$wa_send_template('+34612345678', 'order_ready', ARRAY['Ana', 'A-1'], header => '{"image": {"id": "1"}}', buttons => '[{"url": "A-1"}]')$$),
             (6, $$wa_send_template('+34612345678', 'order_ready', ARRAY['Ana', 'A-1'], header => '"A-1"')$$),
             (7, $$wa_send_template('+34612345678', 'order_ready', named_parameters => '{"a": "Ana"}', header => '"A-1"', buttons => '[{"url": "A-1"}]')$$),
             (8, $$wa_send_po('Proveedor ABC', 'PO-1', '€1', '+34612345678')$$)) AS c (place, call) ORDER BY place;
-- a new version of the row is read again
UPDATE whatsapp_templates SET components = '[{"type": "BODY", "text": "Su pedido llegó."}]' WHERE name = 'order_ready';
SELECT pg_temp.refused('SELECT ' || :'good' || ')') AS refused;
SELECT wa_send_template('+34612345678', 'order_ready') IS NOT NULL AS sent;
UPDATE whatsapp_templates SET components = :'order'::jsonb -> 'components' WHERE name = 'order_ready';
SELECT :good) IS NOT NULL AS sent;
-- not checked: by the setting; when only webhooks have told; when the account has not been read
SET whatsapp.check_templates = off;
SELECT wa_send_template('+34612345678', 'order_redy') IS NOT NULL AS sent;
RESET whatsapp.check_templates;
UPDATE whatsapp_templates SET synced_at = NULL;
SELECT wa_send_template('+34612345678', 'order_ready') IS NOT NULL AS sent;
UPDATE whatsapp_templates SET synced_at = now();
INSERT INTO whatsapp_accounts (name) VALUES ('other');
INSERT INTO whatsapp_senders (name, account) VALUES ('other', 'other');
SELECT wa_send_template('+34612345678', 'order_redy', sender => 'other') IS NOT NULL AS sent;

-- es_MX where there is es only, when asked
SELECT wa_send_template('+34612345678', 'order_ready', ARRAY['Ana', 'A-1'], 'es_MX', header => '"A-1"', buttons => '[{"url": "A-1"}]', language_fallback => true) AS id \gset
SELECT template_language, payload #>> '{template,language,code}' AS code FROM whatsapp_messages WHERE id = :id;
SELECT pg_temp.refused($$SELECT wa_send_template('+34612345678', 'order_ready', language => 'pt_BR', language_fallback => true)$$) AS refused;

-- an alias is its newest version that is approved
SELECT wa_template_define(jsonb_set('{"language": "es", "category": "UTILITY", "components": [{"type": "BODY", "text": "Su pedido llegó."}]}', '{name}', to_jsonb('order_note@' || n)))
FROM generate_series(1, 2) AS n;
SELECT name, alias, version, definition ->> 'name' AS own FROM whatsapp_template_definitions WHERE alias IS NOT NULL ORDER BY version;
INSERT INTO whatsapp_templates (name, language, template_id, status, category, components, synced_at)
SELECT 'order_note_v' || n, 'es', 20 + n, CASE n WHEN 1 THEN 'APPROVED' ELSE 'PENDING' END, 'UTILITY', '[{"type": "BODY", "text": "Su pedido llegó."}]', now()
FROM generate_series(1, 2) AS n;
SELECT wa_send_template('+34612345678', 'order_note') AS id \gset
SELECT template_name, payload #>> '{template,name}' AS sent_as FROM whatsapp_messages WHERE id = :id;
SELECT wa_send_template('+34612345678', 'order_note', idempotency_key => 'note') AS keyed \gset
UPDATE whatsapp_templates SET status = 'APPROVED' WHERE name = 'order_note_v2';
SELECT wa_send_template('+34612345678', 'order_note') AS id \gset
SELECT template_name, payload #>> '{template,name}' AS sent_as FROM whatsapp_messages WHERE id = :id;
-- it has moved, and a key is the same message all the same, if the content is
SELECT wa_send_template('+34612345678', 'order_note', idempotency_key => 'note') = :keyed AS same;
SELECT split_part(pg_temp.refused($$SELECT wa_send_template('+34612345678', 'order_note', reply_to => 'wamid.1', idempotency_key => 'note')$$), E'\n', 1) AS other;

-- as the recipient reads it
SELECT wa_render_template('order_ready', ARRAY['Ana & Luis', 'A-1029'], 'es', header => '"A-1029"', buttons => '[{"url": "A-1029"}]') AS text;
SELECT wa_render_template('order_ready', ARRAY['Ana & Luis', 'A-1029'], 'es', header => '"A-1029"', buttons => '[{"url": "A-1029"}]', html => true) AS html;
SELECT wa_render_template('order_note', '{}', 'es') AS by_alias;
SELECT pg_temp.refused($$SELECT wa_render_template('order_ready', '{Ana}', 'es', header => '"A"', buttons => '[{"url": "A"}]')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_render_template('order_redy', '{}', 'es')$$) AS refused;

DROP EXTENSION pg_whatsapp;
