# Profile.pm — where a process spends its time while something is measured, by perf when there is one.
#
# perf costs some of what it measures: figures of a profiled run are not for the table.
package Bench::Profile;

use strict;
use warnings;

use Time::HiRes qw(usleep);

# What is returned ends the profile and prints it.
sub begin
{
	my ($pid) = @_;
	my $file = "$ENV{PGWA_BENCH_FOLDER}/tmp/perf.data";
	my $perf = fork // return sub { };
	if ($perf == 0)
	{
		open STDERR, '>', "$ENV{TMPDIR}/perf.log";
		exec 'perf', 'record', '-q', '-F', '997', '-g', '-p', $pid, '-o', $file or exit 1;
	}
	usleep(300_000);
	return sub {
		kill 'INT', $perf;
		waitpid $perf, 0;
		open my $report, '-|', "perf report -i $file --stdio --no-children -g none --percent-limit 0.7 -F overhead,dso,symbol 2>/dev/null" or return;
		while (<$report>) { print "    ", substr($_, 0, 140) =~ s/\s*\z//r, "\n" if /^\s*\d+\.\d+%/ }
		return;
	};
}

1;
