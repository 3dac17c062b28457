# Watches with expressions: bulk loads, concurrent sessions, a dump and its restore, and a look that is what is sent.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('watches', conf => "whatsapp.enabled = off\nclient_min_messages = error\n");

sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]) }

sql(q{
	CREATE TABLE suppliers (id integer PRIMARY KEY, name text, phone text);
	INSERT INTO suppliers SELECT n, 'Proveedor ' || n, '+34612' || lpad(n::text, 6, '0') FROM generate_series(1, 50) AS n;
	CREATE SCHEMA "odd ""schema""";
	CREATE TABLE "odd ""schema"""."Order's" ("the ""id""" integer PRIMARY KEY, "new" integer, "old" text, total numeric, currency text DEFAULT 'EUR', status text DEFAULT 'draft');
	SELECT wa_watch('"odd ""schema"""."Order''s"', 'po_approved',
		ARRAY['(SELECT s.name FROM suppliers AS s WHERE s.id = new.new)', 'new.old', 'wa_format_amount(new.total, new.currency)'],
		phone => '(SELECT s.phone FROM suppliers AS s WHERE s.id = new.new)', events => '{INSERT,UPDATE}', name => 'approved', max_rows => 20000,
		when_ => $$new.status = 'approved' AND old.status IS DISTINCT FROM new.status$$);
	CREATE TABLE plain (id integer PRIMARY KEY, phone text DEFAULT '+34612345678');
	SELECT wa_watch('plain', 'note', ARRAY['new.id'], 'new.phone', name => 'plain');
});

# -------------------------------------------------------------------------------------------------------------------- 10,000 orders by COPY

my $file = $node->basedir . '/orders.csv';
open my $out, '>', $file or die "$file: $!";
print {$out} join(',', $_, 1 + $_ % 50, "PO-$_", $_ * 1.5, 'EUR', $_ % 2 ? 'approved' : 'draft'), "\n" for 1 .. 10_000;
close $out;
sql(qq{COPY "odd ""schema"""."Order's" FROM '$file' (FORMAT csv)});
is(sql(q{SELECT count(*), count(DISTINCT idempotency_key), count(DISTINCT recipient_phone), min(status), max(status) FROM whatsapp_messages}),
	'5000|5000|25|PENDING|PENDING', 'COPY of 10,000 orders: those that are approved are announced');
is(sql('SELECT count(*) FROM whatsapp_queue'), 5000, 'and queued');
sql(q{UPDATE "odd ""schema"""."Order's" SET status = 'approved'});
is(sql(q{SELECT count(*), count(DISTINCT idempotency_key) FROM whatsapp_messages}), '10000|10000', 'an UPDATE of all announces the others');
sql(q{UPDATE "odd ""schema"""."Order's" SET status = 'draft'; UPDATE "odd ""schema"""."Order's" SET status = 'approved'});
is(sql(q{SELECT count(*) FROM whatsapp_messages}), '10000', 'approved again: none is announced twice');
is(sql(q{SELECT errors, last_error FROM whatsapp_watches WHERE name = 'approved'}), '0|', 'without an error');

# ------------------------------------------------------------------------------------------------------ a look is what is sent, byte for byte

# texts of any length and alphabet, amounts of any size, and some that cannot be sent
sql(q{
	CREATE TABLE random_rows AS SELECT n AS id, (random() * 52)::integer AS supplier,
		(SELECT string_agg((ARRAY['a', 'Z', '9', ' ', 'ñ', '€', '"', E'\\\\', '/', '漢', '🙏', '{', '}', '<', chr(9)])[1 + floor(random() * 14.05)::integer], '')
		 FROM generate_series(1, 1 + (random() * 60)::integer + n * 0)) AS po,
		round((random() * 10 ^ (random() * 12))::numeric, 4) AS total, (ARRAY['EUR', 'USD', 'JPY', 'EUR', NULL])[1 + floor(random() * 5)::integer] AS currency
	FROM generate_series(20001, 21000) AS n;
	ALTER TABLE "odd ""schema"""."Order's" DISABLE TRIGGER USER;
	INSERT INTO "odd ""schema"""."Order's" SELECT id, supplier, po, total, currency, 'approved' FROM random_rows;
	ALTER TABLE "odd ""schema"""."Order's" ENABLE TRIGGER USER;
	CREATE TABLE looks AS SELECT t.*, t.payload::text AS payload_text FROM random_rows AS r, wa_watch_test('"odd ""schema"""."Order''s"', r.id::text) AS t;
	DELETE FROM "odd ""schema"""."Order's" WHERE "the ""id""" > 20000;
	INSERT INTO "odd ""schema"""."Order's" SELECT id, supplier, po, total, currency, 'approved' FROM random_rows;
});
is(sql(q{
	SELECT count(*), count(*) FILTER (WHERE m.payload::text IS NOT DISTINCT FROM l.payload_text AND m.recipient_phone IS NOT DISTINCT FROM l.recipient_phone
		AND m.sender = l.sender AND m.template_language = l.template_language AND m.priority = l.priority
		AND m.status = CASE l.outcome WHEN 'sent' THEN 'PENDING' WHEN 'refused' THEN 'FAILED' END)
	FROM whatsapp_messages AS m JOIN looks AS l USING (reference) WHERE m.reference::integer > 20000}),
	'1000|1000', 'the look at each of 1,000 random rows is the message that it makes, byte for byte');
