# Latency.pm — from the moment a client knows of its commit until the bytes of the request have come out of the wire, both by one clock. The
# answerer waking up for them is not counted: Meta is somewhere else.
package Bench::Latency;

use strict;
use warnings;

use Carp;
use List::Util qw(max);

use Bench::Answerer;
use Bench::Drain;
use Bench::Numbers;
use Bench::Peers;

my @gaps = (
	# gap in seconds, messages in a whole run and in a quick one
	[ 0, 2000, 500 ],
	[ 0.1, 150, 30 ],
	[ 2, 30, 4 ]);

# The medians of 3243ba9, the last version whose sessions marked their messages themselves in the user's commit ("early marks"), and of this
# one, in turn in three runs of each on 2026-12-01: 0.20 and 0.82, 0.23 and 0.50, 0.25 and 0.51 ms.
my %with_early_marks = (0 => 0.20, 0.1 => 0.23, 2 => 0.25);

# What their users call to enqueue.
my $graphile = q{SELECT graphile_worker.add_job('send', json_build_object('id', $1::text, 'phone', '+' || $1, 'template', 'po_notification',}
  . q{ 'language', 'es', 'parameters', json_build_array('Proveedor ABC', 'PO-' || $1, '€1,250.00')))};

my $next_recipient = 60_000_000;

sub measure
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new(kernel_times => 1);
	# over HTTP/1.1, as many requests at once as over the few multiplexed connections that are usual
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.max_connections' => 100);
	# connections are open and plans are made
	drain($cluster, $answerer, 200);
	my %peer = $run->{peers} && Bench::Peers::there() ? peer($run, $cluster, $answerer) : ();
	for my $gap (@gaps)
	{
		my ($seconds, @counts) = @$gap;
		my $count = $run->size(@counts);
		my $result = commit_and_send($cluster, $answerer, $count, $seconds, 'postgres');
		my $title = "commit to request on the wire, gap of $seconds s";
		$run->bar(
			measure => 'latency', what => "$title, median of " . figure($count), ours => [ median(@{ $result->{after_commit} }) ],
			unit => ' ms', ceiling => 1, $peer{$seconds} ? (against => 'graphile-worker', theirs => [ $peer{$seconds} ], at_most => 0.6) : ());
		$run->bar(
			measure => 'latency', what => "$title, 99th percentile", ours => [ percentile(0.99, @{ $result->{after_commit} }) ],
			unit => ' ms', ceiling => 5);
		$run->note(
			'latency', $title, 'median while sessions marked their messages in the user\'s commit (3243ba9, a constant)',
			figure($with_early_marks{$seconds}) . ' ms');
		$run->note('latency', $title, 'longest', figure(max @{ $result->{after_commit} }) . ' ms');
		$run->note('latency', $title, 'from the statement to the request, median', figure(median(@{ $result->{after_statement} })) . ' ms');
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

# graphile-worker's medians by gap.
sub peer
{
	my ($run, $cluster, $answerer) = @_;
	my $end = Bench::Peers::serve($cluster, $answerer);
	commit_and_send($cluster, $answerer, 50, 0, 'peers', $graphile);
	my %medians;
	for my $seconds (0, 0.1, 2)
	{
		my $result = commit_and_send($cluster, $answerer, $run->size($seconds == 2 ? 10 : 60), $seconds, 'peers', $graphile);
		$medians{$seconds} = median(@{ $result->{after_commit} });
		$run->note(
			'latency', "commit to request on the wire, gap of $seconds s", 'graphile-worker, median and 99th percentile',
			join ' and ', map { figure(percentile($_, @{ $result->{after_commit} })) . ' ms' } 0.5, 0.99);
	}
	$end->();
	return %medians;
}

# Milliseconds for each message, from the moments before and after its statement. await: until they have come, where others come, too.
sub commit_and_send
{
	my ($cluster, $answerer, $count, $seconds, $database, $statement, $await) = @_;
	$answerer->reset;
	my @command = (
		'build/bench/committer', '--uri', $cluster->uri($database), '--count', $count, '--gap-us', int($seconds * 1e6),
		'--from', $next_recipient, $statement ? ('--statement', $statement) : ());
	$next_recipient += $count;
	open my $committer, '-|', @command or croak $!;
	my @commits = map { [ split ] } <$committer>;
	close $committer or croak 'committer failed';
	$await ? $await->() : $answerer->await($count);
	my %arrivals = map { $_->[1] => $_->[0] } $answerer->arrivals;
	my %result;
	for my $commit (@commits)
	{
		my ($recipient, $sent, $returned) = @$commit;
		my $arrived = $arrivals{$recipient} // croak "no request for $recipient";
		push @{ $result{after_commit} }, ($arrived - $returned) / 1000;
		push @{ $result{after_statement} }, ($arrived - $sent) / 1000;
	}
	return \%result;
}

1;
