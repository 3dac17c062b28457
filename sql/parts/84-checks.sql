/* What is wrong, and what to do: the pre-launch checklist, the troubleshooting table and one message's life, answered by the database. */

-- Without compilation: a queue that is long makes the plan look dear, and to compile hundreds of expressions takes more than a second.
CREATE FUNCTION wa_preflight() RETURNS TABLE (place integer, line text, state text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 12 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
secrets AS MATERIALIZED (
    SELECT coalesce(max(c.value) FILTER (WHERE c.label = 'access_token'), 0) AS access_token,
           coalesce(max(c.value) FILTER (WHERE c.label = 'phone_number_id'), 0) AS phone_number_id,
           coalesce(max(c.value) FILTER (WHERE c.label = 'app_secret'), 0) AS app_secret,
           coalesce(max(c.value) FILTER (WHERE c.label = 'verify_token'), 0) AS verify_token
    FROM counters AS c WHERE c.name = 'secret'),
-- 0 nobody has looked, 1 not set, 2 refused, 3 weak, 4 good
words AS (SELECT ARRAY['not looked at', 'not set', 'refused', 'weak', 'set'] AS of),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
senders AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_senders),
days AS MATERIALIZED (SELECT sum(d.sent) AS sent, sum(d.delivered) AS delivered, sum(d.read) AS read, max(d.day) FILTER (WHERE d.sent > 0) AS last_day,
                             sum(d.failed) FILTER (WHERE d.error_code = 133010) AS unregistered
                      FROM @extschema@.whatsapp_day_counts AS d WHERE NOT d.deleted),
latest AS MATERIALIZED (SELECT m.id, m.status, m.error_message, m.hint FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 1),
event AS MATERIALIZED (SELECT (SELECT e.received_at FROM @extschema@.whatsapp_events AS e ORDER BY e.received_at DESC LIMIT 1) AS at),
templates AS MATERIALIZED (
    SELECT t.name, string_agg(t.language || ' ' || coalesce(t.status, 'unknown'), ', ' ORDER BY t.language) AS seen,
           bool_or(t.status = 'APPROVED') AS approved, bool_or(t.status IS DISTINCT FROM 'APPROVED') AS others
    FROM @extschema@.whatsapp_templates AS t WHERE t.name = 'po_notification' GROUP BY t.name),
workers AS MATERIALIZED (SELECT count(*) FILTER (WHERE w.alive) AS alive, string_agg(w.worker, ', ' ORDER BY w.worker) FILTER (WHERE NOT w.alive) AS missing
                         FROM @extschema@.whatsapp_stat_workers AS w),
phones AS MATERIALIZED (
    SELECT count(c.attname) AS tables, sum(c.bad) AS bad, string_agg(format('%s: %s', c.relation, c.bad), ', ' ORDER BY c.relation::text, c.attname) FILTER (WHERE c.bad > 0) AS seen,
           string_agg(format('SELECT * FROM wa_check_phones(%L, %L);', c.relation, c.attname), ' ' ORDER BY c.relation::text, c.attname) FILTER (WHERE c.bad > 0) AS to_do,
           string_agg(DISTINCT c.relation::text, ', ') FILTER (WHERE c.attname IS NULL) AS others
    FROM (SELECT k.relation, k.attname,
                 CASE WHEN k.attname IS NOT NULL
                      THEN substring(query_to_xml(format('SELECT count(*) AS n FROM (SELECT %I::text AS phone FROM %s LIMIT 1000000) AS s '
                                                         'WHERE phone IS NOT NULL AND NOT @extschema@.wa_valid_e164(phone)', k.attname, k.relation),
                                                  true, false, '')::text FROM '<n>([0-9]+)</n>')::bigint END AS bad
          -- a phone that is an expression has no column here
          FROM (SELECT DISTINCT w.relation, a.attname
                FROM @extschema@.whatsapp_watches AS w
                LEFT JOIN pg_class AS r ON r.oid = w.relation AND r.relkind IN ('r', 'p')
                LEFT JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = regexp_replace(w.phone, '^new\.', '') AND a.atttypid IN ('text'::regtype, 'varchar'::regtype)) AS k) AS c),
-- of each account, what was asked last
probes AS MATERIALIZED (
    SELECT p.*, coalesce(p.account, 'the default account') AS shown,
           CASE WHEN NOT p.token_valid OR p.token_expires_at <= clock_timestamp() THEN 'failed'
                WHEN NOT p.token_scopes @> ARRAY['whatsapp_business_messaging'] THEN 'failed'
                WHEN NOT p.token_permanent OR NOT p.token_scopes @> ARRAY['whatsapp_business_management'] OR p.data_access_expires_at <= clock_timestamp() THEN 'warning'
                WHEN p.token_valid IS NOT NULL THEN 'ok' END AS token_state
    FROM @extschema@.whatsapp_probes AS p),
