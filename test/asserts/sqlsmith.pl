# Random statements over all functions, tables and views of the extension, beside live writers, webhooks and workers. Any refusal is fine;
# an internal error (SQLSTATE class XX), a failed assertion or a crash is not. Run by scripts/asserts, on a server with assertions.
#
# PGWA_SMITH_SECONDS says how long, PGWA_SEED repeats the statements (not what the others do meanwhile), and PGWA_SMITH_SUMMARY names a file
# for a summary.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../tap";
use IPC::Run ();
use List::Util qw(sum0);
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $seconds = $ENV{PGWA_SMITH_SECONDS} || 600;
my $seed = $ENV{PGWA_SEED} || int(rand(1 << 30));
plan skip_all => 'there is no sqlsmith' unless `sqlsmith --version 2>&1` =~ /SQLsmith/i;
note "PGWA_SEED=$seed";

my $node = new_cluster('sqlsmith', conf => "log_error_verbosity = verbose\nlock_timeout = 5s\ntrack_functions = all\n");
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, delay_ms => 5);

# Nobody who could end a process or write a file; may do with our objects whatever SQL allows, but for the sender, without whom nothing
# would be sent any more. The functions among which sqlsmith chooses are those of the view: ours would be lost among the server's
# thousands, some of which raise internal errors of their own when called with senseless arguments.
$node->safe_psql('postgres', q{
	CREATE ROLE smith LOGIN;
	GRANT USAGE ON SCHEMA public TO smith;
	GRANT ALL ON ALL TABLES IN SCHEMA public TO smith;
	GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO smith;
	GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO smith;
	REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON whatsapp_senders, whatsapp_accounts, whatsapp_instances FROM smith;
	CREATE SCHEMA smith;
	GRANT USAGE ON SCHEMA smith TO smith;
	CREATE VIEW smith.pg_proc AS SELECT * FROM pg_catalog.pg_proc AS p WHERE pronamespace <> 'pg_catalog'::regnamespace OR prokind = 'a';
	GRANT SELECT ON smith.pg_proc TO smith;
	ALTER ROLE smith SET search_path = smith, pg_catalog, public;
	CREATE TABLE orders (id bigserial PRIMARY KEY, supplier text, po text, total numeric, phone text);
	SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');});

# Writers go on when they are refused: a number may have opted out by a random statement.
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/writer.sql", <<'SQL');
\set n random(1, 100000000)
DO $$ BEGIN PERFORM wa_send_po('Proveedor ABC', 'PO-' || :n, 1250, '+346' || lpad(:n::text, 8, '0')); EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$ BEGIN INSERT INTO orders (supplier, po, total, phone) VALUES ('Proveedor ABC', 'W-' || :n, 7.5, '+346' || lpad(:n::text, 8, '0')); EXCEPTION WHEN OTHERS THEN NULL; END $$;
DO $$ BEGIN PERFORM wa_cancel(max(message_id)) FROM whatsapp_queue; EXCEPTION WHEN OTHERS THEN NULL; END $$;
SQL
my @running;
push @running, IPC::Run::start([ 'pgbench', '-n', '-c', 2, '-R', 20, '-T', $seconds, '-f', "$folder/writer.sql", '-d', 'postgres', '-h', $node->host, '-p', $node->port ],
	'>', "$folder/writer.out", '2>&1');
my $smith = IPC::Run::start([ 'sqlsmith', '--verbose', '--exclude-catalog', "--seed=$seed", '--target=' . $node->connstr('postgres') . ' user=smith' ],
	'<', '/dev/null', '>', "$folder/smith.out", '2>', "$folder/smith.err");

my $end = time + $seconds;
my $inbound = 0;
while (time < $end && $smith->pumpable)
{
	sandbox_post($sandbox, 'inbound', { from => '+34655555555', text => 'Si', id => 'wamid.SMITH' . ++$inbound });
	usleep(200_000);
}
ok(time >= $end, 'sqlsmith was busy all the time') or diag substr(slurp_file("$folder/smith.err"), -2000);
$smith->kill_kill;
$_->finish for @running;

# ------------------------------------------------------------------------------------------------------------------- what came of it

# One letter for each statement: done, refused, out of time, not valid, connection lost.
my $progress = slurp_file("$folder/smith.err");
my %outcome = map { my $letter = $_; $letter => scalar(() = $progress =~ /(?<=[.etSC\n])\Q$letter\E(?=[.etSC\n])/g) } qw(. e t S C);
my $statements = sum0 values %outcome;
my $log = slurp_file($node->logfile);
my (%states, @internal);
while ($log =~ /^(.*?(?:ERROR|FATAL|PANIC):  ([0-9A-Z]{5}): .*\n(?:(?!.*(?:ERROR|FATAL|PANIC|LOG|WARNING):  ).*\n)*)/mg)
{
	$states{$2}++;
	push @internal, $1 if $2 =~ /^XX/;
}
my $sent = $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE status IN ('SENT', 'DELIVERED', 'READ')});
cmp_ok($statements, '>', $seconds, 'statements were tried');
cmp_ok($outcome{'.'}, '>', 0, 'and some of them were no errors');
cmp_ok($sent, '>', $seconds, 'messages were sent meanwhile');
my $members = q{FROM pg_depend JOIN pg_proc AS p ON classid = 'pg_proc'::regclass AND objid = p.oid LEFT JOIN pg_stat_user_functions ON funcid = p.oid
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_whatsapp') AND prorettype <> 'trigger'::regtype};
my ($called, $calls, $functions) = split /\|/, $node->safe_psql('postgres', "SELECT count(calls), sum(calls), count(*) $members");
cmp_ok($called, '>', 2, 'functions of the extension were called');
note 'not called: ' . $node->safe_psql('postgres', "SELECT string_agg(p.oid::regprocedure::text, ', ') $members AND calls IS NULL");
is(scalar @internal, 0, 'no internal error') or diag map { substr($_, 0, 1500) } @internal;
unlike($log, qr/TRAP:|was terminated by signal|PANIC:/, 'no failed assertion, no crash');
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('pg_whatsapp sender', 'pg_whatsapp listener', 'pg_whatsapp reader')}, '3');
tables_intact($node, 'after all that');
$node->stop('fast');

append_to_file($ENV{PGWA_SMITH_SUMMARY}, join "\n", "$seconds seconds, seed $seed: $statements statements, $outcome{'.'} without an error; "
	  . "$called of the $functions functions called $calls times, by the writers too; $sent messages sent and $inbound received meanwhile",
	'errors by SQLSTATE: ' . (join(', ', map { "$_ $states{$_}" } sort keys %states) || 'none'), scalar(@internal) . " internal errors (class XX)\n")
  if $ENV{PGWA_SMITH_SUMMARY};
done_testing();
