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

COMMENT ON TABLE whatsapp_attempts IS 'Attempts that did not succeed.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts', '');
SELECT pg_catalog.pg_extension_config_dump('whatsapp_attempts_id_seq', '');
