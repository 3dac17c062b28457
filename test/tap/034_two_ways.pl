# The same work by way of the rows and by statements leaves the same rows in every table. What is done is drawn by lot: another PGWA_SEED draws other work.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PGWA_SEED} || 1;
srand($seed);
note "PGWA_SEED=$seed";

# ------------------------------------------------------------------------------------------------------------------------- what is done

my $true = JSON::PP::true;
my $false = JSON::PP::false;
# What the platform makes of a message to a recipient, whatever else is under way.
my %fates = (
	well => undef,
	tried_again => { code => 131016 },
	given_up => { code => 131016, times => undef },
	refused => { code => 131026, times => undef },
	refused_once => { code => 131026 },
	lost => { cut => 'reset', accept => $false },
	doubted => { cut => 'reset', accept => $true },
	failed_later => { statuses => [qw(sent failed)] },
	out_of_order => { statuses => [qw(read sent delivered read)] },
	silent => { statuses => [] });

my $far = q{'2090-01-01'::timestamptz};
my $serial = 0;
sub phone { return sprintf '+346%08d', ++$serial }

# SQL for a message or several; each gets a phone and a reference of its own.
my %ways = (
	amount => sub { "SELECT wa_send_po('Proveedor ABC', '$_[1]', 1250.5, '$_[0]')" },
	text => sub { "SELECT wa_send_po('Proveedor ABC', '$_[1]', '€1,250.00'::text, '$_[0]', language => 'es', priority => 'urgent')" },
	template => sub { "SELECT wa_send_template('$_[0]', 'po_notification', ARRAY['A', 'B', 'C'], reference => '$_[1]', priority => 'bulk')" },
	without_reference => sub { "SELECT wa_send_template('$_[0]', 'po_notification', ARRAY['A', 'B', 'C'])" },
	with_key => sub { "SELECT wa_send_po('A', '$_[1]', 1, '$_[0]', idempotency_key => '$_[1]'); SELECT wa_send_po('A', '$_[1]', 1, '$_[0]', idempotency_key => '$_[1]')" },
	soon => sub { "SELECT wa_send_po('A', '$_[1]', 1, '$_[0]', send_at => clock_timestamp() + interval '300 ms')" },
	campaign => sub { "SELECT queued, refused FROM wa_send_bulk(ARRAY['$_[0]', '$_[0]', 'x'], 'po_notification', ARRAY['A', 'B', 'C'])" },
	far => sub { "SELECT wa_send_po('A', '$_[1]', 1, '$_[0]', send_at => $far)" },
	called_off => sub { "SELECT wa_cancel(wa_send_po('A', '$_[1]', 1, '$_[0]', send_at => $far))" },
	called_off_at_once => sub { "BEGIN; SELECT wa_send_po('A', '$_[1]', 1, '$_[0]') AS id \\gset\nSELECT wa_cancel(:id); COMMIT" },
	rolled_back => sub { "BEGIN; SAVEPOINT s; SELECT wa_send_po('A', '$_[1]', 1, '$_[0]'); ROLLBACK TO s; SELECT wa_send_po('A', '$_[1]', 2, '$_[0]'); COMMIT" },
	watched => sub { "INSERT INTO orders VALUES ('A', '$_[1]', 12.5, '$_[0]')" },
	watched_wrong => sub { "INSERT INTO orders VALUES ('A', '$_[1]', 12.5, '$_[0]x')" },
	watched_many => sub { "INSERT INTO orders SELECT 'A', '$_[1]-' || i, i, '$_[0]' FROM generate_series(1, 5) AS i" },
	many => sub { "SELECT count(wa_send_po('A', '$_[1]-' || i, i, '$_[0]')) FROM generate_series(1, 5) AS i" },
	too_late => sub { "SELECT wa_send_po('A', '$_[1]', 1, '$_[0]', send_at => clock_timestamp() - interval '2 days')" });