cmp_ok(sql(q{SELECT count(*) FROM looks WHERE outcome = 'sent' AND payload_text IS NOT NULL}), '>', 500, 'most can be sent');
cmp_ok(sql(q{SELECT count(*) FROM looks WHERE outcome = 'refused' AND reason IS NOT NULL}), '>', 20, 'and some cannot');

# ------------------------------------------------------------------------------------- errors in many sessions wait for nobody

sql(q{CREATE TABLE bad (id integer PRIMARY KEY, n integer); SELECT wa_watch('bad', 'note', ARRAY['1 / new.n'], $$'+34612345678'$$, name => 'bad')});
my $first = $node->background_psql('postgres');
$first->query_safe('BEGIN; INSERT INTO bad VALUES (1, 0), (2, 1)');
sql(q{SET lock_timeout = '5s'; INSERT INTO bad VALUES (3, 0), (4, 1)});
is(sql(q{SELECT errors, first_bad_row, last_error FROM whatsapp_watches WHERE name = 'bad'}), '1|id=3|22012 division by zero', 'an error beside one that is not committed');
$first->query_safe('COMMIT');
$first->quit;
is(sql(q{SELECT errors FROM whatsapp_watches WHERE name = 'bad'}), '2', 'both are counted');
# nobody else is kept from cancelling
my $stop = $node->background_psql('postgres', on_error_stop => 0);
sql(q{CREATE TABLE slow (id integer PRIMARY KEY); SELECT wa_watch('slow', 'note', ARRAY['pg_sleep(600)'], $$'+34612345678'$$)});
$stop->query_until(qr/begun/, "\\echo begun\nINSERT INTO slow VALUES (1);\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or die 'it does not sleep';
sql(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}) or die 'it still sleeps';
$stop->quit;
is(sql('SELECT count(*) FROM slow'), 0, 'who cancels a statement stops it, also within a watch');
# a lock that somebody has: it is waited for once, and not for each row
sql(q{CREATE TABLE short (id integer PRIMARY KEY, supplier text, total numeric, phone text); SELECT wa_watch('short', 'supplier', 'supplier', 'total', 'phone')});
my $locker = $node->background_psql('postgres');
$locker->query_safe('BEGIN; LOCK TABLE whatsapp_queue');
my $begin = time;
sql(q{SET lock_timeout = '500ms'; INSERT INTO plain SELECT n FROM generate_series(40001, 40060) AS n; INSERT INTO short SELECT n, 'S-' || n, n, '+34612345678' FROM generate_series(1, 60) AS n});
cmp_ok(time - $begin, '<', 15, 'a lock that is not to be had: the statements wait for it once');
$locker->query_safe('COMMIT');
$locker->quit;
is(sql(q{SELECT string_agg(name || ' ' || errors || ' ' || split_part(last_error, ' ', 1) || ' ' || first_bad_row, ', ' ORDER BY name) FROM whatsapp_watches WHERE name IN ('plain', 'po')}),
	'plain 60 55P03 id=40001, po 60 55P03 S-1', 'and say which rows were not announced');
is(sql(q{SELECT (SELECT count(*) FROM plain WHERE id > 40000), (SELECT count(*) FROM short), wa_unwatch('short')}), '60|60|t', 'the rows are kept');

# ------------------------------------------------------------------------------------------------------------------------ dump and restore

sub restored_in
{
	my ($database, @options) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ 'pg_restore', '--exit-on-error', @options, '-d', $database, $node->basedir . '/dump' ], "restore: @options");
	is(sql(q{SELECT string_agg(name || ' ' || relation || ' ' || enabled, ', ' ORDER BY name) FROM whatsapp_watches}, $database),
		q{approved "odd ""schema"""."Order's" true, bad bad true, plain plain true, slow slow true}, 'all watches are there');
	is(sql(q{SELECT count(*) FROM whatsapp_messages}, $database), sql('SELECT count(*) FROM whatsapp_messages'), 'the restore itself announces nothing');
	sql(q{INSERT INTO plain VALUES (30001); INSERT INTO "odd ""schema"""."Order's" VALUES (30001, 1, 'PO', 1, 'EUR', 'approved'); UPDATE "odd ""schema"""."Order's" SET status = 'draft';
		UPDATE "odd ""schema"""."Order's" SET status = 'approved' WHERE "the ""id""" < 100}, $database);
	is(sql(q{SELECT template_name, reference FROM whatsapp_messages WHERE reference = '30001' ORDER BY id}, $database), "note|30001\npo_approved|30001",
		'new rows are announced, and old ones not again');
	is(sql(q{SELECT count(*), count(DISTINCT (template_name, reference)) FROM whatsapp_messages WHERE idempotency_key IS NOT NULL}, $database) =~ /^(\d+)\|\1$/ ? 1 : 0, 1, 'none twice');
	return;
}
# a table that was renamed since, and a role that is the owner
sql(q{ALTER TABLE bad RENAME TO worse; ALTER TABLE worse RENAME TO bad});
$node->command_ok([ 'pg_dump', '-Fc', '-f', $node->basedir . '/dump', 'postgres' ], 'dump');
restored_in('copy');
restored_in('parallel', '--jobs=2');
# over itself: the tables have other numbers then
$node->command_ok([ 'pg_restore', '--clean', '--if-exists', '-d', 'copy', $node->basedir . '/dump' ], 'restore over the same database');
sql(q{INSERT INTO plain VALUES (30002)}, 'copy');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference = '30002'}, 'copy'), 1, 'the watch is that of the new table');

$node->stop;
done_testing();
