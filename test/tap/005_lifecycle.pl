# Life with DDL and operations: workers come and go with the extension and its database, and a copy of a database messages nobody.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('lifecycle', no_extension => 1, conf => "whatsapp.databases = 'postgres, Shop, \"Shop\", not_there'\n");
my $sandbox = $node->{sandbox};

sub count_workers
{
	my ($database) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND datname = '$database'");
}
sub log_lines { my ($pattern) = @_; return scalar(() = slurp_file($node->logfile) =~ /$pattern/g) }

# a database without the extension costs nothing; CREATE EXTENSION is enough
wait_for('the launcher', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp launcher'}) });
is(count_workers('postgres'), 0, 'no sender without the extension');
$node->safe_psql('postgres', 'CREATE EXTENSION pg_whatsapp');
wait_for('the sender', sub { count_workers('postgres') });
send_po($node, 1);
wait_sql($node, q{SELECT status FROM whatsapp_messages}, 'READ');

# a watched table that becomes a partition goes on being watched, whichever way its rows come; who watches keeps his settings
$node->safe_psql('postgres', <<'END');
CREATE TABLE ledger (year integer, supplier text, po text, total numeric, phone text) PARTITION BY LIST (year);
CREATE TABLE "ledger 2024" (LIKE ledger);
CREATE TABLE ledger_2025 (LIKE ledger);
CREATE TABLE ledger_2026 (LIKE ledger);
SELECT wa_watch(format('%I', t)::regclass, 'supplier', 'po', 'total', 'phone', language => 'en_US', sender => 'default') FROM unnest('{ledger 2024,ledger_2025}'::text[]) AS t;
ALTER TABLE ledger_2025 DISABLE TRIGGER whatsapp_notify_po;
ALTER TABLE ledger ATTACH PARTITION "ledger 2024" FOR VALUES IN (2024);
ALTER TABLE ledger ATTACH PARTITION ledger_2025 FOR VALUES IN (2025);
ALTER TABLE ledger ATTACH PARTITION ledger_2026 FOR VALUES IN (2026);
INSERT INTO ledger SELECT 2024 + n, 'Proveedor ABC', 'ATTACHED ' || n, n, '+34600000001' FROM generate_series(0, 2) AS n;
INSERT INTO "ledger 2024" VALUES (2024, 'Proveedor ABC', 'ATTACHED, too', 1, '+34600000001');
END
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', reference, template_language, sender), '; ' ORDER BY id) FROM whatsapp_messages WHERE reference LIKE 'ATTACHED%'}),
	'ATTACHED 0 en_US default; ATTACHED, too en_US default', 'a watched table that was attached is watched still, a disabled watch stays so');
is($node->safe_psql('postgres', q{SELECT string_agg(relation || ' ' || enabled, '; ' ORDER BY relation::text COLLATE "C") FROM whatsapp_watches}),
	'"ledger 2024" true; ledger_2025 false', 'both watches are listed');
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');
$node->safe_psql('postgres', 'DROP TABLE ledger');

# rolled back: still nothing; a second database, whose name needs quotes
$node->safe_psql('postgres', 'CREATE DATABASE "Shop"');
$node->safe_psql('Shop', 'BEGIN; CREATE EXTENSION pg_whatsapp; ROLLBACK');
$node->safe_psql('Shop', 'CREATE SCHEMA "Odd Name"; CREATE EXTENSION pg_whatsapp SCHEMA "Odd Name"');
wait_for('the sender of the second database', sub { count_workers('Shop') });
$node->safe_psql('Shop', q{SET search_path = ''; SELECT "Odd Name".wa_send_po('Tienda', 'SHOP-1', 10, '+34600000001')});
wait_for('the message of the second database', sub { $node->safe_psql('Shop', q{SELECT status <> 'PENDING' FROM "Odd Name".whatsapp_messages}) eq 't' });
is($node->safe_psql('Shop', q{SELECT status FROM "Odd Name".whatsapp_messages}), 'SENT', 'two databases, each with a sender, and a schema of any name');
is(log_lines('not_there'), 1, 'a database that is not there is told once');

