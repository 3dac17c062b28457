/* Views of the whole, for people. */

CREATE VIEW whatsapp_status AS
SELECT s.status, coalesce(m.messages, 0) AS messages, m.oldest, m.newest
FROM (VALUES (1, 'PENDING'), (2, 'SENT'), (3, 'DELIVERED'), (4, 'READ'), (5, 'FAILED'), (6, 'CANCELLED')) AS s (place, status)
LEFT JOIN (SELECT status, pg_catalog.count(*) AS messages, pg_catalog.min(created_at) AS oldest, pg_catalog.max(created_at) AS newest
           FROM whatsapp_messages GROUP BY status) AS m USING (status)
ORDER BY s.place;

COMMENT ON VIEW whatsapp_status IS 'Messages by status. Reads the whole of whatsapp_messages.';
COMMENT ON COLUMN whatsapp_status.status IS 'One of the six statuses, in the order of a message''s life.';
COMMENT ON COLUMN whatsapp_status.messages IS 'Number of messages in this status.';
COMMENT ON COLUMN whatsapp_status.oldest IS 'Least created_at of them.';
COMMENT ON COLUMN whatsapp_status.newest IS 'Greatest created_at of them.';
