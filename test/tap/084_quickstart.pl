# scripts/quickstart, from this tree: it ends with orders that were READ and the address of a page that shows them; Debian's Prometheus, set up by copying the
# files of deploy/prometheus, scrapes it, and the dashboard's questions have answers after the demo. What was compiled for the tests is not compiled
# again, but for the rooms that the quickstart compiles as one source each (JOINED=1).
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use lib $FindBin::RealBin;
use Pages;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use Prometheus;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
# its socket is in it
my $home = PostgreSQL::Test::Utils::tempdir_short();
my ($major) = `$ENV{PG_CONFIG} --version` =~ /^PostgreSQL (\d+)/;
my %environment = (PGWA_HOME => $home, PG_MAJOR => $major);

# (exit status, what it said)
sub quickstart
{
	local %ENV = (%ENV, %environment);
	my $out = '';
	IPC::Run::run([ "$root/scripts/quickstart", @_ ], '<', \undef, '>&', \$out, IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $out);
}

{
	local %ENV = (%ENV, %environment);
	plan skip_all => 'the packages of scripts/deps build run are not all there' if system("'$root/scripts/deps' build run >/dev/null 2>&1") != 0;
}
# as a folder of its own would be after it has compiled
append_to_file("$home/.pg_whatsapp-quickstart", '');
mkdir "$home/tree" or die "$home/tree: $!";
system_or_bail('bash', '-o', 'pipefail', '-c', "tar -C '$root' " . join(' ', map { "--exclude=./$_" } qw(.git build/test build/unit build/fuzz build/fault-points)) . " -cf - . | tar -C '$home/tree' -xf -");

# one file at least is to be compiled, for a library that is not there
unlink "$home/tree/src/entry/module.o", "$home/tree/pg_whatsapp.so";
my ($status, $out) = quickstart();
is($status, 0, 'quickstart') or diag $out;
# how much there is to compile, each file as it begins (here, without a terminal, one in ten seconds and all in the log), and how long it took
my ($files, $log) = $out =~ /^build: the extension, (\d+) files, \d+ at a time, log in (\S+)$/m;
ok($files, 'it says how many files it compiles') or diag $out;
my @compiled = slurp_file($log) =~ /^compiling (\S+\.cpp)$/mg;
is(scalar @compiled, $files, 'each of them is told as it begins');
like($out, qr/^build: the extension done in \d+ s$/m, 'and how long it took');
like($out, qr/^  4 READ, 2 FAILED$/m, 'orders were READ, and two failed');
like($out, qr/^  Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total de €1,250\.00\.$/m, 'what the supplier reads');
my ($address, $port) = $out =~ m{^How it goes, on one page: (http://127\.0\.0\.1:(\d+)/report) \(Prometheus reads /metrics there\)$}m;
ok($port, 'it ends by naming the page') or BAIL_OUT($out);
my $shown = '';
ok(eval { wait_for('the page', sub { ($shown = HTTP::Tiny->new(timeout => 20)->get($address)->{content} // '') =~ /<p>5 sent, 4 delivered \(80\.0 %\), 4 read, 2 failed<\/p>/ }) }, 'which shows them') or diag $shown;

SKIP:
{
	skip 'prometheus is not installed: scripts/deps metrics', 2 unless `sh -c 'command -v prometheus'` =~ /\S/;
	my $prometheus = start_prometheus($port);
	is(ask_prometheus($prometheus, 'query', query => 'sum(whatsapp_statuses_total{status="read"})')->{result}[0]{value}[1], 4, 'Prometheus has what was read');
	is_deeply([ unanswered($prometheus) ], [], 'and an answer to each question of the dashboard');
	$prometheus->{process}->kill_kill;
}

($status, $out) = quickstart('psql', '-XAtc', 'SELECT count(*) FROM wa_preflight()');
is($out, "12\n", 'a session in it');
($status, $out) = quickstart('status');
like($out, qr/^workers: .*pg_whatsapp listener.*pg_whatsapp reader.*pg_whatsapp sender.*^ READ +\| +4 /ms, 'what runs, and the messages by status');
# what README.md proposes to type there
my ($session) = grep { $_->{text} =~ /wa_explain/ } blocks(page('README.md'), 'sql');
($status, $out) = quickstart('psql', '-XAt', '-c', $session->{text});
is($status, 0, 'the statements of the README run there');
like($out, qr/^PO-2024-008\|FAILED\|phone number is not in E\.164 format[^\n]*\|.*^PO-2024-007\|PENDING\|/ms, 'and say what they promise') or diag $out;
($status, $out) = quickstart('--stop');
is($out, "stopped and removed: $home\n", 'it is stopped');
ok(!-e $home, 'and nothing is left');
done_testing();

# a run that has failed leaves no server
END { my $code = $?; quickstart('--stop') if $home && -e "$home/.pg_whatsapp-quickstart"; $? = $code }
