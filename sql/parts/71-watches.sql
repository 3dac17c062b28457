/* Watched tables, the general form: what is sent, to whom and when are SQL expressions over the rows of a statement. */

CREATE SEQUENCE whatsapp_watch_errors_id_seq AS bigint;

-- The trigger names the watch by its key, and the watch says by whose rights it works. Numbers of tables and of databases come from the server
-- that made it; a restored one is told by them.
CREATE TABLE whatsapp_watch_definitions (
    key             text PRIMARY KEY,
    name            text NOT NULL UNIQUE,
    relation        oid NOT NULL,
    relation_name   text NOT NULL,
    home            text NOT NULL,
    owner           text NOT NULL,
    events          text[] NOT NULL,
    template        text NOT NULL,
    parameters      text[] NOT NULL,
    phone           text NOT NULL,
    condition       text,
    sender          text NOT NULL,
    language        text NOT NULL,
    reference       text,
    idempotency_key text,
    send_at         text,
    due             text,
    status_column   text,
    expires_at      text,
    priority        text,
    on_error        text NOT NULL CHECK (on_error IN ('record', 'reject')),
    max_rows        bigint NOT NULL,
    replicated      boolean NOT NULL,
    settings        text[] NOT NULL,
    made_at         timestamptz NOT NULL DEFAULT pg_catalog.now(),
    send_window     text,
    time_zone       text,
    debounce        interval,
    max_wait        interval,
    digest          interval,
    separator       text,
    body            text,
    language_fallback boolean NOT NULL DEFAULT false,
    owner_number    text
);

-- Rows are inserted and never changed: transactions that count errors do not wait for one another. Old rows become a sum of them.
CREATE TABLE whatsapp_watch_errors (
    id        bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_watch_errors_id_seq'::pg_catalog.regclass),
    watch     text NOT NULL,
    failed_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    event     text NOT NULL,
    sqlstate  text NOT NULL,
    message   text NOT NULL,
    first_row text,
    rows      bigint NOT NULL
);

ALTER SEQUENCE whatsapp_watch_errors_id_seq OWNED BY whatsapp_watch_errors.id;

CREATE SEQUENCE whatsapp_watch_items_id_seq AS bigint;

-- Whoever changes a watched table inserts here and does nothing else: so he waits for nobody, and nobody for him, in whatever order two
-- transactions bring their rows. The reader alone makes messages of it. An item has all that its message needs: it outlives its watch.
CREATE TABLE whatsapp_watch_items (
    id                bigint PRIMARY KEY DEFAULT pg_catalog.nextval('@extschema@.whatsapp_watch_items_id_seq'::pg_catalog.regclass),
    watch             text NOT NULL,
    group_key         text NOT NULL,
    made_at           timestamptz NOT NULL,
    due_at            timestamptz NOT NULL,
    latest_at         timestamptz,
    sender            text NOT NULL,
    recipient_phone   text NOT NULL,
    template_name     text NOT NULL,
    template_language text NOT NULL,
    parameters        json NOT NULL,
    separator         text,
    priority          smallint NOT NULL,
    time_zone         text,
    expires_at        timestamptz,
    reference         text,
    row_key           text,
    idempotency_key   text,
    enqueued_by       text NOT NULL,
    held              boolean NOT NULL DEFAULT false,
    message_id        bigint,
    next_at           timestamptz
);

ALTER SEQUENCE whatsapp_watch_items_id_seq OWNED BY whatsapp_watch_items.id;

CREATE INDEX whatsapp_watch_items_due_idx ON whatsapp_watch_items (due_at) WHERE message_id IS NULL AND NOT held;
CREATE INDEX whatsapp_watch_items_held_idx ON whatsapp_watch_items (id) WHERE held;
CREATE INDEX whatsapp_watch_items_group_idx ON whatsapp_watch_items (watch, group_key, id);
CREATE INDEX whatsapp_watch_items_key_idx ON whatsapp_watch_items (idempotency_key, sender);
CREATE INDEX whatsapp_watch_items_message_idx ON whatsapp_watch_items (message_id) WHERE message_id IS NOT NULL;

CREATE INDEX whatsapp_watch_errors_watch_idx ON whatsapp_watch_errors (watch, id);

CREATE FUNCTION whatsapp_notify() RETURNS trigger
LANGUAGE C VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_notify';

