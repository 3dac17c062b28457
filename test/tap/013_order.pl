# Per recipient in the order of commits and one at a time, whatever the wire does; urgent before bulk; found at commit, however late.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use List::Util qw(max);
use Time::HiRes qw(time);
use lib $FindBin::RealBin;
use PgWhatsapp;
use Test::More;

my $slots = 20;
my $node = new_cluster('order', conf => "whatsapp.max_connections = $slots\nwhatsapp.max_attempts = 100\n");
my $sandbox = $node->{sandbox};
sub references { return { map { split /\|/ } split /\n/, $node->safe_psql('postgres', q{SELECT wamid, reference FROM whatsapp_messages WHERE wamid IS NOT NULL}) } }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT count(*) FILTER (WHERE status = 'PENDING') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", '0') }

# several sessions, one commit after the other, so that their order is known; answers late at random, some of them transient errors
srand(20241122);
my ($recipients, $count) = (8, 240);
my @weather = map { rand() < 0.05 ? { code => 131016 } : { delay_ms => int(rand(60)) } } 1 .. 2 * $count;
is((sandbox_post($sandbox, 'faults', \@weather))[0], 200, 'answers at random');
my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
my %committed;
for my $number (1 .. $count)
{
	my $phone = '3460000000' . int(rand($recipients));
	$sessions[ rand(@sessions) ]->query_safe("SELECT wa_send_po('A', 'ORDER-$number', 1, '+$phone')");
	push @{ $committed{$phone} }, "ORDER-$number";
}
all_sent('ORDER');

my $reference = references();
my (%accepted, %waiting, @overtaken, $refused);
for my $arrival (sandbox_lines($sandbox, 'arrivals'))
{
	my $to = $arrival->{to};
	# the one that was refused comes again before any other of its recipient
	push @overtaken, $arrival if $waiting{$to} && $waiting{$to} ne $arrival->{callback_data};
	$waiting{$to} = $arrival->{outcome} eq 'accepted' ? undef : $arrival->{callback_data};
	$refused++ if $waiting{$to};
	push @{ $accepted{$to} }, $reference->{ $arrival->{wamid} } if $arrival->{wamid};
}
is_deeply(\%accepted, \%committed, 'each recipient gets them in the order of the commits')
  or diag(join "\n", (map { join ' ', @$_{qw(to at outcome)}, $_->{wamid} ? $reference->{ $_->{wamid} } : $_->{callback_data} } sandbox_lines($sandbox, 'arrivals')),
	$node->safe_psql('postgres', q{SELECT concat_ws(' ', recipient_phone, id, reference, created_at, attempts) FROM whatsapp_messages ORDER BY id}));
cmp_ok($refused, '>', 5, 'though some were refused at first');
is_deeply(\@overtaken, [], 'and came again before those behind them');
is(max(map { $_->{max_in_flight} } sandbox_lines($sandbox, 'pairs')), 1, 'one in flight at a time');
cmp_ok(sandbox_get($sandbox, 'summary')->{max_in_flight}, '>', 1, 'while several recipients are served at once');

# a retry that waits while the sender is replaced is still the first of its recipient
HTTP::Tiny->new->delete("$sandbox->{control}/_sandbox/faults");
is((sandbox_post($sandbox, 'faults', { to => '+34600000099', code => 131016, headers => { 'Retry-After' => 2 } }))[0], 200, 'a fault');
send_po($node, 5, prefix => 'AGAIN', phone => '+34600000099');
wait_sql($node, q{SELECT count(*) FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = 'AGAIN-1'}, '1');
my $pid = sender_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
wait_restart($node, $pid);
all_sent('AGAIN');
$reference = references();
is(join(' ', map { $reference->{ $_->{wamid} } } grep { $_->{wamid} } sandbox_lines($sandbox, 'arrivals?to=%2B34600000099')), 'AGAIN-1 AGAIN-2 AGAIN-3 AGAIN-4 AGAIN-5', 'in order across a restart');

is((sandbox_post($sandbox, 'faults', [ { to => '+34600000000', times => 3, code => 131016 }, { delay_ms => 5, times => undef } ]))[0], 200, 'weather');

# a backlog that many sessions made at once, with transactions of several messages: of each session in its own order
$node->safe_psql('postgres', q{INSERT INTO whatsapp_senders (name, enabled) VALUES ('default', false) ON CONFLICT (name) DO UPDATE SET enabled = false});
my @running = map { $node->background_psql('postgres') } 1 .. 4;
for my $who (0 .. 3)
{
	my $body = "DO \$\$ BEGIN FOR i IN 1 .. 60 LOOP PERFORM wa_send_po('A', format('BACK-$who-%s', i), 1, '+3460000000' || i % $recipients);"
	  . ' IF i % 3 = 0 THEN COMMIT; END IF; END LOOP; END $$';
	$running[$who]->{stdin} .= "$body;\n\\echo done\n";
	$running[$who]->{run}->pump_nb;
}
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '240');
$_->quit for @running;
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true});
all_sent('BACK');
$reference = references();
my (%latest, @disorder);
for my $arrival (grep { $_->{wamid} } sandbox_lines($sandbox, 'arrivals'))
{
	my ($who, $number) = $reference->{ $arrival->{wamid} } =~ /^BACK-(\d+)-(\d+)$/ or next;
	my $of = \$latest{"$arrival->{to} $who"};
	push @disorder, $reference->{ $arrival->{wamid} } if $$of && $$of > $number;
	$$of = $number;
}
is_deeply(\@disorder, [], 'a backlog leaves in the order of each session, the refused ones first');
is(max(map { $_->{max_in_flight} } sandbox_lines($sandbox, 'pairs')), 1, 'still one in flight at a time');

