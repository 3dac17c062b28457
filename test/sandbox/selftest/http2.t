#!/usr/bin/perl
#
# http2.t: the TLS port and HTTP/2, asked by curl.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use SelfTest;
use Test::More;

start_sandbox('--tls-port', 0, '--tls-port-file', "$dir/tls_port", '--ca-file', "$dir/ca.pem", '--h2c-port', 0,
	'--h2c-port-file', "$dir/h2c_port");
my $tls = 'https://localhost:' . (slurp("$dir/tls_port") =~ s/\s//gr);
my $h2c = 'http://127.0.0.1:' . (slurp("$dir/h2c_port") =~ s/\s//gr);
spew("$dir/body", $json->encode(template('+34612345678')));

# curl's exit status, and per URL the status and version: "200 2".
sub curl
{
	my (@arguments) = @_;
	unlink "$dir/answer";
	open my $errors, '>&', \*STDERR or die $!; # its progress meter of parallel transfers can't be turned off
	open STDERR, '>', "$dir/curl_said" or die $!;
	open my $pipe, '-|', 'curl', '-s', '-m', '10', '-H', 'Authorization: Bearer sandbox-token', '-H', 'Content-Type: application/json',
		'-o', "$dir/answer", '-w', '%{http_code} %{http_version}\n', @arguments or die "curl: $!";
	my @said = <$pipe>;
	close $pipe;
	open STDERR, '>&', $errors or die $!;
	chomp @said;
	return ($? >> 8, @said);
}

sub message { return curl('--data-binary', "\@$dir/body", '--cacert', "$dir/ca.pem", @_, "$tls/v25.0/123456789/messages") }

# Many requests at once.
sub many
{
	my ($count, @arguments) = @_;
	my @urls = map { "$tls/v25.0/123456789/messages?$_" } 1 .. $count;
	return curl('-Z', '--parallel-max', '100', '--data-binary', "\@$dir/body", '--cacert', "$dir/ca.pem", '--http2', @arguments,
		map { ('-o', "$dir/answer$_", $urls[ $_ - 1 ]) } 1 .. $count);
}

# --- versions ---

fresh();
is_deeply([ message('--http2') ], [ 0, '200 2' ], 'HTTP/2 over TLS');
is($json->decode(slurp("$dir/answer"))->{messages}[0]{message_status}, 'accepted', '… answers as ever');
is_deeply([ message('--http1.1') ], [ 0, '200 1.1' ], 'HTTP/1.1 over TLS');
is_deeply([ curl('--http2-prior-knowledge', '--data-binary', "\@$dir/body", "$h2c/v25.0/123456789/messages") ], [ 0, '200 2' ],
	'HTTP/2 without TLS');
is_deeply([ map { [ $_->{http}, $_->{tls} ? 1 : 0 ] } lines('arrivals') ], [ [ '2', 1 ], [ '1.1', 1 ], [ '2', 0 ] ], 'the book knows');
is_deeply([ @{ summary() }{qw(requests_by_http2 requests_by_tls)} ], [ 2, 2 ], '… and counts');
is_deeply([ curl('--http2', '--cacert', "$dir/ca.pem", "$tls/v25.0/987654321/message_templates?limit=1&name=po%5Fna") ],
	[ 0, '200 2' ], 'a query');
is($json->decode(slurp("$dir/answer"))->{data}[0]{name}, 'po_named', '… is understood');
is_deeply([ curl('--http2', '--cacert', "$dir/ca.pem", "$tls/_sandbox/healthz") ], [ 0, '200 2' ], 'the control interface');

# --- many streams ---

fresh(delay_ms => 300);
my $opened = summary()->{http2}{connections_opened};
my ($exit, @answers) = many(60);
is_deeply([ $exit, scalar(grep { $_ eq '200 2' } @answers) ], [ 0, 60 ], 'sixty at once');
ok(summary()->{http2}{connections_opened} - $opened <= 2, '… over one or two connections');
ok(summary()->{http2}{max_streams} >= 20, '… in many streams');
is(summary()->{in_flight}, 0, '… all done');

# --- cuts ---

fresh();
for my $case ([ reset => 56 ], [ close => 16 ], [ truncate => 92 ], [ not_http => 16 ], [ stream => 92 ]) {
	my ($cut) = @$case;
	control(POST => 'reset');
	faults({ cut => $cut }, { cut => $cut, accept => JSON::PP::true });
	($exit) = message('--http2');
	isnt($exit, 0, "$cut: an error");
	is(summary()->{accepted}, 0, '… before the acceptance');
	($exit) = message('--http2');
	isnt($exit, 0, '… an error');
	is(summary()->{accepted}, 1, '… after it');
}
fresh();
faults({ cut => 'refused_stream' });
($exit, @answers) = message('--http2');
ok($exit != 0 || summary()->{requests} == 2, 'a refused stream fails, or is repeated by the client');

sub connections_of_two
{
	my $before = summary()->{http2}{connections_opened};
	($exit, @answers) = curl('--data-binary', "\@$dir/body", '--cacert', "$dir/ca.pem", '--http2', "$tls/v25.0/123456789/messages",
		'-o', "$dir/answer2", "$tls/v25.0/123456789/messages");
	is_deeply([ $exit, @answers ], [ 0, '200 2', '200 2' ], 'two requests in turn');
	return summary()->{http2}{connections_opened} - $before;
}
fresh();
is(connections_of_two(), 1, '… over one connection');
faults({ cut => 'goaway' });
is(connections_of_two(), 2, '… over two, after GOAWAY');
is(summary()->{accepted}, 4, '… all accepted');

# Ten are in flight when that is done to their connection; how many are answered well. curl's exit status is of some of them.
sub answered_well_after
{
	my ($what) = @_;
	my $child = fork // die $!;
	if (!$child) {
		my (undef, @statuses) = many(10);
		require POSIX;
		POSIX::_exit(scalar grep { $_ eq '200 2' } @statuses);
	}
	ok(until_true(sub { summary()->{in_flight} == 10 }), 'ten in flight');
	control(POST => $what);
	waitpid $child, 0;
	return $? >> 8;
}

fresh(delay_ms => 1500);
cmp_ok(answered_well_after('disconnect'), '<', 10, '… are cut with their connection');
ok(until_true(sub { summary()->{in_flight} == 0 }), '… and forgotten');
is(answered_well_after('goaway'), 10, '… end well after GOAWAY');
fresh();
faults({ never => JSON::PP::true });
is(+(message('--http2', '-m', '0.3'))[0], 28, 'never answered');
ok(until_true(sub { summary()->{in_flight} == 0 }), '… given up');

# --- certificates and outages ---

my $failed = summary()->{tls}{failed};
is(+(curl('--http2', $tls))[0], 60, 'an unknown CA');
SKIP: {
	my ($major, $minor) = `curl --version` =~ /^curl (\d+)\.(\d+)/;
	skip 'this curl looks at a certificate when the handshake is over', 2 if $major * 100 + $minor > 814;
	ok(until_true(sub { summary()->{tls}{failed} > $failed }), '… is noticed');
	like(summary()->{tls}{latest_error}, qr/unknown ca/, '… for what it is');
}
settings(outage => 'refuse');
is(+(message('--http2'))[0], 7, 'connections refused');
settings(outage => undef);
is_deeply([ message('--http2') ], [ 0, '200 2' ], '… and accepted again');
is(stop_sandbox(), 0, 'ends in good order');

for my $case ([ [qw(--tls-name graph.example)], 60, 'a wrong name' ], [ ['--tls-expired'], 60, 'an expired certificate' ],
	[ [qw(--tls-name 127.0.0.1 --tls-name localhost)], 0, 'several names' ]) {
	my ($options, $expected, $name) = @$case;
	start_sandbox('--tls-port', 0, '--tls-port-file', "$dir/tls_port", '--ca-file', "$dir/ca.pem", @$options);
	$tls = 'https://localhost:' . (slurp("$dir/tls_port") =~ s/\s//gr);
	is(+(message('--http2'))[0], $expected, $name);
	stop_sandbox();
}
done_testing();
