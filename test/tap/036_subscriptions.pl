# Orders that come by logical replication: what a subscription copies at its start messages nobody, what it applies notifies once, and nothing of
# ours stops it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $shop = PostgreSQL::Test::Cluster->new('shop');
$shop->init(allows_streaming => 'logical', extra => [ initdb_options() ]);
$shop->append_conf('postgresql.conf', "max_prepared_transactions = 5\n");
$shop->start;
my $node = new_cluster('messenger', conf => "wal_level = logical\nwal_retrieve_retry_interval = 100ms\nmax_worker_processes = 20\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub at_shop { return $shop->safe_psql('postgres', $_[0]) }
sub warnings_of { my ($query) = @_; return ($node->psql('postgres', $query))[2] }
sub messages { my ($like) = @_; return sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$like'") }
sub all_read { my ($like, $count) = @_; return wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$like' AND status = 'READ'", $count) }
sub order { my ($table, $prefix, $count) = @_; return at_shop("INSERT INTO $table SELECT 'A', '$prefix-' || i, i, '+3461' || lpad(i::text, 7, '0') FROM generate_series(1, $count) AS i") }

my $columns = '(supplier text, po text, total numeric, phone text)';
for my $table (qw(orders others))
{
	$_->safe_psql('postgres', "CREATE TABLE $table $columns") for $shop, $node;
}
order('orders', 'OLD', 500);
at_shop("CREATE PUBLICATION $_ FOR TABLE $_ WITH (publish = 'insert')") for qw(orders others);
my $connection = $shop->connstr . ' dbname=postgres';
sub subscribe { my ($table, $more) = @_; return "CREATE SUBSCRIPTION $table CONNECTION '$connection' PUBLICATION $table" . ($more || '') }

# ------------------------------------------------------------------------------------------------------------------------- the first copy

is(warnings_of(q{SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone', replicated => true)}), '', 'a table that will be replicated is watched');
is(sql('SELECT relation, enabled, replicated FROM whatsapp_watches'), 'orders|t|t', 'and listed as such');
# the copy stops at a row until a lock is free: meanwhile new orders come
sql(q{CREATE FUNCTION stop_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
	CREATE TRIGGER stop_here BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.po = 'OLD-250') EXECUTE FUNCTION stop_here();
	ALTER TABLE orders ENABLE ALWAYS TRIGGER stop_here});
my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
sql(subscribe('orders'));
wait_sql($node, q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted}, '1');
order('orders', 'MEANWHILE', 20);
is(sql(q{SELECT string_agg(srsubstate, '') FROM pg_subscription_rel}), 'd', 'the copy is under way');
$holder->quit;
wait_sql($node, q{SELECT string_agg(srsubstate, '') FROM pg_subscription_rel}, 'r');
order('orders', 'NEW', 20);
wait_sql($node, 'SELECT count(*) FROM orders', '540');
all_read('MEANWHILE-%', 20);
all_read('NEW-%', 20);
is(messages('OLD-%'), '0', 'of 500 orders that were copied nobody was messaged, of 40 that came meanwhile and later each was, once');
is(messages('%'), '40', 'and there are no others');
sql(q{INSERT INTO orders VALUES ('A', 'HERE-1', 1, '+34610000001')});
all_read('HERE-%', 1);
pass('an order that is inserted here is announced, too');
at_shop(q{BEGIN; SAVEPOINT s; INSERT INTO orders VALUES ('A', 'UNDONE-1', 1, '+34610000001'); ROLLBACK TO s; INSERT INTO orders VALUES ('A', 'KEPT-1', 1, '+34610000001'); COMMIT});
all_read('KEPT-%', 1);
is(messages('UNDONE-%'), '0', 'what the publisher undid is not');

# -------------------------------------------------------------------------------------------------------------------- nothing of ours stops it

my $errors = q{SELECT sum(apply_error_count + sync_error_count) FROM pg_stat_subscription_stats};
my $log = -s $node->logfile;
at_shop(q{INSERT INTO orders VALUES ('A', 'BAD-1', 1, 'no phone')});
order('orders', 'AFTER-BAD', 1);
all_read('AFTER-BAD-%', 1);
is(sql(q{SELECT status FROM whatsapp_messages WHERE reference = 'BAD-1'}), 'FAILED', 'a bad phone makes a FAILED message');
# a trigger on the queue: the message is FAILED with what it said, and can be sent later
sql(q{CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the queue is closed' USING ERRCODE = 'UT001'; END $$;
	CREATE TRIGGER closed BEFORE INSERT ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION closed(); ALTER TABLE whatsapp_queue ENABLE ALWAYS TRIGGER closed});
order('orders', 'CLOSED', 2);
wait_sql($node, q{SELECT count(*) FROM orders WHERE po LIKE 'CLOSED-%'}, '2');
is(sql(q{SELECT string_agg(DISTINCT status || ': ' || error_message, ', ') FROM whatsapp_messages WHERE reference LIKE 'CLOSED-%'}),
	'FAILED: message could not be queued: the queue is closed', 'one that cannot be queued is FAILED with the reason');
sql('DROP TRIGGER closed ON whatsapp_queue');
is(sql(q{SELECT count(*) FILTER (WHERE wa_retry(id)) FROM whatsapp_messages WHERE reference LIKE 'CLOSED-%'}), '2', 'and is sent when the reason is gone');
all_read('CLOSED-%', 2);
# a table that takes no row at all
sql(q{ALTER TABLE whatsapp_messages ADD CONSTRAINT mine CHECK (reference NOT LIKE 'NOWHERE-%')});
order('orders', 'NOWHERE', 1);
order('orders', 'AFTER-NOWHERE', 1);
all_read('AFTER-NOWHERE-%', 1);
is(sql(q{SELECT count(*) FROM orders WHERE po LIKE 'NOWHERE-%'}), '1', 'an order without a message is stored all the same');
like(slurp_file($node->logfile, $log), qr/WARNING: .*a replicated row of table "orders" made no WhatsApp message/, 'and the log tells of it');
sql('ALTER TABLE whatsapp_messages DROP CONSTRAINT mine');
is(sql($errors), '0', 'the subscription has met no error');
# what passes by itself is tried again by the server
sql(q{ALTER DATABASE postgres SET lock_timeout = '200ms'; ALTER SUBSCRIPTION orders DISABLE});
wait_sql($node, q{SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL}, '0');
sql('ALTER SUBSCRIPTION orders ENABLE');
wait_sql($node, q{SELECT count(*) FROM pg_stat_subscription WHERE pid IS NOT NULL}, '1');
$holder = $node->background_psql('postgres');
$holder->query_safe('BEGIN; LOCK TABLE whatsapp_queue IN SHARE MODE');
order('orders', 'LOCKED', 3);
wait_sql($node, "SELECT ($errors) > 0");
$holder->query_safe('COMMIT');
$holder->quit;
all_read('LOCKED-%', 3);
is(messages('LOCKED-%') . sql(q{SELECT count(*) FROM orders WHERE po LIKE 'LOCKED-%'}), '33', 'a lock delays orders, and each is announced once');
sql('ALTER DATABASE postgres RESET lock_timeout');

# ------------------------------------------------------------------------------------------------------------- a watch for rows that are inserted here

sql(q{SELECT wa_watch('others', 'supplier', 'po', 'total', 'phone')});
like(warnings_of(subscribe('others')), qr/WARNING:  rows that a subscription brings into table "others" make no WhatsApp messages/, 'CREATE SUBSCRIPTION warns of such a table');
order('others', 'UNHEARD', 3);
wait_sql($node, 'SELECT count(*) FROM others', '3');
is(messages('UNHEARD-%'), '0', 'whose rows make no messages');
sql(q{SELECT wa_unwatch('others')});
like(warnings_of(q{SELECT wa_watch('others', 'supplier', 'po', 'total', 'phone')}), qr/WARNING:  rows that a subscription brings into table "others" make no WhatsApp messages/, 'and so does wa_watch()');
sql(q{SELECT wa_unwatch('others'); SELECT wa_watch('others', 'supplier', 'po', 'total', 'phone', replicated => true)});
order('others', 'HEARD', 3);
all_read('HEARD-%', 3);
pass('until it is watched as a replicated one');

# ---------------------------------------------------------------------------------------------------------------------- watches with expressions

$_->safe_psql('postgres', 'CREATE TABLE deals (id integer PRIMARY KEY, status text, divisor integer DEFAULT 1)') for $shop, $node;
at_shop(q{INSERT INTO deals VALUES (1, 'open'), (2, 'open'); CREATE PUBLICATION deals FOR TABLE deals});
sql(q{SELECT wa_watch('deals', 'po_notification', ARRAY['new.status', 'new.id', '1 / new.divisor'], $$'+34612345678'$$, events => '{INSERT,UPDATE}', name => 'deals', replicated => true,
	when_ => $$old.status IS DISTINCT FROM new.status$$, reference => $$'DEAL-' || new.id || '-' || new.status$$, idempotency_key => 'NULL')});
sql(q{SELECT wa_watch('deals', 'po_notification', ARRAY['new.status', 'new.id', '1'], $$'+34612345678'$$, events => '{INSERT,UPDATE}', name => 'local', reference => $$'LOCAL-' || new.id$$, idempotency_key => 'NULL')});
sql(subscribe('deals'));
wait_sql($node, q{SELECT string_agg(DISTINCT srsubstate, '') FROM pg_subscription_rel}, 'r');
at_shop(q{INSERT INTO deals VALUES (3, 'open', 1), (4, 'broken', 0), (5, 'open', 1); UPDATE deals SET status = 'won' WHERE id = 1; UPDATE deals SET status = status WHERE id = 2});
wait_sql($node, q{SELECT string_agg(reference, ' ' ORDER BY reference) FROM whatsapp_messages WHERE reference LIKE 'DEAL-%' AND status = 'READ'}, 'DEAL-1-won DEAL-3-open DEAL-5-open');
pass('rows that are inserted and changed at the publisher are announced, those that were copied are not');
wait_sql($node, q{SELECT count(*) FROM deals}, '5');
is(sql(q{SELECT name || ' ' || errors || ' ' || coalesce(first_bad_row, 'none') FROM whatsapp_watches WHERE name IN ('deals', 'local') ORDER BY name}), "deals 1 id=4\nlocal 0 none", 'one that fails stops nothing, and is told of');
sql(q{INSERT INTO deals VALUES (6, 'open')});
wait_sql($node, q{SELECT string_agg(reference, ' ' ORDER BY reference) FROM whatsapp_messages WHERE reference LIKE 'LOCAL-%' OR reference LIKE 'DEAL-6-%'}, 'DEAL-6-open LOCAL-6');
pass('a watch without replicated announces what is inserted here alone');
sql('DROP SUBSCRIPTION deals');

# -------------------------------------------------------------------------------------------------------------------------------- two phases

sql('DROP SUBSCRIPTION others');
sql(subscribe('others', ' WITH (copy_data = false, two_phase = true)'));
wait_sql($node, q{SELECT string_agg(subtwophasestate, '') FROM pg_subscription WHERE subname = 'others'}, 'e');
my @seconds;
for my $i (1 .. 3)
{
	at_shop("BEGIN; INSERT INTO others VALUES ('A', 'TWO-$i', 1, '+34610000001'); PREPARE TRANSACTION 'p'");
	wait_sql($node, 'SELECT count(*) FROM pg_prepared_xacts', '1');
	push @seconds, seconds_until($node, sub { at_shop(q{COMMIT PREPARED 'p'}) }, "SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = 'TWO-$i'");
}
cmp_ok((sort { $a <=> $b } @seconds)[1], '<', 2.5, 'an order that is committed in two phases is announced at once');

# ---------------------------------------------------------------------------------------------------------------------------------- a copy

books_agree($node, 'subscriptions');
$node->backup('copy');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'copy');
$copy->append_conf('postgresql.conf', 'max_logical_replication_workers = 0');
$copy->start;
wait_for('the sender of the copy', sub { slurp_file($copy->logfile) =~ /subscriptions are enabled in a WhatsApp database that was restored or copied/ });
is($copy->safe_psql('postgres', 'SELECT whatsapp_hold_reason()'), 'this database was restored or copied', 'a copy with subscriptions is held, and its log tells of them');

# wa_release() takes the row away that a sender has begun to wait for: it goes on with the one that the release made
my $old = sender_pid($copy);
my (undef, undef, $notice) = $copy->psql('postgres', qq{
	SET client_min_messages = notice;
	BEGIN;
	SELECT wa_release();
	SELECT pg_terminate_backend($old);
	DO \$\$ DECLARE waiting integer; BEGIN
		LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT a.pid INTO waiting FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid AND NOT l.granted WHERE a.backend_type = 'pg_whatsapp sender' AND a.pid <> $old;
			EXIT WHEN FOUND OR clock_timestamp() > now() + interval '2 minutes';
		END LOOP;
		RAISE NOTICE 'waiting sender: %', waiting;
	END \$\$;
	COMMIT});
my ($waiting) = $notice =~ /waiting sender: (\d+)/;
ok($waiting, 'a sender starts while the hold is being released');
send_po($copy, 1, prefix => 'RELEASED');
wait_sql($copy, q{SELECT status FROM whatsapp_messages WHERE reference = 'RELEASED-1'}, 'SENT');
is(sender_pid($copy), $waiting, 'and that one sends');
unlike(slurp_file($copy->logfile), qr/was terminated by signal/, 'nothing has crashed');
$copy->stop('fast');

$node->stop('fast');
$shop->stop('fast');
done_testing();