-- varchar and not text: so a call with five strings is one of the short form, which has names of columns there.
CREATE FUNCTION wa_watch(relation regclass, template varchar, parameters text[], phone varchar, events text[] DEFAULT '{INSERT}',
                         when_ varchar DEFAULT NULL, name text DEFAULT NULL, sender text DEFAULT NULL, language text DEFAULT NULL,
                         reference text DEFAULT NULL, idempotency_key text DEFAULT NULL, send_at text DEFAULT NULL,
                         expires_at text DEFAULT NULL, priority text DEFAULT NULL, on_error text DEFAULT 'record',
                         max_rows bigint DEFAULT 10000, replicated boolean DEFAULT false,
                         due text DEFAULT NULL, status_column text DEFAULT NULL, send_window text DEFAULT NULL,
                         time_zone text DEFAULT NULL, debounce interval DEFAULT NULL, max_wait interval DEFAULT NULL,
                         digest interval DEFAULT NULL, separator text DEFAULT NULL, body text DEFAULT NULL,
                         language_fallback boolean DEFAULT false) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch_expressions';

CREATE FUNCTION wa_unwatch(relation regclass, name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_unwatch_name';

CREATE FUNCTION wa_watch_test(relation regclass, key text, event text DEFAULT NULL, old jsonb DEFAULT NULL, OUT watch text, OUT event text,
                              OUT outcome text, OUT recipient_phone text, OUT template_name text, OUT template_language text,
                              OUT sender text, OUT reference text, OUT idempotency_key text, OUT send_at timestamptz,
                              OUT expires_at timestamptz, OUT priority smallint, OUT payload json, OUT reason text, OUT hint text) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_watch_test';

-- The trigger is the truth: it is dumped with its table, and dropping the table leaves nothing behind that acts.
CREATE VIEW whatsapp_watches WITH (security_barrier) AS
WITH triggers AS (
    -- tgargs is bytea, each argument ended by a zero byte; 'escape' shows that as \000, and high bytes and backslashes escaped, too
    SELECT t.oid, t.tgrelid, t.tgfoid, t.tgtype, t.tgenabled, a.args
    FROM pg_catalog.pg_trigger AS t
    CROSS JOIN LATERAL (
        SELECT pg_catalog.array_agg(pg_catalog.convert_from(pg_catalog.decode(p.part, 'escape'), pg_catalog.getdatabaseencoding())
                                    ORDER BY p.place) AS args
        FROM pg_catalog.string_to_table(pg_catalog.encode(t.tgargs, 'escape'), '\000') WITH ORDINALITY AS p (part, place)) AS a
    WHERE t.tgfoid IN ('@extschema@.whatsapp_notify_po()'::regprocedure, '@extschema@.whatsapp_notify()'::regprocedure)
          AND NOT t.tgisinternal AND t.tgparentid = 0
), errors AS (
    SELECT e.watch, pg_catalog.sum(e.rows)::bigint AS errors, pg_catalog.min(e.id) AS first, pg_catalog.max(e.id) AS last
    FROM @extschema@.whatsapp_watch_errors AS e GROUP BY e.watch
)
SELECT t.tgrelid::regclass AS relation, 'po' AS name, NULL::text AS owner, '{INSERT}'::text[] AS events, 'po_notification' AS template,
       t.args[1:3] AS parameters, t.args[4] AS phone, NULL::text AS condition, nullif(t.args[5], '') AS currency,
       nullif(t.args[6], '') AS language, nullif(t.args[7], '') AS sender,
       NULL::text AS reference, NULL::text AS idempotency_key, NULL::text AS send_at, NULL::text AS due, NULL::text AS expires_at, NULL::text AS priority,
       'record' AS on_error, NULL::bigint AS max_rows, t.tgenabled <> 'D' AS enabled,
       t.tgenabled IN ('A', 'R') AND t.tgtype & 1 = 1 AS replicated,
       NULL::text AS status_column, NULL::text AS send_window, NULL::text AS time_zone, NULL::interval AS debounce, NULL::interval AS max_wait,
       NULL::interval AS digest, 0::bigint AS waiting,
       coalesce(e.errors, 0) AS errors, l.sqlstate || ' ' || l.message AS last_error, l.failed_at AS last_error_at, f.first_row AS first_bad_row,
       NULL::text AS body, false AS language_fallback
FROM triggers AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN errors AS e ON e.watch = pg_catalog.format('po of %I.%I', n.nspname, c.relname)
LEFT JOIN @extschema@.whatsapp_watch_errors AS l ON l.id = e.last
LEFT JOIN @extschema@.whatsapp_watch_errors AS f ON f.id = e.first
WHERE t.tgfoid = '@extschema@.whatsapp_notify_po()'::regprocedure AND @extschema@.whatsapp_sees(nullif(t.args[7], ''))
UNION ALL
SELECT w.relation::regclass, d.name, coalesce(pg_catalog.pg_get_userbyid(@extschema@.whatsapp_kept_role(d.owner, d.owner_number))::text COLLATE pg_catalog."default", d.owner), d.events, d.template, d.parameters, d.phone, d.condition, NULL, d.language, d.sender,
       d.reference, d.idempotency_key, d.send_at, d.due, d.expires_at, d.priority, d.on_error, d.max_rows, w.enabled, d.replicated, d.status_column,
       d.send_window, d.time_zone, d.debounce, d.max_wait, d.digest,
       (SELECT pg_catalog.count(*) FROM @extschema@.whatsapp_watch_items AS i WHERE i.watch = d.key AND i.message_id IS NULL),
       coalesce(e.errors, 0), l.sqlstate || ' ' || l.message, l.failed_at, f.first_row,
       d.body, d.language_fallback
FROM @extschema@.whatsapp_watch_definitions AS d
JOIN LATERAL (
    -- the table that was named or, when it was restored with another number, the one that has the triggers
    SELECT coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) AS relation, pg_catalog.bool_and(t.tgenabled <> 'D') AS enabled
    FROM triggers AS t LEFT JOIN LATERAL (
        SELECT d.relation AS relid WHERE d.relation = t.tgrelid
                                         OR d.relation IN (SELECT p.relid FROM pg_catalog.pg_partition_ancestors(t.tgrelid) AS p)) AS a ON true
    WHERE t.tgfoid = '@extschema@.whatsapp_notify()'::regprocedure AND t.args[1] = d.key
    GROUP BY 1 ORDER BY coalesce(a.relid, pg_catalog.pg_partition_root(t.tgrelid), t.tgrelid) <> d.relation LIMIT 1) AS w ON true
