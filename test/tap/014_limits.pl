# Limits, counted by the sandbox: of a recipient, of a number, those that the platform names; and only those concerned slow down.
use strict;
use warnings;

use FindBin;
use List::Util qw(max min);
use lib $FindBin::RealBin;
use PgWhatsapp;
use Test::More;

my $slots = 8;
my $node = new_cluster('limits', sandbox => { arguments => [ map { ('--phone-number-id', $_) } 123456789, 201, 202 ] },
	conf => "whatsapp.max_connections = $slots\nwhatsapp.unknown_grace = 2s\nwhatsapp.max_attempts = 100\n");
my $sandbox = $node->{sandbox};
$node->safe_psql('postgres', q{INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('default', '123456789'), ('one', '201'), ('two', '202')});

sub fault { my (@faults) = @_; my ($status, $said) = sandbox_post($sandbox, 'faults', \@faults); die $said if $status != 200; return }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT string_agg(DISTINCT replace(replace(status, 'DELIVERED', 'SENT'), 'READ', 'SENT'), ' ') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", 'SENT') }
# to recipients of their own, or to one, for nine digits: they tell one series from another. Series that are compared come in one transaction: a busy machine may need longer
# from one to the next than anybody rests.
sub enqueue
{
	my @series = @_;
	my @queries = map {
		my ($prefix, $sender, $digits, $count) = @$_;
		my $phone = length $digits == 9 ? "'+34$digits'" : "'+34$digits' || lpad(i::text, 6, '0')";
		"SELECT count(wa_send_po('A', '$prefix-' || i, 1, $phone, sender => '$sender')) FROM generate_series(1, $count) AS i";
	} @series;
	$node->safe_psql('postgres', join ";\n", 'BEGIN', @queries, 'COMMIT');
	return;
}
sub arrivals { my ($digits) = @_; return grep { $_->{to} =~ /^34$digits/ } sandbox_lines($sandbox, 'arrivals') }
sub gaps { my (@arrivals) = @_; return map { $arrivals[$_]{at} - $arrivals[ $_ - 1 ]{at} } 1 .. $#arrivals }
# requests in the seconds after the first one with that outcome; those on the wire are among them
sub after { my ($seconds, $outcome, @arrivals) = @_; my ($one) = grep { $_->{outcome} eq $outcome } @arrivals; return scalar(grep { $_->{at} > $one->{at} && $_->{at} < $one->{at} + $seconds } @arrivals) }
# requests of those held up that come after so many of the others; the order is the sandbox's, since a look at the tables comes too late on a busy machine
sub left_of { my ($held_up, $free, $share) = @_; my @at = sort { $a <=> $b } map { $_->{at} } arrivals($free); return scalar(grep { $_->{at} > $at[ $share * @at - 1 ] } arrivals($held_up)) }

# recipients with more messages than their limit allows; the sandbox's distances are a little shorter, for what the network does to them
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET pair_interval = '500 ms', pair_burst = 3 WHERE name = 'default'});
sandbox_set($sandbox, pair_limit => { interval_ms => 350, burst => 3 });
enqueue((map { [ "PAIR$_", 'default', "61000000$_", 9 ] } 1 .. 4), [ 'OTHER', 'default', '620', 200 ]);
all_sent('OTHER');
all_sent("PAIR$_") for 1 .. 4;
cmp_ok(left_of("61000000$_", '620', 0.5), '>=', 2, "pair $_ waits for its turns, the others do not") for 1 .. 4;
is_deeply(sandbox_get($sandbox, 'summary')->{refused_by_code}, {}, 'a recipient is never above its limit');
for my $pair (1 .. 4)
{
	my @at = map { $_->{at} } arrivals("61000000$pair");
	cmp_ok(most_within(0.9, @at), '<=', 5, "pair $pair: at most the burst and one per interval");
	is_deeply([ map { $_->{parameters}[1] } @{ sandbox_get($sandbox, "messages?to=%2B3461000000$pair") } ], [ map { "PAIR$pair-$_" } 1 .. 9 ], "pair $pair: in order");
}
sandbox_set($sandbox, pair_limit => \0);
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET pair_interval = NULL, pair_burst = NULL});

# the platform names the pair: 1 s, then 4 s, for that recipient only
fault({ to => '+34611000001', times => 2, code => 131056 });
send_po($node, 3, prefix => 'NAMED', phone => '+34611000001');
wait_for('the refusal', sub { arrivals('611000001') });
enqueue([ 'FREE', 'default', '621', 100 ]);
all_sent('FREE');
all_sent('NAMED');
cmp_ok(left_of('611000001', '621', 0.5), '>=', 3, '131056: the others go on');
my @named = arrivals('611000001');
is(join(' ', map { $_->{outcome} } @named), '131056 131056 accepted accepted accepted', '131056: nothing behind it tries');
my @gap = gaps(@named);
cmp_ok($gap[0], '>', 0.95, '131056: one second');
cmp_ok($gap[1], '>', 3.95, '131056: then four');

