# No statement of a worker walks along a whole table because its plan was made while there was little in it: plans are kept, and a table may
# have grown by millions before the next analyze tells.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('plans', conf => <<'CONF');
autovacuum = off
log_line_prefix = '%b|'
whatsapp.unknown_grace = 1s
whatsapp.max_attempts = 2
CONF
my $sandbox = $node->{sandbox};
my $tables = qr/whatsapp_(?:messages|queue|events|event_queue|wamids)/;

# What an analyze leaves while millions of rows are being inserted by a transaction that has not ended: pages without a row. And workers
# that have not planned anything yet.
$node->safe_psql('postgres', q{UPDATE pg_class SET relpages = 1000, reltuples = 0 WHERE relname LIKE 'whatsapp\_%' AND relkind IN ('r', 'i')});
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_whatsapp, auto_explain'\nauto_explain.log_min_duration = 0\n");
$node->restart;
wait_for('both workers', sub { PgWhatsapp::workers($node) == 2 });

sub settled { my ($prefix) = @_; return wait_sql($node, "SELECT count(*) FILTER (WHERE status NOT IN ('READ', 'FAILED')) FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", '0') }

# each of these once by way of the rows themselves, and once by statements, as a user's trigger makes it necessary
for my $way (qw(rows statements))
{
	$node->safe_psql('postgres', q{
		CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON whatsapp_events FOR EACH ROW EXECUTE FUNCTION nothing()}) if $way eq 'statements';
	# a campaign that is called off while others are sent
	my $campaign = $node->safe_psql('postgres', q{SELECT campaign FROM wa_send_bulk('SELECT ''+34620000'' || i FROM generate_series(100, 199) AS i', 'hello_world')});
	$node->safe_psql('postgres', "SELECT wa_campaign_cancel($campaign)");
	wait_for('the end of the campaign', sub { $node->safe_psql('postgres', "SELECT pending FROM whatsapp_campaigns WHERE campaign = $campaign") eq '0' });
	for my $fault ({}, { code => 131016 }, { code => 131026 }, { cut => 'reset', accept => JSON::PP::false })
	{
		sandbox_post($sandbox, 'faults', { times => 3, %$fault }) if %$fault;
		my $prefix = join '-', $way, %$fault ? $fault->{code} || $fault->{cut} : 'well';
		send_po($node, 5, prefix => $prefix);
		# what is in doubt is settled once others are named
		wait_for("$prefix: all settled", sub { send_po($node, 1, prefix => "FLOW-$prefix") if $fault->{cut}; settled($prefix) });
	}
}

my %seen;
my @walks;
for my $block (split /^(?=[a-z_ ]+\|)/m, slurp_file($node->logfile))
{
	my ($who, $text) = $block =~ /\A(pg_whatsapp [a-z]+)[^|]*\|.*?plan:\s+Query Text: (.*)\z/s or next;
	$seen{$who}++;
	# these are meant to: at a start, and each minute at most
	my $may_read_all = $text =~ /'expired: |expires_at <= now\(\) - |crashes >= 3|state = 'sending'$|crashes = q\.crashes \+|paced AND due_at|count\(\*\), min\(due_at\)/m;
	my @lines = split /\n/, $text;
	for my $i (0 .. $#lines)
	{
		# all of it for each row of something else
		push @walks, "$who: $text" if $lines[$i] =~ /Join Filter/ && $lines[ $i + 1 ] =~ /on $tables\b/;
		next if $may_read_all;
		# the number is not what leads that index
		push @walks, "$who: $text" if $lines[$i] =~ /whatsapp_queue_due_idx on/ && $lines[ $i + 1 ] !~ /Index Cond: .*sender =/;
		# the first entry alone: since 17 without the condition that says so
		next if $i > 0 && $lines[ $i - 1 ] =~ /-> +Limit/ && $lines[$i] =~ /Index Only Scan/;
		push @walks, "$who: $text" if $lines[$i] =~ /(?:Seq Scan|Index (?:Only )?Scan\b.*) on $tables\b/ && ($lines[ $i + 1 ] || '') !~ /Index Cond|Order By/;
	}
}
is_deeply([ sort keys %seen ], [ 'pg_whatsapp listener', 'pg_whatsapp reader', 'pg_whatsapp sender' ], 'all workers have shown plans');
is(scalar @walks, 0, 'no plan walks along a whole table') or diag join "\n", @walks[0 .. ($#walks > 5 ? 5 : $#walks)];

books_agree($node, 'plans');
$node->stop('fast');
done_testing();