LEFT JOIN errors AS e ON e.watch = d.name
LEFT JOIN @extschema@.whatsapp_watch_errors AS l ON l.id = e.last
LEFT JOIN @extschema@.whatsapp_watch_errors AS f ON f.id = e.first
WHERE @extschema@.whatsapp_sees(d.sender) OR pg_catalog.pg_has_role(@extschema@.whatsapp_kept_role(d.owner, d.owner_number), 'USAGE');

COMMENT ON TABLE whatsapp_watch_definitions IS 'What wa_watch() was told with expressions. whatsapp_watches shows it with the tables that are watched. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_watch_definitions.key IS 'Names the watch in its triggers.';
COMMENT ON COLUMN whatsapp_watch_definitions.name IS 'Name of the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.relation IS 'Number of the table in the server that made the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.relation_name IS 'Name of the table when the watch was made.';
COMMENT ON COLUMN whatsapp_watch_definitions.home IS 'The database that made the watch.';
COMMENT ON COLUMN whatsapp_watch_definitions.owner IS 'The role whose rights the expressions have.';
COMMENT ON COLUMN whatsapp_watch_definitions.events IS 'INSERT, UPDATE and DELETE, or some of them.';
COMMENT ON COLUMN whatsapp_watch_definitions.template IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watch_definitions.parameters IS 'Expressions of the template''s parameters.';
COMMENT ON COLUMN whatsapp_watch_definitions.phone IS 'Expression of the recipient''s phone number.';
COMMENT ON COLUMN whatsapp_watch_definitions.condition IS 'Expression that says which rows are announced; NULL for all.';
COMMENT ON COLUMN whatsapp_watch_definitions.sender IS 'Name of the sender, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.language IS 'Language of the template, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.reference IS 'Expression of the message''s reference; NULL for the primary key.';
COMMENT ON COLUMN whatsapp_watch_definitions.idempotency_key IS 'Expression of the message''s idempotency key; NULL for the name of the watch and the primary key.';
COMMENT ON COLUMN whatsapp_watch_definitions.send_at IS 'Expression of the time before which the message is not sent.';
COMMENT ON COLUMN whatsapp_watch_definitions.due IS 'Expression of the time at which the message is due; it follows the row.';
COMMENT ON COLUMN whatsapp_watch_definitions.status_column IS 'Column of the watched table that shows the status of the row''s message.';
COMMENT ON COLUMN whatsapp_watch_definitions.expires_at IS 'Expression of the time after which the message is not sent.';
COMMENT ON COLUMN whatsapp_watch_definitions.priority IS 'urgent, normal or bulk, or an expression.';
COMMENT ON COLUMN whatsapp_watch_definitions.on_error IS 'record: an error stands in whatsapp_watches, and the statement goes on; reject: it is raised.';
COMMENT ON COLUMN whatsapp_watch_definitions.max_rows IS 'A statement that brings more rows announces none of them.';
COMMENT ON COLUMN whatsapp_watch_definitions.replicated IS 'Whether rows that a subscription applies are announced, too.';
COMMENT ON COLUMN whatsapp_watch_definitions.settings IS 'Settings that decide what an expression means, as they were when the watch was made.';
COMMENT ON COLUMN whatsapp_watch_definitions.made_at IS 'When the watch was made.';
COMMENT ON COLUMN whatsapp_watch_definitions.send_window IS 'Hours within which its messages leave; NULL for whatsapp.send_window.';
COMMENT ON COLUMN whatsapp_watch_definitions.time_zone IS 'Time zone of these hours, or an expression; NULL for that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watch_definitions.debounce IS 'A message waits so long for another change of its row, which then takes its place.';
COMMENT ON COLUMN whatsapp_watch_definitions.max_wait IS 'After so long it does not wait any more; NULL for no such limit.';
COMMENT ON COLUMN whatsapp_watch_definitions.digest IS 'Rows of so long a time become one message to a phone.';
COMMENT ON COLUMN whatsapp_watch_definitions.separator IS 'What stands between the values of several rows; of a digest only.';
COMMENT ON COLUMN whatsapp_watch_definitions.body IS 'Expression of a text that is sent instead of the template while the recipient''s 24-hour window is open; NULL for the template alone.';
COMMENT ON COLUMN whatsapp_watch_definitions.owner_number IS 'Database and number of that role; a new name of the role leaves them as they are.';
COMMENT ON COLUMN whatsapp_watch_definitions.language_fallback IS 'Whether es is sent where whatsapp_templates has no es_MX.';
COMMENT ON TABLE whatsapp_watch_items IS 'Rows of watches with debounce or digest: those that wait for their message, and of a digest those of which a message is. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_watch_items.id IS 'In the order of their making.';
COMMENT ON COLUMN whatsapp_watch_items.watch IS 'The watch, by whatsapp_watch_definitions.key.';
COMMENT ON COLUMN whatsapp_watch_items.group_key IS 'Items of a watch with the same one become one message: the idempotency key with debounce, sender and phone of a digest.';
COMMENT ON COLUMN whatsapp_watch_items.made_at IS 'When the row was changed.';
COMMENT ON COLUMN whatsapp_watch_items.due_at IS 'When the message is made, unless other items say something else.';
COMMENT ON COLUMN whatsapp_watch_items.latest_at IS 'With debounce and max_wait: when it is made at the latest.';
COMMENT ON COLUMN whatsapp_watch_items.sender IS 'Sender of the message.';
COMMENT ON COLUMN whatsapp_watch_items.recipient_phone IS 'Its recipient.';
COMMENT ON COLUMN whatsapp_watch_items.template_name IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watch_items.template_language IS 'Language of the template.';
COMMENT ON COLUMN whatsapp_watch_items.parameters IS 'Texts of its parameters, null for the number of rows; empty as soon as there is a message.';
COMMENT ON COLUMN whatsapp_watch_items.separator IS 'Of a digest: what stands between the values of its rows.';
COMMENT ON COLUMN whatsapp_watch_items.priority IS '0 urgent, 1 normal, 2 bulk.';
COMMENT ON COLUMN whatsapp_watch_items.time_zone IS 'Time zone of the hours within which it leaves; NULL for that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watch_items.expires_at IS 'The message is not sent after this time; NULL for whatsapp.default_ttl.';
COMMENT ON COLUMN whatsapp_watch_items.reference IS 'Reference of the row.';
COMMENT ON COLUMN whatsapp_watch_items.row_key IS 'Primary key of the row.';
COMMENT ON COLUMN whatsapp_watch_items.idempotency_key IS 'Idempotency key of the row.';
COMMENT ON COLUMN whatsapp_watch_items.enqueued_by IS 'The owner of the watch.';
COMMENT ON COLUMN whatsapp_watch_items.held IS 'Whether it waits for wa_release().';
COMMENT ON COLUMN whatsapp_watch_items.message_id IS 'The message, a row of whatsapp_messages; NULL for one that waits.';
COMMENT ON COLUMN whatsapp_watch_items.next_at IS 'Of a digest: before this time the phone gets no other one.';
COMMENT ON TABLE whatsapp_watch_errors IS 'Errors of watches, one row for each statement that had any; old ones are summed up. whatsapp_watches shows them.';
COMMENT ON COLUMN whatsapp_watch_errors.id IS 'In the order of their making.';
COMMENT ON COLUMN whatsapp_watch_errors.watch IS 'Name of the watch.';
COMMENT ON COLUMN whatsapp_watch_errors.failed_at IS 'Start of the transaction in which it happened.';
COMMENT ON COLUMN whatsapp_watch_errors.event IS 'INSERT, UPDATE or DELETE.';
COMMENT ON COLUMN whatsapp_watch_errors.sqlstate IS 'SQLSTATE of the error.';
COMMENT ON COLUMN whatsapp_watch_errors.message IS 'Its primary message.';
COMMENT ON COLUMN whatsapp_watch_errors.first_row IS 'Primary key of the first row that had it.';
COMMENT ON COLUMN whatsapp_watch_errors.rows IS 'How many rows were not announced for it.';
COMMENT ON FUNCTION whatsapp_notify() IS
    'The trigger that wa_watch() puts on a table when it is given expressions. What a subscription copies at its start is not announced.';