token AS MATERIALIZED (
    SELECT (SELECT string_agg(format('%s: %s', p.shown, concat_ws(', ', CASE WHEN NOT p.token_valid THEN 'not valid' END,
                              CASE WHEN p.token_expires_at <= clock_timestamp() THEN format('ended at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_expires_at IS NOT NULL THEN format('ends at %s', to_char(p.token_expires_at, 'YYYY-MM-DD HH24:MI'))
                                   WHEN p.token_permanent THEN 'never ends' END,
                              'may ' || nullif(array_to_string(p.token_scopes, ' and '), ''), CASE WHEN p.token_scopes = '{}' THEN 'may nothing' END))
                              || format(' (%s ago)', date_trunc('minute', clock_timestamp() - p.probed_at)), '; ' ORDER BY p.account NULLS FIRST)
            FROM probes AS p WHERE p.token_state IS NOT NULL) AS seen,
           CASE WHEN bool_or(p.token_state = 'failed') THEN 'failed' WHEN bool_or(p.token_state = 'warning') THEN 'warning'
                WHEN bool_or(p.token_state = 'ok') THEN 'ok' END AS state,
           bool_or(p.token_valid AND NOT p.token_scopes @> ARRAY['whatsapp_business_messaging', 'whatsapp_business_management']) AS lacks_scope,
           string_agg(p.shown, ', ') FILTER (WHERE p.subscribed_apps = '[]') AS unheard,
           bool_and(p.subscribed_apps <> '[]') AS heard,
           (SELECT string_agg(DISTINCT a ->> 'callback', ', ') FROM probes AS k CROSS JOIN jsonb_array_elements(k.subscribed_apps) AS a WHERE a ->> 'callback' <> '') AS callbacks
    FROM probes AS p),
-- Meta's last word to a probe, where it was a refusal
refused AS MATERIALIZED (
    SELECT string_agg(format('%s: %s', coalesce(l.account, 'the default account'), concat_ws(' ', 'code ' || l.error_code, l.error_message)), '; ') AS seen,
           bool_or(l.error_code = 190) AS token_refused
    FROM (SELECT DISTINCT ON (r.account) r.account, r.state, r.error_code, r.error_message FROM @extschema@.whatsapp_requests AS r
          WHERE r.kind = 'probe' AND r.ended_at IS NOT NULL ORDER BY r.account, r.id DESC) AS l WHERE l.state = 'failed'),
scrape AS (SELECT to_timestamp(max(c.value)) AS at FROM counters AS c WHERE c.name = 'last_scrape' AND c.value > 0)
SELECT * FROM (
    SELECT 1, 'Meta Business Account verified',
           CASE WHEN b.accounts = 0 OR b.untold > 0 THEN 'manual' WHEN b.verified = b.accounts THEN 'ok' ELSE 'failed' END,
           CASE WHEN b.accounts = 0 THEN 'Meta was not asked yet.' ELSE 'As Meta told: ' || b.seen || '.' END,
           CASE WHEN b.accounts > 0 AND b.verified = b.accounts THEN '' ELSE 'CALL wa_probe(); asks Meta. Business Suite, Settings, Security Centre shows what is missing.' END
    FROM (SELECT count(*) AS accounts, count(*) FILTER (WHERE lower(a.verification_status COLLATE "C") = 'verified') AS verified,
                 count(*) FILTER (WHERE a.verification_status IS NULL) AS untold,
                 string_agg(format('%s is %s', coalesce(a.account, 'the default account'), coalesce(a.verification_status, 'unknown')), ', ' ORDER BY a.account NULLS FIRST) AS seen
          FROM @extschema@.whatsapp_business_accounts AS a) AS b
    UNION ALL
    SELECT 2, 'WhatsApp phone number registered',
           CASE WHEN s.phone_number_id IN (1, 2) AND NOT EXISTS (SELECT FROM senders AS o WHERE o.phone_number_id IS NOT NULL) THEN 'failed'
                WHEN n.others > 0 THEN 'failed' WHEN d.unregistered > 0 AND NOT coalesce(d.sent > 0, false) THEN 'failed'
                WHEN n.flagged > 0 THEN 'warning' WHEN d.sent > 0 OR n.connected > 0 THEN 'ok' ELSE 'manual' END,
           CASE WHEN n.connected + n.others > 0 THEN 'As Meta told: ' || n.seen || '.'
                WHEN d.sent > 0 THEN format('The platform has accepted %s messages, the last on %s.', d.sent, d.last_day)
                WHEN d.unregistered > 0 THEN format('%s messages failed with 133010: the number is not registered.', d.unregistered)
                ELSE format('The phone number id is %s; no message was sent yet.', (SELECT of[s.phone_number_id::int + 1] FROM words)) END,
           CASE WHEN n.others = 0 AND n.flagged > 0 THEN 'WhatsApp Manager, Phone numbers, shows why. Send less, and only what people expect; a name that was declined can be sent in again.'
                WHEN n.others = 0 AND (d.sent > 0 OR n.connected > 0) THEN ''
                ELSE 'Put Meta''s id of the number into the file phone_number_id, register it, and send yourself a message: SELECT wa_send_test(''+34…'').' END
    FROM secrets AS s, days AS d,
         (SELECT count(*) FILTER (WHERE t.status = 'CONNECTED') AS connected, count(*) FILTER (WHERE t.status IS DISTINCT FROM 'CONNECTED') AS others,
                 count(*) FILTER (WHERE t.quality = 'RED' OR t.name_status IN ('DECLINED', 'EXPIRED')) AS flagged,
                 string_agg(format('%s is %s%s', coalesce(t.display_number, t.phone_number_id), coalesce(t.status, 'unknown'),
                                   concat(', quality ' || t.quality, ', name ' || nullif(concat_ws(' ', t.display_name, t.name_status), ''))), '; ' ORDER BY t.phone_number_id) AS seen
          FROM @extschema@.whatsapp_numbers AS t
          WHERE t.gone_at IS NULL AND EXISTS (SELECT FROM senders AS o WHERE o.phone_number_id = t.phone_number_id OR (o.name = 'default' AND t.account IS NULL))) AS n
    UNION ALL
    SELECT 3, 'Access token is permanent',
           CASE WHEN s.access_token IN (1, 2) OR p.reason IS NOT NULL OR f.token_refused OR t.state = 'failed' THEN 'failed'
                WHEN s.access_token = 3 OR t.state = 'warning' OR f.seen IS NOT NULL THEN 'warning' ELSE coalesce(t.state, 'manual') END,
           concat_ws(' ', coalesce('Sender pauses: ' || p.reason, 'Meta refused to tell of ' || f.seen, 'As Meta told of ' || t.seen || '.',
                                   format('The access token is %s; when it ends only Meta tells.', (SELECT of[s.access_token::int + 1] FROM words))),
                     CASE WHEN s.access_token = 3 THEN 'It is short or a well-known example.' END),
           CASE WHEN p.reason IS NULL AND f.seen IS NULL AND t.state = 'ok' AND s.access_token NOT IN (1, 2, 3) THEN ''
                WHEN t.lacks_scope THEN 'Make a token that may whatsapp_business_messaging and whatsapp_business_management.'
                WHEN p.reason IS NULL AND f.seen IS NULL AND t.state = 'ok' AND s.access_token = 3 THEN 'Put in a token that Meta has made.'
                WHEN t.state IS NULL AND f.seen IS NULL THEN 'CALL wa_probe(); asks Meta. Use a system user''s token without an end.'
                ELSE 'Use a system user''s token without an end: Meta''s Access Token Debugger shows "Expires: Never". Then CALL wa_probe();' END
    FROM secrets AS s, token AS t, refused AS f, (SELECT max(o.paused_reason) AS reason FROM senders AS o WHERE o.paused_reason ~* 'token|session') AS p
    UNION ALL
    SELECT 4, 'Template approved (status = APPROVED)',
           CASE WHEN t.approved AND NOT t.others THEN 'ok' WHEN t.approved THEN 'warning' WHEN t.name IS NOT NULL THEN 'failed'
                WHEN p.sent > 0 THEN 'ok' WHEN p.failed > 0 THEN 'failed' ELSE 'manual' END,
           CASE WHEN t.name IS NOT NULL THEN 'po_notification: ' || t.seen
                WHEN p.sent > 0 THEN format('The platform has accepted %s messages with po_notification.', p.sent)
                WHEN p.failed > 0 THEN format('%s messages failed with 132001: Meta knows no such template in that language.', p.failed)
                ELSE 'Nothing is known of po_notification yet.' END,
           CASE WHEN t.approved AND NOT t.others OR t.name IS NULL AND p.sent > 0 THEN ''
                ELSE 'WhatsApp Manager shows its status; name and language must be exactly po_notification and es.' END
    FROM (SELECT 1) AS one LEFT JOIN templates AS t ON true,
         (SELECT sum(d.sent) AS sent, sum(d.failed) FILTER (WHERE d.error_code = 132001) AS failed FROM @extschema@.whatsapp_day_counts AS d
          WHERE NOT d.deleted AND d.template_name = 'po_notification') AS p
    UNION ALL
    SELECT 5, 'Webhook configured and verified',
           CASE WHEN s.app_secret IN (1, 2) OR s.verify_token IN (1, 2) THEN 'failed'
                WHEN pg_is_in_recovery() THEN 'ok'
                WHEN NOT l.listening AND l.last_delivery IS NULL OR t.unheard IS NOT NULL THEN 'failed'
                WHEN s.app_secret = 3 OR s.verify_token = 3 OR l.bad_token > 0 OR l.last_delivery IS NULL THEN 'warning' ELSE 'ok' END,
           format('Listening: %s. App secret: %s. Verify token: %s. Last delivery: %s.%s%s%s%s', CASE WHEN l.listening THEN current_setting('whatsapp.listen') ELSE 'no' END,
                  w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1], coalesce(to_char(l.last_delivery, 'YYYY-MM-DD HH24:MI:SS'), 'none since the start'),
                  CASE WHEN l.bad_token > 0 THEN format(' %s requests had a wrong verify token.', l.bad_token) END,
                  CASE WHEN l.bad_signature > 0 THEN format(' %s requests had a wrong signature.', l.bad_signature) END,
                  CASE WHEN t.unheard IS NOT NULL THEN format(' No app hears the webhooks of %s.', t.unheard) WHEN t.heard THEN ' As Meta told, an app hears them.' END,
                  CASE WHEN pg_is_in_recovery() THEN ' This is a standby: webhooks are not taken here until it is promoted.' ELSE ' They go to ' || t.callbacks || '.' END),
           CASE WHEN pg_is_in_recovery() AND 1 NOT IN (s.app_secret, s.verify_token) AND 2 NOT IN (s.app_secret, s.verify_token) THEN ''
                WHEN t.unheard IS NOT NULL THEN 'Subscribe the app to the account: POST /{business account id}/subscribed_apps. Then CALL wa_probe();'
                WHEN s.verify_token = 3 OR s.app_secret = 3 THEN 'A secret is short or a well-known example: take openssl rand -hex 32 as the verify token, and Meta''s own app secret.'
                WHEN NOT l.listening THEN 'Set whatsapp.listen, and the callback URL at Meta.'
                WHEN l.last_delivery IS NULL THEN 'Press "Test" beside the webhook field messages at Meta, and subscribe the app to the account.' ELSE '' END
    FROM secrets AS s, listener AS l, words AS w, token AS t
    UNION ALL
    SELECT 6, 'Environment variables set in production',
           CASE WHEN current_setting('whatsapp.enabled') <> 'on' OR 1 IN (s.access_token, s.app_secret, s.verify_token) OR 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id)
                THEN 'failed' WHEN 0 IN (s.access_token, s.verify_token) OR 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'warning' ELSE 'ok' END,
           format('whatsapp.enabled: %s. Access token: %s. Phone number id: %s. App secret: %s. Verify token: %s.', current_setting('whatsapp.enabled'),
                  w.of[s.access_token::int + 1], w.of[s.phone_number_id::int + 1], w.of[s.app_secret::int + 1], w.of[s.verify_token::int + 1]),
           CASE WHEN 2 IN (s.access_token, s.app_secret, s.verify_token, s.phone_number_id) THEN 'The server''s log says why a file is refused: its owner, its rights or its text.'
                WHEN 1 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Put what is missing into a file of whatsapp.secret_dir, or into the server''s environment and restart.'
                WHEN current_setting('whatsapp.enabled') <> 'on' THEN 'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
                WHEN 3 IN (s.access_token, s.app_secret, s.verify_token) THEN 'Replace the secret that is weak.' ELSE '' END
    FROM secrets AS s, words AS w
    UNION ALL
    SELECT 7, 'Database migration completed',
           CASE WHEN e.extversion <> @extschema@.wa_version() OR current_setting('server_encoding') <> 'UTF8' THEN 'failed' WHEN pg_is_in_recovery() THEN 'ok' WHEN w.alive = 0 THEN 'failed' WHEN w.alive < 4 THEN 'warning' ELSE 'ok' END,
           format('Extension %s, library %s.%s %s', e.extversion, @extschema@.wa_version(),
                  CASE WHEN current_setting('server_encoding') <> 'UTF8' THEN format(' The encoding of the database is %s: it cannot send.', current_setting('server_encoding')) END,
                  CASE WHEN pg_is_in_recovery() THEN 'This is a standby: no worker runs until it is promoted.'
                       ELSE coalesce('Workers that do not run here: ' || w.missing || '.', 'All workers run.') END),
           CASE WHEN e.extversion <> @extschema@.wa_version() AND pg_is_in_recovery() THEN 'ALTER EXTENSION pg_whatsapp UPDATE; on the primary, or restart the server, if the extension is the newer one.'
                WHEN e.extversion <> @extschema@.wa_version() THEN 'ALTER EXTENSION pg_whatsapp UPDATE; or restart the server, if the extension is the newer one.'
                WHEN current_setting('server_encoding') <> 'UTF8' THEN 'Make a database WITH ENCODING ''UTF8'', and the extension in it.'
                WHEN pg_is_in_recovery() THEN ''
                WHEN w.alive < 4 THEN 'Check shared_preload_libraries, whatsapp.databases and max_worker_processes, and the server''s log.' ELSE '' END
    FROM pg_extension AS e, workers AS w WHERE e.extname = 'pg_whatsapp'
    UNION ALL
    SELECT 8, 'Test message sent successfully',
           CASE WHEN d.sent > 0 THEN 'ok' WHEN l.status = 'FAILED' THEN 'failed' ELSE 'warning' END,
           concat_ws(' ', CASE WHEN d.sent > 0 THEN format('The platform has accepted %s messages.', d.sent) END,
                     CASE WHEN l.id IS NULL THEN 'There is no message yet.' ELSE format('The last message, %s, is %s.%s', l.id, l.status, ' ' || l.error_message) END),
           CASE WHEN d.sent > 0 THEN '' WHEN l.id IS NULL THEN 'SELECT wa_send_test(''+34…'') with your own phone.'
                ELSE coalesce(l.hint, format('SELECT * FROM wa_diagnose(%s);', l.id)) END
    FROM days AS d LEFT JOIN latest AS l ON true
    UNION ALL
    SELECT 9, 'Webhook events received',
           CASE WHEN d.delivered > 0 THEN 'ok' WHEN e.at IS NOT NULL THEN 'warning' WHEN d.sent > 0 THEN 'failed' ELSE 'warning' END,
           format('Last event: %s. Messages told as delivered: %s of %s.', coalesce(to_char(e.at, 'YYYY-MM-DD HH24:MI:SS'), 'none'), coalesce(d.delivered, 0), coalesce(d.sent, 0)),
           CASE WHEN d.delivered > 0 THEN '' WHEN d.sent > 0 THEN 'SELECT * FROM wa_diagnose();' ELSE 'Send a test message, and open it on the phone.' END
    FROM event AS e, days AS d
    UNION ALL
    SELECT 10, 'Supplier phone numbers formatted correctly',
           CASE WHEN p.bad > 0 THEN 'failed' WHEN p.tables > 0 AND p.others IS NULL THEN 'ok' ELSE 'manual' END,
           concat_ws(' ', CASE WHEN p.bad > 0 THEN 'Numbers that are not in E.164 format: ' || p.seen || '.'
                               WHEN p.tables > 0 THEN format('Every number of the %s watched columns is in E.164 format.', p.tables)
                               WHEN p.others IS NULL THEN 'No table is watched.' END,
                     'Not looked at, since their phone number is no text column of the watched table: watches of ' || p.others || '.'),
           CASE WHEN p.bad > 0 THEN p.to_do WHEN p.tables > 0 AND p.others IS NULL THEN ''
                ELSE 'SELECT * FROM wa_check_phones(''suppliers'', ''phone''); looks through a table that has phone numbers.' END
    FROM phones AS p
    UNION ALL
    SELECT 11, 'Monitoring configured',
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN 'ok' WHEN c.at IS NOT NULL OR current_setting('whatsapp.metrics_listen') <> '' THEN 'warning' ELSE 'failed' END,
           format('whatsapp.metrics_listen: %s. Last scrape: %s.', coalesce(nullif(current_setting('whatsapp.metrics_listen'), ''), 'not set'),
                  coalesce(to_char(c.at, 'YYYY-MM-DD HH24:MI:SS'), 'none')),
           CASE WHEN c.at > clock_timestamp() - interval '5 minutes' THEN '' ELSE 'Set whatsapp.metrics_listen and let Prometheus scrape it: deploy/prometheus.' END
    FROM scrape AS c
    UNION ALL
    SELECT 12, 'Team trained on template management', 'manual', 'No query can tell.', 'A changed text needs a new approval; name, language and number of parameters must stay.'
) AS lines (place, line, state, seen, to_do)
ORDER BY 1
$$;

