# Pacing.pm — a limit of messages in any one second, as the answerer sees it.
package Bench::Pacing;

use strict;
use warnings;

use List::Util qw(max);

use Bench::Answerer;
use Bench::Drain;
use Bench::Numbers;

# The most that came within any one second, half open.
sub most_in_a_second
{
	my (@times) = @_;
	my ($most, $first) = (0, 0);
	for my $last (0 .. $#times)
	{
		$first++ while $times[$last] - $times[$first] >= 1_000_000;
		$most = max($most, $last - $first + 1);
	}
	return $most;
}

# Of a limit that is used fully, message L + 1 comes one second after message 1, be they spread or in bursts. Below 1: some is not used.
sub used
{
	my ($limit, @times) = @_;
	my $seconds = int($#times / $limit);
	return $seconds / (($times[ $seconds * $limit ] - $times[0]) / 1e6);
}

sub measure
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	for my $limit (80, 1000)
	{
		my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.messages_per_second' => $limit);
		forbid($cluster);
		my $seconds = $run->{quick} || $run->{factor} < 1 ? 4 : 12;
		my $count = $limit * $seconds;
		enqueue($cluster, $count);
		$answerer->reset;
		allow($cluster);
		$answerer->await($count);
		my @times = sort { $a <=> $b } map { $_->[0] } $answerer->arrivals;
		my $title = "pacing at $limit/s";
		$run->bar(
			measure => 'pacing', what => "$title for $seconds s", ours => [ $limit * used($limit, @times) ], unit => '/s', against => 'the limit', theirs => [$limit], at_least => 0.98);
		$run->bar(
			measure => 'pacing', what => "$title, the most in any one second", ours => [ most_in_a_second(@times) ], unit => '',
			against => 'the limit', theirs => [$limit], at_most => 1);
		$cluster->drop;
	}
	$answerer->stop;
	return;
}

1;