COMMENT ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) IS
    'Announces rows of the table by a template. parameters, phone, when_, reference, idempotency_key, send_at, expires_at and body are SQL expressions over the rows new and old, with sub-selects of other tables; sender, language and priority are names or expressions. The expressions are checked now and work with the caller''s rights and settings. when_ says which rows are announced. With due the message waits for that time; whenever the row changes it moves, or is cancelled when when_ is not true any more or the row is gone. The default idempotency_key makes that a watch announces a row once. on_error => ''record'' keeps an error in whatsapp_watches, ''raise'' (or ''reject'') raises it; a statement of more than max_rows rows announces none. With status_column the reader writes each new status of the message to that column of the row, with the watch''s rights; the watch itself does not announce that change. send_window are hours such as Mon-Fri 09:00-18:00 within which messages leave, in time_zone (a name, or an expression), else in the time zone of the recipient''s country; NULL is whatsapp.send_window, which is for watches without send_at, and always is at any time; urgent messages do not wait. With debounce a message waits so long for another change of its row (of its idempotency_key), which then takes its place, but not longer than max_wait from the first change on. With digest rows of so long a time become one message to their phone, at most one in that time: the parameter count is how many rows there are, any other one has their different values, with separator (", ") between them, 800 characters in all; the reader makes these messages. body is an expression of a text: it is sent to those who have written within 24 hours when its turn comes, and the template to the others; where it is NULL, the template. With language_fallback, es is sent where whatsapp_templates has no es_MX; template may be an alias, see wa_template_define(). Returns the name of the watch. Needs the TRIGGER right on the table and EXECUTE on whatsapp_notify(); who changes the table needs no right of ours. Raises what the server says of an expression, with its position; 42804 for its type, 22023 for events, on_error, max_rows, a priority, a time zone, and options that do not go together, 22007 for send_window, 42809 for a table that cannot be watched, 42703 for status_column, 55000 for a table without a primary key where one is needed, 42710 for a name that is taken, WA001 and WA002 for template and language, 42704 for the sender, 22004 for NULL, 0A000 when the database is not in UTF8.';
