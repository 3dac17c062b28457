# Drain.pm — how fast a queue empties: from the moment when sending is allowed until every outcome is stored.
package Bench::Drain;

use strict;
use warnings;

use Carp;
use JSON::PP;
use List::Util qw(min);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Numbers;
use Bench::Peers;
use Bench::Profile;

use Exporter 'import';
our @EXPORT = qw(drain enqueue allow forbid bare);

my $next_recipient = 1;

# Messages for as many recipients, by the function that everybody calls. Each gets one message in all, so that the limit of a pair holds
# nothing up. More: SQL expressions of further arguments.
sub enqueue
{
	my ($cluster, $count, %more) = @_;
	my $from = $next_recipient;
	my $more = join '', map { ", $_ => $more{$_}" } sort keys %more;
	$next_recipient += $count;
	croak 'out of phone numbers' if $next_recipient > 50_000_000;
	$cluster->sql("SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, '€1,250.00'::text, '+346' || lpad(i::text, 8, '0')$more))"
		  . " FROM generate_series($from, $from + $count - 1) AS i");
	return;
}

sub forbid { my ($cluster) = @_; $cluster->set('whatsapp.enabled' => 'off'); return }

# The time, by the server's clock, at which the sender was told.
sub allow
{
	my ($cluster) = @_;
	$cluster->sql(q{ALTER SYSTEM SET whatsapp.enabled = 'on'});
	return $cluster->sql('SELECT extract(epoch FROM clock_timestamp()) FROM pg_reload_conf()');
}

# The time, by the server's clock, at which nothing is left to do.
sub await_empty_queue
{
	my ($cluster) = @_;
	return $cluster->sql('DO $$ BEGIN WHILE EXISTS (SELECT FROM whatsapp_queue) LOOP PERFORM pg_sleep(0.002); END LOOP; END $$;'
		  . ' SELECT extract(epoch FROM clock_timestamp())');
}

# One drain of messages that are queued already, or of so many that are queued now: {rate, sender_cpu_us, server_cpu_us, wal}, each but the
# first by message.
sub drain
{
	my ($cluster, $answerer, $count, %options) = @_;
	unless ($options{queued})
	{
		forbid($cluster);
		$cluster->empty;
		enqueue($cluster, $count);
		$cluster->sql('CHECKPOINT');
	}
	my $sender = $cluster->sender;
	$answerer->reset;
	my $profiled = $options{profile} ? Bench::Profile::begin($sender) : sub { };
	my ($cpu, $server_cpu, $wal) = (Bench::Cluster::cpu($sender), $cluster->server_cpu, $cluster->wal_bytes);
	my $begin = allow($cluster);
	my $stats = $answerer->await($count);
	my $end = await_empty_queue($cluster);
	$profiled->();
	my %result = (
		rate => $count / ($end - $begin),
		seconds => $end - $begin,
		sender_cpu_us => (Bench::Cluster::cpu($sender) - $cpu) / $count * 1e6,
		server_cpu_us => ($cluster->server_cpu - $server_cpu) / $count * 1e6,
		wal => ($cluster->wal_bytes - $wal) / $count,
		connections => $stats->{peak_connections} - 1);
	my $requests = $answerer->stats->{requests};
	croak "$requests requests for $count messages" if $requests != $count;
	return \%result;
}

sub bare
{
	my ($url, $count, %options) = @_;
	my @command = ('build/bench/bare', '--url', "$url/v25.0/123456789/messages", '--requests', $count);
	push @command, "--$_", $options{$_} for sort keys %options;
	my $said = `@command`;
	croak "@command failed" if $? != 0;
	my $result = decode_json($said);
	croak "$result->{failed} requests of @command failed" if $result->{failed};
	return $result;
}

# Settings of ours and of the bare loop that mean the same: so many requests wait for an answer at once.
my %kinds = (
	drain => {
		title => 'drain, answer at once',
		delay => 0, in_flight => 500, connections => 500, messages => [ 100_000, 20_000 ], bare_bar => 0.55, peer_bar => 1.3, pg_net => 1 },
	'drain-50ms' => {
		title => 'drain, 50 ms answer, 1,000 in flight',
		delay => 50, in_flight => 1000, connections => 1000, messages => [ 100_000, 20_000 ], bare_bar => 0.75, peer_bar => 1.3 },
	'drain-tls' => {
		title => 'drain, 50 ms answer, 1,000 in flight, TLS and HTTP/2 by 10 connections',
		delay => 50, in_flight => 1000, connections => 10, messages => [ 60_000, 20_000 ], bare_bar => 0.6, tls => 1 },
	'drain-tls-0ms' => {
		title => 'drain, answer at once, TLS and HTTP/2 by 5 connections',
		delay => 0, in_flight => 500, connections => 5, messages => [ 60_000, 20_000 ], bare_bar => 0.6, tls => 1 });

