# What DBAs ask of watches, each by one statement: an order is announced once when it is approved, to a phone that stands in another table; a reminder two
# days before delivery, unless it was cancelled; at most one message an hour with all new orders, in office hours of the supplier's country.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('watch_cases');
my $sandbox = $node->{sandbox};

sandbox_post($sandbox, 'templates', [ map { my ($name, $text) = @$_; { name => $name, language => 'es', status => 'APPROVED', category => 'UTILITY', components => [ { type => 'BODY', text => $text } ] } }
	([ 'approved', 'Hola {{1}}, el pedido {{2}} está aprobado.' ], [ 'reminder', 'Le recordamos el pedido {{1}} para el {{2}}.' ], [ 'new_orders', 'Hola {{1}}, tiene {{2}} pedidos: {{3}}.' ]) ]);

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub book { my ($template) = @_; return sort { $a->{received_at} <=> $b->{received_at} } grep { $_->{template} eq $template } @{ sandbox_get($sandbox, 'messages') } }
sub told { return [ map { [ $_->{to}, @{ $_->{parameters} } ] } book($_[0]) ] }

sql(q{
	CREATE TABLE suppliers (id integer PRIMARY KEY, name text, phone text);
	INSERT INTO suppliers VALUES (1, 'Proveedor ABC', '+34612345678'), (2, 'Flour & Sons', '+447700900123'), (3, 'Acme', '+573001234567'), (4, 'Nippon', '+819012345678');
	CREATE TABLE orders (id integer PRIMARY KEY, supplier integer REFERENCES suppliers, status text DEFAULT 'draft', delivery date);
});

# -------------------------------------------------------- the phone is in suppliers, and the order is announced once when its status becomes approved

sql(q{SELECT wa_watch('orders', 'approved', ARRAY['(SELECT s.name FROM suppliers AS s WHERE s.id = new.supplier)', 'new.id'],
	phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', events => '{INSERT,UPDATE}', name => 'approved',
	when_ => $$old.status IS DISTINCT FROM new.status AND new.status = 'approved'$$)});
sql(q{INSERT INTO orders VALUES (1, 1), (2, 2)});
sql(q{UPDATE orders SET status = 'approved' WHERE id = 1; UPDATE orders SET delivery = now() WHERE id = 1});
sql(q{UPDATE orders SET status = 'draft'; UPDATE orders SET status = 'approved'; UPDATE orders SET status = 'approved'});
sql(q{BEGIN; INSERT INTO orders VALUES (3, 3, 'approved'); ROLLBACK});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE template_name = 'approved' AND status = 'READ'}, 2);
is_deeply([ sort { $a->[2] <=> $b->[2] } @{ told('approved') } ], [ [ '+34612345678', 'Proveedor ABC', '1' ], [ '+447700900123', 'Flour & Sons', '2' ] ], 'each order once, to the phone of its supplier');
sql(q{SELECT wa_unwatch('orders'); DELETE FROM orders});

# ------------------------------------------------------------------------- remind two days before delivery, unless it was cancelled

sql(q{SELECT wa_watch('orders', 'reminder', ARRAY['new.id', 'new.delivery'], phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', name => 'reminder',
	due => $$new.delivery - interval '2 days'$$, when_ => $$new.status <> 'cancelled'$$)});
# a minute before its time: the deadline is moved, as the clock would
sql(q{INSERT INTO orders SELECT n, 1, 'open', (now() + interval '30 days')::date FROM generate_series(1, 4) AS n});
is(sql(q{SELECT count(*) FROM whatsapp_queue WHERE due_at = (now() + interval '30 days')::date - interval '2 days'}), 4, 'they wait until two days before');
sql(q{UPDATE orders SET status = 'cancelled' WHERE id = 2; DELETE FROM orders WHERE id = 3; UPDATE orders SET delivery = delivery + 10 WHERE id = 4});
sql(q{UPDATE orders SET delivery = (now() + interval '2 days')::date WHERE id IN (1, 2)});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ' AND template_name = 'reminder'}, 1);
is_deeply([ map { $_->[1] } @{ told('reminder') } ], ['1'], 'the one whose time has come is sent, and neither the cancelled nor the deleted one');
is(sql(q{SELECT reference FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE q.due_at = (now() + interval '40 days')::date - interval '2 days'}), 4, 'one that was put off waits for its new time');
is(sql(q{SELECT string_agg(status, ' ' ORDER BY reference) FROM whatsapp_messages WHERE reference IN ('2', '3') AND template_name = 'reminder'}), 'CANCELLED CANCELLED', 'the others are called off');
sql(q{SELECT wa_unwatch('orders'); DELETE FROM orders});