COMMENT ON FUNCTION wa_unwatch(regclass, text) IS 'Ends the watch of that name, or removes its triggers when its definition is lost. False when the table has none. What waits stays, and is sent when it is due; a NOTICE says how many messages with a due time there are.';
COMMENT ON FUNCTION wa_watch_test(regclass, text, text, jsonb) IS
    'Shows the messages that the watches of a table would make of its row with that primary key (as text; of several columns as a row, such as (1,a)), by the code of the trigger; nothing is written. event is that of the first of each watch by default. old has the values of columns before an UPDATE; those that it does not name are as they are now. outcome is sent, refused, not announced, known already or error. Needs the right to read the table, and to be a member of the watch''s owner.';
COMMENT ON VIEW whatsapp_watches IS 'Watched tables: what is announced of them, and what went wrong.';
COMMENT ON COLUMN whatsapp_watches.relation IS 'The watched table.';
COMMENT ON COLUMN whatsapp_watches.name IS 'Name of the watch; po for the short form.';
COMMENT ON COLUMN whatsapp_watches.owner IS 'The role whose rights the expressions have; NULL for the short form, which has none.';
COMMENT ON COLUMN whatsapp_watches.events IS 'INSERT, UPDATE and DELETE, or some of them.';
COMMENT ON COLUMN whatsapp_watches.template IS 'Name of the template.';
COMMENT ON COLUMN whatsapp_watches.parameters IS 'Expressions of its parameters; in the short form the columns of supplier, number and amount.';
COMMENT ON COLUMN whatsapp_watches.phone IS 'Expression of the phone number; in the short form its column.';
COMMENT ON COLUMN whatsapp_watches.condition IS 'Which rows are announced; NULL for all.';
COMMENT ON COLUMN whatsapp_watches.currency IS 'Of the short form: column of the currency; NULL is whatsapp.default_currency.';
COMMENT ON COLUMN whatsapp_watches.language IS 'Language of the template; NULL in the short form is whatsapp.default_language.';
COMMENT ON COLUMN whatsapp_watches.sender IS 'Name of the sender, or its expression: of the session that called wa_watch() its whatsapp.default_sender, where it named none. The session that changes the table has no say.';
COMMENT ON COLUMN whatsapp_watches.reference IS 'Expression of the reference; NULL is the primary key, and the order''s number in the short form.';
COMMENT ON COLUMN whatsapp_watches.idempotency_key IS 'Expression of the idempotency key; NULL is the name of the watch with the primary key; in the short form, the table with primary key and number.';
COMMENT ON COLUMN whatsapp_watches.send_at IS 'Expression of the time before which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.due IS 'Expression of the time at which the message is due: while it is pending it moves with the row, and is cancelled when the row is gone or when_ is not true any more.';
COMMENT ON COLUMN whatsapp_watches.expires_at IS 'Expression of the time after which the message is not sent.';
COMMENT ON COLUMN whatsapp_watches.priority IS 'urgent, normal or bulk, or an expression; NULL is normal.';
COMMENT ON COLUMN whatsapp_watches.on_error IS 'record, or reject: raise.';
COMMENT ON COLUMN whatsapp_watches.max_rows IS 'A statement that brings more rows announces none of them; NULL is no limit.';
COMMENT ON COLUMN whatsapp_watches.enabled IS 'False when a trigger of it was disabled by ALTER TABLE.';
COMMENT ON COLUMN whatsapp_watches.replicated IS 'Whether rows that a subscription applies are announced, too.';
COMMENT ON COLUMN whatsapp_watches.status_column IS 'Column that the reader sets to the status of the row''s message, see whatsapp_callbacks.';
COMMENT ON COLUMN whatsapp_watches.send_window IS 'Hours within which its messages leave; NULL is whatsapp.send_window.';
COMMENT ON COLUMN whatsapp_watches.time_zone IS 'Time zone of these hours, or its expression; NULL is that of the recipient''s country.';
COMMENT ON COLUMN whatsapp_watches.debounce IS 'A message waits so long for another change of its row, which then takes its place.';
COMMENT ON COLUMN whatsapp_watches.max_wait IS 'But not longer than this, from the first change on; NULL is no limit.';
COMMENT ON COLUMN whatsapp_watches.digest IS 'Rows of so long a time become one message to a phone.';
COMMENT ON COLUMN whatsapp_watches.waiting IS 'How many rows wait in whatsapp_watch_items for their message.';
COMMENT ON COLUMN whatsapp_watches.errors IS 'How many rows were not announced because of an error.';
COMMENT ON COLUMN whatsapp_watches.last_error IS 'The last error: its SQLSTATE and message.';
COMMENT ON COLUMN whatsapp_watches.last_error_at IS 'When it was.';
COMMENT ON COLUMN whatsapp_watches.first_bad_row IS 'Primary key of the first row that was not announced because of an error; in the short form its number.';
COMMENT ON COLUMN whatsapp_watches.body IS 'Expression of a text that is sent instead of the template while the recipient''s 24-hour window is open.';
COMMENT ON COLUMN whatsapp_watches.language_fallback IS 'Whether es is sent where whatsapp_templates has no es_MX.';

REVOKE ALL ON FUNCTION whatsapp_notify() FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch(regclass, varchar, text[], varchar, text[], varchar, text, text, text, text, text, text, text, text, text, bigint, boolean, text, text, text, text, interval, interval, interval, text, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_unwatch(regclass, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_watch_test(regclass, text, text, jsonb) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_errors_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_definitions', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_errors', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_items_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watch_items', '');
