# Never above a limit: counted by the sandbox, per second, while the sender has all it could send. And schedules.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use Test::More;

my $node = new_cluster('pacing', conf => "whatsapp.max_connections = 50\n");
my $sandbox = $node->{sandbox};

# what is measured is a limit, not a speed
for my $limit (20, 80)
{
	sandbox_set($sandbox, throughput => 0);
	$node->safe_psql('postgres', "INSERT INTO whatsapp_senders (name, messages_per_second) VALUES ('default', $limit) ON CONFLICT (name) DO UPDATE SET messages_per_second = $limit");
	my $count = $limit * 3;
	HTTP::Tiny->new->post("$sandbox->{url}/_sandbox/reset");
	send_po($node, $count, prefix => "LIMIT-$limit");
	wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'LIMIT-$limit-%' AND status <> 'PENDING'", $count);
	my $summary = sandbox_get($sandbox, 'summary');
	is($summary->{accepted}, $count, "$limit/s: all were sent");
	# On a loaded machine the sandbox reads the last of one second late and the first of the next at once, however many they are: hence a
	# tenth less of the second, and not a tenth more of the messages.
	my @at = sort { $a <=> $b } map { $_->{received_at} } @{ sandbox_get($sandbox, 'messages') };
	cmp_ok(most_within(0.9, @at), '<=', $limit, "$limit/s: never more in any second");
	cmp_ok($summary->{max_in_any_second}, '>=', $limit * 0.5, "$limit/s: and the limit is used");
}

# a limit that is lower than ours, since somebody else uses the number, too: nothing fails
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET messages_per_second = 200});
sandbox_set($sandbox, throughput => 30);
send_po($node, 60, prefix => 'SHARED');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'SHARED%' AND status <> 'PENDING'}, '60');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'SHARED%' AND status = 'FAILED'}), '0', '130429 fails nothing');
sandbox_set($sandbox, throughput => 0);

# a paced sender does not hold up another
$node->safe_psql('postgres', q{
	UPDATE whatsapp_senders SET messages_per_second = 1 WHERE name = 'default';
	INSERT INTO whatsapp_senders (name, messages_per_second) VALUES ('quick', 0);
	SELECT count(wa_send_po('A', 'SLOW-' || i, 1, '+34612345678')) FROM generate_series(1, 5000) AS i;
	SELECT count(wa_send_po('A', 'QUICK-' || i, 1, '+34612345678', sender => 'quick')) FROM generate_series(1, 500) AS i});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'QUICK%' AND status <> 'PENDING'}, '500');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue WHERE sender = 'default'}), '>', 4000, 'while the paced one has its backlog');
$node->safe_psql('postgres', q{SELECT count(wa_cancel(message_id)) FROM whatsapp_queue; UPDATE whatsapp_senders SET messages_per_second = 0});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');

# send_at: not before, and not on the next poll either
$node->safe_psql('postgres', q{SELECT wa_send_po('A', 'SOON', 1, '+34612345678', send_at => clock_timestamp() + interval '2 seconds'), wa_send_po('A', 'TOMORROW', 1, '+34612345678', send_at => now() + interval '1 day')});
wait_sql($node, q{SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = 'SOON'});
my ($message) = grep { $_->{parameters}[1] eq 'SOON' } @{ sandbox_get($sandbox, 'messages') };
is($node->safe_psql('postgres', qq{SELECT to_timestamp($message->{received_at}) >= created_at + interval '2 seconds' FROM whatsapp_messages WHERE reference = 'SOON'}), 't', 'send_at: not before');
is($node->safe_psql('postgres', q{SELECT status FROM whatsapp_messages WHERE reference = 'TOMORROW'}), 'PENDING', 'send_at: tomorrow is not now');
is($node->safe_psql('postgres', q{SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = 'TOMORROW'}), 't', 'and can be cancelled');

# the same idempotency key from many sessions at once: one message
my @sessions = map { $node->background_psql('postgres') } 1 .. 4;
$_->query_safe(q{BEGIN}) for @sessions;
my $first = $sessions[0]->query_safe(q{SELECT wa_send_po('A', 'ONCE', 1, '+34612345678', idempotency_key => 'one')});
$sessions[0]->query_safe(q{COMMIT});
is($_->query_safe(q{SELECT wa_send_po('A', 'ONCE', 1, '+34612345678', idempotency_key => 'one')}), $first, 'the same id back') for @sessions[ 1 .. 3 ];
$_->query_safe(q{COMMIT}) for @sessions[ 1 .. 3 ];
$_->quit for @sessions;

# wa_retry() really sends again
send_po($node, 1, phone => '+15551131026', prefix => 'RETRY');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'RETRY-1'}, 'FAILED');
my $old = $node->safe_psql('postgres', q{SELECT wamid FROM whatsapp_messages WHERE reference = 'RETRY-1'});
is($node->safe_psql('postgres', q{SELECT wa_retry(id) FROM whatsapp_messages WHERE reference = 'RETRY-1'}), 't', 'wa_retry()');
wait_sql($node, qq{SELECT status = 'FAILED' AND wamid <> '$old' FROM whatsapp_messages WHERE reference = 'RETRY-1'});
is(scalar(grep { $_->{parameters}[1] eq 'RETRY-1' } @{ sandbox_get($sandbox, 'messages') }), 2, 'it left twice, and failed twice');

$node->stop('fast');
done_testing();
