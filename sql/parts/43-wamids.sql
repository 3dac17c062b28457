/* Finds a message by its wamid, Meta's id of it. */

-- Messages by the hash of their wamid, for a webhook that does not bring our own id back. Compare the wamid, too. The generation is that of
-- the newest messages when it was learnt, 262,144 each: what is new shares few pages of the index, however long the history is.
CREATE TABLE whatsapp_wamids (
    hash       bigint NOT NULL,
    message_id bigint NOT NULL,
    generation integer NOT NULL DEFAULT 0
);
ALTER TABLE whatsapp_wamids REPLICA IDENTITY FULL;

CREATE INDEX whatsapp_wamids_hash_idx ON whatsapp_wamids (generation, hash);

COMMENT ON TABLE whatsapp_wamids IS 'Finds a message by the hash of its wamid, in every generation. Compare the wamid, too.';
COMMENT ON COLUMN whatsapp_wamids.hash IS 'Hash of the wamid: hashtextextended(wamid, 0).';
COMMENT ON COLUMN whatsapp_wamids.message_id IS 'The message, a row of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_wamids.generation IS 'The newest whatsapp_messages.id when the wamid was learnt, divided by 262,144: new entries share few pages of the index.';

SELECT pg_catalog.pg_extension_config_dump('whatsapp_wamids', '');
