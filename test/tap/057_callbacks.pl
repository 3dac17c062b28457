# Callbacks: called for each change, once, in the order of a message, by the role that registered them; what they do to themselves harms nobody else.
# The reader is killed between call and commit. Statuses are written back to watched rows, and changes have numbers without a gap.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('callbacks', conf => <<'CONF');
whatsapp.databases = 'postgres,copy'
whatsapp.callback_timeout = '700ms'
whatsapp.keep_changes = '1h'
CONF
my $url = webhook_url($node);
my $serial = 0;

sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]) }

# By the role shop, whose search_path finds its schema.
sub as_shop { return sql("SET ROLE shop; SET search_path = shop, public; $_[0]") }

sub inbound
{
	my ($number) = @_;
	my $body = JSON::PP->new->canonical->utf8->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
		value => { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => $number // '123456789' },
			contacts => [ { profile => { name => 'Ana' }, wa_id => '34600111222' } ],
			messages => [ { from => '34600111222', id => 'wamid.IN' . ++$serial, timestamp => '' . time, type => 'text', text => { body => 'hola' } } ] } } ] } ] });
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0], 200, 'an inbound message is taken');
	return;
}

sub reader_pid
{
	my $pid;
	wait_for('a reader', sub {
		my ($status, $out) = try_psql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader' AND datname = 'postgres'});
		$pid = $out if defined $status && $status == 0;
		$pid });
	return $pid;
}

sub error_of { return sql("SELECT last_error FROM whatsapp_callbacks WHERE name = '$_[0]'") }
sub waiting { return sql("SELECT waiting FROM whatsapp_callbacks WHERE name = '$_[0]'") }

# Statuses of each message in the order in which they were told, and how many messages had this order.
sub orders_told
{
	my ($book, $prefix) = @_;
	return sql(qq{SELECT string_agg(told || ' x' || n, '; ' ORDER BY told) FROM (SELECT told, count(*) AS n FROM
		(SELECT string_agg(b.status, ' ' ORDER BY b.id) AS told FROM $book AS b JOIN whatsapp_messages AS m ON m.id = b.message_id
		 WHERE m.reference LIKE '$prefix-%' GROUP BY b.message_id) AS t GROUP BY told) AS o});
}

