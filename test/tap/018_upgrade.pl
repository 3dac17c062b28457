# pg_upgrade: messages, history and settings of senders come over, nothing leaves from the new cluster before wa_release(), and then once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_cluster('old');
my $sandbox = $old->{sandbox};

# history of every kind, then messages that wait: ready, later, of a sender of its own, and one whose answer never came
send_po($old, 20, prefix => 'HISTORY');
send_po($old, 1, prefix => 'REFUSED', phone => '+15550131026');
wait_sql($old, q{SELECT count(*) FILTER (WHERE status = 'READ') || ' ' || count(*) FILTER (WHERE status = 'FAILED') FROM whatsapp_messages}, '20 1');
$old->safe_psql('postgres', q{
	INSERT INTO whatsapp_accounts (name, api_version) VALUES ('account', 'v24.0');
	INSERT INTO whatsapp_senders (name, enabled) VALUES ('default', true), ('shut', false)});
sandbox_set($sandbox, webhooks_paused => \1);
send_po($old, 1, prefix => 'DOUBT', phone => '+15552000001');
wait_for('the request', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 1 });
$old->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false});
wait_turns($old);
send_po($old, 50, prefix => 'WAITING');
send_po($old, 5, prefix => 'SHUT', sender => "'shut'");
$old->safe_psql('postgres', q{SELECT wa_send_po('A', 'LATER-1', 1, '+34612345678', send_at => now() + interval '1 day', idempotency_key => 'later')});
my $tables = join ' UNION ALL ', map { "SELECT '$_' AS name, md5(string_agg(t::text, ',' ORDER BY t::text)) FROM $_ AS t" }
  qw(whatsapp_messages whatsapp_attempts whatsapp_events whatsapp_wamids whatsapp_accounts whatsapp_senders);
$old->stop('fast');
# what the sender wrote while it stopped counts, too
$old->append_conf('postgresql.conf', "whatsapp.databases = ''");
$old->start;
my $contents = $old->safe_psql('postgres', $tables);
my $queue = $old->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', message_id, sender, priority, state, due_at), ',' ORDER BY message_id) FROM whatsapp_queue});
$old->stop('fast');

# another major version where there is one, or the same
my $bindir = `$ENV{PG_CONFIG} --bindir`;
chomp $bindir;
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(extra => [ '--encoding=UTF8', '--locale=C.UTF-8' ]);
my @lines = grep { !/^\s*(port|unix_socket_directories|listen_addresses|#|$)/ } split /\n/, slurp_file($old->data_dir . '/postgresql.conf');
$new->append_conf('postgresql.conf', join "\n", (grep { /whatsapp|extension_|dynamic_library_path|shared_preload|prepared/ } @lines), "whatsapp.databases = 'postgres'\n");
my $folder = PostgreSQL::Test::Utils::tempdir();
chdir $folder or die;
my $requests = sandbox_get($sandbox, 'summary')->{requests};
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->{sandbox} = $sandbox;
$new->{listen} = $old->{listen};
$new->start;
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'pg_upgrade sends nothing');
ok(wait_for('the log', sub { slurp_file($new->logfile) =~ /pending WhatsApp messages are held: this database was restored or copied/ }), 'the log says that they are held');
is($new->safe_psql('postgres', $tables), $contents, 'every row came over');
is($new->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', message_id, sender, priority, CASE state WHEN 'unknown' THEN 'sending' ELSE state END, due_at), ',' ORDER BY message_id) FROM whatsapp_queue}), $queue =~ s/ unknown / sending /r, 'and everything that waits');

# held, whatever is done with it, until it is released
$new->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
send_po($new, 1, prefix => 'NEW');
my $scans = q{SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'whatsapp_instances'};
for (1 .. 2) { my $before = $new->safe_psql('postgres', $scans); wait_for('the sender to look', sub { $new->safe_psql('postgres', $scans) > $before }) }
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'nothing leaves before wa_release()');
is($new->safe_psql('postgres', q{SELECT wa_release(dry_run => true) || ' ' || (SELECT count(*) FROM whatsapp_held)}), '58 58', 'what would leave is told');
# what the old cluster had sent is told by its webhooks
sandbox_set($sandbox, webhooks_paused => \0);
wait_sql($new, q{SELECT status FROM whatsapp_messages WHERE reference = 'DOUBT-1'}, 'READ');
is($new->safe_psql('postgres', 'SELECT wa_release()'), '57', 'released');
wait_sql($new, q{SELECT count(*) FROM whatsapp_queue}, '1');
is($new->safe_psql('postgres', q{SELECT reference FROM whatsapp_messages JOIN whatsapp_queue ON message_id = id}), 'LATER-1', 'what is for later waits');
is(sandbox_get($sandbox, 'summary')->{requests}, $requests + 56, 'each left once');
my %times;
$times{ $_->{parameters}[1] }++ for @{ sandbox_get($sandbox, 'messages') };
is_deeply([ grep { $times{$_} > 1 } sort keys %times ], [], 'nobody got one twice, in either life');
is($new->safe_psql('postgres', q{SELECT wa_send_po('A', 'LATER-1', 1, '+34612345678', idempotency_key => 'later') = (SELECT id FROM whatsapp_messages WHERE reference = 'LATER-1')}), 't', 'idempotency keys of before hold');
books_agree($new, 'after the upgrade');

# ALTER EXTENSION with a live worker, whatever comes of it
$new->safe_psql('postgres', q{ALTER EXTENSION pg_whatsapp UPDATE});
my ($code, $out, $err) = $new->psql('postgres', q{CREATE SCHEMA elsewhere; ALTER EXTENSION pg_whatsapp SET SCHEMA elsewhere});
like($err, qr/does not support SET SCHEMA/, 'the extension stays in its schema');
send_po($new, 1, prefix => 'ALTERED');
wait_sql($new, q{SELECT status FROM whatsapp_messages WHERE reference = 'ALTERED-1'}, 'READ');

$new->stop('fast');
done_testing();
