# Watches that wait for other rows: debounce and digest, by the reader at work: 10,000 rows of one statement, many sessions with rollbacks while the
# postmaster dies, a phone that gets at most one message an interval, and a dump with rows that wait.
use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('watch_digests', conf => "whatsapp.databases = 'postgres, copy'\nwhatsapp.unknown_grace = 1h\nwhatsapp.keep_messages = 0\nmax_worker_processes = 20\n");
my $sandbox = $node->{sandbox};

sandbox_post($sandbox, 'templates', [ map { my ($name, $text) = @$_; { name => $name, language => 'es', status => 'APPROVED', category => 'UTILITY',
	components => [ { type => 'BODY', text => $text }, { type => 'FOOTER', text => 'Compras' } ] } }
	([ 'order_changed', 'El pedido {{1}} es ahora la versión {{2}}.' ], [ 'new_lines', 'Hola {{1}}, tiene {{2}} pedidos: {{3}}.' ], [ 'later', 'Tiene {{1}} pedidos: {{2}}.' ]) ]);

sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]) }
sub book { my ($to) = @_; return grep { !$to || $_->{to} eq $to } @{ sandbox_get($sandbox, 'messages') } }
sub waiting { return sql('SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NULL', $_[0]) }
sub wait_empty { return wait_sql($node, 'SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NULL', '0') && wait_sql($node, 'SELECT count(*) FROM whatsapp_queue', '0') }

# ---------------------------------------------------------------------------------------------------------------------------- debounce

sql(q{
	CREATE TABLE orders (id integer PRIMARY KEY, version integer DEFAULT 0, phone text DEFAULT '+34612000001', notified text);
	INSERT INTO orders (id) VALUES (1), (2), (3);
	SELECT wa_watch('orders', 'order_changed', ARRAY['new.id', 'new.version'], 'new.phone', events => '{UPDATE}', when_ => 'new.version <> old.version', name => 'changed',
		debounce => '2 seconds', max_wait => '6 seconds', status_column => 'notified');
});
# of one session: a busy machine may need seconds to begin twenty
my $last_change = sql(join "\n", (map { "UPDATE orders SET version = $_ WHERE id = 1;" } 1 .. 20), 'SELECT extract(epoch FROM clock_timestamp())');
wait_sql($node, 'SELECT count(*) FROM whatsapp_messages', 1);
wait_empty();
my @book = book();
is_deeply([ map { $_->{parameters} } @book ], [ [ '1', '20' ] ], 'twenty changes: one message, with the last of them');
cmp_ok($book[0]{received_at} - $last_change, '>=', 1.5, 'when nothing had come for two seconds');
wait_sql($node, 'SELECT notified FROM orders WHERE id = 1', 'READ');
is(sql('SELECT reference, status FROM whatsapp_messages'), '1|READ', 'its status stands in the row, which announces nothing');
# it is changed all the time
my $first_change = sql('SELECT extract(epoch FROM clock_timestamp())');
my $changes = 0;
wait_for('a message in the middle of changes', sub { sql('UPDATE orders SET version = version + 1 WHERE id = 2'); $changes++; sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference = '2'}) > 0 });
wait_for('its arrival', sub { grep { $_->{parameters}[0] eq '2' } book() });
my ($early) = grep { $_->{parameters}[0] eq '2' } book();
cmp_ok($early->{received_at} - $first_change, '>=', 5.5, "max_wait: after $changes changes without a pause");
wait_empty();
my @of_two = grep { $_->{parameters}[0] eq '2' } book();
is($of_two[-1]{parameters}[1], sql('SELECT version FROM orders WHERE id = 2'), 'and what came after it is in another one');
cmp_ok(scalar @of_two, '<', $changes, 'which are fewer than changes');
# rolled back
sql('BEGIN; UPDATE orders SET version = 99 WHERE id = 3; ROLLBACK');
is(waiting(), 0, 'a change that is rolled back waits for nothing');

# ------------------------------------------------------------------------------------------------- a digest of 10,000 rows of one statement

