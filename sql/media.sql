-- media: files to and from Meta, as SQL sees them. Nobody makes the requests here: the library is not preloaded.
SET client_min_messages = error;
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

\getenv abs_srcdir PG_ABS_SRCDIR
\set refused :abs_srcdir '/test/regress/refused.sql'
\i :refused

-- the same bytes are uploaded once for each sender
INSERT INTO whatsapp_senders (name) VALUES ('north');
SELECT wa_upload_media('%PDF-1.4', 'application/pdf', 'order.pdf') AS id;
SELECT wa_upload_media('%PDF-1.4', 'application/pdf', 'another name.pdf') AS same;
SELECT wa_upload_media('%PDF-1.4', 'application/pdf', sender => 'north') AS another_sender;
SELECT wa_upload_media('%PDF-1.5', 'application/pdf') AS other_bytes;
SELECT id, origin, sender, mime_type, filename, sha256 = encode(sha256(content), 'hex') AS digest, size, state, media_id, expires_at, request_id FROM whatsapp_media ORDER BY id;
SELECT id, kind, sender, request, state FROM whatsapp_requests ORDER BY id;
-- one that has lapsed, or has failed, is uploaded again; one that is there is not
UPDATE whatsapp_media SET state = 'ready', media_id = 'M1', expires_at = now() + interval '1 day', content = NULL WHERE id = 1;
SELECT wa_upload_media('%PDF-1.4', 'application/pdf') AS id, (SELECT count(*) FROM whatsapp_requests) AS requests;
UPDATE whatsapp_media SET expires_at = now() WHERE id = 1;
SELECT wa_upload_media('%PDF-1.4', 'application/pdf') AS id;
SELECT state, request_id, content IS NOT NULL AS content FROM whatsapp_media WHERE id = 1;
UPDATE whatsapp_media SET state = 'failed', error_message = 'no' WHERE id = 1;
SELECT wa_upload_media('%PDF-1.4', 'application/pdf') AS id;
SELECT state, request_id, error_message FROM whatsapp_media WHERE id = 1;

-- what WhatsApp does not take is refused before it is stored
SELECT pg_temp.refused(format('SELECT wa_upload_media(%s, %L)', content, mime_type)) AS refused
FROM (VALUES (1, $$''$$, 'application/pdf'), (2, $$'x'$$, 'pdf'), (3, $$'x'$$, E'a/b\r\nX: y'), (4, $$'x'$$, 'image/gif'), (5, $$'x'$$, 'video/webm'),
             (6, $$convert_to(repeat('x', 5242881), 'UTF8')$$, 'image/png'), (7, $$convert_to(repeat('x', 512001), 'UTF8')$$, 'image/webp'),
             (8, $$convert_to(repeat('x', 16777217), 'UTF8')$$, 'audio/ogg; codecs=opus'), (9, 'NULL', 'image/png'), (10, $$'x'$$, NULL),
             (11, $$convert_to(repeat('x', 102401), 'UTF8')$$, 'image/webp')) AS m (place, content, mime_type)
ORDER BY place;
SELECT wa_upload_media(convert_to(repeat('x', 5242880), 'UTF8'), 'image/png') IS NOT NULL AS the_largest_image;
SELECT wa_upload_media('RIFF....WEBPVP8X....\002'::bytea || convert_to(repeat('x', 102401), 'UTF8'), 'image/webp') IS NOT NULL AS an_animated_sticker;
SELECT pg_temp.refused($$SELECT wa_template_sample('a.webp', 'x', 'image/webp')$$) AS no_sample;
SELECT wa_upload_media('x', 'application/pdf', sender => 'ghost');

