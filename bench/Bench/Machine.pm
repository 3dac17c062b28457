# Machine.pm — what the figures were measured on.
package Bench::Machine;

use strict;
use warnings;

use JSON::PP;
use POSIX qw(strftime uname);
use Time::HiRes qw(time);

use Bench::Cluster;
use Bench::Numbers;

sub said
{
	my ($command) = @_;
	my $answer = `$command 2>/dev/null` // '';
	$answer =~ s/\s+\z//;
	return (split /\n/, $answer)[0] // '';
}

# Of eight kilobytes written and flushed, the mean of 300.
sub flush_us
{
	my $file = "$ENV{PGWA_BENCH_FOLDER}/flush";
	my $begin = time;
	system("dd if=/dev/zero of=$file bs=8k count=300 oflag=dsync 2>/dev/null");
	my $took = time - $begin;
	unlink $file;
	return $took / 300 * 1e6;
}

# A virtual machine within another pays ten times as much for these two as an ordinary one, and whoever grows tables or asks for their size pays it.
sub call_ns
{
	open my $file, '<', '/dev/null' or return 0;
	my ($text, $position) = ('text');
	my $begin = time;
	$position = sysseek $file, 0, 1 for 1 .. 200_000;
	my $middle = time;
	$position = index $text, 'x', 1 for 1 .. 200_000;
	return (2 * $middle - $begin - time) / 200_000 * 1e9;
}

# Of 64 MB.
sub page_us
{
	my ($begin, $size) = (time, 16_384 * 4096);
	my $pages = "\0" x $size;
	return (time - $begin) / 16_384 * 1e6;
}

sub peer_versions
{
	my @versions;
	for my $peer (qw(graphile-worker pg-boss undici))
	{
		open my $file, '<', "$ENV{PGWA_BENCH_FOLDER}/peers/node_modules/$peer/package.json" or next;
		local $/;
		push @versions, "$peer " . decode_json(<$file>)->{version};
	}
	return @versions ? join(', ', @versions) . ', node ' . said('node --version') : 'none';
}

# [name, value], in order.
sub description
{
	my ($run) = @_;
	my %settings = Bench::Cluster::server_settings($run->{memory_mb});
	my ($model) = said('grep -m1 "model name" /proc/cpuinfo') =~ /:\s*(.*)/;
	return (
		[ 'date' => strftime('%Y-%m-%d %H:%M UTC', gmtime) ],
		[ 'commit' => $ENV{PGWA_BENCH_TREE} ],
		[ 'processor' => ($model || 'unknown') . ', ' . said('nproc') . ' cores' ],
		[ 'memory' => figure($run->{memory_mb} / 1024) . ' GB' ],
		[ 'kernel' => join ' ', (uname())[ 0, 2 ] ],
		[ 'system' => said('. /etc/os-release && echo "$PRETTY_NAME"') ],
		[ 'PostgreSQL' => said('postgres --version') =~ s/^postgres \(PostgreSQL\) //r ],
		[ 'its settings' => join ', ', map { "$_ $settings{$_}" } sort keys %settings ],
		[ 'libcurl' => said('curl-config --version') =~ s/^libcurl //r ],
		[ 'a flush of 8 kB to disk' => figure(flush_us()) . ' us' ],
		[ 'a system call (lseek)' => figure(call_ns()) . ' ns' ],
		[ '4 kB of memory, at their first touch' => figure(page_us()) . ' us' ],
		[ 'descriptors of a process' => said('ulimit -n') ],
		[ 'load before the run' => said('cut -d" " -f1 /proc/loadavg') ],
		[ 'peers' => peer_versions() ]);
}

1;
