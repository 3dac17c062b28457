/* The security checklist, answered by the database as far as it can see. */

CREATE FUNCTION wa_security() RETURNS TABLE (place integer, line text, state text, seen text, to_do text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 10 SET search_path = pg_catalog, pg_temp
AS $$
WITH secrets AS MATERIALIZED (
    SELECT coalesce(max(c.value) FILTER (WHERE c.label = 'access_token'), 0) AS access_token,
           coalesce(max(c.value) FILTER (WHERE c.label = 'app_secret'), 0) AS app_secret,
           coalesce(max(c.value) FILTER (WHERE c.label = 'verify_token'), 0) AS verify_token
    FROM @extschema@.whatsapp_counters() AS c WHERE c.name = 'secret'),
-- 0 nobody has looked, 1 not set, 2 refused, 3 weak, 4 good
words AS (SELECT ARRAY['not looked at', 'not set', 'refused', 'weak', 'set'] AS of),
folder AS MATERIALIZED (
    SELECT f.path, s.access_token > 2 AND f.path <> '' AND (pg_stat_file(nullif(f.path, '') || '/access_token', true)).size IS NOT NULL AS holds_token
    FROM (SELECT current_setting('whatsapp.secret_dir') AS path) AS f, secrets AS s),
callbacks AS MATERIALIZED (
    SELECT string_agg(DISTINCT a ->> 'callback', ', ') AS seen, bool_and(a ->> 'callback' ~* '^https://') AS all_tls
    FROM @extschema@.whatsapp_probes AS p CROSS JOIN jsonb_array_elements(p.subscribed_apps) AS a WHERE a ->> 'callback' <> ''),
-- where somebody may have written a token down for all who can look
settings AS MATERIALIZED (
    SELECT string_agg(DISTINCT f.name, ', ') AS seen
    FROM (SELECT s.name FROM pg_settings AS s WHERE s.setting ~ 'EAA[A-Za-z0-9]{30}'
          UNION ALL
          SELECT split_part(o.setting, '=', 1) FROM pg_db_role_setting AS r CROSS JOIN unnest(r.setconfig) AS o (setting) WHERE o.setting ~ 'EAA[A-Za-z0-9]{30}') AS f),
reach AS (SELECT current_setting('whatsapp.api_base_url') AS url, current_setting('whatsapp.allowed_recipients') AS allowed),
doors AS MATERIALIZED (
    SELECT string_agg(btrim(d.address), ', ') AS seen, string_agg(btrim(d.address), ', ') FILTER (WHERE btrim(d.address) !~ '^(127[.]|\[::1\]|localhost:|/|$)') AS open
    FROM regexp_split_to_table(current_setting('whatsapp.listen'), ',') AS d (address)),
readers AS MATERIALIZED (
    SELECT string_agg(DISTINCT r.rolname, ', ') AS seen
    FROM pg_roles AS r JOIN pg_roles AS g ON pg_has_role(r.oid, g.oid, 'MEMBER')
    WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files') AND NOT r.rolsuper AND r.oid <> g.oid AND r.rolname !~ '^pg_'),
rights AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%s on %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, c.relname), ', ') AS seen
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid CROSS JOIN LATERAL aclexplode(c.relacl) AS a
    WHERE e.extname = 'pg_whatsapp' AND a.grantee = 0),
-- the workers write our tables as the owner of the extension, and a trigger's function runs as who writes
tables AS MATERIALIZED (
    SELECT c.oid, c.relname, c.relowner, c.relacl, e.extowner
    FROM pg_extension AS e
    JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
    JOIN pg_class AS c ON c.oid = d.objid AND c.relkind = 'r'
    WHERE e.extname = 'pg_whatsapp'),
