# Every time in every table of ours at its ends: whoever owns a table may write any time into it, and the workers go on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('times', conf => "whatsapp.max_attempts = 1\n");

sub sql { return $node->safe_psql('postgres', $_[0]) }

# rows of all kinds: read, failed, put off (its sender is paused), scheduled, and one of another sender beside
sql(q{INSERT INTO whatsapp_senders (name) VALUES ('north'), ('paused');
	UPDATE whatsapp_senders SET paused_until = now() + interval '1 hour', paused_reason = 'a test', paused_hint = 'Wait.' WHERE name = 'paused';
	INSERT INTO whatsapp_accounts (name, api_version) VALUES ('acme', 'v25.0')});
send_po($node, 2, prefix => 'READ');
send_po($node, 1, prefix => 'PAUSED', sender => q{'paused'});
sql(q{SELECT wa_send_po('Proveedor ABC', 'LATER-1', 1, '+34612345678', send_at => now() + interval '1 day');
	SELECT wa_opt_out('+34600000001'); INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) VALUES ('34600000002', 'default', now())});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '2');
sql(q{INSERT INTO whatsapp_event_queue (event_id, due_at) SELECT max(id), now() + interval '1 day' FROM whatsapp_events});

my %columns;
push @{ $columns{ $_->[0] } }, $_->[1] for map { [ split /\|/ ] } split /\n/, sql(q{
	SELECT c.relname, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
	WHERE c.relname LIKE 'whatsapp\_%' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'timestamptz'::regtype ORDER BY 1, 2});
cmp_ok(scalar(map { @$_ } values %columns), '>=', 25, 'times of all tables');
# read when a worker begins
my %at_start = map { $_ => 1 } qw(whatsapp_instances whatsapp_senders whatsapp_queue whatsapp_event_queue);

my $serial = 0;
my $log = -s $node->logfile;
sub still_sends
{
	my ($title) = @_;
	# a sender that is new: no pause is its own
	$serial++;
	sql("INSERT INTO whatsapp_senders (name) VALUES ('s$serial')");
	send_po($node, 1, prefix => "T$serial", sender => "'s$serial'");
	wait_sql($node, "SELECT status FROM whatsapp_messages WHERE reference = 'T$serial-1'", 'READ');
	pass($title);
	return;
}
# Those that the workers live by one by one; the others all together, since each takes a message of its own.
my %alone = (%at_start, map { $_ => 1 } qw(whatsapp_messages whatsapp_events));
for my $tables ((map { [$_] } sort keys %alone), [ grep { !$alone{$_} } sort keys %columns ])
{
	for my $value ('infinity', '-infinity', '294276-12-31 23:59:59+00', '4713-01-02 00:00:00+00 BC')
	{
		my @written;
		for my $table (@$tables)
		{
			# all of the table, but for what has to be as it was: where a constraint refuses a value, that is an answer, too
			push @written, map { [ $table, $_ ] } grep { ($node->psql('postgres', "UPDATE $table SET $_ = '$value'"))[0] == 0 }
			  grep { $_ ne 'quarantine_until' || $value !~ /^(?:i|2)/ } @{ $columns{$table} };
		}
		$node->restart if grep { $at_start{$_} } @$tables;
		still_sends(join(', ', map { "$_->[0].$_->[1]" } @written) . " = $value");
		# as they were, or near enough
		$node->psql('postgres', "UPDATE $_->[0] SET $_->[1] = now()") for @written;
	}
}
sql(q{UPDATE whatsapp_senders SET paused_until = NULL});
for my $interval ('178000000 years', '0', '-1 day')
{
	$node->psql('postgres', "UPDATE whatsapp_senders SET pair_interval = '$interval'");
	still_sends("pair_interval = $interval");
}
# Days without an end, in what the reader sums up: it goes on to look at the senders, which it does last in a round.
for my $value ('infinity', '-infinity')
{
	sql("UPDATE whatsapp_messages SET created_at = '$value', sent_at = '$value', delivered_at = '$value'; UPDATE whatsapp_day_counts SET day = '$value'");
	$serial++;
	sql("INSERT INTO whatsapp_senders (name) VALUES ('s$serial')");
	ok(wait_sql($node, "SELECT wa_metrics() ~ 'whatsapp_sender_enabled[^\n]*\"s$serial\"'", 't'), "a round of the reader beside days that are $value");
}
my $said = slurp_file($node->logfile, $log);
my @errors = grep { !/violates check constraint|violates not-null/ } $said =~ /(?:ERROR|PANIC): .*/g;
is_deeply(\@errors, [], 'no worker has met an error') or diag join "\n", @errors;

# what the application asks for is checked at the call, so that what is computed from it can be shown and dumped
for my $time ('infinity', '-infinity', '294276-12-31', '10000-01-01 00:00:00+00')
{
	my (undef, undef, $error) = $node->psql('postgres', "SELECT wa_send_po('Proveedor ABC', 'FAR', 1, '+34612345678', send_at => '$time')");
	like($error, qr/send_at is out of range/, "send_at => '$time' is refused");
}
sql(q{SELECT wa_send_po('Proveedor ABC', 'FAR-1', 1, '+34612345678', send_at => '9999-12-31 23:59:59+00')});
like(sql(q{SELECT expires_at AT TIME ZONE 'UTC' FROM whatsapp_messages WHERE reference = 'FAR-1'}), qr/^10000-01-01/, 'the last time that is taken can be shown');
$node->command_ok([ 'pg_dump', '-a', '-t', 'whatsapp_messages', '-f', "$PostgreSQL::Test::Utils::tmp_check/times.sql", $node->connstr('postgres') ], 'and dumped');

books_agree($node, 'times');
$node->stop('fast');
done_testing();