# DROP EXTENSION with a live worker does not wait, and the worker goes; CREATE brings it back
$node->safe_psql('postgres', 'DROP EXTENSION pg_whatsapp');
wait_for('the sender to leave', sub { !count_workers('postgres') });
$node->safe_psql('postgres', 'CREATE EXTENSION pg_whatsapp');
wait_for('the sender to come back', sub { count_workers('postgres') });
send_po($node, 1, prefix => 'AGAIN');
wait_sql($node, q{SELECT status FROM whatsapp_messages}, 'READ');
is($node->safe_psql('postgres', q{SELECT id FROM whatsapp_messages}), '1', 'ids begin anew');

# while requests hang: DROP EXTENSION, too, since no lock is held across the wire
send_po($node, 1, phone => '+15552000001', prefix => 'HANGING');
wait_for('a request on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 1 });
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)}), '0', 'no transaction and no snapshot while bytes travel');
$node->safe_psql('postgres', q{SET statement_timeout = '20s'; DROP EXTENSION pg_whatsapp; CREATE EXTENSION pg_whatsapp});
wait_for('the sender to come back', sub { count_workers('postgres') });
send_po($node, 1, prefix => 'AFTER');
wait_sql($node, q{SELECT status FROM whatsapp_messages}, 'READ');

# A sender that is halted meanwhile does not notice: the messages of the tables that came after are the next one's.
my $old = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND datname = 'postgres'});
kill 'STOP', $old;
$node->safe_psql('postgres', 'DROP EXTENSION pg_whatsapp; CREATE EXTENSION pg_whatsapp');
send_po($node, 1, prefix => 'MEANWHILE');
is($node->safe_psql('postgres', q{SELECT state FROM whatsapp_queue}), 'ready', 'nobody has marked the new message');
kill 'CONT', $old;
wait_sql($node, q{SELECT status || ' ' || attempts FROM whatsapp_messages}, 'READ 1');

# the launcher and a sender that somebody ends are replaced
my $launcher = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp launcher'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
wait_for('another launcher', sub { my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp launcher'}); $pid && $pid != $launcher });
my $sender = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND datname = 'postgres'});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($sender)");
wait_for('another sender', sub { my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND datname = 'postgres'}); $pid && $pid != $sender });

# a dump keeps messages and queue; where it is restored nothing is sent until wa_release()
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false; INSERT INTO whatsapp_senders (name, enabled) VALUES ('default', false) ON CONFLICT (name) DO UPDATE SET enabled = false});
send_po($node, 4, prefix => 'DUMPED');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-p', $node->port, '-h', $node->host, '-f', $dump, 'postgres' ], 'pg_dump');
unlike(slurp_file($dump), qr/sandbox-token|sandbox-app-secret|random-secret/, 'no secret in the dump');
$node->safe_psql('postgres', 'DROP DATABASE "Shop" WITH (FORCE)');
$node->safe_psql('postgres', 'CREATE DATABASE "Shop"');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-p', $node->port, '-h', $node->host, '-f', $dump, 'Shop' ], 'restored beside the original');
is($node->safe_psql('Shop', q{SELECT count(*) FILTER (WHERE status = 'PENDING'), count(*) FROM whatsapp_messages}), '4|5', 'nothing is lost');
wait_for('a sender for the copy', sub { count_workers('Shop') });
$node->safe_psql('Shop', q{UPDATE whatsapp_senders SET enabled = true; SELECT wa_send_po('Tienda', 'NEW', 10, '+34600000001')});
my $requests = sandbox_get($sandbox, 'summary')->{requests};
my $scans = q{SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'whatsapp_instances'};
for (1 .. 2) { my $before = $node->safe_psql('Shop', $scans); wait_for('the sender to look', sub { $node->safe_psql('Shop', $scans) > $before }) }
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'the copy messages nobody');
like(slurp_file($node->logfile), qr/pending WhatsApp messages are held/, 'and says so');
is($node->safe_psql('Shop', q{SELECT wa_release()}), '5', 'wa_release() tells how many wait');
wait_for('the released messages', sub { $node->safe_psql('Shop', q{SELECT count(*) FROM whatsapp_queue}) eq '0' });
is(sandbox_get($sandbox, 'summary')->{requests}, $requests + 5, 'released: they go');
my @callbacks = map { $_->{callback_data} } @{ sandbox_get($sandbox, 'messages') };
my %seen;
is_deeply([ grep { $seen{$_}++ } @callbacks ], [], 'the copy has a correlation of its own');