# -------------------------------------------- at most one message an hour with all new orders, in office hours of the supplier's country

sql(q{SELECT wa_watch('orders', 'new_orders', ARRAY['(SELECT s.name FROM suppliers AS s WHERE s.id = new.supplier)', 'count', 'new.id'],
	phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', name => 'new_orders', digest => '1 hour', send_window => 'Mon-Fri 09:00-18:00')});
sql(q{INSERT INTO orders SELECT n, 1 + n % 4 FROM generate_series(101, 140) AS n});
is(sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE due_at >= made_at + interval '1 hour'}), 40, 'each order waits for an hour at least');
is(sql(q{
	SELECT string_agg(DISTINCT s.name, ', ' ORDER BY s.name) FROM whatsapp_watch_items AS i JOIN suppliers AS s ON s.phone = i.recipient_phone
	CROSS JOIN LATERAL (SELECT i.due_at AT TIME ZONE (wa_phone_time_zones(s.phone))[1] AS at) AS l
	WHERE extract(isodow FROM l.at) BETWEEN 1 AND 5 AND l.at::time >= '09:00' AND l.at::time < '18:00'
	      AND i.due_at <= i.made_at + interval '5 days'}), 'Acme, Flour & Sons, Nippon, Proveedor ABC', 'and for the office hours of its supplier');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE template_name = 'new_orders'}), 0, 'so far there is no message');
# one whose time comes outside of the hours, since the reader was away, waits for the next ones
my $closed = sql(q{UPDATE whatsapp_watch_definitions SET time_zone = 'UTC', send_window = 'Mon-Sun ' || to_char((now() + interval '6 hours') AT TIME ZONE 'UTC', 'HH24:00') || '-'
	|| to_char((now() + interval '7 hours') AT TIME ZONE 'UTC', 'HH24:00') RETURNING send_window});
sql(q{UPDATE whatsapp_watch_items SET due_at = now(), time_zone = 'UTC'});
wait_sql($node, q{SELECT count(*) FROM whatsapp_watch_items WHERE due_at = date_trunc('hour', now() AT TIME ZONE 'UTC' + interval '6 hours') AT TIME ZONE 'UTC'}, 40);
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE template_name = 'new_orders'}), 0, "nothing leaves outside of the hours ($closed)");
# the hour has come
sql(q{UPDATE whatsapp_watch_definitions SET send_window = 'Mon-Sun 00:00-24:00'; UPDATE whatsapp_watch_items SET due_at = now()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE template_name = 'new_orders' AND status = 'READ'}, 4);
is_deeply([ sort { $a->[0] cmp $b->[0] } @{ told('new_orders') } ],
	[ map { my ($phone, $name, $first) = @$_; [ $phone, $name, '10', join ', ', map { $first + 4 * $_ } 0 .. 9 ] }
	  ([ '+34612345678', 'Proveedor ABC', 104 ], [ '+447700900123', 'Flour & Sons', 101 ], [ '+573001234567', 'Acme', 102 ], [ '+819012345678', 'Nippon', 103 ]) ], 'one message to each supplier, with all orders');
is(sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE next_at < now() + interval '59 minutes'}), 0, 'the next one an hour later');
# one that comes right after it does not leave before, whatever its own time says
sql(q{INSERT INTO orders VALUES (201, 1); UPDATE whatsapp_watch_items SET due_at = now() WHERE message_id IS NULL});
wait_sql($node, q{SELECT i.due_at = o.next_at FROM whatsapp_watch_items AS i JOIN whatsapp_watch_items AS o ON o.group_key = i.group_key AND o.reference = '104' WHERE i.reference = '201'});
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE template_name = 'new_orders'}), 4, 'and not before');

# --------------------------------------------------------------------- a look is what is sent, byte for byte, also by way of rows that wait