sql(q{
	CREATE TABLE lines (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, supplier integer, po text);
	CREATE TABLE suppliers (id integer PRIMARY KEY, name text, phone text);
	INSERT INTO suppliers SELECT n, 'Proveedor ' || n, '+34613' || lpad(n::text, 6, '0') FROM generate_series(1, 1000) AS n;
	SELECT wa_watch('lines', 'new_lines', ARRAY['(SELECT s.name FROM suppliers AS s WHERE s.id = new.supplier)', 'count', 'new.po'],
		'(SELECT s.phone FROM suppliers AS s WHERE s.id = new.supplier)', name => 'hourly', digest => '2 seconds', reference => 'new.po');
	INSERT INTO lines (supplier, po) SELECT 1 + n % 50, 'PO-2026-' || n FROM generate_series(1, 10000) AS n;
});
is(sql(q{SELECT errors FROM whatsapp_watches WHERE name = 'hourly'}), 0, '10,000 rows: no error');
wait_empty();
is(sql(q{SELECT count(*), count(DISTINCT recipient_phone), min(status) <> 'FAILED' FROM whatsapp_messages WHERE template_name = 'new_lines'}), '50|50|t', 'one message for each of 50 phones');
my ($one) = book('+34613000002');
is($one->{parameters}[0], 'Proveedor 2', 'what is the same in all rows stands once');
is($one->{parameters}[1], '200', 'the number of rows');
like($one->{parameters}[2], qr/\APO-2026-1, PO-2026-51, PO-2026-101, .*\d … y (\d+) más\z/, 'a list of them, in their order');
my ($rest) = $one->{parameters}[2] =~ /y (\d+) más/;
my $listed = () = $one->{parameters}[2] =~ /PO-/g;
is($listed + $rest, 200, 'and how many more there are');
cmp_ok(length $one->{parameters}[2], '<=', 800, 'so that there is room for the text of a template with a footer');
is(sql(q{SELECT count(*), count(DISTINCT i.reference), count(DISTINCT i.message_id) FROM whatsapp_watch_items AS i JOIN whatsapp_messages AS m ON m.id = i.message_id WHERE m.template_name = 'new_lines'}),
	'10000|10000|50', 'each row finds its message, and each message its rows');
is(sql(q{SELECT m.recipient_phone FROM whatsapp_watch_items AS i JOIN whatsapp_messages AS m ON m.id = i.message_id WHERE i.reference = 'PO-2026-777'}), '+34613000028', 'by its reference');

# ------------------------------------------------------------------------------------------ at most one message an interval, all rows

my $busy = '+34613000100';
my $end = time + 9;
my $inserted = 0;
wait_for('nine seconds of orders', sub { sql("INSERT INTO lines (supplier, po) VALUES (100, 'BUSY-$inserted')"); $inserted++; time > $end });
wait_empty();
my @busy = sort { $a->{received_at} <=> $b->{received_at} } book($busy);
cmp_ok(scalar @busy, '>=', 3, scalar(@busy) . " messages of $inserted orders");
cmp_ok(most_within(1.9, map { $_->{received_at} } @busy), '<=', 1, 'never two within the interval');
my $told = 0;
$told += $_->{parameters}[1] for @busy;
is($told, $inserted, 'and each order in one of them');

# the sender is away for a while: what comes meanwhile becomes one message, not one for each interval
sandbox_set($sandbox, delay_ms => 0);
$node->append_conf('postgresql.conf', 'whatsapp.enabled = off');
$node->reload;
sql(q{INSERT INTO lines (supplier, po) VALUES (101, 'AWAY-1')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue WHERE recipient = '+34613000101'}, 1);
sql(q{INSERT INTO lines (supplier, po) VALUES (101, 'AWAY-2')});
wait_sql($node, q{SELECT due_at > clock_timestamp() + interval '5 seconds' FROM whatsapp_watch_items WHERE reference = 'AWAY-2'});
is(sql(q{SELECT count(*) FROM whatsapp_queue WHERE recipient = '+34613000101'}), 1, 'as long as one waits to be sent, there is no second');
$node->append_conf('postgresql.conf', 'whatsapp.enabled = on');
$node->reload;
sql(q{UPDATE whatsapp_watch_items SET due_at = now() WHERE reference = 'AWAY-2'});
wait_empty();
is(scalar book('+34613000101'), 2, 'then there is');

# ---------------------------------------------------------------- many sessions in any order, with rollbacks, and the postmaster is killed