# commands on a whole database do not fail because of its workers, which come back afterwards
$node->safe_psql('postgres', 'ALTER DATABASE "Shop" RENAME TO renamed');
is(count_workers('renamed'), 0, 'a renamed database is listed no more');
$node->safe_psql('postgres', 'ALTER DATABASE renamed RENAME TO "Shop"');
wait_for('the sender to come back', sub { count_workers('Shop') });
$node->safe_psql('postgres', 'DROP DATABASE "Shop"');
$node->safe_psql('postgres', 'CREATE DATABASE "Shop"');
$node->safe_psql('Shop', 'CREATE EXTENSION pg_whatsapp');
wait_for('the sender of the new database', sub { count_workers('Shop') });

# a TEMPLATE copy is a copy, too
$node->safe_psql('postgres', 'DROP DATABASE "Shop" WITH (FORCE)');
$node->append_conf('postgresql.conf', "whatsapp.databases = 'shop, postgres'");
$node->restart;
wait_for('the sender of the template', sub { count_workers('postgres') });
copy_database($node, 'postgres', 'shop');
wait_for('a sender for the template copy', sub { count_workers('shop') });
$node->safe_psql('shop', q{UPDATE whatsapp_senders SET enabled = true; SELECT wa_send_po('Tienda', 'NEW', 10, '+34600000001')});
$requests = sandbox_get($sandbox, 'summary')->{requests};
for (1 .. 2) { my $before = $node->safe_psql('shop', $scans); wait_for('the sender to look', sub { $node->safe_psql('shop', $scans) > $before }) }
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'a TEMPLATE copy messages nobody');

# nothing but the extension in shared_preload_libraries is needed for the functions; without it they say that nobody sends
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my ($code, $out, $err) = $node->psql('shop', q{SELECT wa_valid_e164('+34612345678'); SELECT wa_send_po('Tienda', 'UNSENT', 10, '+34600000001') > 0});
is($out, "t\nt", 'functions work without preloading');
like($err, qr/WARNING:  WhatsApp messages are queued but nobody sends them/, 'and warn');

# a standby sends nothing; once promoted, it does by itself
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_whatsapp'\nwhatsapp.databases = 'postgres'");
$node->restart;
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg_whatsapp%'}), '0', 'no worker on a standby');
# what the primary sends after the last that the standby heard of is told by webhooks, for which the new primary waits
$node->append_conf('postgresql.conf', 'whatsapp.enabled = off');
$node->reload;
send_po($node, 3, prefix => 'FAILOVER');
$node->safe_psql('postgres', q{SELECT wa_request_number_sync()});
$node->wait_for_catchup($standby);
$standby->append_conf('postgresql.conf', "primary_conninfo = ''\nwhatsapp.failover_quarantine = 10s");
$standby->reload;
wait_for('the stream to end', sub { !$node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_replication') });
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
$node->append_conf('postgresql.conf', 'whatsapp.enabled = on');
$node->reload;
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'FAILOVER%' AND status = 'SENT'}, '3');
$node->stop('immediate');
$standby->promote;
wait_for('the sender of the new primary', sub { $standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}) });
$standby->{sandbox} = $sandbox;
my $calls = () = sandbox_lines($sandbox, 'calls');
wait_for('the clerk of the new primary', sub { $standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk' AND wait_event_type = 'Extension'}) });
is($standby->safe_psql('postgres', q{SELECT string_agg(state, ' ') FROM whatsapp_requests WHERE kind = 'sync_numbers' AND ended_at IS NULL}) . ' ' . (() = sandbox_lines($sandbox, 'calls')), "waiting $calls", 'nor does its clerk ask for anything meanwhile');
send_po($standby, 3, prefix => 'PROMOTED');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'FAILOVER%' AND status = 'PENDING'}), '3', 'the new primary does not know that they were sent');
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
wait_sql($standby, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'PROMOTED%' AND status = 'READ'}, '3');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'FAILOVER%' AND status = 'READ'}), '3', 'until webhooks say so');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'and it sends none of them again');
wait_sql($standby, q{SELECT count(*) FROM whatsapp_requests WHERE kind = 'sync_numbers' AND state = 'done' AND ended_at > (SELECT max(quarantine_until) FROM whatsapp_instances)}, '1');
tables_intact($standby, 'promoted');