my @work;
for my $i (1 .. 120)
{
	my $way = (sort keys %ways)[ $i <= keys %ways ? $i - 1 : rand keys %ways ];
	my $fate = (sort keys %fates)[ $i <= keys %fates ? $i - 1 : rand keys %fates ];
	my $phone = phone();
	push @work, { title => "$way, $fate", phone => $phone, fate => $fates{$fate}, sql => $ways{$way}->($phone, "R-$i") };
	# persons who write
	push @work, { from => phone(), text => (qw(STOP hola ALTA))[ rand 3 ] } if rand() < 0.1;
}

sub wait_idle
{
	my ($node) = @_;
	wait_sql($node, 'SELECT count(*) FROM whatsapp_queue WHERE due_at < now() + interval \'1 year\'', '0');
	wait_sql($node, 'SELECT count(*) FROM whatsapp_event_queue', '0');
	wait_for('the sandbox to be idle', sub { my $summary = sandbox_get($node->{sandbox}, 'summary'); $summary->{webhooks}{queued} == 0 && $summary->{in_flight} == 0 });
	return;
}

sub do_work
{
	my ($node) = @_;
	my $sandbox = $node->{sandbox};
	$node->safe_psql('postgres', q{
		CREATE TABLE orders (supplier text, po text, amount numeric, phone text);
		SELECT wa_watch('orders', 'supplier', 'po', 'amount', 'phone');
		INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('po_notification', 'es', 'APPROVED', 'UTILITY');
		SELECT wa_rates_import(E'Market,Marketing,Utility,Authentication,Service\\nSpain,0.07,0.02,0.02,n/a', 'USD', '2025-07-01');
		SELECT wa_budget_set('all', 1000000, unpriced => 'count')});
	sandbox_set($sandbox, webhooks_paused => $true);
	sandbox_post($sandbox, 'faults', [ map { { to => $_->{phone}, %{ $_->{fate} } } } grep { $_->{fate} } @work ]);
	sandbox_post($sandbox, 'inbound', { from => $_->{from}, text => $_->{text} }) for grep { $_->{from} } @work;
	$node->psql('postgres', join(";\n", map { $_->{sql} } grep { $_->{sql} } @work), on_error_stop => 0);
	# webhooks tell what was in doubt only when all of it is, and before the grace is over
	wait_sql($node, "SELECT count(*) FROM whatsapp_queue WHERE state IN ('ready', 'sending') AND due_at < now() + interval '1 year'", '0');
	sandbox_set($sandbox, webhooks_paused => $false);
	wait_idle($node);
	# whatever failed or was called off, once more; now webhooks overtake answers
	$node->safe_psql('postgres', q{SELECT count(wa_retry(id)) FROM (SELECT id FROM whatsapp_messages WHERE status IN ('FAILED', 'CANCELLED') ORDER BY id) AS m});
	wait_idle($node);
	return;
}

# -------------------------------------------------------------------------------------------------------------------- what is left of it