sub measure
{
	my ($run, $name) = @_;
	my $kind = $kinds{$name};
	my $count = $run->size(@{ $kind->{messages} });
	my $answerer = Bench::Answerer->new(delay_ms => $kind->{delay});
	my $url = $kind->{tls} ? $answerer->{tls_url} : $answerer->{url};
	my $cluster = $run->cluster(
		'whatsapp.api_base_url' => $url,
		'whatsapp.ca_file' => $kind->{tls} ? $answerer->{certificate} : '',
		'whatsapp.max_in_flight' => $kind->{in_flight},
		'whatsapp.max_connections' => $kind->{connections});
	my %bare = (concurrency => $kind->{in_flight}, connections => $kind->{connections}, $kind->{tls} ? ('ca-file' => $answerer->{certificate}) : ());
	my (@ours, @bare, %peers);
	# warm caches and plans, and say now when something is amiss
	drain($cluster, $answerer, min(2000, $count));
	for my $round (1 .. $run->{repetitions})
	{
		push @bare, bare($url, $count, %bare);
		push @ours, drain($cluster, $answerer, $count, profile => $run->{profile} && $round == 1);
		next if !$run->{peers} || !$kind->{peer_bar};
		for my $peer (Bench::Peers::drains())
		{
			push @{ $peers{$peer} }, Bench::Peers::drain($cluster, $answerer, $peer, $run->size(30_000), $kind->{in_flight});
		}
	}
	report($run, $name, $kind, \@ours, \@bare, \%peers);
	$cluster->drop;
	$answerer->stop;
	return;
}

sub report
{
	my ($run, $name, $kind, $ours, $bare, $peers) = @_;
	my @rates = map { $_->{rate} } @$ours;
	my @bare_rates = map { $_->{rate} } @$bare;
	my %row = (measure => $name, what => $kind->{title}, ours => \@rates, unit => '/s');
	$run->bar(%row, against => 'bare libcurl loop', theirs => \@bare_rates, at_least => $kind->{bare_bar});
	my %rates = map { my $peer = $_; $peer => [ map { $_->{rate} } @{ $peers->{$peer} } ] } keys %$peers;
	my ($fastest) = sort { median(@{ $rates{$b} }) <=> median(@{ $rates{$a} }) } grep { /^graphile/ } keys %rates;
	for my $peer (sort keys %rates)
	{
		$run->note($name, $peer, 'enqueue from node, 5,000 by a call', figure(median(map { $_->{enqueue_rate} } @{ $peers->{$peer} })) . '/s') if !$kind->{delay};
		$run->bar(%row, against => $peer, theirs => $rates{$peer}, at_least => $peer eq $fastest ? $kind->{peer_bar} : undef);
	}
	# measured once, where the bare loop did 25,000/s: its share of that, on a machine of another pace
	$run->bar(%row, against => "pg_net at its best (a constant share of the bare loop's rate)", theirs => [ map { $_ * 4300 / 25_000 } @bare_rates ], at_least => 5)
	  if $kind->{pg_net};
	my %mean = map { my $key = $_; ($key => median(map { $_->{$key} } @$ours)) } qw(sender_cpu_us server_cpu_us wal connections);
	$run->note($name, $kind->{title}, 'processor time per message: the sender', figure($mean{sender_cpu_us}) . ' us');
	$run->note($name, $kind->{title}, 'processor time per message: the whole server', figure($mean{server_cpu_us}) . ' us');
	$run->note($name, $kind->{title}, 'processor time per request: the bare loop', figure(median(map { $_->{cpu_us} } @$bare)) . ' us');
	$run->note($name, $kind->{title}, 'WAL per message', bytes($mean{wal}));
	$run->note($name, $kind->{title}, 'connections at most', figure($mean{connections}));
	return;
}

sub names { return sort keys %kinds }

1;
