#!/usr/bin/perl
#
# limits.t: throughput and pair limits, rates in sliding windows, requests in flight, the listings.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use SelfTest;
use Test::More;

start_sandbox('--phone-number-id', '123456789', '--phone-number-id', '222222222');

my $to = '+34612345678';

sub codes
{
	my ($count, $recipient, %with) = @_;
	my %seen;
	$seen{ post(template($recipient // $to), %with)->{json}{error}{code} // 200 }++ for 1 .. $count;
	return \%seen;
}

# --- limits ---

fresh(throughput => { '*' => 4, 222222222 => 2 });
is_deeply([ codes(6), codes(3, $to, number => '222222222') ], [ { 200 => 4, 130429 => 2 }, { 200 => 2, 130429 => 1 } ],
	'throughput by number');
is_deeply(control(GET => 'settings')->{throughput}, { '*' => 4, 222222222 => 2 }, '… as the settings say');
my $numbers = summary()->{numbers};
is_deeply($numbers->{123456789}, { requests => 6, accepted => 4, max_requests_in_any_second => 6, max_in_any_second => 4 }, '… counted');
is($numbers->{222222222}{max_in_any_second}, 2, '… by number, too');
ok(until_true(sub { post(template($to))->{status} == 200 }), '… and a second later there is room again');
is(settings(throughput => 0)->{throughput}, 4 - 4, 'no limit');

fresh(pair_limit => JSON::PP::true);
is_deeply([ codes(47), codes(2, '+34 612-345-679'), codes(2, $to, number => '222222222') ],
	[ { 200 => 45, 131056 => 2 }, { 200 => 2 }, { 200 => 2 } ], 'pair limit: only of the pair');
is(post(template('34612345678'))->{json}{error}{code}, 131056, '… however the number is written');
fresh(pair_limit => { interval_ms => 300, burst => 2 });
is_deeply(codes(3), { 200 => 2, 131056 => 1 }, 'another pair limit');
ok(until_true(sub { post(template($to))->{status} == 200 }), '… is over after its interval');
is_deeply(control(GET => 'settings')->{pair_limit}, { interval_ms => 300, burst => 2 }, '… as the settings say');

# --- pairs ---

fresh();
post(template($_)) for $to, $to, '+34600000001', $to;
my ($pair) = lines('pairs?to=%2B34612345678');
is_deeply([ @$pair{qw(phone_number_id to requests accepted max_in_any_6_s in_flight max_in_flight)} ],
	[ '123456789', '34612345678', 3, 3, 3, 0, 1 ], 'a pair');
ok($pair->{smallest_gap_ms} > 0 && $pair->{smallest_gap_ms} < 6000, '… its smallest gap');
is(scalar(lines('pairs')), 2, 'all pairs');
my $pairs = summary()->{pairs};
is_deeply([ @$pairs{qw(count max_in_any_6_s max_in_flight)} ], [ 2, 3, 1 ], 'in the summary');
is(+(lines('pairs?to=34600000001'))[0]{smallest_gap_ms}, undef, 'no gap of one message');

fresh(delay_ms => 400);
my @children;
for my $recipient ($to, $to, $to, '+34600000001') {
	my $child = fork // die $!;
	if (!$child) { post(template($recipient)); require POSIX; POSIX::_exit(0) }
	push @children, $child;
}
waitpid $_, 0 for @children;
is_deeply([ @{ +(lines('pairs?to=34612345678'))[0] }{qw(in_flight max_in_flight)} ], [ 0, 3 ], 'three in flight to one');
is_deeply([ summary()->{max_in_flight}, summary()->{pairs}{max_in_flight} ], [ 4, 3 ], '… four in all');
fresh();
faults({ never => JSON::PP::true, times => 3 });
post(template($to), timeout => 0.2) for 1 .. 3;
is(+(lines('pairs'))[0]{max_in_flight}, 1, 'who gave up has nothing in flight');

# --- arrivals and the book ---

fresh();
faults({ to => $to, code => 131000 });
for my $case ([ $to, 'a' ], [ '+34600000001', 'b' ], [ $to, 'a' ], [ $to, 'c' ]) {
	post(template($case->[0], biz_opaque_callback_data => $case->[1]));
}
my @arrivals = lines('arrivals');
is_deeply([ map { [ @$_{qw(seq to callback_data outcome attempts)} ] } @arrivals ],
	[ [ 1, '34612345678', 'a', '131000', 2 ], [ 2, '34600000001', 'b', 'accepted', 1 ],
		[ 3, '34612345678', 'a', 'accepted', 2 ], [ 4, '34612345678', 'c', 'accepted', 1 ] ], 'in the order of arrival');
is(join(' ', map { $_->{callback_data} } lines('arrivals?to=%2B34612345678')), 'a a c', '… of one recipient');
is(join(' ', map { $_->{seq} } lines('arrivals?offset=1&limit=2')), '2 3', '… page by page');
is_deeply([ map { $_->{wamid} } lines('book') ], [ map { $_->{wamid} } @{ control(GET => 'messages') } ], 'the book has the accepted ones');
is($arrivals[0]{body_sha256}, $arrivals[2]{body_sha256}, 'the same body');
use Digest::SHA qw(sha256_hex);
my $body = $json->encode(template($to, biz_opaque_callback_data => 'c'));
post($body);
is(+(lines('book'))[-1]{body_sha256}, sha256_hex($body), '… by its hash');
is_deeply([ @{ $arrivals[0] }{qw(http tls)} ], [ '1.1', JSON::PP::false ], 'how it came in');

is(stop_sandbox(), 0, 'ends in good order');
start_sandbox('--books-only-counters');
post(template($to, biz_opaque_callback_data => "n$_")) for 1 .. 5;
is(summary()->{accepted}, 5, 'counters only: the counters');
is_deeply([ control(GET => 'messages'), scalar(lines('book')), scalar(lines('pairs')) ], [ [], 0, 0 ], '… only');
is(summary()->{numbers}{123456789}{requests}, 5, '… by number');
is(stop_sandbox(), 0, 'ends in good order');
done_testing();
