# How long rows are kept: what is too old goes in small batches, beside traffic; what still waits stays, and webhooks that come again are known.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('retention', conf => "whatsapp.pair_interval = 0\nwhatsapp.messages_per_second = 0\nautovacuum_naptime = 1\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub keep { my ($what, $age) = @_; $node->append_conf('postgresql.conf', "whatsapp.keep_$what = '$age'"); $node->reload; return }

# a history: 3,000 old messages with attempts and events, and what waits among them
sql(q{INSERT INTO whatsapp_messages (created_at, sender, recipient_phone, message_type, payload, status, attempts)
		SELECT now() - interval '100 days' + n * interval '1 second', 'default', '+34600000001', 'template', '{"x": 1}', CASE n % 3 WHEN 0 THEN 'FAILED' WHEN 1 THEN 'READ' ELSE 'CANCELLED' END, 1
		FROM generate_series(1, 3000) AS n;
	INSERT INTO whatsapp_attempts (message_id, attempt, outcome) SELECT id, 1, 'failed' FROM whatsapp_messages;
	INSERT INTO whatsapp_wamids SELECT id, id, 0 FROM whatsapp_messages;
	INSERT INTO whatsapp_events (received_at, kind, dedupe_key, raw) SELECT created_at, 'status', md5(id::text)::uuid, '{}' FROM whatsapp_messages;
	INSERT INTO whatsapp_event_queue (event_id, due_at) SELECT min(id), now() + interval '1 day' FROM whatsapp_events;
	INSERT INTO whatsapp_inbound (received_at, occurred_at, wamid, message_type, opens_window, event_id, raw)
		SELECT created_at, created_at, 'in.' || id, 'text', true, id, '{}' FROM whatsapp_messages WHERE id <= 700});
my $scheduled = sql(q{SELECT wa_send_po('A', 'LATER', 1, '+34600000002', send_at => now() + interval '1 day')});
sql("UPDATE whatsapp_messages SET created_at = now() - interval '99 days' WHERE id = $scheduled");
send_po($node, 3);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ' AND reference LIKE 'PO-%'}, '3');

keep('bodies', '90d');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE payload IS NULL}, '3000');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE payload IS NOT NULL}), '4', 'young ones keep their content, and what waits does, too');
like(($node->psql('postgres', q{SELECT wa_retry(min(id)) FROM whatsapp_messages WHERE status = 'FAILED'}))[2], qr/no content to send/, 'what has no content is not sent again, and that is said');

# an old snapshot keeps what is deleted in the indexes; user's triggers are asked; a failing one is told, and delays, no more
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM whatsapp_messages');
sql(q{CREATE TABLE gone (id bigint); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.gone VALUES (OLD.id); RETURN OLD; END $$;
	CREATE TRIGGER note BEFORE DELETE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION note()});
keep('messages', '91d');
send_po($node, 20, prefix => 'BESIDE');
wait_sql($node, q{SELECT count(*) FROM gone}, '3000');
$reader->quit;
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE created_at < now() - interval '90 days'}), '1', 'the scheduled one is still there');
is(sql('SELECT count(*) FROM whatsapp_attempts'), '0', 'attempts go with their messages');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'BESIDE-%' AND status = 'READ'}, '20');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'and traffic went on');

# a row for which somebody keeps a transaction open keeps itself, and no other; nor does it keep one-time codes of others
my $code = sql(q{SELECT wa_send_code('+34600000003', '123456', 'code_template', reference => 'CODE-1')});
my $other_code = sql(q{SELECT wa_send_code('+34600000004', '654321', 'code_template', reference => 'CODE-2', valid_for => '1 s')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'CODE-_' AND status = 'FAILED' AND payload IS NULL}, '2');
sql(qq{UPDATE whatsapp_messages SET payload = '{"secret": "code"}' WHERE id IN ($code, $other_code)});
my $old = sql(q{WITH old AS (INSERT INTO whatsapp_messages (created_at, sender, recipient_phone, message_type, status) SELECT now() - interval '100 days', 'default', '+34600000005', 'template', 'READ' FROM generate_series(1, 10) RETURNING id)
	SELECT min(id) FROM old});
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT 1 FROM whatsapp_messages WHERE id IN ($code, $old) FOR UPDATE");
sql("INSERT INTO whatsapp_codes VALUES ($code), ($other_code)");
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE id = $other_code AND payload IS NULL", '1');
is(sql("SELECT count(*) FROM whatsapp_codes WHERE message_id = $code"), '1', 'the code of a row that is locked waits');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE created_at < now() - interval '99 days 12 hours'}, '1');
$holder->query_safe('ROLLBACK');
wait_sql($node, "SELECT count(*) FROM whatsapp_codes", '0');
is(sql("SELECT count(*) FROM whatsapp_messages WHERE id = $code AND payload IS NULL"), '1', 'and is erased afterwards');
$holder->quit;

