# Scrapes.pm — what a hundred scrapes a second cost: processor time of an idle server, and a drain beside them.
package Bench::Scrapes;

use strict;
use warnings;

use Carp;
use Errno;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time usleep);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Drain;
use Bench::Numbers;
use Bench::Webhooks;

my $per_second = 100;

# One page by a connection that stays open: its milliseconds.
sub scrape
{
	my ($socket) = @_;
	my $begin = time;
	print $socket "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
	my ($answer, $wanted) = ('', undef);
	while (!defined $wanted || length $answer < $wanted)
	{
		my $read = sysread($socket, $answer, 65536, length $answer);
		next if !defined $read && $!{EINTR};
		croak 'the metrics ended early' unless $read;
		$wanted = $+[0] + $1 if !defined $wanted && $answer =~ /\r\nContent-Length: (\d+)\r\n(?:.*?\r\n)?\r\n/si;
		croak "no length: $answer" if !defined $wanted && $answer =~ /\r\n\r\n/;
	}
	croak "not the metrics: $answer" unless $answer =~ m{^HTTP/1\.1 200 .*^whatsapp_}ms;
	return 1000 * (time - $begin);
}

# Does something while another process scrapes; the milliseconds of each scrape.
sub beside_scrapes
{
	my ($port, $what) = @_;
	my $file = "$ENV{TMPDIR}/scrapes";
	defined(my $child = fork) or croak "cannot fork: $!";
	if ($child == 0)
	{
		my ($stopped, @took) = 0;
		local $SIG{TERM} = sub { $stopped = 1 };
		my $done = eval
		{
			my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or croak "cannot connect: $!";
			$socket->autoflush(1);
			for (my $next = time; !$stopped; $next += 1 / $per_second)
			{
				my $early = $next - time;
				usleep(1e6 * $early) if $early > 0;
				push @took, scrape($socket);
			}
			open my $out, '>', $file or croak $!;
			print $out "@took";
			close $out or croak $!;
		};
		print STDERR $@ unless $done;
		POSIX::_exit($done ? 0 : 1);
	}
	my $result = $what->();
	kill TERM => $child;
	waitpid $child, 0;
	croak 'the scraper failed' if $? != 0;
	open my $in, '<', $file or croak $!;
	my @took = split ' ', <$in>;
	return ($result, @took);
}

sub measure
{
	my ($run) = @_;
	my $count = $run->size(30_000, 20_000);
	my $answerer = Bench::Answerer->new;
	my $port = Bench::Webhooks::free_port();
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100,
		'whatsapp.metrics_listen' => "127.0.0.1:$port");
	drain($cluster, $answerer, 1000);
	my ($seconds, $before) = (10, $cluster->server_cpu);
	my (undef, @idle) = beside_scrapes($port, sub { usleep($seconds * 1e6) });
	$run->note('scrapes', "$per_second scrapes a second", 'processor time of an idle server', sprintf('%.2f %% of a core', ($cluster->server_cpu - $before) / $seconds * 100));
	$run->bar(measure => 'scrapes', what => 'GET /metrics of an idle server, median', unit => ' ms', ours => [ median(@idle) ], ceiling => 5);
	my $plain = sub { drain($cluster, $answerer, $count) };
	my (@without, @with, @took);
	# The machine's pace changes by more than the bar within seconds: many short pairs, whose first is with them and without them in turn.
	for my $round (1 .. 5 * $run->{repetitions})
	{
		push @without, $plain->()->{rate} if $round % 2;
		my ($result, @these) = beside_scrapes($port, $plain);
		push @with, $result->{rate};
		push @took, @these;
		push @without, $plain->()->{rate} unless $round % 2;
	}
	$run->bar(measure => 'scrapes', what => 'GET /metrics beside a drain, median', unit => ' ms', ours => [ median(@took) ], ceiling => 5);
	$run->bar(
		measure => 'scrapes', what => 'drain of ' . figure($count) . " messages beside $per_second scrapes a second", ours => \@with, unit => '/s',
		against => 'without them', theirs => \@without, paired => 1, at_least => 0.98);
	$run->note('scrapes', 'GET /metrics beside a drain', '99th percentile', figure(percentile(0.99, @took)) . ' ms');
	$cluster->drop;
	$answerer->stop;
	return;
}

1;