sql(q{
	CREATE ROLE shop LOGIN;
	SELECT wa_grant('shop', 'admin');
	CREATE SCHEMA shop AUTHORIZATION shop;
	ALTER DATABASE postgres SET enable_seqscan = on;
	ALTER DATABASE postgres SET lock_timeout = '6s';
});
# new sessions of workers see what the database says now
$node->restart;
wait_for('both workers', sub { PgWhatsapp::workers($node) == 2 });
as_shop(q{
	CREATE TABLE book (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message_id bigint, status text, who text, seen text);
	CREATE FUNCTION told(message_id bigint, status text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO book (message_id, status, who, seen) VALUES ($1, $2, current_user,
			concat_ws(' ', current_setting('enable_seqscan'), current_setting('lock_timeout'), current_setting('row_security'), current_setting('search_path'))); END $$;
	CREATE TABLE reads (message_id bigint, status text);
	CREATE FUNCTION read(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO reads VALUES ($1, $2) $$;
	CREATE TABLE heard (id bigint, text text);
	CREATE FUNCTION heard(id bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO heard SELECT i.id, i.text FROM whatsapp_inbound AS i WHERE i.id = $1;
		PERFORM wa_send_po('Proveedor ABC', 'ANSWER-' || i.id, 1, i.from_phone) FROM whatsapp_inbound AS i WHERE i.id = $1 AND i.wamid = 'wamid.IN1'; END $$;
	SELECT wa_on_status('told'), wa_on_status('read', '{READ}'), wa_on_inbound('heard');
});

# ------------------------------------------------------------------------------------------------------------------------- each change, once

send_po($node, 20, prefix => 'ONE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '20');
wait_sql($node, 'SELECT sum(waiting) FROM whatsapp_callbacks', '0');
wait_sql($node, 'SELECT count(*) FROM shop.book', '60');
is(orders_told('shop.book', 'ONE'), 'SENT DELIVERED READ x20', 'each status of each message is told once, in its order');
is(sql('SELECT DISTINCT who, seen FROM shop.book'), 'shop|on 6s on shop, public, pg_temp', 'with the rights and the search_path of who registered it, and the settings of the database');
is(sql('SELECT count(*), count(DISTINCT message_id), min(status), max(status) FROM shop.reads'), '20|20|READ|READ', 'those statuses that were asked for');
inbound();
wait_sql($node, 'SELECT text FROM shop.heard', 'hola');
wait_sql($node, q{SELECT status, enqueued_by FROM whatsapp_messages WHERE reference LIKE 'ANSWER-%'}, 'READ|shop');
pass('an answer that a callback sends is of its role');
is(sql('SELECT sum(errors) FROM whatsapp_callbacks'), '0', 'without an error');

# ------------------------------------------------------------------------------------------------------------------------------ hostile ones

my %hostile = (
	sleeps => 'PERFORM pg_sleep(600)',
	catches => 'LOOP BEGIN PERFORM pg_sleep(600); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP',
	fails => q{RAISE EXCEPTION 'no such order' USING ERRCODE = 'XY001'},
	divides => 'PERFORM 1 / 0',
	becomes => 'RESET ROLE',
	returns_to_session => 'RESET SESSION AUTHORIZATION',
	sets_role => 'SET ROLE postgres',
	makes_temporary => 'CREATE TEMPORARY TABLE left_behind (i integer)',
	defers => 'INSERT INTO shop.deferred VALUES (1)',
	takes => q{PERFORM pg_read_file('PG_VERSION')},
	closes => q{PERFORM set_config('whatsapp.keep_changes', '0', false)});
my %errors = (sleeps => '57014', catches => '57P01', fails => 'XY001', divides => '22012', becomes => '42501', returns_to_session => '42501', sets_role => '42501', makes_temporary => '42501',
	takes => '42501', closes => '55P02');
as_shop('CREATE TABLE deferred_to (i integer PRIMARY KEY); CREATE TABLE deferred (i integer REFERENCES deferred_to DEFERRABLE INITIALLY DEFERRED)');
for my $name (sort keys %hostile)
{
	as_shop("CREATE FUNCTION $name(bigint, text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO book (message_id, status, who) VALUES (\$1, \$2, '$name'); $hostile{$name}; END \$\$;
		SELECT wa_on_status('$name')");
}
# these end themselves
as_shop(q{CREATE TABLE ends (name text);
	CREATE FUNCTION ends(bigint, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM wa_callback_remove('ends'); INSERT INTO ends VALUES ('removed'); END $$;
	CREATE FUNCTION drops(bigint, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP FUNCTION drops(bigint, text); INSERT INTO ends VALUES ('dropped'); END $$;
	SELECT wa_on_status('ends'), wa_on_status('drops')});
$errors{drops} = '42883';
my $log = -s $node->logfile;
send_po($node, 5, prefix => 'TWO');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '26');
wait_sql($node, 'SELECT count(*) FROM shop.reads', '26');
wait_sql($node, q{SELECT count(*) FROM shop.book WHERE who = 'shop'}, '78');
is(orders_told('(SELECT * FROM shop.book WHERE who = $$shop$$)', 'TWO'), 'SENT DELIVERED READ x5', 'others are told beside callbacks that hang, fail and misbehave');
inbound();
wait_sql($node, 'SELECT count(*) FROM shop.heard', '2');
for my $name (sort keys %errors)
{
	wait_for("the error of $name", sub { error_of($name) =~ /^$errors{$name} / });
	pass("$name: $errors{$name} is shown");
	is(waiting($name), $name eq 'drops' ? 14 : 15, "$name: nothing is lost");
	is(sql("SELECT count(*) FROM shop.book WHERE who = '$name'"), 0, "$name: what it did before it failed is undone");
}
wait_for('what is checked at once', sub { error_of('defers') =~ /^23503 / });
pass('a deferred constraint is checked at once: nothing is left to the commit');
is(sql(q{SELECT count(*) FROM shop.ends WHERE name = 'removed'}), 1, 'one that removes itself was called once');
is(sql(q{SELECT count(*) FROM whatsapp_callbacks WHERE name = 'ends'}), 0, 'and is gone');
is(sql(q{SELECT count(*) FROM whatsapp_callback_calls AS c WHERE NOT EXISTS (SELECT FROM whatsapp_callback_definitions AS d WHERE d.id = c.callback)}), 0, 'with its calls');
wait_for('a rest', sub { sql(q{SELECT state FROM whatsapp_callbacks WHERE name = 'sleeps'}) eq 'resting' });
pass('what takes too long rests');
is(sql(q{SELECT state FROM whatsapp_callbacks WHERE name = 'catches'}), 'paused', 'what cannot be cancelled is paused');
unlike(slurp_file($node->logfile, $log), qr/no such order/, 'what a function says does not reach the log');
# they come to their senses
for my $name (sort keys %errors)
{
	as_shop("CREATE OR REPLACE FUNCTION $name(bigint, text) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO book (message_id, status, who) VALUES (\$1, \$2, '$name'); END \$\$;
		SELECT wa_callback_resume('$name')");
}
for my $name (sort keys %errors)
{
	wait_for("$name to catch up", sub { waiting($name) == 0 });
	next if $name eq 'drops';
	is(orders_told("(SELECT * FROM shop.book WHERE who = \$\$$name\$\$)", 'TWO'), 'SENT DELIVERED READ x5', "$name: mended, all is told in its order");
}
as_shop("SELECT wa_callback_remove('$_')") for sort(keys %errors, 'defers');

# ---------------------------------------------------------------------------------------- what is taken away: the right, the function, the role

sql('CREATE ROLE passer_by; CREATE ROLE maker; GRANT USAGE, CREATE ON SCHEMA shop TO passer_by, maker; GRANT maker TO shop');
sql(q{SELECT wa_grant('passer_by', 'admin'); SET ROLE maker;
	CREATE TABLE shop.taken (message_id bigint, status text, who text); GRANT ALL ON shop.taken TO passer_by;
	CREATE FUNCTION shop.taken(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO shop.taken VALUES ($1, $2, current_user) $$;
	REVOKE EXECUTE ON FUNCTION shop.taken(bigint, text) FROM PUBLIC; GRANT EXECUTE ON FUNCTION shop.taken(bigint, text) TO passer_by;
	RESET ROLE; SET ROLE passer_by; SELECT wa_on_status('shop.taken', '{SENT}')});

sub taken_away
{
	my ($title, $take, $state, $give, $prefix) = @_;
	sql($take);
	my $before = sql(q{SELECT count(*) FROM shop.taken});
	send_po($node, 2, prefix => $prefix);
	wait_for($title, sub { error_of('taken') =~ /^$state / });
	pass("$title: $state is shown");
	is(waiting('taken') . '|' . sql('SELECT count(*) FROM shop.taken'), "2|$before", "$title: nothing is called, nothing is lost");
	sql("$give; SELECT wa_callback_resume('taken')");
	wait_for('what waits to be told', sub { waiting('taken') == 0 });
	is(sql('SELECT count(*) FROM shop.taken') - $before, 2, "$title: given back, it is told");
	return;
}
taken_away('the right to execute', 'REVOKE EXECUTE ON FUNCTION shop.taken(bigint, text) FROM passer_by', '42501', 'GRANT EXECUTE ON FUNCTION shop.taken(bigint, text) TO passer_by', 'RIGHT');
my $same = 'CREATE FUNCTION shop.taken(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO shop.taken VALUES ($1, $2, current_user) $$';
taken_away('the function', 'DROP FUNCTION shop.taken(bigint, text)', '42883', "SET ROLE maker; $same; RESET ROLE", 'FUNCTION');
taken_away('another function of that name', "DROP FUNCTION shop.taken(bigint, text); SET ROLE shop; $same; RESET ROLE", '42501',
	"ALTER FUNCTION shop.taken(bigint, text) OWNER TO maker", 'OTHER');
is(sql('SELECT DISTINCT who FROM shop.taken'), 'passer_by', 'always with the rights of that role');

# the role has another name, and another role its name; then it is gone
sql(q{ALTER ROLE passer_by RENAME TO renamed; CREATE ROLE passer_by SUPERUSER; TRUNCATE shop.taken});
send_po($node, 2, prefix => 'RENAMED');
wait_sql($node, q{SELECT string_agg(who, ' ') FROM shop.taken}, 'renamed renamed');
is(sql(q{SELECT owner || ' ' || waiting FROM whatsapp_callbacks WHERE name = 'taken'}), 'renamed 0', 'a role that was renamed has its callback still');
# so has the owner of the function another name, and another role his: the function is the same, and the other role's is not
sql(q{ALTER ROLE maker RENAME TO crafter; CREATE ROLE maker; TRUNCATE shop.taken});
send_po($node, 1, prefix => 'CRAFTER');
wait_sql($node, q{SELECT string_agg(who, ' ') FROM shop.taken}, 'renamed');
taken_away('the function, by a role with the former name of its owner', "GRANT CREATE, USAGE ON SCHEMA shop TO maker; DROP FUNCTION shop.taken(bigint, text); SET ROLE maker; $same; RESET ROLE", '42501',
	"DROP FUNCTION shop.taken(bigint, text); SET ROLE crafter; $same; RESET ROLE", 'CRAFTED');
sql(q{REVOKE ALL ON SCHEMA shop FROM maker; DROP ROLE maker});
sql(q{SELECT wa_revoke('renamed', 'admin'); DROP OWNED BY renamed; DROP ROLE renamed});
send_po($node, 2, prefix => 'ROLE');
wait_for('the role', sub { error_of('taken') =~ /^42704 / });
is(waiting('taken') . '|' . sql('SELECT count(*) FROM shop.taken'), '2|3', 'the role is gone: nothing is called, by another of its name neither, and nothing is lost');
sql(q{SELECT wa_callback_remove('taken')});

# ------------------------------------------------------------------------------------------------------ kill -9 between the call and its commit

sql('TRUNCATE shop.book');
as_shop(q{CREATE OR REPLACE FUNCTION told(message_id bigint, status text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO book (message_id, status, who) VALUES ($1, $2, current_user); PERFORM pg_advisory_xact_lock_shared(57); END $$});
$node->append_conf('postgresql.conf', "whatsapp.callback_timeout = '180s'\n");
$node->reload;
wait_sql($node, q{SELECT setting FROM pg_settings WHERE name = 'whatsapp.callback_timeout'}, '180000');
sql(q{ALTER DATABASE postgres SET lock_timeout = 0});
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(57)');
my $old = reader_pid();
my $old_sender = sender_pid($node);
# the setting of the database is that of new sessions
kill 'TERM', $old;
wait_for('a new reader', sub { reader_pid() != $old });
$old = reader_pid();
send_po($node, 3, prefix => 'KILL');
wait_sql($node, q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, 't');
kill 'KILL', $old;
wait_restart($node, $old_sender);
eval { $holder->quit };
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'KILL-%' AND status = 'READ'}, '3');
wait_for('the calls to be made again', sub { waiting('told') == 0 && sql('SELECT count(*) FROM shop.book') >= 9 });
is(orders_told('shop.book', 'KILL'), 'SENT DELIVERED READ x3', 'killed within a call: what it wrote is there once');
my $expected = 9;
for my $round (1 .. 3)
{
	send_po($node, 60, prefix => "KILLS$round");
	my $sender = sender_pid($node);
	wait_for('some calls', sub { sql('SELECT count(*) FROM shop.book') > $expected + 5 });
	kill 'KILL', reader_pid();
	wait_restart($node, $sender);
	$expected += 180;
	wait_for('all to be read', sub { (try_psql($node, "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'KILLS$round-%' AND status = 'READ'"))[1] eq '60' });
	wait_sql($node, 'SELECT count(*) FROM shop.book', $expected);
	is(orders_told('shop.book', "KILLS$round"), 'SENT DELIVERED READ x60', "killed while it calls, $round: each status is told once, in its order");
}
wait_sql($node, 'SELECT sum(waiting) FROM whatsapp_callbacks', '0');

# ----------------------------------------------------------------------------------------------------------- the status in the watched row

# a key that is another one at each change of the row: what is written back must not announce it again
as_shop(q{
	CREATE TYPE told_status AS ENUM ('PENDING', 'SENT', 'DELIVERED', 'READ', 'FAILED', 'CANCELLED');
	CREATE TABLE orders (id integer, region text, phone text, changes integer DEFAULT 0, notified told_status, PRIMARY KEY (region, id));
	CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.changes := OLD.changes + 1; RETURN NEW; END $$;
	CREATE TRIGGER counts BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION counts();
	CREATE TABLE others (id integer PRIMARY KEY, phone text, notified varchar(9), CHECK (id <> 2 OR notified <> 'DELIVERED'));
	SELECT wa_watch('orders', 'po_notification', ARRAY['new.region', 'new.id', 'new.changes'], 'new.phone', events => '{INSERT,UPDATE}', status_column => 'notified',
		reference => $x$'ORDER-' || new.id$x$, idempotency_key => $x$new.region || new.id || '#' || new.changes$x$);
	SELECT wa_watch('others', 'po_notification', ARRAY['new.id', 'new.id', 'new.id'], 'new.phone', events => '{INSERT,UPDATE}', status_column => 'notified')
});
as_shop(q{INSERT INTO orders SELECT n, 'north, "east"', '+34612' || lpad(n::text, 6, '0') FROM generate_series(1, 10) AS n; INSERT INTO orders VALUES (11, 'south', 'no phone')});
wait_sql($node, q{SELECT count(*) FROM shop.orders WHERE notified = 'READ'}, '10');
wait_sql($node, q{SELECT notified FROM shop.orders WHERE id = 11}, 'FAILED');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'ORDER-%'}), 11, 'statuses are written back to the rows, and no message is doubled');
is(sql('SELECT min(changes), max(changes) FROM shop.orders WHERE id <= 10'), '3|3', 'each of them once');
is(sql(q{SELECT errors FROM whatsapp_callbacks WHERE name = 'orders.notified'}), '0', 'without an error');
as_shop(q{UPDATE orders SET phone = phone WHERE id = 1});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'ORDER-1'}, '2');
pass('somebody else who changes a row is announced as ever');
as_shop(q{BEGIN; SELECT wa_callback_pause('others.notified'); INSERT INTO others SELECT n, '+34612' || lpad(n::text, 6, '0') FROM generate_series(1, 3) AS n; COMMIT});
wait_sql($node, q{SELECT waiting FROM whatsapp_callbacks WHERE name = 'others.notified'}, '9');
is(sql(q{SELECT state FROM whatsapp_callbacks WHERE name = 'others.notified'}), 'paused', 'while it is paused, its calls wait');
as_shop(q{DELETE FROM others WHERE id = 3; SELECT wa_callback_resume('others.notified')});
wait_sql($node, q{SELECT notified FROM shop.others WHERE id = 1}, 'READ');
wait_for('the error of a row that is gone', sub { sql(q{SELECT errors FROM whatsapp_callbacks WHERE name = 'others.notified'}) >= 4 });
wait_sql($node, q{SELECT waiting FROM whatsapp_callbacks WHERE name = 'others.notified'}, '2');
is(sql(q{SELECT notified FROM shop.others WHERE id = 2}), 'SENT', 'an update that fails is tried again, and those behind it wait');
as_shop('ALTER TABLE others DROP CONSTRAINT others_check; SELECT wa_callback_resume($$others.notified$$)');
wait_sql($node, q{SELECT notified FROM shop.others WHERE id = 2}, 'READ');
is(waiting('others.notified'), 0, 'a row that is gone stops nothing');

# a key of several columns and a column of a fixed length, each as the server pads them
as_shop(q{
	CREATE TABLE padded (code char(12), bits bit(4), told char(9), phone text, PRIMARY KEY (code, bits));
	SELECT wa_watch('padded', 'po_notification', ARRAY['new.code', 'new.bits', '1'], 'new.phone', status_column => 'told');
	INSERT INTO padded SELECT 'PO-' || n, n::bit(4), NULL, '+34612' || lpad(n::text, 6, '0') FROM generate_series(1, 3) AS n});
wait_sql($node, q{SELECT string_agg(code || bits || told, ', ' ORDER BY bits) FROM shop.padded}, 'PO-10001READ, PO-20010READ, PO-30011READ');
is(sql(q{SELECT errors FROM whatsapp_callbacks WHERE name = 'padded.told'}), '0', 'rows are found by a padded key of two columns, and statuses are written whole');

# -------------------------------------------------------------------------------------------------------------------- of one sender alone

sql(q{INSERT INTO whatsapp_senders (name) VALUES ('south'); INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('desk', '123456780')});
as_shop(q{
	CREATE TABLE southern (message_id bigint, status text);
	CREATE FUNCTION southern(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO southern VALUES ($1, $2) $$;
	CREATE FUNCTION at_desk(bigint) RETURNS void LANGUAGE sql AS $$ INSERT INTO southern VALUES ($1, 'heard') $$;
	SELECT wa_on_status('southern', sender => 'south'), wa_on_inbound('at_desk', sender => 'desk')});
send_po($node, 2, prefix => 'NORTH');
send_po($node, 2, prefix => 'SOUTH', sender => q{'south'});
inbound();
inbound('123456780');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE (reference LIKE 'NORTH-%' OR reference LIKE 'SOUTH-%') AND status = 'READ'}, '4');
wait_sql($node, q{SELECT count(*) FROM shop.southern}, '7');
wait_sql($node, q{SELECT sum(waiting) FROM whatsapp_callbacks}, '0');
is(sql(q{SELECT string_agg(DISTINCT m.sender || ' ' || s.status, ', ' ORDER BY m.sender || ' ' || s.status) FROM shop.southern AS s JOIN whatsapp_messages AS m ON m.id = s.message_id WHERE s.status <> 'heard'}),
	'south DELIVERED, south READ, south SENT', 'statuses of the sender that was named');
is(sql(q{SELECT string_agg(i.sender, ', ') FROM shop.southern AS s JOIN whatsapp_inbound AS i ON i.id = s.message_id WHERE s.status = 'heard'}), 'desk', 'and messages to the number that was named');
as_shop(q{SELECT wa_callback_remove('southern'), wa_callback_remove('at_desk')});

# ---------------------------------------------------------------------------------- no lock of one call is held while another call waits

as_shop(q{
	CREATE TABLE stock (reference text PRIMARY KEY, told integer DEFAULT 0);
	INSERT INTO stock VALUES ('LOCK-1'), ('LOCK-2');
	CREATE FUNCTION counted(bigint, text) RETURNS void LANGUAGE sql AS $$ UPDATE stock SET told = told + 1 WHERE reference = (SELECT m.reference FROM whatsapp_messages AS m WHERE m.id = $1) $$;
	SELECT wa_on_status('counted', '{SENT}'), wa_callback_pause('counted')});
send_po($node, 2, prefix => 'LOCK');
wait_for('two calls', sub { waiting('counted') == 2 });
my ($first, $second) = split / /, sql(q{SELECT string_agg(m.reference, ' ' ORDER BY c.due_at, c.id) FROM whatsapp_callback_calls AS c
	JOIN whatsapp_callback_definitions AS d ON d.id = c.callback AND d.name = 'counted' JOIN whatsapp_messages AS m ON m.id = c.message_id});
my $business = $node->background_psql('postgres');
$business->query_safe("BEGIN; UPDATE shop.stock SET told = told WHERE reference = '$second'");
as_shop(q{SELECT wa_callback_resume('counted')});
wait_sql($node, q{SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE NOT l.granted AND a.backend_type = 'pg_whatsapp reader'}, 't');
is(sql("SELECT told FROM shop.stock WHERE reference = '$first'"), 1, 'the call before the one that waits is done');
$business->query_safe("SET LOCAL lock_timeout = '20s'; UPDATE shop.stock SET told = told WHERE reference = '$first'; COMMIT");
$business->quit;
wait_for('the other call', sub { waiting('counted') == 0 });
is(sql('SELECT string_agg(told::text, $$ $$) FROM shop.stock'), '1 1', 'so that a transaction which has the rows in the other order waits for nobody');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'and nobody gets into a deadlock');
is(sql(q{SELECT errors FROM whatsapp_callbacks WHERE name = 'counted'}), '0', 'without an error');
as_shop(q{SELECT wa_callback_remove('counted')});