-- a message names a file, and waits until Meta has it
UPDATE whatsapp_media SET state = 'ready', media_id = 'M1', expires_at = now() + interval '9 days' WHERE id = 1;
SELECT wa_send_media('+34612345678', 'document', media => 1, filename => 'PO-1.pdf') AS there;
SELECT wa_send_media('+34612345678', 'document', media => 4) AS waits;
SELECT m.id, m.payload, q.due_at = q.expires_at AS waits, w.media FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id
LEFT JOIN whatsapp_media_messages AS w ON w.message_id = m.id ORDER BY m.id;
UPDATE whatsapp_media SET content = NULL WHERE id = 1;
SELECT pg_temp.refused(format('SELECT wa_send_media(''+34612345678'', ''document'', %s)', arguments)) AS refused
FROM (VALUES (1, 'media => 99'), (2, 'media => 2'), (3, 'media => 4, link => ''https://example.org/x'''), (4, 'media => 1, send_at => now() + interval ''10 days''')) AS a (place, arguments)
ORDER BY place;
UPDATE whatsapp_media SET state = 'failed', error_message = 'no' WHERE id = 4;
SELECT pg_temp.refused('SELECT wa_send_media(''+34612345678'', ''document'', media => 4)') AS failed;

-- a file is sent as what it is
SELECT wa_upload_media('RIFF', 'image/webp') AS sticker, wa_upload_media('ID3', 'audio/mpeg') AS audio \gset
SELECT pg_temp.refused(format('SELECT wa_send_media(''+34612345678'', %L, media => %s, voice => %L)', kind, file, voice)) AS refused
FROM (VALUES (1, 'image', 1, false), (2, 'image', :sticker, false), (3, 'sticker', 1, false), (4, 'video', :audio, false), (5, 'audio', :sticker, false),
             (6, 'audio', :audio, true), (7, 'audio', :audio, false), (8, 'sticker', :sticker, false), (9, 'document', :sticker, false)) AS m (place, kind, file, voice)
ORDER BY place;

-- wa_retry() finds the file of a header, too, when it has lapsed
SELECT wa_upload_media('JPEG', 'image/jpeg') AS file \gset
UPDATE whatsapp_media SET state = 'ready', media_id = 'M9', expires_at = now() WHERE id = :file;
SELECT wa_send_template('+34612345678', 'a', header => '{"image": {"id": "M9"}}') AS of_template,
       wa_send_interactive('+34612345678', '{"type": "cta_url", "header": {"type": "image", "image": {"id": "M9"}}, "body": {"text": "x"}, "action": {"name": "cta_url", "parameters": {"display_text": "x", "url": "https://example.org"}}}') AS of_buttons \gset
UPDATE whatsapp_messages SET status = 'FAILED' WHERE id IN (:of_template, :of_buttons);
DELETE FROM whatsapp_queue WHERE message_id IN (:of_template, :of_buttons);
SELECT wa_retry(:of_template) AS of_template, wa_retry(:of_buttons) AS of_buttons;
SELECT message_type, payload::text ~ ('"media-' || :file || '"') AS waits, payload::text ~ 'M9' AS lapsed FROM whatsapp_messages WHERE id IN (:of_template, :of_buttons) ORDER BY id;

-- the file of an inbound message
INSERT INTO whatsapp_inbound (received_at, occurred_at, sender, wamid, message_type, media_id, mime_type, sha256, opens_window, event_id, raw)
VALUES (now(), now(), 'north', 'wamid.1', 'image', 'M77', 'image/png', 'c2hh', true, 1, '{}'), (now(), now(), 'north', 'wamid.2', 'text', NULL, NULL, NULL, true, 1, '{}'),
       (now(), now(), NULL, 'wamid.3', 'image', 'M78', 'image/png', NULL, true, 1, '{}');
DELETE FROM whatsapp_requests;
ALTER SEQUENCE whatsapp_requests_id_seq RESTART;
SELECT wa_request_media_download(1) AS request, wa_request_media_download(1) AS same;
SELECT kind, sender, request FROM whatsapp_requests;
SELECT origin, sender, inbound_id, mime_type, media_id, state, request_id FROM whatsapp_media WHERE origin = 'download';
UPDATE whatsapp_media SET state = 'ready' WHERE inbound_id = 1;
SELECT pg_temp.refused('SELECT wa_request_media_download(1)') AS fetched_before;
CALL wa_download_media(1);
SELECT pg_temp.refused(format('SELECT wa_request_media_download(%s)', id)) AS refused FROM (VALUES ('2'), ('3'), ('4'), ('NULL')) AS i (id);
CALL wa_download_media(2);
UPDATE whatsapp_media SET state = 'failed' WHERE inbound_id = 1;
CALL wa_download_media(1, '10ms');
\echo :SQLSTATE

DROP EXTENSION pg_whatsapp;