CREATE FUNCTION wa_diagnose() RETURNS TABLE (severity text, problem text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
WITH counters AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_counters()),
queue AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_queue),
waiting AS MATERIALIZED (SELECT q.sender, sum(q.messages) AS messages, sum(q.messages) FILTER (WHERE q.state = 'unknown') AS unknown,
                                max(q.oldest_age) FILTER (WHERE q.state = 'ready') AS age FROM queue AS q GROUP BY q.sender),
senders AS MATERIALIZED (SELECT s.*, coalesce(w.messages, 0) AS waiting FROM @extschema@.whatsapp_senders AS s LEFT JOIN waiting AS w ON w.sender = s.name),
listener AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_stat_listener),
workers AS MATERIALIZED (SELECT string_agg(w.worker, ', ' ORDER BY w.worker) AS missing, count(*) AS count FROM @extschema@.whatsapp_stat_workers AS w WHERE NOT w.alive),
-- the last messages only: the table may be long
latest AS MATERIALIZED (SELECT m.id, m.status, m.sent_at, m.delivered_at, m.error_code, m.error_message, m.hint, m.failed_at
                        FROM @extschema@.whatsapp_messages AS m ORDER BY m.id DESC LIMIT 2000),
-- and the last of those that may be expected to have a status: on a busy day they are not among the former
answered AS MATERIALIZED (
    SELECT l.id, l.status, l.sent_at, l.delivered_at FROM latest AS l
    UNION
    SELECT o.* FROM (SELECT m.id, m.status, m.sent_at, m.delivered_at FROM @extschema@.whatsapp_messages AS m
                     WHERE m.created_at BETWEEN now() - interval '2 days' AND now() - interval '10 minutes' ORDER BY m.created_at DESC LIMIT 500) AS o),
