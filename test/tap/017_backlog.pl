# Half a million messages that cannot leave hold up nobody; neither do a thousand senders, nor what is dead in the index.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $backlog = 500_000;
my $node = new_cluster('backlog', conf => "whatsapp.max_connections = 20\nshared_buffers = 256MB\nmax_wal_size = 4GB\nautovacuum_naptime = 1s\n");
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, batch => 100);

sub enqueue { my ($prefix, $sender, $count) = @_; $node->safe_psql('postgres', "SELECT count(wa_send_po('A', '$prefix-' || i, 1, '+3461' || lpad(i::text, 7, '0'), sender => '$sender')) FROM generate_series(1, $count) AS i"); return }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$prefix-%' AND status = 'PENDING'", '0') }
sub in_queue { my ($sender) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_queue WHERE sender = '$sender'") }
# the memory that is the process's own, in MB; shared buffers that nobody else has touched are not
sub own_memory
{
	my ($pid) = @_;
	my ($lines) = run_command([ 'cat', "/proc/$pid/smaps" ]);
	my ($kb, $shared) = (0, 0);
	for my $line (split /\n/, $lines)
	{
		$shared = $1 eq 's' if $line =~ /^[0-9a-f]+-[0-9a-f]+ ...([sp]) /;
		$kb += $1 if !$shared && $line =~ /^Private_(?:Clean|Dirty): +(\d+) kB/;
	}
	return $kb / 1024;
}
# each commit is followed by its message at once, not by the next look, of which there is one in 5 s
sub prompt
{
	my ($prefix, $sender, $what) = @_;
	my @seconds;
	for my $i (1 .. 10)
	{
		push @seconds, seconds_until($node, sub { $node->safe_psql('postgres', "SELECT wa_send_po('Proveedor ABC', '$prefix$i', 1250, '$po_phone', sender => '$sender')") },
			"SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = '$prefix$i'");
	}
	cmp_ok((sort { $a <=> $b } @seconds)[5], '<', 2.5, "$what: a new message leaves at once");
	return;
}

$node->safe_psql('postgres', qq{
	INSERT INTO whatsapp_senders (name, enabled, paused_until, paused_reason, messages_per_second) VALUES
		('default', true, NULL, NULL, NULL), ('paused', true, now() + interval '1 day', 'by hand', NULL);
	SELECT wa_send_po('A', 'MODEL-1', 1, '+34600000000')});
all_sent('MODEL');
is($node->safe_psql('postgres', q{SELECT array_to_string(reloptions, ' ') FROM pg_class WHERE relname = 'whatsapp_queue'}),
	'fillfactor=40 autovacuum_vacuum_scale_factor=0 autovacuum_vacuum_threshold=2000 autovacuum_analyze_scale_factor=0.2 autovacuum_vacuum_cost_delay=0 vacuum_truncate=false', 'autovacuum comes by the row count of the turnover, without a pause, and locks nobody out');

# straight into the tables: what fills them is not what is tested
$node->safe_psql('postgres', qq{
	WITH m AS (INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, template_name, template_language, payload, reference, expires_at)
			SELECT 'paused', '+34' || (700000000 + i), message_type, template_name, template_language, payload, 'paused-' || i, now() + interval '1 day'
			FROM whatsapp_messages, generate_series(1, $backlog) AS i WHERE reference = 'MODEL-1' RETURNING id, recipient_phone)
		INSERT INTO whatsapp_queue (message_id, sender, recipient, due_at, expires_at) SELECT id, 'paused', recipient_phone, now(), now() + interval '1 day' FROM m;
	ANALYZE whatsapp_queue});

# behind a pause
enqueue('BESIDE', 'default', 500);
all_sent('BESIDE');
prompt('PAUSED', 'default', 'half a million behind a pause');
is(in_queue('paused'), $backlog, 'while the backlog stays');

# behind a rate of one per second
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET messages_per_second = 1 WHERE name = 'paused'; SELECT wa_resume('paused')});
wait_for('the slow one to begin', sub { in_queue('paused') < $backlog });
enqueue('BESIDETWO', 'default', 500);
all_sent('BESIDETWO');
prompt('SLOW', 'default', 'half a million at one per second');
cmp_ok(in_queue('paused'), '>', $backlog - 1000, 'while the backlog stays');
cmp_ok(own_memory(sender_pid($node)), '<', 48, 'memory of the sender, in MB');

# a thousand senders, each with its turn; the half million is still there
$node->safe_psql('postgres', q{
	INSERT INTO whatsapp_senders (name) SELECT 'sender' || i FROM generate_series(1, 1000) AS i;
	SELECT count(wa_send_po('A', 'THOUSAND-' || i, 1, '+3462' || lpad(i::text, 7, '0'), sender => 'sender' || i % 1000 + 1)) FROM generate_series(1, 2000) AS i});
all_sent('THOUSAND');
prompt('MANY', 'sender7', 'a thousand senders');
cmp_ok(own_memory(sender_pid($node)), '<', 48, 'memory of the sender, in MB');

# a snapshot that keeps all that was ever sent in the index: what is new is found without a walk through what is dead
$node->safe_psql('postgres', q{DELETE FROM whatsapp_senders WHERE name <> 'default'});
my $old = $node->background_psql('postgres');
$old->query_safe(q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM whatsapp_queue});
my $before = $node->safe_psql('postgres', q{SELECT n_tup_ins || ' ' || n_tup_del FROM pg_stat_user_tables WHERE relname = 'whatsapp_queue'});
enqueue('DEAD', 'default', 10000);
all_sent('DEAD');
wait_turns($node);
prompt('FRESH', 'default', 'ten thousand dead entries');
$old->query_safe('COMMIT');
$old->quit;
wait_for('the statistics', sub {
	my ($old_ins, $old_del) = split / /, $before;
	my ($ins, $del) = split / /, $node->safe_psql('postgres', q{SELECT n_tup_ins || ' ' || n_tup_del FROM pg_stat_user_tables WHERE relname = 'whatsapp_queue'});
	$ins >= $old_ins + 10000 && $del >= $old_del + 10000;
});
pass('inserts and deletes of the queue are counted');
wait_sql($node, q{SELECT autovacuum_count > 0 FROM pg_stat_user_tables WHERE relname = 'whatsapp_queue'});

is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'nothing was accepted twice');
$node->stop('fast');
done_testing();
