/* Callbacks: functions of users that the reader calls for each change of a status and for each message that came in; and the changes by number. */

-- Whoever changes a status leaves a row here in the same transaction, as long as there is somebody to be told. The reader takes them out.
CREATE TABLE whatsapp_change_queue (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id bigint NOT NULL,
    sender     text NOT NULL,
    status     text NOT NULL,
    changed_at timestamptz NOT NULL,
    error_code bigint
);

-- The reader alone gives numbers, one transaction after the other, to changes that are committed: a lower number is never seen after a higher one.
-- The last row always stays, so that the numbers go on. One without a message says that changes were not kept for a while.
CREATE TABLE whatsapp_changes (
    seq         bigint PRIMARY KEY,
    numbered_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    message_id  bigint,
    sender      text,
    status      text,
    changed_at  timestamptz,
    error_code  bigint
);

-- Functions and roles stand here by their names, which a dump keeps, the role by its number, too, which a new name leaves as it is. The owner of
-- the function is kept beside: whoever makes another one of the same name does not get the rights of the callback's role.
CREATE TABLE whatsapp_callback_definitions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name           text NOT NULL UNIQUE,
    kind           text NOT NULL CHECK (kind IN ('status', 'inbound', 'column')),
    function       text,
    function_owner text,
    watch          text,
    statuses       text[],
    sender         text,
    owner          text NOT NULL,
    settings       text[] NOT NULL,
    made_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    paused         boolean NOT NULL DEFAULT false,
    failures       integer NOT NULL DEFAULT 0,
    resting_until  timestamptz,
    errors         bigint NOT NULL DEFAULT 0,
    error_code     text,
    error_message  text,
    failed_at      timestamptz,
    owner_number   text,
    function_owner_number text
);

-- Calls that are still to be made, in the order of their ids. One that has succeeded is deleted by the transaction of the call itself.
CREATE TABLE whatsapp_callback_calls (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    callback      bigint NOT NULL,
    message_id    bigint NOT NULL,
    status        text,
    made_at       timestamptz NOT NULL DEFAULT pg_catalog.now(),
    attempts      integer NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT pg_catalog.now(),
    error_code    text,
    error_message text
);

-- Which row a message announced, for watches that write the status back.
CREATE TABLE whatsapp_watched_messages (
    message_id bigint PRIMARY KEY,
    watch      text NOT NULL,
    row_key    text NOT NULL
);

CREATE INDEX whatsapp_callback_calls_due_idx ON whatsapp_callback_calls (callback, due_at, id);
CREATE INDEX whatsapp_callback_calls_message_idx ON whatsapp_callback_calls (callback, message_id, id);
CREATE INDEX whatsapp_watched_messages_watch_idx ON whatsapp_watched_messages (watch);