# a thousand that wait though the queue was emptied by hand take no room of others
sql(q{WITH waiting AS (INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, status, payload) SELECT 'default', '+34600000007', 'template', 'PENDING', '{"secret": "code"}' FROM generate_series(1, 1000) RETURNING id)
	INSERT INTO whatsapp_codes SELECT id FROM waiting});
sql(q{WITH ended AS (INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, status, payload, reference) VALUES ('default', '+34600000007', 'template', 'READ', '{"secret": "code"}', 'CODE-3') RETURNING id)
	INSERT INTO whatsapp_codes SELECT id FROM ended});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'CODE-3' AND payload IS NULL}, '1');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE status = 'PENDING' AND payload IS NOT NULL AND recipient_phone = '+34600000007'}), '1000', 'those that wait keep their content');
sql(q{DELETE FROM whatsapp_codes; DELETE FROM whatsapp_messages WHERE recipient_phone = '+34600000007'});

keep('inbound', '30d');
keep('events', '9d');
wait_sql($node, q{SELECT count(*) FROM whatsapp_inbound}, '0');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE received_at < now() - interval '9 days'}, '1');
is(sql('SELECT count(*) FROM whatsapp_event_queue'), '1', 'the event that the reader has still to act upon stays');

# What may not be deleted holds up nothing that is younger: rows that tables of the user's refer to, and more of one time than a batch has that a
# trigger keeps, as the messages of a campaign are.
my $aged = q{INSERT INTO whatsapp_messages (created_at, sender, recipient_phone, message_type, status, reference) SELECT now() - interval '%s', 'default', '+34600000006', 'template', 'READ', '%s' FROM generate_series(1, %s)};
sql(q{CREATE TABLE invoices (message_id bigint REFERENCES whatsapp_messages);
	CREATE TABLE receipts (message_id bigint REFERENCES whatsapp_messages DEFERRABLE INITIALLY DEFERRED);
	CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN OLD.reference = 'HELD' THEN NULL ELSE OLD END; END $$;
	CREATE TRIGGER hold BEFORE DELETE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION hold();
	BEGIN; } . join('; ', sprintf($aged, '98 days', 'BILLED', 600), sprintf($aged, '97 days', 'HELD', 1200), sprintf($aged, '97 days', 'BEHIND', 900), sprintf($aged, '96 days', 'YOUNGER', 20)) . q{;
	INSERT INTO invoices SELECT id FROM whatsapp_messages WHERE reference = 'BILLED' AND id % 4 = 0;
	INSERT INTO receipts SELECT id FROM whatsapp_messages WHERE reference = 'BILLED' AND id % 4 = 2; COMMIT});
$node->restart; # a pass begins at once
my $kinds = q{SELECT string_agg(format('%s %s', reference, count), ', ' ORDER BY reference) FROM (SELECT reference, count(*) FROM whatsapp_messages WHERE reference IN ('BILLED', 'HELD', 'BEHIND', 'YOUNGER') GROUP BY 1) AS k};
wait_sql($node, $kinds, 'BILLED 300, HELD 1200');
my @told = slurp_file($node->logfile) =~ /(old rows of WhatsApp table "whatsapp_messages" may not be deleted\n.*SQLSTATE 23503)/g;
is(scalar @told, 1, 'what may not be deleted is told once, with the SQLSTATE');
sql('DROP TABLE invoices, receipts; DROP TRIGGER hold ON whatsapp_messages');
$node->restart;
wait_sql($node, "SELECT ($kinds) IS NULL", 't');

# those that are young enough to come again are known
my $events = sql('SELECT count(*) FROM whatsapp_events');
my $raw = sql(q{SELECT raw FROM whatsapp_events WHERE kind = 'status' AND received_at > now() - interval '1 day' ORDER BY id LIMIT 1});
cmp_ok($events, '>', 60, 'young events are there');

$node->append_conf('postgresql.conf', "whatsapp.keep_events = '2d'");
$node->reload;
wait_for('the setting to be refused', sub { slurp_file($node->logfile) =~ /invalid value for parameter "whatsapp.keep_events"/ });
like(slurp_file($node->logfile), qr/an event tells that one is not new/, 'shorter than Meta repeats itself is refused, and says why');
is(sql(q{SELECT count(*) FROM whatsapp_events}), $events, 'and nothing goes');

$node->stop('fast');
done_testing();
