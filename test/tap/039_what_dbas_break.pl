# What DBAs do to our tables that makes the work impossible: names that are gone, triggers and rules that refuse rows or leave them out.
# The log says what is wrong; nothing that was committed is lost or sent twice; and all goes on by itself when it is undone.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Alteration;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('broken', conf => "wal_level = logical\nwhatsapp.max_connections = 20\nwhatsapp.pair_interval = 0\nlog_line_prefix = '%b|%m '\n");
sub sql { return $node->safe_psql('postgres', $_[0]) }
begin_alterations($node);
my @worked = qw(whatsapp_messages whatsapp_queue whatsapp_events whatsapp_event_queue whatsapp_inbound whatsapp_wamids whatsapp_instances whatsapp_senders);
# where only what belongs to an event is refused, its delivery is put aside in whatsapp_events: so that table is opened behind the others
my @undone = reverse @worked;
sql(q{CREATE TABLE noted (what text);
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not in my table' USING ERRCODE = 'UT001'; END $$;
	CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$});

# ------------------------------------------------------------------------------------------------------------------------------------- names

for my $table (@worked)
{
	alter_fatally("$table has another name", "ALTER TABLE $table RENAME TO hidden", "ALTER TABLE hidden RENAME TO $table", qr/relation "[\w.]*$table" does not exist/)
	  if $table !~ /senders|instances|wamids|inbound$/;
}
for my $column (qw(whatsapp_messages.status whatsapp_queue.state whatsapp_events.dedupe_key whatsapp_event_queue.due_at whatsapp_instances.heartbeat_at))
{
	my ($table, $name) = split /\./, $column;
	alter_fatally("$column has another name", "ALTER TABLE $table RENAME $name TO hidden", "ALTER TABLE $table RENAME hidden TO $name", qr/column "?[\w.]*$name"? .*does not exist/);
}
alter_fatally('a type that cannot be read', q{ALTER TABLE whatsapp_queue ALTER attempts TYPE text}, q{ALTER TABLE whatsapp_queue ALTER attempts DROP DEFAULT;
	ALTER TABLE whatsapp_queue ALTER attempts TYPE integer USING attempts::integer; ALTER TABLE whatsapp_queue ALTER attempts SET DEFAULT 0}, qr/operator does not exist: text \+ integer|is of type integer/);
alter_fatally('a view in the place of a table', q{ALTER TABLE whatsapp_queue RENAME TO hidden; CREATE VIEW whatsapp_queue AS SELECT * FROM hidden WHERE false},
	q{DROP VIEW whatsapp_queue; ALTER TABLE hidden RENAME TO whatsapp_queue}, qr/ERROR/);

# ---------------------------------------------------------------------------------------------------------------------------- triggers that refuse

for my $event (qw(INSERT UPDATE DELETE))
{
	my $told = qr/not in my table/;
	for my $manner ('BEFORE %s ON @T FOR EACH ROW', 'AFTER %s ON @T FOR EACH STATEMENT')
	{
		my $when = sprintf $manner, $event;
		alter_fatally("$when refuses", each_table("CREATE TRIGGER dba $when EXECUTE FUNCTION refuse()", @worked), each_table('DROP TRIGGER dba ON @T', @undone), $told);
	}
	alter_fatally("$event is refused at the commit", each_table("CREATE CONSTRAINT TRIGGER dba AFTER $event ON \@T DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()", @worked),
		each_table('DROP TRIGGER dba ON @T', @undone), $told);
}

# ------------------------------------------------------------------------------------------------------------------------- rows that are left out

my $left_out = qr/was not changed|cannot be changed|has left|was not stored|could neither be/;
alter_fatally('INSERT leaves rows out', each_table('CREATE TRIGGER dba BEFORE INSERT ON @T FOR EACH ROW EXECUTE FUNCTION leave_out()', qw(whatsapp_messages whatsapp_queue)),
	each_table('DROP TRIGGER dba ON @T', qw(whatsapp_messages whatsapp_queue)), $left_out, 'anybody');
for my $event (qw(UPDATE DELETE))
{
	for my $table ($event eq 'UPDATE' ? qw(whatsapp_messages whatsapp_queue) : qw(whatsapp_queue whatsapp_event_queue))
	{
		alter_fatally("$event of $table leaves rows out", "CREATE TRIGGER dba BEFORE $event ON $table FOR EACH ROW EXECUTE FUNCTION leave_out()", "DROP TRIGGER dba ON $table", $left_out);
		alter_fatally("a rule instead of $event of $table", "CREATE RULE dba AS ON $event TO $table DO INSTEAD NOTHING", "DROP RULE dba ON $table", qr/$left_out|on relation "$table"/);
	}
}
alter_fatally('a rule instead of INSERT', 'CREATE RULE dba AS ON INSERT TO whatsapp_queue DO INSTEAD NOTHING', 'DROP RULE dba ON whatsapp_queue', qr/on relation "whatsapp_queue"|was not stored/, 'anybody');

end_alterations();
$node->stop('fast');
done_testing();
