#!/usr/bin/perl
#
# books.t: the books of many messages, and the counters that replace them.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use SelfTest;
use Test::More;

# Sends messages over one connection, many at a time; the callback data is the number of the message.
sub load
{
	my ($count, $first) = @_;
	my $socket = IO::Socket::INET->new($url =~ s{http://}{}r) or die $!;
	setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
	my ($sent, $answered, $buffer) = (0, 0, '');
	while ($answered < $count) {
		my $requests = '';
		for (; $sent < $count && $sent < $answered + 200; $sent++) {
			my $number = $first + $sent;
			my $body = '{"messaging_product":"whatsapp","to":"+346' . sprintf('%08d', $number % 5000)
				. '","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}},"biz_opaque_callback_data":"q:'
				. $number . '"}';
			$requests .= "POST /v25.0/123456789/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n"
				. 'Content-Length: ' . length($body) . "\r\n\r\n$body";
		}
		while (length $requests) {
			my $written = syswrite $socket, $requests;
			die $! unless $written;
			substr($requests, 0, $written) = '';
		}
		sysread $socket, $buffer, 1 << 20, length $buffer or die 'the sandbox has hung up';
		$answered++ while $buffer =~ s/\AHTTP\/1\.1 200 .*?\r\n\r\n\{[^\r]*?\}\]\}(?=HTTP|\z)//s;
	}
	return;
}

sub resident
{
	my ($pid) = @_;
	return slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m ? $1 : die 'no VmRSS';
}

start_sandbox();
load(10000, 1);
load(100, 1);
my @book = lines('book');
is(scalar @book, 10100, 'the book has them all');
is_deeply([ map { $_->{callback_data} } @book[ 0 .. 9999 ] ], [ map { "q:$_" } 1 .. 10000 ], '… in their order');
my %wamids = map { $_->{wamid} => 1 } @book;
is(scalar keys %wamids, 10100, '… each with an id of its own');
is_deeply([ map { $_->{attempts} } @book[ 99, 100, 10099 ] ], [ 2, 1, 2 ], '… and its attempts');
is(scalar @{ summary()->{duplicates} }, 100, 'duplicates');
is(summary()->{pairs}{count}, 5000, 'pairs');
is_deeply([ map { $_->{callback_data} } lines('arrivals?offset=9998&limit=3') ], [qw(q:9999 q:10000 q:1)], 'a page');
control(POST => 'reset');
is(scalar(lines('book')), 0, 'reset');
load(10, 1);
is(+(lines('book'))[0]{attempts}, 1, '… of the attempts, too');
ok(!$wamids{ (lines('book'))[0]{wamid} }, '… but ids are not given twice');
stop_sandbox();

my $pid = start_sandbox('--books-only-counters');
load(5000, 1);
my $before = resident($pid);
load(10000, 5001);
my $growth = resident($pid) - $before;
ok($growth < 2000, 'counters only: memory does not grow') or diag("by $growth kB");
is_deeply([ @{ summary() }{qw(accepted requests refused)} ], [ 15000, 15000, 0 ], '… and they count');
stop_sandbox();
done_testing();
