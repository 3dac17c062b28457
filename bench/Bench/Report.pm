# Report.pm — the run as a page: machine, bars, figures beside them, curves.
package Bench::Report;

use strict;
use warnings;

use Bench::Machine;
use Bench::Numbers;
use Bench::Plot;
use Bench::Run;
use Bench::Scale;

sub table
{
	my ($head, @rows) = @_;
	return join "\n", map { '| ' . join(' | ', @$_) . ' |' } $head, [ map { '---' } @$head ], @rows;
}

sub bars
{
	my ($run) = @_;
	my @rows = map { [ Bench::Run::cells($_) ] } @{ $run->{bars} };
	return table([ 'what', 'ours', 'against', 'theirs', 'ratio', 'bar', 'verdict' ], @rows);
}

sub verdicts
{
	my ($run) = @_;
	my @judged = grep { $_->{verdict} } @{ $run->{bars} };
	my @missed = grep { $_->{verdict} eq 'MISSED' } @judged;
	return (scalar @judged - @missed) . ' of ' . @judged . ' bars are kept' . (@missed ? ', missed: ' . join('; ', map { "$_->{what} ($_->{bar})" } @missed) : '') . '.';
}

sub notes
{
	my ($run) = @_;
	return table([ 'measure', 'what', 'figure' ], map { [ @$_[ 1 .. 3 ] ] } @{ $run->{notes} });
}

sub write_page
{
	my ($file, @parts) = @_;
	open my $page, '>', $file or die "cannot write $file: $!\n";
	print $page join("\n\n", @parts), "\n";
	close $page;
	print "\nwritten: ", $file =~ s/.*\///r, "\n";
	return;
}

sub machine
{
	my ($run) = @_;
	return table([ 'machine', '' ], @{ $run->{machine} });
}

my $reading = <<'END';
Each line is of one run: the same machine, the same minutes, the answerer, the database and the clients sharing its cores. A figure is the
median of the repetitions, with the least and the most behind it; a ratio is that of the medians, or, where two things are done in pairs, the
median of the ratios. All bytes travel over loopback, so the figures say what the sender costs and not what a network does. Every message of
a drain is committed before its request leaves, and its outcome is committed after; the bare loop and "no answer kept" do neither.

Constructed and not grown: the settled messages of "history" are copies of one genuine message by INSERT ... SELECT. Everything that is sent
was enqueued by the extension's own functions. The figure of pg_net is no measurement of this run, since no Debian package and no npm package
of it exists: we measured 4,300/s (batch_size 10,000, 10,000 sockets, an answer that is not durable) where the bare loop did 25,000/s, and here it
is the same share of this run's bare loop.
END

sub results
{
	my ($run, $folder) = @_;
	mkdir "$folder/plots";
	my @plots;
	for my $name (qw(drain drain-50ms))
	{
		my @rows = grep { $_->{measure} eq $name } @{ $run->{bars} };
		next unless @rows;
		my @bars = ([ 'pg_whatsapp', median(@{ $rows[0]{ours} }) ], map { [ $_->{against} =~ s/ \(a constant.*//r, median(@{ $_->{theirs} }) ] } @rows);
		Bench::Plot::rates("$folder/plots/$name.svg", $rows[0]{what}, @bars);
		push @plots, "![$rows[0]{what}](plots/$name.svg)" if -s "$folder/plots/$name.svg";
	}
	write_page(
		"$folder/RESULTS.md", '# What was measured',
		'Written by `scripts/bench`, which repeats it. Curves over growing sizes are in [SCALE.md](SCALE.md), by `scripts/bench scale`.',
		machine($run), '## The bars', verdicts($run), bars($run), @plots, '## How to read it', $reading =~ s/\s+\z//r, '## Beside the bars', notes($run));
	return;
}

# A section of that page, for measures that were named.
sub again
{
	my ($run, $folder) = @_;
	write_page("$folder/section", '## Measured once more', 'By `scripts/bench --write` with the names of these measures.', machine($run), verdicts($run), bars($run));
	return;
}

sub scale
{
	my ($run, $folder) = @_;
	mkdir "$folder/plots";
	my @parts;
	for my $plot (sort keys %{ $run->{plots} })
	{
		my @points = @{ $run->{plots}{$plot} };
		my ($title, $x_label, $y_label) = @{ $Bench::Scale::plots{$plot} };
		Bench::Plot::curves("$folder/plots/$plot.svg", $title, $x_label, $y_label, @points);
		my @names = grep { $_ ne 'x' } sort keys %{ $points[0] };
		push @parts, "## $title", table([ $x_label, map { "$_, $y_label" } @names ], map { my $point = $_; [ figure($point->{x}), map { figure($point->{$_}) } @names ] } @points);
		push @parts, "![$title](plots/$plot.svg)" if -s "$folder/plots/$plot.svg";
	}
	write_page(
		"$folder/SCALE.md", '# What growth costs', 'Written by `scripts/bench scale`, which repeats it. Medians of three.', machine($run), @parts,
		@{ $run->{notes} } ? ('## Beside the curves', notes($run)) : ());
	return;
}

1;
