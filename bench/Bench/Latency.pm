# Latency.pm — from the moment a client knows of its commit until the request is at the answerer, both by one clock.
package Bench::Latency;

use strict;
use warnings;

use Carp;
use List::Util qw(max);

use Bench::Answerer;
use Bench::Drain;
use Bench::Numbers;

my @gaps = (
	# gap in seconds, messages in a whole run and in a quick one
	[ 0, 2000, 500 ],
	[ 0.1, 150, 30 ],
	[ 2, 30, 4 ]);

sub measure
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url});
	# connections are open and plans are made
	drain($cluster, $answerer, 200);
	my $from = 60_000_000;
	for my $gap (@gaps)
	{
		my ($seconds, @counts) = @$gap;
		my $count = $run->size(@counts);
		$answerer->reset;
		my ($commits, $arrivals) = commit_and_send($cluster, $answerer, $count, $seconds, $from);
		$from += $count;
		my (@after_commit, @after_statement);
		for my $commit (@$commits)
		{
			my ($recipient, $sent, $returned) = @$commit;
			my $arrived = $arrivals->{$recipient} // croak "no request for $recipient";
			push @after_commit, ($arrived - $returned) / 1000;
			push @after_statement, ($arrived - $sent) / 1000;
		}
		my $title = "commit to request on the wire, gap of $seconds s";
		$run->bar(measure => 'latency', what => "$title, median of " . figure($count), ours => [ median(@after_commit) ], unit => ' ms', ceiling => 0.3);
		$run->bar(measure => 'latency', what => "$title, 99th percentile", ours => [ percentile(0.99, @after_commit) ], unit => ' ms', ceiling => 5);
		$run->note('latency', $title, 'longest', figure(max @after_commit) . ' ms');
		$run->note('latency', $title, 'from the statement to the request, median', figure(median(@after_statement)) . ' ms');
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

sub commit_and_send
{
	my ($cluster, $answerer, $count, $seconds, $from) = @_;
	my @command = (
		'build/bench/committer', '--uri', "'" . $cluster->uri('postgres') . "'",
		'--count', $count, '--gap-us', int($seconds * 1e6), '--from', $from);
	my $said = `@command`;
	croak 'committer failed' if $? != 0;
	$answerer->await($count);
	my %arrivals = map { $_->[1] => $_->[0] } $answerer->arrivals;
	return ([ map { [ split / / ] } split /\n/, $said ], \%arrivals);
}

1;