# Each row of a table as a line: times and ids that somebody else makes up are there or not, numbers that depend on the order of webhooks are
# left out.
sub rows
{
	my ($node, $table) = @_;
	# rows of one key add up, and how many there are depends on what fell into one transaction
	return $node->safe_psql('postgres', q{
		SELECT sender, template_name, category, error_code, deleted, sum(sent), sum(delivered), sum(read), sum(failed), sum(failed_sent), sum(cancelled)
		FROM whatsapp_day_counts GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5}) if $table eq 'whatsapp_day_counts';
	return $node->safe_psql('postgres', q{SELECT period, trim_scale(sum(authorised)), trim_scale(sum(reserved)), trim_scale(sum(settled)), trim_scale(sum(released)), sum(messages), sum(unpriced)
		FROM whatsapp_budget_ledger GROUP BY 1 ORDER BY 1}) if $table eq 'whatsapp_budget_ledger';
	my @columns = map { [ split /\|/ ] } split /\n/, $node->safe_psql('postgres', qq{
		SELECT attname, atttypid::regtype FROM pg_attribute WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname});
	my @shown;
	for my $column (@columns)
	{
		my ($name, $type) = @$column;
		next if $name eq 'event_id' || ($name eq 'id' && $table ne 'whatsapp_messages');
		push @shown, $name eq 'hash' ? q{t.hash = (SELECT hashtextextended(m.wamid, 0) FROM whatsapp_messages AS m WHERE m.id = t.message_id)}
		  : $type =~ /^timestamp/ ? "CASE WHEN t.$name > '2080-01-01' THEN t.${name}::text ELSE (t.$name IS NOT NULL)::text END"
		  : $name =~ /wamid|^raw$|dedupe_key|nonce|identifier|epoch/ ? "t.$name IS NOT NULL"
		  : $type eq 'jsonb' ? "t.$name - 'fbtrace_id'"
		  # how the network says it
		  : $name eq 'error_message' ? "regexp_replace(t.$name, '^(no answer to the request): .*', '\\1')" : "t.$name";
	}
	# of a status that is told twice, the second is another event when a second has passed; a wamid is noted again when a webhook tells it first
	my $times = $table =~ /events|wamids/ ? q{''} : q{count(*) || ' times '};
	# a webhook may have named a message before its sender gave up waiting for the answer: then there was no doubt to be noted
	my $doubtless = $table eq 'whatsapp_attempts' ? "WHERE t.outcome <> 'unknown'" : '';
	return $node->safe_psql('postgres', "SELECT $times || line FROM (SELECT concat_ws('|', "
		  . join(', ', map { "coalesce(($_)::text, '-')" } @shown) . ") AS line FROM $table AS t $doubtless) AS l GROUP BY line ORDER BY line");
}

my %left;
my @tables;
for my $way (qw(rows statements))
{
	# all of each status is kept: that a message says it, too, depends on which of status and answer is first
	my $node = new_cluster($way, conf => <<'CONF');
whatsapp.compact_statuses = off
whatsapp.account_currency = USD
whatsapp.account_time_zone = UTC
log_min_messages = debug1
whatsapp.unknown_grace = 20s
whatsapp.max_attempts = 2
whatsapp.default_ttl = 1d
whatsapp.check_opt_outs = on
CONF
	# but for the sums that the reader makes anew all the time, some seconds late
	@tables = split /\n/, $node->safe_psql('postgres', q{SELECT c.relname FROM pg_class AS c JOIN pg_depend AS d ON d.objid = c.oid AND d.deptype = 'e'
		JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extname = 'pg_whatsapp' AND c.relkind = 'r' AND c.relname <> 'whatsapp_cost_units' ORDER BY 1}) if !@tables;
	if ($way eq 'statements')
	{
		$node->safe_psql('postgres', "ALTER TABLE $_ ADD CHECK (true)") for @tables;
	}
	do_work($node);
	$left{$way}{$_} = rows($node, $_) for @tables;
	my $log = slurp_file($node->logfile);
	my ($money, $messages, $charges) = split /\|/, $node->safe_psql('postgres', 'SELECT sum(settled), sum(messages), (SELECT count(*) FROM whatsapp_charges) FROM whatsapp_budget_ledger');
	note "charged $money for $messages messages, $charges charges";
	cmp_ok($messages, '>', 100, 'the budget has counted');
	cmp_ok($charges, '>', 100, 'by rows of each message');
	cmp_ok($money, '>', 1, 'and their prices');
	for my $table (qw(messages queue wamids charges budget_ledger))
	{
		my $by_statement = $log =~ /rows of WhatsApp table "whatsapp_$table" are read or written by statements/ ? 'statements' : 'rows';
		is($by_statement, $way, "whatsapp_$table is written by way of $way");
	}
	$node->stop('fast');
}
for my $table (@tables)
{
	my %rows = map { $_ => 1 } split /\n/, $left{rows}{$table};
	my %statements = map { $_ => 1 } split /\n/, $left{statements}{$table};
	is($left{statements}{$table} eq $left{rows}{$table}, 1, "$table has the same rows both ways") or diag join "\n", "PGWA_SEED=$seed",
	  (map { "rows: $_" } grep { !$statements{$_} } sort keys %rows), map { "statements: $_" } grep { !$rows{$_} } sort keys %statements;
}
cmp_ok(scalar(split /\n/, $left{rows}{whatsapp_messages}), '>', 100, 'there was work');
done_testing();