# a base backup that is started by itself is a copy, too: at the first start, which shows it, and at the second, which does not
$standby->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false});
send_po($standby, 4, prefix => 'BACKED-UP');
$standby->backup('restored');
# recovered to a point in time: recovery.signal tells, the timeline is another one
my $recovered = PostgreSQL::Test::Cluster->new('recovered');
$recovered->init_from_backup($standby, 'restored');
$recovered->append_conf('postgresql.conf', "restore_command = 'false'\nrecovery_target = 'immediate'\nrecovery_target_action = 'promote'");
$recovered->set_recovery_mode;
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($standby, 'restored');
$standby->stop('fast');
$requests = sandbox_get($sandbox, 'summary')->{requests};
$recovered->start;
wait_for('the end of recovery', sub { $recovered->safe_psql('postgres', 'SELECT NOT pg_is_in_recovery()') eq 't' });
wait_for('the sender', sub { $recovered->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}) });
$recovered->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
send_po($recovered, 1, prefix => 'RECOVERED');
for (1 .. 2) { my $before = $recovered->safe_psql('postgres', $scans); wait_for('the sender to look', sub { $recovered->safe_psql('postgres', $scans) > $before }) }
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'after a recovery to a point in time nothing leaves');
is($recovered->safe_psql('postgres', q{SELECT count(*) || ' ' || wa_release(dry_run => true) FROM whatsapp_held}), '5 5', 'and it tells what would');
$recovered->stop('fast');
$restored->start;
$restored->{sandbox} = $sandbox;
$requests = sandbox_get($sandbox, 'summary')->{requests};
$restored->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
for my $start (1 .. 2)
{
	wait_for('the sender', sub { $restored->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}) });
	send_po($restored, 1, prefix => "START-$start");
	for (1 .. 2) { my $before = $restored->safe_psql('postgres', $scans); wait_for('the sender to look', sub { $restored->safe_psql('postgres', $scans) > $before }) }
	is(sandbox_get($sandbox, 'summary')->{requests}, $requests, "start $start after the restore: nothing leaves");
	$restored->restart if $start == 1;
}
is($restored->safe_psql('postgres', 'SELECT wa_release()'), '6', 'released by hand');
wait_sql($restored, q{SELECT count(*) FROM whatsapp_queue}, '0');
$restored->restart;
send_po($restored, 1, prefix => 'LATER');
wait_sql($restored, q{SELECT count(*) FROM whatsapp_queue}, '0');
is(sandbox_get($sandbox, 'summary')->{requests}, $requests + 7, 'and the release holds');

# a long gap after an unclean stop: what was queued before is held, new messages flow; after a clean stop nothing is held
$restored->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false});
send_po($restored, 2, prefix => 'GAP');
$restored->safe_psql('postgres', q{UPDATE whatsapp_instances SET heartbeat_at = now() - interval '1 hour'});
$restored->restart;
is($restored->safe_psql('postgres', q{SELECT string_agg(DISTINCT state, ' ') FROM whatsapp_queue}), 'ready', 'after a clean stop nothing is held');
wait_for('the sender', sub { $restored->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}) });
wait_sql($restored, q{SELECT bool_or(heartbeat_at > now() - interval '1 minute') FROM whatsapp_instances});
$restored->stop('immediate');
# without workers nobody writes another time
$restored->append_conf('postgresql.conf', "whatsapp.databases = ''");
$restored->start;
$restored->safe_psql('postgres', q{UPDATE whatsapp_instances SET heartbeat_at = now() - interval '1 hour'});
$restored->stop('fast');
$restored->append_conf('postgresql.conf', "whatsapp.databases = 'postgres'");
$restored->start;
wait_sql($restored, q{SELECT string_agg(DISTINCT state, ' ') FROM whatsapp_queue}, 'held');
$restored->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
send_po($restored, 1, prefix => 'AFTER-GAP');
wait_sql($restored, q{SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference LIKE 'AFTER-GAP%'});
is($restored->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue}), '2', 'new messages flow, older ones are held');
is($restored->safe_psql('postgres', q{SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = 'GAP-2'}), 't', 'one is cancelled');
is($restored->safe_psql('postgres', 'SELECT wa_release()'), '1', 'the other is released');
wait_sql($restored, q{SELECT count(*) FROM whatsapp_queue}, '0');

$restored->stop('fast');
done_testing();
