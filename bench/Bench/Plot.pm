# Plot.pm — SVG by gnuplot.
package Bench::Plot;

use strict;
use warnings;

use Bench::Numbers;

my @colours = ('#128c7e', '#34495e', '#c0392b', '#e67e22', '#8e44ad', '#7f8c8d');

sub draw
{
	my ($file, $script) = @_;
	open my $gnuplot, '|-', 'gnuplot' or return;
	binmode $gnuplot, ':utf8';
	print $gnuplot "set terminal svg size 900,420 dynamic background 'white' font 'sans-serif,13' noenhanced\nset output '$file'\nset border 3\nset tics nomirror\n",
	  "set grid ytics lc rgb '#dddddd'\nset format y '%.0f'\n$script";
	close $gnuplot;
	return;
}

sub quoted { my ($text) = @_; $text =~ s/'/''/g; return "'$text'" }

# Rates of everybody, as bars.
sub rates
{
	my ($file, $title, @bars) = @_;
	my $place = 0;
	my $data = join '', map { quoted($_->[0]) =~ s/'/"/gr . " $_->[1] " . ($place++) . "\n" } @bars;
	my $height = 90 + 44 * @bars;
	open my $gnuplot, '|-', 'gnuplot' or return;
	print $gnuplot "set terminal svg size 900,$height dynamic background 'white' font 'sans-serif,13' noenhanced\nset output '$file'\nset title ", quoted($title), "\n",
	  "\$d << END\n${data}END\nset border 3\nset tics nomirror\nset style fill solid\nset yrange [", @bars - 0.4, ":-0.6]\nset xrange [0:*]\n",
	  "set format x '%.0s%c'\nset xlabel 'messages a second'\nset grid xtics lc rgb '#dddddd'\nset lmargin 34\n",
	  "plot \$d using (\$2/2):3:(\$2/2):(0.34):(\$3 == 0 ? 0x128c7e : 0x95a5a6):ytic(1) with boxxyerror lc rgb variable notitle\n";
	close $gnuplot;
	return;
}

# Curves over a logarithm of x.
sub curves
{
	my ($file, $title, $x_label, $y_label, @points) = @_;
	# rates that grow with x are seen by a logarithm, costs that should not are seen from zero
	my $scale = $y_label =~ /a second/ ? "set logscale y" : "set yrange [0:*]";
	my @names = grep { $_ ne 'x' } sort keys %{ $points[0] };
	my $data = join '', map { my $point = $_; join(' ', $point->{x}, map { $point->{$_} } @names) . "\n" } @points;
	my $column = 1;
	my @plots = map { $column++; "\$d using 1:$column with linespoints lw 2 pt 7 ps 0.6 lc rgb '$colours[$column - 2]' title " . quoted($_) } @names;
	draw($file, "\$d << END\n${data}END\nset title " . quoted($title) . "\nset logscale x\n$scale\nset xlabel " . quoted($x_label)
		  . "\nset ylabel " . quoted($y_label) . "\nset key outside right top\nplot " . join(', ', @plots) . "\n");
	return;
}

1;