# ---------------------------------------------------------------------------------------------------------------------- changes by number

my $listener = $node->background_psql('postgres');
$listener->query_safe('LISTEN whatsapp_changes');
my $since = sql('SELECT max(seq) FROM whatsapp_changes');
is(sql("SELECT count(*) FROM wa_changes($since)"), 0, 'nothing behind the last one');
# one transaction has its changes noted first, and commits last
send_po($node, 1, prefix => 'LATE', phone => '+34699999999');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'LATE-1'}, 'READ');
wait_sql($node, 'SELECT count(*) FROM whatsapp_change_queue', '0');
$since = sql('SELECT max(seq) FROM whatsapp_changes');
my $slow = $node->background_psql('postgres');
$slow->query_safe(q{BEGIN; UPDATE whatsapp_messages SET status = 'CANCELLED' WHERE reference = 'LATE-1'});
send_po($node, 10, prefix => 'NUMBER');
wait_sql($node, "SELECT count(*) FROM wa_changes($since)", '30');
my $between = sql("SELECT max(seq) FROM wa_changes($since)");
$slow->query_safe('COMMIT');
wait_sql($node, "SELECT count(*) FROM wa_changes($between)", '1');
is(sql("SELECT seq - $between, status, reference FROM wa_changes($between)"), '1|CANCELLED|LATE-1', 'what was noted first and committed last has the last number');
is(sql("SELECT count(*), max(seq) - min(seq) + 1, min(seq) - $since FROM wa_changes($since)"), '31|31|1', 'numbers have no gap');
is(sql("SELECT count(*) FROM wa_changes($since, 7)"), 7, 'as many as are wanted');
$slow->quit;
# a client that reads while others commit sees all that is there in the end
my ($last, @seen) = ($since);
send_po($node, 100, prefix => 'FOLLOW');
wait_for('the follower', sub {
	for my $row (split /\n/, sql("SELECT seq, message_id, status FROM wa_changes($last, 50)")) { push @seen, $row; ($last) = $row =~ /^(\d+)/ }
	return @seen >= 331; });
