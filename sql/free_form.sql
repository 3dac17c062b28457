-- free_form: each message without a template as the body of a request, template components, and what is refused with which words.
-- Without the library in shared_preload_libraries the first enqueue of a session warns: hence "error".
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused
\set phone +34612345678

-- what is stored: the type and its object, to which the envelope is added at each attempt
CREATE TEMPORARY TABLE sent (place serial, id bigint);
INSERT INTO sent (id) VALUES
    (wa_send_text(:'phone', 'Hola, mañana a las 9')),
    (wa_send_text(:'phone', 'See https://example.org/po', preview_url => true, reply_to => 'wamid.ABC')),
    (wa_send_media(:'phone', 'image', link => 'https://example.org/a.png', caption => 'Look')),
    (wa_send_media(:'phone', 'document', media_id => '1234', filename => 'po.pdf')),
    (wa_send_media(:'phone', 'audio', media_id => '1234', voice => true)),
    (wa_send_location(:'phone', 40.4168, -3.7038, 'Almacén', 'Calle 1')),
    (wa_send_contacts(:'phone', '[{"name": {"formatted_name": "Ana Gil", "first_name": "Ana"}, "phones": [{"phone": "+34600111222"}]}]')),
    (wa_send_interactive(:'phone', '{"type": "button", "body": {"text": "Accept?"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}')),
    (wa_send_reaction(:'phone', 'wamid.ABC', '👍')),
    (wa_send_reaction(:'phone', 'wamid.ABC', NULL)),
    (wa_send(:'phone', 'sticker', '{"id": "9"}')),
    (wa_send(:'phone', 'template', '{"name": "order_ready", "language": {"code": "en_US"}}'));
SELECT m.message_type, m.template_name, m.template_language, m.payload::jsonb FROM sent JOIN whatsapp_messages AS m USING (id) ORDER BY place;
SELECT count(*) AS queued FROM whatsapp_queue;

-- routing is that of every message
SELECT wa_send_text(:'phone', 'x', sender => 'default', reference => 'PO-1', send_at => now() + interval '1 day', idempotency_key => 'k', priority => 'bulk') AS id \gset
SELECT m.sender, m.reference, m.priority, m.idempotency_key, q.due_at > now() + interval '23 hours' AS later
FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.id = :id;