-- The caller's role and search_path are kept, so neither is changed here.
CREATE FUNCTION wa_on_status(function regproc, statuses text[] DEFAULT NULL, sender text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_on_status';

CREATE FUNCTION wa_on_inbound(function regproc, sender text DEFAULT NULL, name text DEFAULT NULL) RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'pg_whatsapp_on_inbound';

CREATE FUNCTION wa_callback_remove(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_remove';

CREATE FUNCTION wa_callback_pause(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_pause';

CREATE FUNCTION wa_callback_resume(name text) RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_callback_resume';

CREATE FUNCTION wa_changes(since bigint, max_rows integer DEFAULT 1000, OUT seq bigint, OUT message_id bigint, OUT status text, OUT at timestamptz,
                           OUT sender text, OUT reference text, OUT error_code bigint) RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pg_whatsapp_changes';

CREATE VIEW whatsapp_callbacks WITH (security_barrier) AS
SELECT d.name, d.kind, d.function, w.name AS watch, d.statuses, d.sender,
       coalesce(pg_catalog.pg_get_userbyid(@extschema@.whatsapp_kept_role(d.owner, d.owner_number))::text COLLATE pg_catalog."default", d.owner) AS owner,
       CASE WHEN d.paused THEN 'paused' WHEN d.resting_until > pg_catalog.now() THEN 'resting' ELSE 'on' END AS state,
       CASE WHEN NOT d.paused THEN d.resting_until END AS resting_until,
       c.waiting, c.oldest AS waiting_since, d.errors, d.error_code || ' ' || d.error_message AS last_error, d.failed_at AS last_error_at, d.made_at
FROM @extschema@.whatsapp_callback_definitions AS d
LEFT JOIN @extschema@.whatsapp_watch_definitions AS w ON w.key = d.watch
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS waiting, pg_catalog.min(q.made_at) AS oldest
    FROM @extschema@.whatsapp_callback_calls AS q WHERE q.callback = d.id) AS c
WHERE @extschema@.whatsapp_sees(d.sender) OR pg_catalog.pg_has_role(@extschema@.whatsapp_kept_role(d.owner, d.owner_number), 'USAGE')
ORDER BY d.name;

COMMENT ON TABLE whatsapp_change_queue IS 'Changes of a status that the reader has still to number and to hand on. Empty unless somebody is told of changes.';
COMMENT ON COLUMN whatsapp_change_queue.id IS 'In the order of their making; of one message in the order of its changes.';
COMMENT ON COLUMN whatsapp_change_queue.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_change_queue.sender IS 'Its sender.';
COMMENT ON COLUMN whatsapp_change_queue.status IS 'The status that it got.';
COMMENT ON COLUMN whatsapp_change_queue.changed_at IS 'When it got it, as whatsapp_messages tells.';
COMMENT ON COLUMN whatsapp_change_queue.error_code IS 'Of FAILED: Meta''s code.';
COMMENT ON TABLE whatsapp_changes IS 'Changes of a status by number, for whatsapp.keep_changes; read by wa_changes().';
COMMENT ON COLUMN whatsapp_changes.seq IS 'One higher than that of the change before; a lower one is never seen later.';
COMMENT ON COLUMN whatsapp_changes.numbered_at IS 'When the change got its number.';
COMMENT ON COLUMN whatsapp_changes.message_id IS 'The message; NULL where changes were not kept for a while.';
COMMENT ON COLUMN whatsapp_changes.sender IS 'Its sender.';
COMMENT ON COLUMN whatsapp_changes.status IS 'The status that it got.';
COMMENT ON COLUMN whatsapp_changes.changed_at IS 'When it got it, as whatsapp_messages tells.';
COMMENT ON COLUMN whatsapp_changes.error_code IS 'Of FAILED: Meta''s code.';
COMMENT ON TABLE whatsapp_callback_definitions IS 'What wa_on_status() and wa_on_inbound() were told, and one row for each watch with a status_column. whatsapp_callbacks shows it. Changed by the extension only.';
COMMENT ON COLUMN whatsapp_callback_definitions.id IS 'Number of the callback.';
COMMENT ON COLUMN whatsapp_callback_definitions.name IS 'Name of the callback.';
COMMENT ON COLUMN whatsapp_callback_definitions.kind IS 'status, inbound, or column: a watch''s status_column.';
COMMENT ON COLUMN whatsapp_callback_definitions.function IS 'The function with its schema and arguments.';
COMMENT ON COLUMN whatsapp_callback_definitions.function_owner IS 'Who owned the function when it was registered, and has to own it at each call.';
COMMENT ON COLUMN whatsapp_callback_definitions.watch IS 'Of a status_column: the key of its watch.';
COMMENT ON COLUMN whatsapp_callback_definitions.statuses IS 'Statuses that are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callback_definitions.sender IS 'The sender whose messages are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callback_definitions.owner IS 'The role with whose rights it works.';
COMMENT ON COLUMN whatsapp_callback_definitions.owner_number IS 'Database and number of that role; a new name of the role leaves them as they are.';
COMMENT ON COLUMN whatsapp_callback_definitions.function_owner_number IS 'Database and number of the role that owned the function; a new name of the role leaves them as they are.';
COMMENT ON COLUMN whatsapp_callback_definitions.settings IS 'Settings of the session that registered it, such as its search_path.';
COMMENT ON COLUMN whatsapp_callback_definitions.made_at IS 'When it was registered.';
COMMENT ON COLUMN whatsapp_callback_definitions.paused IS 'Whether wa_callback_pause() has stopped it; calls are kept meanwhile.';
COMMENT ON COLUMN whatsapp_callback_definitions.failures IS 'Turns since its last success in which it only failed, or took too long.';
COMMENT ON COLUMN whatsapp_callback_definitions.resting_until IS 'Not called before this time, after such turns.';
COMMENT ON COLUMN whatsapp_callback_definitions.errors IS 'How many calls have failed, repeated ones counted each time.';
COMMENT ON COLUMN whatsapp_callback_definitions.error_code IS 'SQLSTATE of the last error.';
COMMENT ON COLUMN whatsapp_callback_definitions.error_message IS 'Its primary message.';
COMMENT ON COLUMN whatsapp_callback_definitions.failed_at IS 'When it was.';
COMMENT ON TABLE whatsapp_callback_calls IS 'Calls that are still to be made, or are tried again.';
COMMENT ON COLUMN whatsapp_callback_calls.id IS 'In the order in which they are to be made.';
COMMENT ON COLUMN whatsapp_callback_calls.callback IS 'The callback, a row of whatsapp_callback_definitions.';
COMMENT ON COLUMN whatsapp_callback_calls.message_id IS 'The message, a row of whatsapp_messages, or of whatsapp_inbound for a callback of that kind.';
COMMENT ON COLUMN whatsapp_callback_calls.status IS 'The status that is told; NULL for a message that came in.';
COMMENT ON COLUMN whatsapp_callback_calls.made_at IS 'When it was put here.';
COMMENT ON COLUMN whatsapp_callback_calls.attempts IS 'How often it has failed.';
COMMENT ON COLUMN whatsapp_callback_calls.due_at IS 'Not made before this time.';
COMMENT ON COLUMN whatsapp_callback_calls.error_code IS 'SQLSTATE of its last error.';
COMMENT ON COLUMN whatsapp_callback_calls.error_message IS 'Its primary message.';
COMMENT ON TABLE whatsapp_watched_messages IS 'Which row a message was made of, for watches with a status_column.';
COMMENT ON COLUMN whatsapp_watched_messages.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_watched_messages.watch IS 'Key of the watch.';
COMMENT ON COLUMN whatsapp_watched_messages.row_key IS 'Primary key of the row, as text.';
COMMENT ON FUNCTION wa_on_status(regproc, text[], text, text) IS
    'From now on the reader calls the function with the id of a message and its new status, for each change of a status: f(bigint, text). statuses and sender say which are told. It works with the caller''s rights and search_path, and with the database''s time-outs; after whatsapp.callback_timeout it is cancelled. The call and its being done with are one transaction: what the function writes to the database is written exactly once, whatever it does elsewhere at least once. A call that fails is tried again with growing pauses, see whatsapp_callbacks. Returns the name of the callback; the function''s by default. Raises 42P13 for other arguments, 42501 without the right to execute it, 22023 for statuses, 42704 for the sender, 42710 for a name that is taken, 22004 for NULL.';
COMMENT ON FUNCTION wa_on_inbound(regproc, text, text) IS
    'From now on the reader calls the function with the id of each message that comes in, a row of whatsapp_inbound: f(bigint). sender says whose are told. Its rights, time-outs, repeats and errors are those of wa_on_status().';
COMMENT ON FUNCTION wa_callback_remove(text) IS
    'Ends a callback, and forgets the calls that were still to be made. False when there is none of that name. Raises 55006 for that of a watch, which wa_unwatch() ends, 42501 for a role for some senders, unless it is of one of these and of its own.';
COMMENT ON FUNCTION wa_callback_pause(text) IS 'Stops a callback; what happens meanwhile is kept for it. False when there is none of that name. Raises 42501 as wa_callback_remove().';
COMMENT ON FUNCTION wa_callback_resume(text) IS 'Goes on with a callback, also with calls that have failed, at once. False when there is none of that name. Raises 42501 as wa_callback_remove().';
COMMENT ON FUNCTION wa_changes(bigint, integer) IS
    'Changes of a status with a higher number than since, in their order, max_rows at most: complete, and none is seen after one with a higher number. NULL begins with the oldest that is kept. Each number is announced on the channel whatsapp_changes, by the last one of several. A role for some senders gets the changes of these. Needs whatsapp.keep_changes. Raises WA017 when changes behind since are not there any more, whoever''s they were, 55000 when none are kept, 22023 for max_rows.';
COMMENT ON VIEW whatsapp_callbacks IS 'Callbacks: what they are, how they do, and what waits for them.';
COMMENT ON COLUMN whatsapp_callbacks.name IS 'Name of the callback.';
COMMENT ON COLUMN whatsapp_callbacks.kind IS 'status, inbound, or column: a watch''s status_column.';
COMMENT ON COLUMN whatsapp_callbacks.function IS 'The function that is called; NULL for a watch''s.';
COMMENT ON COLUMN whatsapp_callbacks.watch IS 'Of a status_column: its watch.';
COMMENT ON COLUMN whatsapp_callbacks.statuses IS 'Statuses that are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callbacks.sender IS 'The sender whose messages are told; NULL for all.';
COMMENT ON COLUMN whatsapp_callbacks.owner IS 'The role with whose rights it works.';
COMMENT ON COLUMN whatsapp_callbacks.state IS 'on, paused (by wa_callback_pause()), or resting: after calls that failed or took too long, for growing times.';
COMMENT ON COLUMN whatsapp_callbacks.resting_until IS 'When it is called again; NULL when it does not rest.';
COMMENT ON COLUMN whatsapp_callbacks.waiting IS 'Calls that are still to be made.';
COMMENT ON COLUMN whatsapp_callbacks.waiting_since IS 'Since when the oldest of them waits.';
COMMENT ON COLUMN whatsapp_callbacks.errors IS 'How many calls have failed, repeated ones counted each time.';
COMMENT ON COLUMN whatsapp_callbacks.last_error IS 'The last error: its SQLSTATE and message.';
COMMENT ON COLUMN whatsapp_callbacks.last_error_at IS 'When it was.';
COMMENT ON COLUMN whatsapp_callbacks.made_at IS 'When the callback was registered.';

REVOKE ALL ON FUNCTION wa_on_status(regproc, text[], text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_on_inbound(regproc, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_remove(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_pause(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_callback_resume(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION wa_changes(bigint, integer) FROM PUBLIC;

SELECT pg_catalog.pg_extension_config_dump('whatsapp_change_queue', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_change_queue_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_changes', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_definitions', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_definitions_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_calls', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_callback_calls_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_watched_messages', '');