# urgent, normal, bulk: those in flight are before, no others; of a backlog and against one
sandbox_post($sandbox, 'reset?settings=1', '');
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false;
	SELECT count(wa_send_po('A', p.name || '-' || i, 1, '+346' || p.digit || '0000' || i, priority => p.name)) FROM (VALUES ('bulk', 3), ('normal', 2), ('urgent', 1)) AS p (name, digit), generate_series(101, 160) AS i;
	UPDATE whatsapp_senders SET enabled = true});
all_sent($_) for qw(bulk normal urgent);
$reference = references();
my @order = map { $reference->{ $_->{wamid} } =~ /^(\w+)-/ } sandbox_lines($sandbox, 'arrivals');
is(scalar(@order), 180, 'all of the three priorities');
for my $pair ([ 'urgent', 'normal' ], [ 'normal', 'bulk' ])
{
	my ($first) = grep { $order[$_] eq $pair->[1] } 0 .. $#order;
	# what was started before it and has not arrived yet is in flight
	cmp_ok(scalar(grep { $_ eq $pair->[0] } @order[ 0 .. $first ]), '>', 60 - $slots, "$pair->[0] before $pair->[1]");
}
sandbox_set($sandbox, delay_ms => 100);
$node->safe_psql('postgres', q{SELECT count(wa_send_po('A', 'BULK-' || i, 1, '+3464' || lpad(i::text, 7, '0'), priority => 'bulk')) FROM generate_series(1, 2000) AS i});
wait_for('the backlog to move', sub { sandbox_get($sandbox, 'summary')->{accepted} > 180 + $slots });
$node->safe_psql('postgres', q{SELECT wa_send_po('A', 'ALARM-1', 1, '+34650000001', priority => 'urgent')});
all_sent('ALARM');
cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue WHERE priority = 2}), '>', 1000, 'urgent does not wait for a bulk backlog');
sandbox_set($sandbox, delay_ms => 0);
all_sent('BULK');

# transactions that were open while later ones were sent: found when they commit, each long before the poll of five seconds
my @open = map { $node->background_psql('postgres') } 1 .. 5;
$open[$_]->query_safe("BEGIN; SELECT wa_send_po('A', 'LATE-$_', 1, '+34660000000')") for 0 .. $#open;
send_po($node, 20, prefix => 'BETWEEN');
send_po($node, 5, prefix => 'BETWEEN', phone => '+34660000000');
all_sent('BETWEEN');
my $begin = time;
for my $late (reverse 0 .. $#open)
{
	$open[$late]->query_safe('COMMIT');
	wait_sql($node, "SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = 'LATE-$late'");
}
cmp_ok(time - $begin, '<', 15, 'late commits are found without the poll');
$_->quit for @open;

# in two phases: the poll finds what no bell rang for; what is rolled back, in one phase or two, is never sent
$node->safe_psql('postgres', qq{BEGIN; SELECT wa_send_po('A', 'PREPARED-$_', 1, '+34660000000'); PREPARE TRANSACTION 'p$_'}) for 1, 2;
$node->safe_psql('postgres', q{BEGIN; SELECT wa_send_po('A', 'NEVER-1', 1, '+34660000000'); ROLLBACK});
$node->safe_psql('postgres', q{BEGIN; SAVEPOINT s; SELECT wa_send_po('A', 'NEVER-2', 1, '+34660000000'); ROLLBACK TO s; SELECT wa_send_po('A', 'KEPT-1', 1, '+34660000000'); COMMIT});
all_sent('KEPT');
wait_turns($node);
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference ~ '^(PREPARED|NEVER)'}), '0', 'nothing of an open transaction is seen');
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'p2'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'p1'});
$begin = time;
all_sent('PREPARED');
cmp_ok(time - $begin, '<', 15, 'COMMIT PREPARED is found by the poll');
is_deeply([ grep { /PREPARED-2|NEVER/ } map { $_->{parameters}[1] } @{ sandbox_get($sandbox, 'messages') } ], [], 'what was rolled back left nothing');
is((grep { $_->{parameters}[1] eq 'PREPARED-1' } @{ sandbox_get($sandbox, 'messages') }), 1, 'what was committed left once');

is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE status NOT IN ('SENT', 'DELIVERED', 'READ')}), '0', 'nothing is left over');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'nothing was accepted twice');
$node->stop('fast');
done_testing();
