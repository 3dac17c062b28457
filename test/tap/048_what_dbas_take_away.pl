# What DBAs take away from under the workers: locks on all tables for ten seconds, the rows of the queue or of all tables, the replica identity
# beside a publication, the right to insert (CHECK), the whole schema. No crash, nothing is sent twice, new messages leave as soon as they can.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Alteration;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('taken', conf => "wal_level = logical\nwhatsapp.max_connections = 20\nwhatsapp.pair_interval = 0\nlog_line_prefix = '%b|%m '\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
begin_alterations($node);

# ---------------------------------------------------------------------------------------------------------------------------- locks, rights

alter_harmlessly('all tables are locked for ten seconds', sub {
	my $locked = $node->background_psql('postgres');
	$locked->query_safe('BEGIN');
	$locked->query_safe(each_table('LOCK TABLE @T IN ACCESS EXCLUSIVE MODE') . ';SELECT 1');
	$locked->{stdin} .= "SELECT pg_sleep(10);\nCOMMIT;\n\\q\n";
	$locked->{run}->pump_nb;
	$node->{locked} = $locked }, sub { $node->{locked}{run}->finish });

my @answering = qw(whatsapp_messages whatsapp_queue whatsapp_events);
alter_fatally('no replica identity beside a publication', sub { sql(each_table('ALTER TABLE @T REPLICA IDENTITY NOTHING') . ';CREATE PUBLICATION everything FOR ALL TABLES') },
	sub { sql('DROP PUBLICATION everything;' . each_table('ALTER TABLE @T REPLICA IDENTITY DEFAULT')) }, qr/does not have a replica identity and publishes/);
alter_fatally('a CHECK that nothing passes', each_table('ALTER TABLE @T ADD CONSTRAINT dba CHECK (false) NOT VALID', @answering), each_table('ALTER TABLE @T DROP CONSTRAINT dba', @answering),
	qr/violates check constraint "dba"/);

# Tables that are written with ON CONFLICT, which the server refuses beside rules: what webhooks say waits, and is said.
my @conflicting = qw(whatsapp_opt_outs whatsapp_windows whatsapp_inbound);
sql(join ';', 'CREATE TABLE noted (what text)', map { "CREATE RULE dba AS ON INSERT TO $_ DO ALSO INSERT INTO noted VALUES ('$_')" } @conflicting);
is((sandbox_post($sandbox, 'inbound', { from => '+34655555555', text => 'hola', id => 'wamid.rules' }))[0], 200, 'rules on what people have chosen and written: a message comes in');
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue WHERE error_message ~ 'ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules'}, '1');
is(sql(q{SELECT count(*) FROM whatsapp_inbound WHERE wamid = 'wamid.rules'}), '0', 'it waits, and its row says for what');
sql(join ';', map { "DROP RULE dba ON $_" } @conflicting);
wait_sql($node, q{UPDATE whatsapp_event_queue SET due_at = now() WHERE due_at > now(); SELECT count(*) FROM whatsapp_inbound WHERE wamid = 'wamid.rules'}, '1');

# ------------------------------------------------------------------------------------------------------------------------------------ rows

# Two on the wire, three that wait for a sender that is switched off meanwhile.
sub enqueue_some
{
	my ($prefix) = @_;
	sandbox_set($sandbox, delay_ms => 3000);
	# in one statement, so that both are there at the same time on a slow machine, too
	my @ids = split /\n/, sql("SELECT wa_send_po('A', '$prefix-' || i, 1, '+346777$prefix' || i) FROM generate_series(1, 2) AS i");
	wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 2 });
	push @ids, map { sql("SELECT wa_send_po('A', '$prefix-$_', 1, '+346777$prefix$_', send_at => now() + interval '1 hour')") } 3 .. 5;
	return join ',', @ids;
}
sub check_new_one
{
	my ($title, $prefix) = @_;
	sandbox_set($sandbox, delay_ms => 0);
	my $id = sql("SELECT wa_send_po('A', '$prefix-9', 1, '+346777${prefix}9')");
	wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $id", 'READ');
	is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], "$title: new ones leave, nothing is sent twice");
	return;
}

my $ids = enqueue_some(201);
sql('TRUNCATE whatsapp_queue');
check_new_one('the queue is emptied', 201);
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE id IN ($ids) AND status = 'READ'", '2');
pass('what was on the wire gets its answer');
is(sql(q{SELECT count(*) FILTER (WHERE wa_retry(id)) FROM whatsapp_messages WHERE status = 'PENDING'}), '3', 'and wa_retry() puts back what has lost its row');
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE id IN ($ids) AND status = 'READ'", '5');

for my $way ([ 'DELETE of all rows', 'DELETE FROM @T', 202 ], [ 'TRUNCATE of all tables', 'TRUNCATE @T CASCADE', 203 ])
{
	my ($title, $statement, $prefix) = @$way;
	enqueue_some($prefix);
	sql('SET session_replication_role = replica; BEGIN; ' . each_table($statement) . '; COMMIT');
	check_new_one($title, $prefix);
	is(sql('SELECT count(*) FROM whatsapp_messages'), '1', "$title: what is gone stays gone");
}

# -------------------------------------------------------------------------------------------------------------------------------- the schema

enqueue_some(204);
my $refused = ($node->psql('postgres', 'DROP TABLE whatsapp_queue'))[2];
like($refused, qr/extension pg_whatsapp requires it/, 'a table of an extension cannot be dropped alone');
sql('SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
wait_for('the workers to leave', sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (?:sender|listener|reader)'}) eq '0' });
sql('CREATE EXTENSION pg_whatsapp');
check_new_one('DROP SCHEMA CASCADE', 204);

end_alterations();
$node->stop('fast');
done_testing();
