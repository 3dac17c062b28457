/* Attempts that did not succeed. */

-- Every attempt that did not succeed; the one that did is the message row itself.
CREATE TABLE whatsapp_attempts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id    bigint NOT NULL,
    attempt       integer NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT pg_catalog.now(),
    outcome       text NOT NULL,
    http_status   integer,
    error_code    bigint,
    error_message text,
    error_details jsonb
);

CREATE INDEX whatsapp_attempts_message_id_idx ON whatsapp_attempts (message_id);

COMMENT ON TABLE whatsapp_attempts IS 'Attempts that did not succeed. The one that did is the message row itself; those that met the account''s trouble show in whatsapp_senders.';
COMMENT ON COLUMN whatsapp_attempts.id IS 'Number of the row.';
COMMENT ON COLUMN whatsapp_attempts.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_attempts.attempt IS 'Number of the attempt, from 1.';
COMMENT ON COLUMN whatsapp_attempts.ended_at IS 'When it ended.';
COMMENT ON COLUMN whatsapp_attempts.outcome IS 'What came of it: refused, retry, throttle or unknown.';
COMMENT ON COLUMN whatsapp_attempts.http_status IS 'HTTP status of the answer; NULL when there was none.';
COMMENT ON COLUMN whatsapp_attempts.error_code IS 'Meta''s code of the error.';
COMMENT ON COLUMN whatsapp_attempts.error_message IS 'The error in words.';
COMMENT ON COLUMN whatsapp_attempts.error_details IS 'All that Meta said about it.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts_id_seq', '');