sql(q{
	CREATE TABLE notes (id integer PRIMARY KEY, phone text, body text, total numeric);
	SELECT wa_watch('notes', 'digest', ARRAY['new.body', 'count', 'wa_format_amount(new.total, ''EUR'')'], 'new.phone', name => 'digest', digest => '1 hour', reference => $$'digest ' || new.id$$);
	SELECT wa_watch('notes', 'debounce', ARRAY['new.body', 'wa_format_amount(new.total, ''EUR'')'], 'new.phone', name => 'debounce', debounce => '1 hour', reference => $$'debounce ' || new.id$$);
	CREATE TABLE random_rows AS SELECT n AS id, '+34615' || lpad(n::text, 6, '0') AS phone,
		(SELECT string_agg((ARRAY['a', 'Z', '9', ' ', 'ñ', '€', '"', E'\\\\', '/', '漢', '🙏', '{', '}', '<', chr(9)])[1 + floor(random() * 14.02)::integer], '')
		 FROM generate_series(1, 1 + (random() * 60)::integer + n * 0)) AS body, round((random() * 10 ^ (random() * 12))::numeric, 4) AS total
	FROM generate_series(1, 1000) AS n;
	ALTER TABLE notes DISABLE TRIGGER USER;
	INSERT INTO notes SELECT * FROM random_rows;
	ALTER TABLE notes ENABLE TRIGGER USER;
	CREATE TABLE looks AS SELECT t.*, t.payload::text AS payload_text FROM random_rows AS r, wa_watch_test('notes', r.id::text) AS t;
	DELETE FROM notes;
	INSERT INTO notes SELECT * FROM random_rows;
	UPDATE whatsapp_watch_items SET due_at = now() WHERE message_id IS NULL;
});
wait_sql($node, q{SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NULL AND template_name IN ('digest', 'debounce')}, 0);
is(sql(q{
	SELECT count(*), count(*) FILTER (WHERE m.payload::text IS NOT DISTINCT FROM l.payload_text AND m.recipient_phone = l.recipient_phone
		AND m.sender = l.sender AND m.template_language = l.template_language AND m.priority = l.priority AND (l.outcome = 'sent' OR m.status = 'FAILED'))
	FROM whatsapp_messages AS m JOIN looks AS l USING (reference)}), '2000|2000', 'the looks at 1,000 random rows of two watches are the messages that they make, byte for byte');
cmp_ok(sql(q{SELECT count(*) FROM looks WHERE outcome = 'sent'}), '>', 1000, 'most can be sent');
cmp_ok(sql(q{SELECT count(*) FROM looks WHERE outcome = 'refused'}), '>', 20, 'and some cannot');

# ----------------------------------------------------- a text to those who have written within 24 hours, and the template to the others

sandbox_post($sandbox, 'inbound', { from => '34612345678', text => 'Hola' });
wait_sql($node, q{SELECT wa_window_open('+34612345678')}, 't');
sql(q{
	CREATE TABLE answers (id integer PRIMARY KEY, phone text);
	SELECT wa_watch('answers', 'approved', ARRAY[$$'amigo'$$, 'new.id'], 'new.phone', name => 'answers', reference => $$'answer ' || new.id$$, body => $$'El pedido ' || new.id || ' está listo.'$$);
	INSERT INTO answers VALUES (1, '+34612345678'), (2, '+447700900123');
});
wait_sql($node, q{SELECT string_agg(message_type || ' ' || coalesce(template_name, 'none') || ' ' || status, ', ' ORDER BY reference) FROM whatsapp_messages WHERE reference LIKE 'answer %'},
	'text none READ, template approved READ');
my @answers = grep { $_->{to} =~ /\A\+(?:34612345678|447700900123)\z/ && ($_->{type} eq 'text' || "@{ $_->{parameters} }" =~ /\Aamigo/) } @{ sandbox_get($sandbox, 'messages') };
is_deeply([ sort map { $_->{type} eq 'text' ? "$_->{to} text" : "$_->{to} @{ $_->{parameters} }" } @answers ], [ '+34612345678 text', '+447700900123 amigo 2' ], 'as the platform got them');

$node->stop;
done_testing();