is(join("\n", @seen), sql("SELECT seq, message_id, status FROM whatsapp_changes WHERE seq > $since ORDER BY seq"), 'a client that follows misses nothing');
is(sql(q{SELECT count(*) FROM (SELECT c.message_id, string_agg(c.status, ' ' ORDER BY c.seq) AS told FROM whatsapp_changes AS c JOIN whatsapp_messages AS m ON m.id = c.message_id
	WHERE m.reference LIKE 'FOLLOW-%' GROUP BY 1) AS t WHERE told = 'SENT DELIVERED READ'}), 100, 'in the order of each message');
like($listener->query('SELECT 1'), qr/Asynchronous notification "whatsapp_changes" with payload "\d+"/, 'numbers are announced');
$listener->quit;
my ($status, undef, $error) = $node->psql('postgres', "SELECT * FROM wa_changes($last + 1)", on_error_stop => 0);
like($error, qr/changes behind \d+ are not there/, 'a number that was never given is an error');
$node->append_conf('postgresql.conf', "whatsapp.keep_changes = 0\n");
$node->reload;
wait_sql($node, 'SELECT count(*) FROM whatsapp_changes WHERE message_id IS NOT NULL', '0');
$node->append_conf('postgresql.conf', "whatsapp.keep_changes = '1h'\n");
$node->reload;
wait_for('changes to be kept again', sub { ($status, undef, $error) = $node->psql('postgres', "SELECT * FROM wa_changes($last)"); $error !~ /are not kept/ });
like($error, qr/changes behind $last are not there/, 'who comes with a number from before an interruption is told');
send_po($node, 1, prefix => 'AGAIN');
wait_sql($node, 'SELECT count(*) FROM wa_changes(NULL)', '3');
$last = sql('SELECT max(seq) FROM whatsapp_changes');
is(sql("SELECT count(*) FROM wa_changes($last - 3)"), 3, 'and can follow again');
$node->append_conf('postgresql.conf', "whatsapp.keep_changes = '1s'\n");
$node->restart;
wait_for('both workers', sub { PgWhatsapp::workers($node) == 2 });
wait_sql($node, 'SELECT count(*), max(seq) FROM whatsapp_changes', "1|$last");
pass('old ones go, and the last one stays');

