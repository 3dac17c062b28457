# Run.pm — what all measures of one run share: sizes, the table, the verdicts.
package Bench::Run;

use strict;
use warnings;

use Bench::Cluster;
use Bench::Numbers;

sub new
{
	my ($class, %options) = @_;
	open my $file, '<', '/proc/meminfo';
	my ($memory_kb) = <$file> =~ /(\d+)/;
	return bless { %options, memory_mb => int($memory_kb / 1024), bars => [], notes => [], plots => {} }, $class;
}

# How many, in a whole run and in a quick one; never so few that nothing is measured.
sub size
{
	my ($self, $whole, $quick) = @_;
	my $size = ($self->{quick} ? $quick // $whole / 5 : $whole) * $self->{factor};
	return $size < 10 ? 10 : int $size;
}

sub cluster
{
	my ($self, %settings) = @_;
	return Bench::Cluster->new(memory_mb => $self->{memory_mb}, settings => \%settings);
}

# A line of the table: ours against theirs, both lists of repetitions. The ratio is that of the medians; "inverse" when less is better, as
# for times. A bar may also be on ours alone (limit).
sub bar
{
	my ($self, %row) = @_;
	my $ours = median(@{ $row{ours} });
	my (@asked, $kept);
	if ($row{theirs})
	{
		my ($one, $other) = @row{qw(ours theirs)};
		$row{ratio} = $row{paired} ? median(map { $one->[$_] / ($other->[$_] || 1e-9) } 0 .. $#$one) : $ours / (median(@$other) || 1e-9);
		push @asked, ">= " . figure($row{at_least}) . " x" if defined $row{at_least};
		push @asked, "<= " . figure($row{at_most}) . " x" if defined $row{at_most};
		$kept = (!defined $row{at_least} || $row{ratio} >= $row{at_least}) && (!defined $row{at_most} || $row{ratio} <= $row{at_most}) if @asked;
	}
	if (defined $row{floor} || defined $row{ceiling})
	{
		push @asked, '>= ' . figure($row{floor}) . $row{unit} if defined $row{floor};
		push @asked, '<= ' . figure($row{ceiling}) . $row{unit} if defined $row{ceiling};
		$kept = ($kept // 1) && (!defined $row{floor} || $ours >= $row{floor}) && (!defined $row{ceiling} || $ours <= $row{ceiling});
	}
	$row{bar} = join ', ', @asked;
	$row{verdict} = !@asked ? '' : $kept ? 'kept' : 'MISSED';
	push @{ $self->{bars} }, \%row;
	print $self->line(\%row), "\n";
	return;
}

sub line
{
	my ($self, $row) = @_;
	return '| ' . join(' | ', cells($row)) . ' |';
}

sub cells
{
	my ($row) = @_;
	return (
		$row->{what},
		spread(@{ $row->{ours} }) . $row->{unit},
		$row->{against} // '',
		$row->{theirs} ? spread(@{ $row->{theirs} }) . $row->{unit} : '',
		defined $row->{ratio} ? figure($row->{ratio}) : '',
		$row->{bar}, $row->{verdict});
}

# A figure that has no bar.
sub note
{
	my ($self, $measure, $what, $name, $value) = @_;
	push @{ $self->{notes} }, [ $measure, $what, $name, $value ];
	print "|   $what | $name | $value |\n";
	return;
}

# A point of the curves of a plot, by their names: the plots and the tables of "scale".
sub point
{
	my ($self, $plot, $x, %values) = @_;
	push @{ $self->{plots}{$plot} }, { x => $x, %values };
	print '|   ', join(' | ', $plot, figure($x), map { "$_: " . figure($values{$_}) } sort keys %values), " |\n";
	return;
}

1;
