# Numbers.pm — medians, and figures as people read them.
package Bench::Numbers;

use strict;
use warnings;

use List::Util qw(min max sum);

use Exporter 'import';
our @EXPORT = qw(median percentile figure spread bytes);

sub percentile
{
	my ($share, @values) = @_;
	return unless @values;
	my @sorted = sort { $a <=> $b } @values;
	my $place = $share * $#sorted;
	my $low = int $place;
	return $sorted[$low] + ($place - $low) * (($sorted[ $low + 1 ] // $sorted[$low]) - $sorted[$low]);
}

sub median { return percentile(0.5, @_) }

# Three digits that say something, thousands apart.
sub figure
{
	my ($value) = @_;
	return '-' unless defined $value;
	my $text = $value == int $value ? sprintf('%d', $value) : abs($value) >= 100 ? sprintf('%.0f', $value) : abs($value) >= 10 ? sprintf('%.1f', $value) : sprintf('%.2f', $value);
	1 while $text =~ s/^(-?\d+)(\d{3})/$1,$2/;
	return $text;
}

# The median, and from where to where the repetitions went.
sub spread
{
	my (@values) = @_;
	return figure($values[0]) if @values == 1;
	return figure(median(@values)) . ' (' . figure(min @values) . ' - ' . figure(max @values) . ')';
}

sub bytes
{
	my ($value) = @_;
	return figure($value / 1048576) . ' MB' if $value >= 1048576;
	return figure($value) . ' B';
}

1;