lent AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%I on %s, by %I', g.tgname, t.relname, o.rolname), ', ') AS seen
    FROM tables AS t JOIN pg_trigger AS g ON g.tgrelid = t.oid JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_roles AS o ON o.oid = p.proowner
    WHERE NOT g.tgisinternal AND NOT p.prosecdef AND NOT o.rolsuper AND o.oid <> t.extowner),
lenders AS MATERIALIZED (
    SELECT string_agg(DISTINCT format('%s on %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, t.relname), ', ') AS seen
    FROM tables AS t CROSS JOIN LATERAL aclexplode(t.relacl) AS a
    WHERE a.privilege_type = 'TRIGGER' AND a.grantee <> t.relowner AND NOT EXISTS (SELECT FROM pg_roles AS o WHERE o.oid = a.grantee AND o.rolsuper))
SELECT * FROM (
    SELECT 1, 'Access tokens stored in Kubernetes secrets',
           CASE WHEN s.access_token IN (1, 2) THEN 'failed' WHEN f.holds_token THEN 'ok' WHEN s.access_token = 0 THEN 'manual' ELSE 'warning' END,
           CASE WHEN s.access_token <= 2 THEN format('The access token is %s.', (SELECT of[s.access_token::int + 1] FROM words))
                WHEN f.holds_token THEN format('The access token is a file of %s, as a secret is mounted.', f.path)
                ELSE 'The access token comes from the server''s environment, which each program that the server starts can read.' END,
           CASE WHEN f.holds_token THEN '' ELSE 'Put it into the file access_token of whatsapp.secret_dir; Kubernetes mounts a secret there.' END
    FROM secrets AS s, folder AS f
    UNION ALL
    SELECT 2, 'Webhook verify token is random and secure',
           CASE WHEN s.verify_token = 4 THEN 'ok' WHEN s.verify_token = 3 THEN 'warning' WHEN s.verify_token = 0 THEN 'manual' ELSE 'failed' END,
           CASE WHEN s.verify_token = 3 THEN 'It is short or a well-known example: anybody could guess it.'
                WHEN s.verify_token = 4 THEN 'It is long and no well-known example.'
                ELSE format('It is %s.', (SELECT of[s.verify_token::int + 1] FROM words)) END,
           CASE WHEN s.verify_token = 4 THEN '' ELSE 'openssl rand -hex 32 makes one; put it into the file verify_token, and enter it at Meta.' END
    FROM secrets AS s
    UNION ALL
    SELECT 3, 'HTTPS enabled for webhook URL',
           CASE WHEN c.seen IS NULL THEN 'manual' WHEN c.all_tls THEN 'ok' ELSE 'failed' END,
           CASE WHEN c.seen IS NULL THEN 'Meta was not asked yet, or the account has no URL of its own.' ELSE 'As Meta told: ' || c.seen || '.' END,
           CASE WHEN c.all_tls THEN '' ELSE 'CALL wa_probe(); asks Meta. From outside: curl -sI of the URL shows 405, and no error about the certificate.' END
    FROM callbacks AS c
    UNION ALL
    SELECT 4, 'API tokens never committed to git', CASE WHEN t.seen IS NULL THEN 'manual' ELSE 'failed' END,
           CASE WHEN t.seen IS NULL THEN 'No setting of the server has one, and no table or dump of the extension. Your repository cannot be seen from here.'
                ELSE format('What looks like a token stands in %s, where every role can read it.', t.seen) END,
           CASE WHEN t.seen IS NULL THEN 'git log --all --oneline -G ''EAA[A-Za-z0-9]{30}'' shows nothing.' ELSE 'Take it out, and rotate the token: docs/operating.md.' END
    FROM settings AS t
    UNION ALL
    SELECT 5, 'Environment-specific tokens (dev/prod)',
           CASE WHEN r.allowed <> '' OR r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN 'ok' ELSE 'manual' END,
           CASE WHEN r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN format('This server speaks to %s, not to Meta.', r.url)
                WHEN r.allowed <> '' THEN 'whatsapp.allowed_recipients lets this server message its own phones alone.'
                ELSE format('This server may message everybody, with the secrets of %s.', coalesce(nullif(f.path, ''), 'its environment')) END,
           CASE WHEN r.allowed <> '' OR r.url !~ '^https://graph[.]facebook[.]com(/|$)' THEN '' ELSE 'Is it production? A test server has other secrets, and whatsapp.allowed_recipients.' END
    FROM reach AS r, folder AS f
    UNION ALL
    SELECT 6, 'The app secret is set', CASE s.app_secret WHEN 4 THEN 'ok' WHEN 3 THEN 'warning' WHEN 0 THEN 'manual' ELSE 'failed' END,
           format('The app secret is %s.', (SELECT of[s.app_secret::int + 1] FROM words)),
           CASE s.app_secret WHEN 4 THEN '' WHEN 3 THEN 'Whoever guesses it can forge webhooks. Put in the app''s own: Meta''s dashboard of the app, App settings, Basic.' ELSE 'Without it every webhook is refused: put it into the file app_secret.' END
    FROM secrets AS s
    UNION ALL
    SELECT 7, 'The listener is reached through the proxy only', CASE WHEN d.open IS NULL THEN 'ok' ELSE 'warning' END,
           CASE WHEN d.open IS NULL THEN 'whatsapp.listen has addresses of this machine alone.' ELSE format('Others can reach %s.', d.open) END,
           CASE WHEN d.open IS NULL THEN '' ELSE 'Let it listen on 127.0.0.1 or a unix socket behind a proxy with TLS, or see that a firewall is in front.' END
    FROM doors AS d
    UNION ALL
    SELECT 8, 'Nobody but superusers can read the secrets as the server', CASE WHEN r.seen IS NULL THEN 'ok' ELSE 'warning' END,
           CASE WHEN r.seen IS NULL THEN 'No other role may run programs or read files as the server.' ELSE format('These roles may run programs or read files as the server: %s.', r.seen) END,
           CASE WHEN r.seen IS NULL THEN '' ELSE 'REVOKE pg_execute_server_program, pg_read_server_files or pg_write_server_files from them.' END
    FROM readers AS r
    UNION ALL
    SELECT 9, 'No role has more rights than it needs', CASE WHEN r.seen IS NULL THEN 'manual' ELSE 'failed' END,
           coalesce('Everybody may use ' || r.seen || '.', 'Nothing is open to everybody.'), 'whatsapp_grants shows who has which level; wa_revoke() takes it back.'
    FROM rights AS r
    UNION ALL
    SELECT 10, 'No trigger runs a stranger''s code as the owner',
           CASE WHEN t.seen IS NOT NULL THEN 'failed' WHEN r.seen IS NOT NULL THEN 'warning' ELSE 'ok' END,
           CASE WHEN t.seen IS NOT NULL THEN format('The workers run these triggers with the rights of the extension''s owner: %s.', t.seen)
                WHEN r.seen IS NOT NULL THEN format('These could make triggers that run with the rights of the extension''s owner: %s.', r.seen)
                ELSE 'Triggers on the extension''s tables are a superuser''s, or run as their own owner.' END,
           CASE WHEN t.seen IS NOT NULL THEN 'Drop it, and let its owner call wa_on_inbound() or wa_on_status(): those run as who called.'
                WHEN r.seen IS NOT NULL THEN 'REVOKE TRIGGER from them; wa_on_inbound() and wa_on_status() need no such right.' ELSE '' END
    FROM lent AS t, lenders AS r
) AS lines (place, line, state, seen, to_do)
ORDER BY 1
$$;

COMMENT ON FUNCTION wa_security() IS
    'The security checklist, line by line: ok, warning, failed or manual, with what was seen and what to do. Lines 1 to 5 are those of the notification service. No secret is read or shown.';

REVOKE ALL ON FUNCTION wa_security() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wa_security() TO pg_monitor;