-- a status and a queue that somebody's statement has made differ: of the last messages, and of those that have waited longest
undone AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE l.status = 'CANCELLED' AND q.state IN ('ready', 'held')) AS cancelled,
           max(l.id) FILTER (WHERE l.status = 'CANCELLED' AND q.state IN ('ready', 'held')) AS last_cancelled,
           count(*) FILTER (WHERE l.status = 'PENDING' AND q.message_id IS NULL) AS lost, max(l.id) FILTER (WHERE l.status = 'PENDING' AND q.message_id IS NULL) AS last_lost
    FROM (SELECT k.id, k.status FROM latest AS k
          UNION
          SELECT m.id, m.status FROM (SELECT o.message_id FROM @extschema@.whatsapp_queue AS o ORDER BY o.message_id LIMIT 2000) AS w
          JOIN @extschema@.whatsapp_messages AS m ON m.id = w.message_id) AS l
    LEFT JOIN @extschema@.whatsapp_queue AS q ON q.message_id = l.id WHERE l.status IN ('CANCELLED', 'PENDING')),
silence AS (SELECT count(*) AS messages, min(l.sent_at) AS first_sent
            FROM answered AS l WHERE l.status = 'SENT' AND l.sent_at < clock_timestamp() - interval '10 minutes'
            AND l.sent_at > clock_timestamp() - interval '2 days'
            AND l.sent_at > coalesce((SELECT max(k.sent_at) FROM answered AS k WHERE k.delivered_at IS NOT NULL), '-infinity')),
-- the function looks through the whole queue: of a long one the workers have told whether there is anything to find
hold AS MATERIALIZED (
    SELECT CASE WHEN (SELECT coalesce(sum(q.messages), 0) FROM queue AS q) <= 10000 OR coalesce((SELECT max(c.value) FROM counters AS c WHERE c.name = 'held'), 1) = 1
                  OR EXISTS (SELECT FROM queue AS q WHERE q.state = 'held') OR EXISTS (SELECT FROM @extschema@.whatsapp_watch_items AS i WHERE i.held)
                THEN @extschema@.whatsapp_hold_reason() END AS reason),