# ------------------------------------------------------------------------------------------------------------------------ dump and restore

sql(q{SELECT wa_callback_pause(name) FROM whatsapp_callbacks});
send_po($node, 4, prefix => 'DUMP');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'DUMP-%' AND status = 'READ'}, '4');
wait_for('calls', sub { waiting('told') == 12 });
my $shown = 'SELECT name, kind, function, watch, statuses, sender, owner, state, waiting FROM whatsapp_callbacks ORDER BY name';
my $before = sql($shown);
my $dump = $node->basedir . '/dump.sql';
$node->run_log([ 'pg_dump', '--file', $dump, $node->connstr('postgres') ]);
sql('CREATE DATABASE copy');
$node->run_log([ 'psql', '--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--file', $dump, $node->connstr('copy') ]) or die 'the dump could not be restored';
is(sql($shown, 'copy'), $before, 'a restored copy has the callbacks, and what waits for them');
sql(q{SELECT wa_callback_resume('told')}, 'copy');
wait_for('the calls of the copy', sub { sql(q{SELECT waiting FROM whatsapp_callbacks WHERE name = 'told'}, 'copy') eq '0' });
is(sql(q{SELECT count(*) FROM shop.book AS b JOIN whatsapp_messages AS m ON m.id = b.message_id WHERE m.reference LIKE 'DUMP-%'}, 'copy'), 12, 'which are made there');
is(waiting('told'), 12, 'and not for the original');

books_agree($node, 'callbacks');
tables_intact($node, 'reader killed');
$node->stop('fast');
done_testing();
