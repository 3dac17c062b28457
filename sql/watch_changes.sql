-- watch_changes: the primary key of a watched table goes, comes, and is another one.
SET client_min_messages = error;
SET TimeZone = 'UTC';
\pset format unaligned
\pset footer off
\pset null (null)
CREATE EXTENSION pg_whatsapp;

-- the primary key goes, and comes again
CREATE TABLE orders (id integer PRIMARY KEY, po text, phone text DEFAULT '+34612345678');
INSERT INTO orders VALUES (1, 'PO-1'), (2, 'PO-2'), (3, 'PO-3'), (4, 'PO-4');
SELECT wa_watch('orders', 'changed', ARRAY['new.po'], 'new.phone', events => '{UPDATE}');
ALTER TABLE orders DROP CONSTRAINT orders_pkey;
UPDATE orders SET po = po || 'a' WHERE id = 1;
SELECT reference, idempotency_key FROM whatsapp_messages ORDER BY id;
ALTER TABLE orders ADD PRIMARY KEY (id);
UPDATE orders SET po = po || 'a' WHERE id = 2;
UPDATE orders SET po = po || 'b' WHERE id = 2;
UPDATE orders SET po = po || 'c' WHERE id = 2;
SELECT reference, idempotency_key FROM whatsapp_messages ORDER BY id;
-- another one
ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (po, id);
UPDATE orders SET phone = '+34612345679' WHERE id = 3;
UPDATE orders SET phone = '+34612345678' WHERE id = 3;
SELECT reference, idempotency_key FROM whatsapp_messages ORDER BY id;
-- a deferrable one is a key, too
ALTER TABLE orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED;
UPDATE orders SET phone = '+34612345679' WHERE id = 4;
UPDATE orders SET phone = '+34612345678' WHERE id = 4;
SELECT reference, idempotency_key FROM whatsapp_messages ORDER BY id;
SELECT errors, last_error FROM whatsapp_watches;
DROP TABLE orders;
DROP EXTENSION pg_whatsapp CASCADE;