-- the same key is the same message, or an error: of each type
CREATE FUNCTION pg_temp.id_of(call text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE id bigint; BEGIN EXECUTE 'SELECT wa_send' || call INTO id; RETURN id; END $$;
SELECT type, pg_temp.id_of(format(call, 'a', type)) = pg_temp.id_of(format(call, 'a', type)) AS same,
       regexp_replace(split_part(pg_temp.refused('SELECT wa_send' || format(call, 'b', type)), E'\n', 1), '"[^"]*"', 'K') AS other
FROM (VALUES ('text', $$_text('+34612345678', %1$L, idempotency_key => %2$L)$$), ('media', $$_media('+34612345678', 'image', media_id => %1$L, idempotency_key => %2$L)$$),
             ('location', $$_location('+34612345678', 1, 2, %1$L, idempotency_key => %2$L)$$),
             ('contacts', $$_contacts('+34612345678', jsonb_build_array(jsonb_build_object('name', jsonb_build_object('formatted_name', 'A', 'first_name', %1$L))), idempotency_key => %2$L)$$),
             ('interactive', $$_interactive('+34612345678', jsonb_build_object('type', 'location_request_message', 'body', jsonb_build_object('text', %1$L), 'action', '{"name": "send_location"}'::jsonb), idempotency_key => %2$L)$$),
             ('reaction', $$_reaction('+34612345678', 'wamid.1', %1$L, idempotency_key => %2$L)$$), ('any type', $$('+34612345678', 'sticker', jsonb_build_object('id', %1$L), idempotency_key => %2$L)$$),
             ('template', $$_template('+34612345678', 'plain', buttons => jsonb_build_array(jsonb_build_object('url', %1$L)), idempotency_key => %2$L)$$)) AS c (type, call);
-- also where it fell back on its template meanwhile, or its content was erased
SELECT wa_send_text(:'phone', 'x', idempotency_key => 'fallback', fallback_template => 'plain', fallback_parameters => ARRAY['A']) AS id \gset
UPDATE whatsapp_messages SET message_type = 'template', template_name = 'plain', template_language = 'es', payload = (payload::text::json -> 'fallback')::text::json WHERE id = :id;
SELECT wa_send_text(:'phone', 'x', idempotency_key => 'fallback', fallback_template => 'plain', fallback_parameters => ARRAY['A']) = :id AS same;
SELECT split_part(pg_temp.refused($$SELECT wa_send_text('+34612345678', 'x', idempotency_key => 'fallback', fallback_template => 'plain', fallback_parameters => ARRAY['B'])$$), E'\n', 1) AS other;
UPDATE whatsapp_messages SET payload = NULL WHERE idempotency_key IN ('fallback', 'text');
SELECT wa_send_text(:'phone', 'x', idempotency_key => 'fallback', fallback_template => 'plain', fallback_parameters => ARRAY['A']) = :id AS same;
SELECT wa_send_text(:'phone', 'a', idempotency_key => 'text') = id AS same FROM whatsapp_messages WHERE idempotency_key = 'text';
SELECT split_part(pg_temp.refused($$SELECT wa_send_text('+34612345679', 'a', idempotency_key => 'text')$$), E'\n', 1) AS other;

-- every component of a template
TRUNCATE sent;
INSERT INTO sent (id) VALUES
    (wa_send_template(:'phone', 'po_named', named_parameters => '{"supplier": "ABC", "total": 12.50}')),
    (wa_send_template(:'phone', 'po_document', ARRAY['ABC', 'PO-1'], header => '{"document": {"id": "1", "filename": "po.pdf"}}', buttons => '[{"url": "PO-1"}]')),
    (wa_send_template(:'phone', 'spring_offer', header => '"ABC"', buttons => '[null, {"coupon_code": "SAVE20"}]', offer_ends_at => '2027-01-15 08:00:00+00')),
    (wa_send_template(:'phone', 'cards', cards => '[{"header": {"image": {"id": "1"}}, "parameters": ["A"], "buttons": [{"payload": "a"}]}, {"header": {"image": {"id": "2"}}, "parameters": ["B"], "buttons": [{"payload": "b"}]}]')),
    (wa_send_template(:'phone', 'plain', ARRAY['A'], components => '[{"type": "button", "sub_type": "QUICK_REPLY", "index": "0", "parameters": [{"type": "payload", "payload": "p"}]}]', reply_to => 'wamid.ABC'));
SELECT m.template_name, jsonb_pretty(m.payload::jsonb) FROM sent JOIN whatsapp_messages AS m USING (id) ORDER BY place;

-- refused at the call, with the member and the limit, never with the text
SELECT call, pg_temp.refused(format('SELECT wa_send_%s', call)) AS refused
FROM (VALUES (1, $$text('+34612345678', NULL)$$), (2, $$text('+34612345678', '')$$), (3, $$text('612345678', 'x')$$),
             (4, $$text('+34612345678', 'x', reply_to => 'a b')$$), (5, $$text('+34612345678', 'x', sender => 'nobody')$$),
             (6, $$text('+34612345678', 'x', priority => 'soon')$$),
             (7, $$media('+34612345678', 'picture', 'https://example.org/a.png')$$), (8, $$media('+34612345678', 'image')$$),
             (9, $$media('+34612345678', 'image', 'http://example.org/a.png')$$), (10, $$media('+34612345678', 'video', media_id => '1', filename => 'a.mp4')$$),
             (11, $$location('+34612345678', 91, 0)$$), (12, $$location('+34612345678', 'NaN', 0)$$), (13, $$location('+34612345678', NULL, 0)$$),
             (14, $$contacts('+34612345678', '[]')$$), (15, $$contacts('+34612345678', NULL)$$),
             (16, $$interactive('+34612345678', '{"type": "buttons", "action": {}}')$$),
             (17, $$interactive('+34612345678', '{"type": "list", "body": {"text": "?"}, "action": {"button": "Open", "sections": []}}')$$),
             (18, $$reaction('+34612345678', '', 'x')$$),
             (19, $$template('+34612345678', 'a', named_parameters => '[]')$$), (20, $$template('+34612345678', 'a', ARRAY['x'], named_parameters => '{"a": "b"}')$$),
             (21, $$template('+34612345678', 'a', header => '{"audio": {"id": "1"}}')$$), (22, $$template('+34612345678', 'a', buttons => '[{"coupon_code": "123456789012345678901"}]')$$),
             (23, $$template('+34612345678', 'a', cards => '[{"parameters": [""]}]')$$), (24, $$template('+34612345678', 'a', offer_ends_at => 'infinity')$$),
             (25, $$template('+34612345678', 'a', components => '[{"type": "footer"}]')$$)) AS t (place, call) ORDER BY place;
SELECT pg_temp.refused($$SELECT wa_send_text('+34612345678', repeat('ñ', 4097))$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send('+34612345678', 'pin', '{}')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send('+34612345678', 'text', '{"body": "x", "text": "y"}')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send('+34612345678', 'image', '[]')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send('+34612345678', 'reaction', '{"message_id": "wamid.1", "emoji": ""}', reply_to => 'wamid.2')$$) AS refused;
SELECT pg_temp.refused($$SELECT wa_send_interactive('+34612345678', '{"type": "voice_call", "body": {"text": "?"}, "action": {"name": "call"}}')$$) AS refused;

-- nobody can react to what is too old, or is a reaction
INSERT INTO whatsapp_inbound (received_at, occurred_at, sender, contact, wamid, message_type, opens_window, event_id, raw)
SELECT now(), now() - days * interval '1 day', 'default', wa_contact_key('+34612345678'), wamid, type, true, 1, '{}'
FROM (VALUES ('wamid.OLD', 'text', 31), ('wamid.REACTION', 'reaction', 1), ('wamid.NEW', 'text', 29)) AS i (wamid, type, days);
SELECT pg_temp.refused(format('SELECT wa_send_reaction(''+34612345678'', %L, ''x'')', wamid)) AS refused,
       split_part(pg_temp.refused(format('SELECT wa_send(''+34612345678'', ''reaction'', %L)', jsonb_build_object('message_id', wamid, 'emoji', 'x'))), E'\n', 1) AS by_name
FROM whatsapp_inbound ORDER BY id;

-- an opt-out counts for every type
SELECT wa_opt_out('+34699999999');
SELECT pg_temp.refused($$SELECT wa_send_text('+34699999999', 'x')$$) AS refused;

DROP EXTENSION pg_whatsapp;