-- each look at it counts in the queue what it holds
budgets AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_budgets),
found (rank, problem, seen, to_do) AS (
    SELECT 1, 'The workers do not run',
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'The library pg_whatsapp is not in shared_preload_libraries.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN format('Database %I is not in whatsapp.databases.', current_database())
                ELSE format('No sign of life for 15 seconds: %s.', w.missing) END,
           CASE WHEN current_setting('shared_preload_libraries') !~ 'pg_whatsapp' THEN 'Add it to shared_preload_libraries and restart the server.'
                WHEN NOT current_database() = ANY (regexp_split_to_array(replace(current_setting('whatsapp.databases'), '"', ''), '\s*,\s*'))
                THEN 'Add it to whatsapp.databases and restart the server.'
                ELSE 'The server''s log says why; perhaps increase max_worker_processes.' END
    FROM workers AS w WHERE w.count > 0 AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'This server is a standby', 'No worker runs here: nothing is sent, and no webhook is taken, until it is promoted.', 'Ask wa_diagnose() of the primary. See docs/operating.md, Failover.'
    WHERE pg_is_in_recovery()
    UNION ALL
    SELECT 1, 'This database cannot send', format('Its encoding is %s, and must be UTF8.', current_setting('server_encoding')), 'Make a database WITH ENCODING ''UTF8'', and the extension in it.'
    WHERE current_setting('server_encoding') <> 'UTF8'
    UNION ALL
    SELECT 1, 'Sending is switched off', format('whatsapp.enabled is off, and %s messages wait.', (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)),
           'ALTER SYSTEM SET whatsapp.enabled = on; SELECT pg_reload_conf();'
    WHERE current_setting('whatsapp.enabled') <> 'on'
    UNION ALL
    SELECT 1, 'Messages are held', format('%s; %s messages wait.', h.reason, (SELECT coalesce(sum(q.messages), 0) FROM queue AS q)), 'Look at whatsapp_held, then call wa_release().'
    FROM hold AS h WHERE h.reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN s.waiting > 0 THEN 1 ELSE 3 END, 'A sender is switched off', format('Sender %s is disabled, and %s of its messages wait.', s.name, s.waiting),
           format('UPDATE whatsapp_senders SET enabled = true WHERE name = %L;', s.name)
    FROM senders AS s WHERE NOT s.enabled
    UNION ALL
    SELECT 1, CASE WHEN s.paused_reason ~* 'token|session' THEN 'Access token expired or refused' ELSE 'A sender pauses' END,
           format('Sender %s pauses until %s: %s. %s messages wait.', s.name, to_char(s.paused_until, 'HH24:MI:SS'), rtrim(s.paused_reason, '.'), s.waiting),
           concat_ws(' ', s.paused_hint, format('Then SELECT wa_resume(%L);', s.name))
    FROM senders AS s WHERE s.paused_reason IS NOT NULL
    UNION ALL
    SELECT CASE WHEN c.label IN ('app_secret', 'verify_token') OR c.value = 3 THEN 2 ELSE 1 END,
           CASE c.value WHEN 1 THEN 'A credential is missing' WHEN 2 THEN 'A credential is refused' ELSE 'A secret is weak' END,
           format(CASE c.value WHEN 1 THEN '%s is neither a file of whatsapp.secret_dir nor in the server''s environment.'
                               WHEN 2 THEN 'The file %s cannot be used: its owner, its rights or its text.'
                               ELSE '%s is short or a well-known example: anybody could guess it.' END, c.label),
           CASE c.value WHEN 1 THEN 'See docs/setup.md, Credentials.' WHEN 2 THEN 'The server''s log says what is wrong with it.'
                        ELSE CASE c.label WHEN 'verify_token' THEN 'Replace it here and at Meta: openssl rand -hex 32 makes one.'
                                          WHEN 'app_secret' THEN 'Put in the app''s own: Meta''s dashboard of the app, App settings, Basic.'
                                          ELSE 'Put in a token that Meta has made.' END END
    FROM counters AS c WHERE c.name = 'secret' AND c.value IN (1, 2, 3) AND (c.label <> 'phone_number_id' OR c.value > 1)
    UNION ALL
    SELECT 1, 'No webhook events',
           format('%s messages are SENT for %s minutes without any status: the webhook does not reach us.',
                  CASE WHEN s.messages < 500 THEN s.messages::text
                       ELSE concat('About ', greatest(s.messages, (SELECT sum(d.sent - d.delivered - d.failed_sent) FROM @extschema@.whatsapp_day_counts AS d
                                                                   WHERE NOT d.deleted AND d.day >= (s.first_sent AT TIME ZONE 'UTC')::date))) END,
                  (extract(epoch FROM clock_timestamp() - s.first_sent) / 60)::integer),
           CASE WHEN l.bad_signature > 0 THEN format('%s requests had a wrong signature: the app secret differs from Meta''s.', l.bad_signature)
                WHEN NOT l.listening THEN 'whatsapp.listen has no address, or it could not be bound: see the log.'
                ELSE 'Is the URL reachable from outside, and the account subscribed to the app? The proxy''s log shows whether Meta comes.' END
    FROM silence AS s, listener AS l WHERE s.messages > 0 AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 3, 'No webhook has come yet',
           format('%s messages are SENT for more than a minute, and none has come since %s.', k.messages, to_char(l.since, 'YYYY-MM-DD HH24:MI')),
           'Is the URL reachable from outside, and the account subscribed to the app? CALL wa_probe(); and line 5 of wa_preflight() tell.'
    FROM listener AS l, (SELECT count(*) AS messages FROM answered AS a
                         WHERE a.status = 'SENT' AND a.sent_at BETWEEN clock_timestamp() - interval '2 days' AND clock_timestamp() - interval '1 minute') AS k
    WHERE l.listening AND l.last_delivery IS NULL AND k.messages > 0 AND NOT EXISTS (SELECT FROM silence AS s WHERE s.messages > 0)
    UNION ALL
    SELECT 2, 'Webhooks have nobody to go to', format('No app is subscribed to %s, as Meta told %s ago.', coalesce(p.account, 'the default account'), date_trunc('minute', clock_timestamp() - p.probed_at)),
           'POST /{business account id}/subscribed_apps, see docs/setup.md, The webhook. Then CALL wa_probe();'
    FROM @extschema@.whatsapp_probes AS p WHERE p.subscribed_apps = '[]'
    UNION ALL
    SELECT CASE WHEN e.at <= clock_timestamp() THEN 1 ELSE 2 END, CASE WHEN e.at <= clock_timestamp() THEN 'The access token has ended' ELSE 'The access token ends soon' END,
           format('That of %s at %s, as Meta told %s ago.', coalesce(p.account, 'the default account'), to_char(e.at, 'YYYY-MM-DD HH24:MI'), date_trunc('minute', clock_timestamp() - p.probed_at)),
           'Put a system user''s token without an end into access_token: docs/operating.md, Rotate the token. Then CALL wa_probe();'
    FROM @extschema@.whatsapp_probes AS p CROSS JOIN LATERAL (SELECT least(p.token_expires_at, p.data_access_expires_at) AS at) AS e
    WHERE e.at < clock_timestamp() + interval '14 days'
    UNION ALL
    SELECT 2, 'Webhook verification failed', format('%s requests had a wrong verify token since %s.', l.bad_token, to_char(l.since, 'YYYY-MM-DD HH24:MI')),
           'WHATSAPP_WEBHOOK_VERIFY_TOKEN or the file verify_token must be what Meta''s configuration says.'
    FROM listener AS l WHERE l.bad_token > 0
    UNION ALL
    SELECT CASE WHEN l.stored > 0 THEN 3 ELSE 2 END, 'Webhooks with a wrong signature', format('%s since %s; %s were right.', l.bad_signature, to_char(l.since, 'YYYY-MM-DD HH24:MI'), l.stored),
           'If they are Meta''s, WHATSAPP_APP_SECRET or the file app_secret differs from the app''s.'
    FROM listener AS l WHERE l.bad_signature > 0
    UNION ALL
    SELECT 2, 'Webhooks that the database would not take', format('%s since %s.', l.deferred, to_char(l.since, 'YYYY-MM-DD HH24:MI')), 'The log says why; Meta repeats them for seven days.'
    FROM listener AS l WHERE l.deferred > 0
    UNION ALL
    SELECT 3, 'No address takes webhooks', 'whatsapp.listen is empty, or its address could not be bound.', 'Set whatsapp.listen; or leave deliveries by wa_webhook_receive().'
    FROM listener AS l WHERE NOT l.listening AND l.last_delivery IS NULL AND NOT pg_is_in_recovery()
    UNION ALL
    SELECT 2, CASE WHEN e.error_code = 132001 THEN 'Template not found' ELSE 'Messages failed' END,
           format('%s messages of sender %s failed with %s: %s', e.failed, e.sender, e.error_code, e.meaning), e.hint
    FROM @extschema@.whatsapp_stat_errors AS e WHERE e.day >= (now() AT TIME ZONE 'UTC')::date - 1 AND e.error_code IS NOT NULL
    UNION ALL
    SELECT 2, CASE WHEN f.reason ~ '^template "[^"]*" does not exist' THEN 'Template not found' WHEN f.reason ~ 'E[.]164|phone' THEN 'Message failed: phone format' ELSE 'Messages failed' END,
           format('%s of the last messages: %s', f.messages, f.reason),
           concat_ws(' ', f.hint, format('The last one is %s: SELECT * FROM wa_diagnose(%s); whatsapp_latest lists them.', f.last, f.last))
    FROM (SELECT split_part(l.error_message, ':', 1) AS reason, max(l.hint) AS hint, count(*) AS messages, max(l.id) AS last FROM latest AS l
          WHERE l.status = 'FAILED' AND l.error_code IS NULL AND l.failed_at > clock_timestamp() - interval '1 day' GROUP BY 1) AS f
    UNION ALL
    SELECT 2, 'Messages whose answer was lost', format('%s of sender %s.', w.unknown, w.sender), 'Webhooks or whatsapp.unknown_policy settle them.'
    FROM waiting AS w WHERE w.unknown > 0
    UNION ALL
    SELECT 2, 'Messages wait too long', format('The oldest message of sender %s has been due for %s; %s wait.', w.sender, date_trunc('second', w.age), w.messages),
           'SELECT * FROM whatsapp_attempts ORDER BY id DESC LIMIT 5; and wa_diagnose(id) of one of them.'
    FROM waiting AS w LEFT JOIN senders AS s ON s.name = w.sender
    WHERE w.age > interval '5 minutes' AND current_setting('whatsapp.enabled') = 'on' AND coalesce(s.enabled, true) AND s.paused_reason IS NULL
      AND NOT EXISTS (SELECT FROM hold AS h WHERE h.reason IS NOT NULL)
    UNION ALL
    SELECT 2, 'CANCELLED messages are sent all the same', format('%s are still in the queue, the last one is %s: somebody changed their status by hand.', u.cancelled, u.last_cancelled),
           format('SELECT wa_cancel(%s); takes it out of the queue, which an UPDATE does not. For all of them: docs/troubleshooting.md, It stays PENDING.', u.last_cancelled)
    FROM undone AS u WHERE u.cancelled > 0
    UNION ALL
    SELECT 2, 'PENDING messages are in no queue', format('%s of the last messages, the last one is %s: somebody has removed their rows from whatsapp_queue.', u.lost, u.last_lost),
           format('SELECT wa_retry(%s); puts it back. For all of them: docs/troubleshooting.md, It stays PENDING.', u.last_lost)
    FROM undone AS u WHERE u.lost > 0
    UNION ALL
    SELECT 2, 'Messages of a sender that is not there', format('%s messages wait for sender %s, which has no row in whatsapp_senders.', w.messages, w.sender), 'Insert it, or cancel them.'
    FROM waiting AS w WHERE NOT EXISTS (SELECT FROM senders AS s WHERE s.name = w.sender) AND w.sender <> 'default'
    UNION ALL
    SELECT 2, 'A watch could not announce rows', format('Watch %s of table %s: %s rows, the last at %s: %s', t.name, t.relation, t.errors, to_char(t.last_error_at, 'YYYY-MM-DD HH24:MI'), t.last_error),
           'SELECT * FROM wa_watch_test(table, key) shows what it would send; see whatsapp_watches.'
    FROM @extschema@.whatsapp_watches AS t WHERE t.errors > 0 AND t.last_error_at > clock_timestamp() - interval '1 day'
    UNION ALL
    SELECT 2, 'A table has lost its watch', format('Table %s: nothing is announced, since whatsapp_watch_definitions has no watch of its triggers (%s).', l.relation::regclass, l.triggers),
           format('SELECT wa_unwatch(%L); removes them; make its watches again by wa_watch().', l.relation::regclass)
    FROM (SELECT coalesce(pg_partition_root(t.tgrelid), t.tgrelid) AS relation, string_agg(DISTINCT t.tgname::text COLLATE "C", ', ' ORDER BY t.tgname::text COLLATE "C") AS triggers
          FROM pg_trigger AS t
          WHERE t.tgfoid = '@extschema@.whatsapp_notify()'::regprocedure AND NOT t.tgisinternal AND t.tgparentid = 0 AND NOT EXISTS (
              SELECT FROM @extschema@.whatsapp_watch_definitions AS d
              WHERE t.tgargs = convert_to(d.key, getdatabaseencoding()) || decode('00', 'hex')
                AND (d.relation = t.tgrelid OR d.relation IN (SELECT p.relid FROM pg_partition_ancestors(t.tgrelid) AS p)
                     OR NOT EXISTS (SELECT FROM pg_trigger AS o WHERE o.tgfoid = t.tgfoid AND o.tgrelid = d.relation AND o.tgargs = t.tgargs)))
          GROUP BY 1) AS l
    UNION ALL
    SELECT 2, 'A callback fails', format('Callback %s: %s errors, the last at %s with SQLSTATE %s.', k.name, k.errors, to_char(k.failed_at, 'YYYY-MM-DD HH24:MI'), k.error_code),
           format('SELECT * FROM whatsapp_callbacks; tells the error. Its calls wait; SELECT wa_callback_resume(%L); makes them at once.', k.name)
    FROM @extschema@.whatsapp_callback_definitions AS k WHERE k.failures > 0
    UNION ALL
    SELECT 2, 'Events that could not be acted upon', format('%s with SQLSTATE %s.', e.events, e.error_code),
           'SELECT * FROM whatsapp_event_queue WHERE error_code IS NOT NULL; tells the error, mostly one of a trigger of yours. They are tried again.'
    FROM (SELECT w.error_code, count(*) AS events FROM (SELECT q.error_code FROM @extschema@.whatsapp_event_queue AS q ORDER BY q.due_at, q.event_id LIMIT 2000) AS w
          WHERE w.error_code IS NOT NULL GROUP BY w.error_code) AS e
    UNION ALL
    -- of each account, what it was last asked for
    SELECT 3, 'Meta refused what it was asked', format('Request %s, %s of %s: %s', r.id, r.kind, coalesce(r.account, 'the default account'), concat_ws(' ', r.error_code, r.error_message)),
           coalesce(r.hint, 'See whatsapp_requests.')
    FROM unnest(ARRAY['sync_templates', 'sync_numbers', 'sync_costs', 'probe']) AS k (kind)
    CROSS JOIN LATERAL (SELECT DISTINCT ON (t.account) t.* FROM @extschema@.whatsapp_requests AS t
                        WHERE t.kind = k.kind AND t.created_at > now() - interval '2 days' AND t.ended_at IS NOT NULL ORDER BY t.account, t.id DESC) AS r
    WHERE r.state = 'failed'
    UNION ALL
    SELECT 2, 'A campaign has stopped', format('Campaign %s: %s.', p.campaign_id, p.reason), p.hint
    FROM @extschema@.whatsapp_campaign_pauses AS p WHERE p.cause IN ('budget', 'failures', 'quality', 'template')
    UNION ALL
    SELECT CASE WHEN b.held > 0 THEN 1 ELSE 2 END, CASE WHEN b.held > 0 THEN 'A budget holds messages' ELSE 'A budget is nearly used up' END,
           format('Budget %s: %s messages wait, %s of %s %s of the %s are spent or reserved.', b.name, b.held, trim_scale(b.spent + b.reserved), trim_scale(b.amount), b.currency, b.period),
           format('SELECT wa_budget_set(%L, …) raises the amount; else they go on at %s. Urgent messages are sent.', b.name, to_char(b.ends_at, 'YYYY-MM-DD HH24:MI'))
    FROM budgets AS b WHERE b.held > 0 OR b.share >= 0.8
    UNION ALL
    SELECT 3, 'A budget counts messages without a price', format('Budget %s: %s of %s messages.', b.name, b.unpriced, b.messages), 'whatsapp_costs says why; see docs/prices.md, Reasons.'
    FROM budgets AS b WHERE b.unpriced > 0
    UNION ALL
    -- ours have comments
    SELECT 2, 'A dump cannot be restored', format('Columns that are not the extension''s: %s.', string_agg(format('%s.%s', c.relname, a.attname), ', ' ORDER BY c.relname, a.attnum)),
           'pg_restore leaves out all rows of such a table. Keep your data in a table of your own, with the message''s id.'
    FROM pg_extension AS x
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'r'
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_description AS k ON k.objoid = c.oid AND k.classoid = 'pg_class'::regclass AND k.objsubid = a.attnum
    WHERE x.extname = 'pg_whatsapp' AND k.description IS NULL HAVING count(*) > 0
    UNION ALL
    SELECT 2, 'Meta has made a template marketing', format('%s in %s was %s, and is MARKETING since %s%s.', r.name, r.language, r.wanted, r.since, nullif('; messages that wait: ' || r.held, '; messages that wait: 0')),
           format('It costs more, and its recipients must have agreed to marketing. SELECT wa_accept_category(%L, %L%s) agrees; or write the template anew.', r.name, r.language, ', ' || quote_literal(r.account))
    FROM @extschema@.whatsapp_recategorised_templates AS r
    UNION ALL
    SELECT CASE h.health ->> 'can_send_message' WHEN 'BLOCKED' THEN 1 ELSE 2 END, 'Meta says that it cannot send all',
           format('%s is %s%s.', h.name, h.health ->> 'can_send_message', ': ' || (
               SELECT string_agg(concat_ws(' ', e.part ->> 'entity_type', e.part ->> 'can_send_message', (
                          SELECT string_agg(w.what #>> '{}', ' ')
                          FROM (SELECT jsonb_path_query(e.part, '$.additional_info[*]') UNION ALL SELECT jsonb_path_query(e.part, '$.errors[*].error_description')) AS w (what))), '; ')
               FROM jsonb_path_query(h.health, '$.entities[*] ? (@.can_send_message != "AVAILABLE")') AS e (part))),
           coalesce((SELECT string_agg(w.what #>> '{}', ' ') FROM jsonb_path_query(h.health, '$.entities[*].errors[*].possible_solution') AS w (what)), 'See WhatsApp Manager.')
           || format(' As of %s: CALL wa_sync_numbers() reads it again.', to_char(h.synced_at, 'YYYY-MM-DD HH24:MI'))
    FROM (SELECT 'Number ' || coalesce(n.display_number, n.phone_number_id) AS name, n.health, n.synced_at FROM @extschema@.whatsapp_numbers AS n WHERE n.gone_at IS NULL
          UNION ALL SELECT 'Account ' || coalesce(a.account, a.business_account_id), a.health, a.synced_at FROM @extschema@.whatsapp_business_accounts AS a) AS h
    WHERE h.health ->> 'can_send_message' IN ('LIMITED', 'BLOCKED')
    UNION ALL
    SELECT 2, 'Meta has flagged the number', format('Quality of sender %s is RED.', s.name), 'See it in WhatsApp Manager; send less, and only what people expect.'
    FROM senders AS s WHERE s.quality = 'RED'
    UNION ALL
    SELECT CASE WHEN t.status IN ('PAUSED', 'DISABLED', 'REJECTED') THEN 2 ELSE 3 END, 'A template is not approved', format('%s in %s is %s%s.', t.name, t.language, t.status, ': ' || t.rejected_reason),
           'WhatsApp Manager shows why. Messages by it are refused until it is approved.'
    FROM @extschema@.whatsapp_templates AS t WHERE t.status IS NOT NULL AND t.status <> 'APPROVED')
SELECT w.word, f.problem, f.seen, f.to_do
FROM (SELECT rank, problem, seen, to_do FROM found
      UNION ALL SELECT 4, 'Nothing is wrong', 'Every row of the troubleshooting table was looked at.', '' WHERE NOT EXISTS (SELECT FROM found)) AS f
JOIN (VALUES (1, 'critical'), (2, 'warning'), (3, 'notice'), (4, 'ok')) AS w (rank, word) USING (rank)
ORDER BY f.rank, f.problem, f.seen
$$;

CREATE FUNCTION whatsapp_message_life(id bigint) RETURNS TABLE (at timestamptz, event text, detail text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH m AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_messages AS t WHERE t.id = $1),
q AS MATERIALIZED (SELECT * FROM @extschema@.whatsapp_queue AS t WHERE t.message_id = $1),
life (at, place, event, detail) AS (
    SELECT m.created_at, 1, 'enqueued', format('by %s: %s to %s from sender %s%s%s', m.enqueued_by, concat_ws(' ', m.message_type, m.template_name, m.template_language),
           coalesce(CASE WHEN length(m.recipient_phone) > 8 THEN left(m.recipient_phone, 3) || '…' || right(m.recipient_phone, 3) WHEN m.recipient_phone <> '' THEN '…' END, 'nobody'), m.sender,
           ', reference ' || m.reference, CASE m.priority WHEN 0 THEN ', urgent' WHEN 2 THEN ', bulk' END)
    FROM m
    UNION ALL
    SELECT a.ended_at, 2, format('attempt %s: %s', a.attempt, a.outcome), concat_ws(' ', 'HTTP ' || a.http_status, 'code ' || a.error_code, a.error_message)
    FROM @extschema@.whatsapp_attempts AS a WHERE a.message_id = $1
    UNION ALL
    SELECT m.sent_at, 3, 'SENT', format('at attempt %s, %s after it was enqueued; Meta''s id %s', m.attempts, round(greatest(extract(epoch FROM m.sent_at - m.created_at), 0), 3) || ' s', m.wamid)
    FROM m WHERE m.sent_at IS NOT NULL
    UNION ALL
    -- Meta's times are whole seconds, cut off
    SELECT greatest(e.occurred_at, (SELECT m.created_at FROM m)), CASE e.status WHEN 'sent' THEN 4 WHEN 'delivered' THEN 4 WHEN 'read' THEN 6 ELSE 7 END,
           'webhook: ' || coalesce(e.status, e.kind), format('received %s', e.received_at)
    FROM @extschema@.whatsapp_events AS e WHERE e.message_id = $1
    UNION ALL
    SELECT m.delivered_at, 5, 'DELIVERED', NULL FROM m WHERE m.delivered_at IS NOT NULL
    UNION ALL
    SELECT m.read_at, 6, 'READ', NULL FROM m WHERE m.read_at IS NOT NULL
    UNION ALL
    SELECT m.failed_at, 7, 'FAILED', concat_ws(' ', 'code ' || m.error_code, m.error_message) FROM m WHERE m.status = 'FAILED'
    UNION ALL
    SELECT NULL, 8, 'cost', concat_ws(', ', m.pricing_category, m.pricing_type, m.pricing_model) FROM m WHERE coalesce(m.pricing_category, m.pricing_type) IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'price', concat_ws(' ', trim_scale(m.pricing_cost), m.pricing_currency, 'as Meta told') FROM m WHERE m.pricing_cost IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'price', concat_ws(' ', 'about', trim_scale(c.cost), b.currency, 'by the rate card')
    FROM m JOIN @extschema@.whatsapp_billing AS b ON b.sender = m.sender
    CROSS JOIN LATERAL (SELECT timezone(coalesce(b.time_zone, 'UTC'), coalesce(m.delivered_at, m.read_at))::date AS day) AS d
    CROSS JOIN LATERAL @extschema@.whatsapp_rate_cost(b.currency, d.day, (SELECT k.market FROM @extschema@.wa_market(m.recipient_phone) AS k),
                                                      replace(lower(m.pricing_category COLLATE "C"), '-', '_') COLLATE "default", 0, 1) AS c
    WHERE m.pricing_type = 'regular' AND m.pricing_cost IS NULL AND c.cost IS NOT NULL
    UNION ALL
    SELECT NULL, 8, 'budget', concat_ws(', ', c.state, 'reserved ' || trim_scale(c.amount), 'charged ' || trim_scale(c.charged), CASE WHEN c.amount IS NULL AND c.charged IS NULL THEN 'price not known' END)
    FROM @extschema@.whatsapp_charges AS c WHERE c.message_id = $1
    UNION ALL
    SELECT k.made_at, 8, format('callback %s waits', d.name), concat_ws(', ', 'status ' || k.status, k.attempts || ' attempts', 'SQLSTATE ' || k.error_code)
    FROM @extschema@.whatsapp_callback_definitions AS d JOIN @extschema@.whatsapp_callback_calls AS k ON k.callback = d.id AND k.message_id = $1 AND d.kind <> 'inbound'
    UNION ALL
    SELECT NULL, 9, 'now: ' || m.status || coalesce(', ' || q.state, ''),
           CASE WHEN m.status = 'SENT' AND m.hint IS NULL AND NOT EXISTS (SELECT FROM @extschema@.whatsapp_events AS e WHERE e.message_id = $1)
                THEN 'Meta has taken it, and no webhook has told of it yet.'
                     || CASE WHEN NOT pg_is_in_recovery() THEN format(' The last webhook of any kind came %s.', coalesce('at ' || (SELECT to_char(l.last_delivery, 'YYYY-MM-DD HH24:MI:SS') FROM @extschema@.whatsapp_stat_listener AS l), 'never since the server''s start')) ELSE '' END
                WHEN m.status = 'SENT' AND m.hint IS NULL THEN 'Meta has taken it, and has not told that it reached the phone.'
                WHEN m.status = 'CANCELLED' AND q.state IN ('sending', 'unknown') THEN 'It may have been sent all the same: somebody changed its status by hand when it was on the wire.'
                WHEN m.status = 'CANCELLED' AND q.state IS NOT NULL
                THEN format('It is sent all the same: somebody changed its status by hand, and it is still in the queue. SELECT wa_cancel(%s); takes it out.', $1)
                WHEN m.status <> 'PENDING' THEN coalesce(m.hint, '')
                WHEN q.state IS NULL THEN format('It is not in the queue: somebody has removed its row. SELECT wa_retry(%s); puts it back.', $1)
                ELSE coalesce((SELECT string_agg(d.problem || ': ' || d.seen || ' ' || d.to_do, ' ')
                               FROM @extschema@.wa_diagnose() AS d WHERE d.severity = 'critical' AND d.problem NOT IN ('No webhook events', 'A budget holds messages')
                                 AND (d.seen !~ '^Sender ' OR d.seen ~ ('^Sender ' || m.sender || ' '))),
                              CASE WHEN q.state = 'unknown' THEN format('Its answer was lost at %s.', q.unknown_at)
                                   WHEN q.state = 'sending' THEN 'It is on the wire.'
                                   WHEN p.campaign_id IS NOT NULL THEN format('Its campaign %s is paused%s.', p.campaign_id, ': ' || p.reason)
                                   WHEN q.held_by ~ '^category of template ' THEN
                                       format('Meta has made its template %s marketing, and whatsapp.on_recategorised is hold. wa_accept_category() lets it go.', m.template_name)
                                   WHEN q.due_at > clock_timestamp() AND q.held_by IS NOT NULL THEN
                                       format('Budget %s holds it until %s: %s', regexp_replace(q.held_by, '^.*?budget ', ''), q.due_at,
                                              CASE WHEN q.held_by ~ '^unknown price' THEN 'its price is not known. See docs/prices.md, Reasons.'
                                                   ELSE 'it does not fit into the amount. See whatsapp_budgets; wa_budget_set() raises it.' END)
                                   WHEN q.due_at > clock_timestamp() THEN format('It is due at %s%s.%s', q.due_at, CASE WHEN q.paced THEN ', its recipient''s turn' END, ' ' || m.hint)
                                   ELSE 'It is due and waits for its turn.' END) END
    FROM m LEFT JOIN q ON true LEFT JOIN @extschema@.whatsapp_campaign_pauses AS p ON p.campaign_id = q.campaign_id AND p.starts_at <= now()
    UNION ALL
    SELECT NULL, 9, 'unknown', format('There is no message %s.', $1) WHERE NOT EXISTS (SELECT FROM m))
SELECT at, event, detail FROM life ORDER BY at NULLS LAST, place, event DESC
$$;

-- The life of a message whose sender the caller may see.
CREATE FUNCTION wa_diagnose(id bigint) RETURNS TABLE (at timestamptz, event text, detail text)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_diagnose_message';

CREATE FUNCTION wa_send_test(phone text, template text DEFAULT 'hello_world', language text DEFAULT 'en_US', sender text DEFAULT NULL) RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $$ SELECT @extschema@.wa_send_template($1, $2, language => $3, sender => $4, reference => 'wa_send_test', priority => 'urgent') $$;

CREATE VIEW whatsapp_top AS
WITH waiting AS MATERIALIZED (SELECT q.state, q.messages, q.oldest_age FROM whatsapp_stat_queue AS q)
SELECT t.what, t.now
FROM (
    SELECT 1 AS place, 'workers' AS what, CASE WHEN pg_catalog.pg_is_in_recovery() THEN 'none: this is a standby'
           ELSE pg_catalog.string_agg(w.worker || CASE WHEN w.alive THEN ' ok' ELSE ' MISSING' END, ', ' ORDER BY w.worker) END AS now
    FROM whatsapp_stat_workers AS w
    UNION ALL
    SELECT 2, 'queue', coalesce(pg_catalog.string_agg(q.state || ' ' || q.messages, ', ' ORDER BY q.state), 'empty')
    FROM (SELECT s.state, pg_catalog.sum(s.messages) AS messages FROM waiting AS s GROUP BY s.state) AS q
    UNION ALL
    SELECT 3, 'oldest due', coalesce(pg_catalog.max(q.oldest_age)::interval(0)::text, '-') FROM waiting AS q
    UNION ALL
    SELECT 4, 'on the wire', pg_catalog.format('%s of %s', pg_catalog.max(c.value) FILTER (WHERE c.name = 'in_flight'), pg_catalog.max(c.value) FILTER (WHERE c.name = 'slots'))
    FROM whatsapp_counters() AS c
    UNION ALL
    SELECT 5, 'sender ' || s.sender, pg_catalog.concat_ws(', ', CASE WHEN NOT s.enabled THEN 'OFF' WHEN s.paused_reason IS NOT NULL THEN 'PAUSED: ' || s.paused_reason ELSE 'on' END,
                                               coalesce(s.sent, 0) || ' sent', coalesce(s.refused, 0) || ' refused', s.waiting || ' wait')
    FROM whatsapp_stat_senders AS s
    UNION ALL
    SELECT 6, 'webhooks', pg_catalog.format('%s stored, %s refused, last %s', l.stored, l.bad_signature + l.bad_token, coalesce(l.last_delivery::timestamptz(0)::text, 'never'))
    FROM whatsapp_stat_listener AS l
    UNION ALL
    SELECT 7, 'today', pg_catalog.format('%s sent, %s delivered, %s read, %s failed', coalesce(pg_catalog.sum(d.sent), 0), coalesce(pg_catalog.sum(d.delivered), 0),
                              coalesce(pg_catalog.sum(d.read), 0), coalesce(pg_catalog.sum(d.failed), 0))
    FROM whatsapp_stat_days AS d WHERE d.day = (pg_catalog.now() AT TIME ZONE 'UTC')::date
    UNION ALL
    SELECT 8, 'latency ' || l.sender, pg_catalog.string_agg(pg_catalog.format('%s %s s', l.step, l.p95), ', ' ORDER BY l.step DESC) || ' (95 %)'
    FROM whatsapp_stat_latency AS l WHERE l.messages > 0 GROUP BY l.sender) AS t
ORDER BY t.place, t.what;

COMMENT ON FUNCTION wa_preflight() IS
    'The pre-launch checklist, line by line: ok, warning, failed or manual, with what was seen and what to do. Nothing is asked of Meta here: wa_probe() does, and its answers are used.';
COMMENT ON FUNCTION wa_diagnose() IS 'What is wrong now, worst first: every row of the troubleshooting table held against the live state. Nothing about a person.';
COMMENT ON FUNCTION whatsapp_message_life(bigint) IS 'What wa_diagnose() tells of a message, whoever asks. For wa_diagnose().';
COMMENT ON FUNCTION wa_diagnose(bigint) IS 'The life of one message, and why it waits if it does. The phone number is masked.';
COMMENT ON FUNCTION wa_send_test(text, text, text, text) IS
    'Sends the template that Meta gives to every account to your own phone. The id tells wa_diagnose() what became of it.';
COMMENT ON VIEW whatsapp_top IS 'One screen for \watch: workers, queue, senders, webhooks, today and latencies.';
COMMENT ON COLUMN whatsapp_top.what IS 'What the line is about.';
COMMENT ON COLUMN whatsapp_top.now IS 'How it is now.';

REVOKE ALL ON FUNCTION wa_preflight() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_diagnose() FROM PUBLIC;
REVOKE ALL ON FUNCTION whatsapp_message_life(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_diagnose(bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_send_test(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wa_preflight(), wa_diagnose() TO pg_monitor;
GRANT SELECT ON whatsapp_top TO pg_monitor;