# a number above its limit, and the platform says for how long: it rests, the other one does not
fault({ phone_number_id => '201', times => 1, code => 130429, headers => { 'Retry-After' => 3 } });
enqueue([ 'REST', 'one', '630', 600 ], [ 'BUSY', 'two', '631', 300 ]);
all_sent('BUSY');
all_sent('REST');
cmp_ok(left_of('630', '631', 0.5), '>', 550, '130429 with Retry-After: only that number rests');
cmp_ok(after(2.5, '130429', arrivals('630')), '<=', 2 * $slots, '130429 with Retry-After: and it does so');

# without a time, and for as long as it lasts: it slows down to what is allowed, and nothing fails
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET messages_per_second = 60 WHERE name IN ('one', 'two')});
sandbox_set($sandbox, throughput => { 201 => 20 });
enqueue([ 'SLOW', 'one', '640', 100 ], [ 'FULL', 'two', '641', 120 ]);
all_sent('FULL');
all_sent('SLOW');
cmp_ok(left_of('640', '641', 1), '>', 20, '130429: only that number slows down');
my @slow = arrivals('640');
my ($refusal) = grep { $_->{outcome} eq '130429' } @slow;
ok($refusal, '130429: it was above its limit');
cmp_ok(most_within(0.9, map { $_->{at} } grep { $_->{at} > $refusal->{at} + 2.5 } @slow), '<=', 45, '130429: and slowed down');
is(scalar(grep { $_->{outcome} ne 'accepted' } arrivals('641')), 0, '130429: the other number was never refused');
sandbox_set($sandbox, throughput => 0);
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET messages_per_second = NULL});

# what the answers tell of the account's use: near the end slower, at the end not at all for as long as it says
fault({ phone_number_id => '202', times => 1, headers => { 'x-business-use-case-usage' => { 987654321 => [ { type => 'messaging', call_count => 100, estimated_time_to_regain_access => 0.05 } ] } } });
enqueue([ 'USED', 'two', '650', 600 ], [ 'UNUSED', 'one', '651', 100 ]);
all_sent('UNUSED');
all_sent('USED');
cmp_ok(left_of('650', '651', 0.5), '>', 550, 'estimated_time_to_regain_access: that number rests');
cmp_ok(after(2.5, 'accepted', arrivals('650')), '<=', 2 * $slots, 'estimated_time_to_regain_access: for so long');
$node->safe_psql('postgres', q{INSERT INTO whatsapp_senders (name, phone_number_id, messages_per_second) VALUES ('three', '201', 40)});
fault({ times => 1, headers => { 'x-business-use-case-usage' => { 987654321 => [ { type => 'messaging', call_count => 20, total_cputime => 80 } ] } } });
enqueue([ 'NEAR', 'three', '652', 100 ]);
all_sent('NEAR');
my @near = map { $_->{at} } arrivals('652');
cmp_ok(most_within(0.9, grep { $_ > $near[0] + 1.2 } @near), '<=', 34, 'a use of 80 %: slower than 40/s');

# a Retry-After of 0 makes no hot loop, with a code or without
fault({ to => '+34612000001', times => 2, code => 130429, headers => { 'Retry-After' => 0 } }, { to => '+34612000002', times => 2, status => 503, body => 'html', headers => { 'Retry-After' => 0 } });
send_po($node, 1, prefix => "ZERO$_", phone => "+3461200000$_") for 1, 2;
all_sent("ZERO$_") for 1, 2;
cmp_ok(min(gaps(arrivals('612000001'))), '>', 0.95, 'Retry-After: 0 with a code: a second');
cmp_ok(min(gaps(arrivals('612000002'))), '>', 0.45, 'Retry-After: 0 of a gateway: as if it had said nothing');

# a gateway's Retry-After is for all that goes there
fault({ times => 1, status => 503, body => 'html', headers => { 'Retry-After' => 3 } });
enqueue([ 'GATE', 'one', '660', 300 ], [ 'GATE', 'two', '661', 300 ]);
all_sent('GATE');
my ($gate) = grep { $_->{outcome} ne 'accepted' } arrivals('66[01]');
cmp_ok(after(2.5, $gate->{outcome}, arrivals('66[01]')), '<=', 2 * $slots, '503 with Retry-After: the platform is left in peace');

# the rate holds across every end of the sender; two numbers at once, each with its own
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET messages_per_second = CASE name WHEN 'one' THEN 50 ELSE 25 END WHERE name IN ('one', 'two')});
my $life = 0;
for my $end (qw(terminate kill terminate))
{
	my $before = arrivals('67[01]');
	$life++;
	enqueue([ "ACROSS$life", 'one', '670', 120 ], [ "ACROSS$life", 'two', '671', 60 ]);
	wait_for('the middle of a burst', sub { arrivals('67[01]') > $before + 20 });
	my $pid = sender_pid($node);
	$end eq 'kill' ? kill('KILL', $pid) : $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	wait_restart($node, $pid);
}
all_sent("ACROSS$_") for 1 .. $life;
# Two bursts are a second apart when they leave; on a busy machine the first one arrives late, and they are closer.
cmp_ok(most_within(0.6, map { $_->{at} } arrivals('670')), '<=', 50, '50/s across restarts');
cmp_ok(most_within(0.6, map { $_->{at} } arrivals('671')), '<=', 25, '25/s of the other number');

books_agree($node, 'limits');
$node->stop('fast');
done_testing();