my $script = $node->basedir . '/load.sql';
append_to_file($script, <<'SQL');
\set one random(201, 220)
\set two random(201, 220)
\set fate random(1, 5)
BEGIN;
INSERT INTO lines (supplier, po) VALUES (:one, 'LOAD');
INSERT INTO lines (supplier, po) VALUES (:two, 'LOAD'), (:two, 'LOAD');
UPDATE orders SET version = version + 1 WHERE id = 3;
\if :fate = 1
ROLLBACK;
\else
COMMIT;
\endif
SQL
sub load
{
	return IPC::Run::start([ 'pgbench', '-n', '-c', '6', '-T', '600', '-f', $script, $node->connstr('postgres') ], '<', \undef, '>', $node->basedir . '/load.out', '2>&1');
}
sub kill_postmaster { return kill_postmaster_for(0) }
sub kill_postmaster_for
{
	my ($seconds) = @_;
	my @dying = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_whatsapp%'});
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /\A(\d+)/;
	kill 'KILL', $postmaster;
	wait_for('the workers to notice', sub { !kill 0, $postmaster, @dying });
	my $end = time + $seconds;
	wait_for('a while', sub { time >= $end });
	wait_for('a start', sub { $node->{_pid} = undef; $node->start(fail_ok => 1) });
	return;
}
my $deaths = 3;
for my $death (1 .. $deaths)
{
	my $before = sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NOT NULL AND reference = 'LOAD'});
	my $load = load();
	wait_for('messages under load', sub { sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NOT NULL AND reference = 'LOAD'}) > $before });
	# the reader in the middle of its work, and then all
	if ($death == 2)
	{
		my $reader = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader' AND datname = 'postgres'});
		kill 'KILL', $reader;
		wait_for('the cluster to restart', sub { my ($code, $pid) = try_psql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader' AND datname = 'postgres'}); defined $code && $code == 0 && $pid && $pid != $reader });
	}
	else
	{
		kill_postmaster();
	}
	$load->finish;
}
# a request that was on its way when they died may be lost, and the next digest of its phone waits until that is settled
$node->append_conf('postgresql.conf', "whatsapp.unknown_grace = 1s\nwhatsapp.unknown_policy = retry");
$node->reload;
wait_sql($node, 'SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NULL', '0');
is(sql(q{SELECT count(*) FROM lines WHERE po = 'LOAD'}), sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE reference = 'LOAD'}), "$deaths deaths: each row that was committed, and none else, is in a message");
is(sql(q{SELECT count(*) FROM (SELECT m.id FROM whatsapp_messages AS m JOIN whatsapp_watch_items AS i ON i.message_id = m.id WHERE i.reference = 'LOAD'
	GROUP BY m.id HAVING (max(m.payload #>> '{template,components,0,parameters,1,text}'))::bigint <> count(*)) AS wrong}), 0, 'and each message counts its rows');
is(sql(q{SELECT count(*) FROM whatsapp_watches WHERE errors > 0}), 0, 'no watch had an error');
is(sql(q{SELECT (SELECT payload #>> '{template,components,0,parameters,1,text}' FROM whatsapp_messages WHERE reference = '3' ORDER BY id DESC LIMIT 1) = version::text FROM orders WHERE id = 3}), 't',
	'the last message of an order has its last version');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'and no deadlock');
tables_intact($node, 'after the deaths');

# ------------------------------------------------------------------------------------------------------------------------ dump and restore

sql(q{
	SELECT wa_unwatch('lines');
	SELECT wa_watch('lines', 'later', ARRAY['count', 'new.po'], $$'+34614' || lpad(new.supplier::text, 6, '0')$$, name => 'later', digest => '1 hour', reference => 'new.po');
	INSERT INTO lines (supplier, po) SELECT 1 + n % 10, 'WAIT-' || n FROM generate_series(1, 100) AS n;
});
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dump', 'postgres' ], 'a dump with rows that wait');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'copy', $node->basedir . '/dump' ], 'its restore');
is(waiting('copy'), 100, 'they wait in the copy');
sql(q{UPDATE whatsapp_watch_items SET due_at = now() WHERE message_id IS NULL}, 'copy');
sql(q{INSERT INTO lines (supplier, po) VALUES (1, 'WAIT-101')}, 'copy');
is(waiting('copy'), 101, 'and new rows, too');
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader' AND datname = 'copy'}, 1);
sql(q{UPDATE whatsapp_watch_items SET due_at = now() WHERE message_id IS NULL});
wait_sql($node, q{SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NULL}, 0);
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, 0);
is(waiting('copy'), 101, 'the original sends them, the copy does not');
sql('SELECT wa_release()', 'copy');
wait_for('the copy to send', sub { waiting('copy') == 0 });
is(sql(q{SELECT count(*), count(DISTINCT recipient_phone) FROM whatsapp_messages WHERE template_name = 'later'}, 'copy'), '10|10', 'until it is told to');

# ------------------------------------------------------------------------------ what cannot be made, what is too late, and who wants none

sql(q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF new.recipient_phone = '+34614000301' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN new; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION refuse();
	INSERT INTO lines (supplier, po) VALUES (301, 'REFUSED'), (302, 'GOOD'), (303, 'LATE'), (304, 'UNWANTED');
	SELECT wa_opt_out('+34614000304');
	UPDATE whatsapp_watch_items SET due_at = CASE reference WHEN 'LATE' THEN now() - interval '2 days' ELSE now() END WHERE message_id IS NULL;
});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference IN ('GOOD', 'LATE', 'UNWANTED') AND status IN ('READ', 'FAILED')}, 3);
is(sql(q{SELECT string_agg(reference || ' ' || status, ', ' ORDER BY reference) FROM whatsapp_messages WHERE reference IN ('GOOD', 'LATE', 'UNWANTED')}),
	'GOOD READ, LATE FAILED, UNWANTED FAILED', 'one that expired, and one to somebody who has opted out, are FAILED');
wait_sql($node, q{SELECT errors FROM whatsapp_watches WHERE name = 'later'}, 1);
is(sql(q{SELECT last_error, first_bad_row, waiting FROM whatsapp_watches WHERE name = 'later'}), 'P0001 not this one|default +34614000301|1', 'what cannot be made keeps nobody else, and says why');
sql(q{DROP TRIGGER refuse ON whatsapp_messages; UPDATE whatsapp_watch_items SET due_at = now() WHERE message_id IS NULL});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'REFUSED'}, 'READ');
pass('and is tried again');

# ---------------------------------------------------------------------- after a long unclean gap nobody knows what was sent: rows are held

sql(q{INSERT INTO lines (supplier, po) VALUES (305, 'HELD')});
$node->append_conf('postgresql.conf', "whatsapp.resume_gap = 1s");
kill_postmaster_for(3);
wait_sql($node, q{SELECT held FROM whatsapp_watch_items WHERE reference = 'HELD'});
like(slurp_file($node->logfile), qr/pending WhatsApp messages are held: the sender was away.*?messages that were queued before: 1\b/s, 'a long gap: the log says that a row is held');
is(sql('SELECT whatsapp_hold_reason()'), 'the sender was away for longer than whatsapp.resume_gap', 'and so does the database');
sql(q{UPDATE whatsapp_watch_items SET due_at = now() WHERE reference = 'HELD'; INSERT INTO lines (supplier, po) VALUES (306, 'NEW'); UPDATE whatsapp_watch_items SET due_at = now() WHERE reference = 'NEW'});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'NEW'}, 'READ');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'HELD'}), 0, 'new rows are sent, and the one before the gap is not');
is(sql('SELECT wa_release(dry_run => true), wa_release()'), '1|1', 'until it is released');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'HELD'}, 'READ');

# ------------------------------------------------------------------------------------------------ they go with their messages

is(sql(q{SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NOT NULL AND parameters::text <> '[]'}), 0, 'what was in a message is kept there only');
sql(q{INSERT INTO lines (supplier, po) VALUES (307, 'WAITS')});
$node->append_conf('postgresql.conf', "whatsapp.keep_messages = 1s");
$node->reload;
wait_sql($node, 'SELECT count(*) FROM whatsapp_watch_items WHERE message_id IS NOT NULL', 0);
is(sql('SELECT reference FROM whatsapp_watch_items'), 'WAITS', 'rows are kept as long as their messages are, and while they wait');

$node->stop;
done_testing();
