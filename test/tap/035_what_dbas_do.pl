# What DBAs do to our tables that holds up nobody: every form of ALTER TABLE that leaves names and rows where they are, rules and triggers that
# let rows pass, maintenance, publications, settings. Each is done to all tables of the extension, while messages leave and webhooks come.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Alteration;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('dba', conf => "wal_level = logical\nwhatsapp.max_connections = 20\nallow_in_place_tablespaces = on\nwhatsapp.pair_interval = 0\n");
sub sql { return $node->safe_psql('postgres', $_[0]) }
begin_alterations($node);
sql(q{CREATE ROLE dba SUPERUSER; CREATE TABLE noted (what text); CREATE TABLESPACE elsewhere LOCATION '';
	CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END $$});

# The first column of the kind, in a statement; nothing where a table has none.
sub of_column
{
	my ($condition, $statement) = @_;
	my %column = first_columns($condition);
	return each_table(sub { my ($table) = @_; defined $column{$table} ? $statement =~ s/\@T/$table/gr =~ s/\@C/$column{$table}/gr : '' });
}
my $text = q{a.atttypid = 'text'::regtype};
my $free = 'NOT a.attnotnull AND NOT a.atthasdef AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey))';
my $required = 'a.attnotnull AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) AND NOT a.attidentity <> \'\'';

# ------------------------------------------------------------------------------------------------------------------------------- ALTER TABLE

alter_harmlessly('as made');
my @forms = (
	[ 'another type', of_column($text, 'ALTER TABLE @T ALTER @C TYPE varchar(30000)'), of_column($text, 'ALTER TABLE @T ALTER @C TYPE text') ],
	[ 'no NOT NULL', of_column($required, 'ALTER TABLE @T ALTER @C DROP NOT NULL'), of_column($required, 'ALTER TABLE @T ALTER @C SET NOT NULL') ],
	[ 'a default', of_column("$free AND $text", q{ALTER TABLE @T ALTER @C SET DEFAULT 'x'}), of_column("$free AND $text", 'ALTER TABLE @T ALTER @C DROP DEFAULT') ],
	[ 'no default', of_column(q{a.atthasdef AND a.attname = 'created_at'}, 'ALTER TABLE @T ALTER @C SET DEFAULT clock_timestamp()'),
		of_column(q{a.atthasdef AND a.attname = 'created_at'}, 'ALTER TABLE @T ALTER @C SET DEFAULT now()') ],
	[ 'a CHECK', each_table('ALTER TABLE @T ADD CONSTRAINT dba CHECK (tableoid > 0)'), each_table('ALTER TABLE @T DROP CONSTRAINT dba') ],
	[ 'new columns', each_table(q{ALTER TABLE @T ADD dba text NOT NULL DEFAULT 'x', ADD dba_too integer, ADD dba_gen text GENERATED ALWAYS AS ('y') STORED}),
		each_table('ALTER TABLE @T DROP dba, DROP dba_too, DROP dba_gen') ],
	[ 'dropped columns', each_table('ALTER TABLE @T ADD dba text; ALTER TABLE @T DROP dba') ],
	[ 'row security', each_table('ALTER TABLE @T ENABLE ROW LEVEL SECURITY; ALTER TABLE @T FORCE ROW LEVEL SECURITY'),
		each_table('ALTER TABLE @T DISABLE ROW LEVEL SECURITY; ALTER TABLE @T NO FORCE ROW LEVEL SECURITY') ],
	[ 'indexes', of_column(q{a.atttypid NOT IN ('json'::regtype, 'xid'::regtype)}, 'CREATE INDEX dba_@T ON @T (@C)'), each_table('DROP INDEX IF EXISTS dba_@T') ],
	[ 'children', each_table('CREATE TABLE child_@T () INHERITS (@T)'), each_table('DROP TABLE child_@T') ],
	[ 'storage', of_column($text, 'ALTER TABLE @T ALTER @C SET STORAGE EXTERNAL, ALTER @C SET STATISTICS 10, ALTER @C SET (n_distinct = 5)'),
		of_column($text, 'ALTER TABLE @T ALTER @C SET STORAGE EXTENDED, ALTER @C SET STATISTICS -1') ],
	[ 'fillfactor', each_table('ALTER TABLE @T SET (fillfactor = 100, autovacuum_enabled = off, parallel_workers = 4)'), each_table('ALTER TABLE @T RESET (autovacuum_enabled, parallel_workers)') ],
	[ 'a tablespace', each_table('ALTER TABLE @T SET TABLESPACE elsewhere'), each_table('ALTER TABLE @T SET TABLESPACE pg_default') ],
	[ 'an owner', each_table('ALTER TABLE @T OWNER TO dba'), each_table('ALTER TABLE @T OWNER TO CURRENT_USER') ],
	[ 'extended statistics', of_column($text, 'CREATE STATISTICS stat_@T ON (lower(@C)) FROM @T'), each_table('DROP STATISTICS IF EXISTS stat_@T') ],
	[ 'replica identity', each_table('ALTER TABLE @T REPLICA IDENTITY FULL') ]);
alter_harmlessly(@$_) for @forms;

# what points to it, and comes with its keys
my %key = map { my ($table, @key) = split /\|/; ($table => \@key) } split /\n/, sql(q{SELECT i.indrelid::regclass, a.attname, a.atttypid::regtype, i.indexrelid::regclass
	FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid::regclass::text ~ '^whatsapp_' AND i.indisprimary AND i.indnkeyatts = 1});
alter_harmlessly('foreign keys to it', each_table(sub { "CREATE TABLE line_$_[0] (key $key{$_[0]}[1] REFERENCES $_[0] ON DELETE CASCADE ON UPDATE CASCADE)" }, keys %key),
	each_table('DROP TABLE line_@T', keys %key));
alter_harmlessly('unique indexes', each_table(sub { "CREATE UNIQUE INDEX dba_$_[0] ON $_[0] ($key{$_[0]}[0])" }, keys %key),
	each_table('DROP INDEX dba_@T', keys %key));
alter_harmlessly('unlogged', sub { $node->psql('postgres', each_table('ALTER TABLE @T SET UNLOGGED') . ';ALTER TABLE whatsapp_accounts SET UNLOGGED', on_error_stop => 0) },
	sub { $node->psql('postgres', 'ALTER TABLE whatsapp_accounts SET LOGGED;' . each_table('ALTER TABLE @T SET LOGGED'), on_error_stop => 0) }, sub {
	is(sql(q{SELECT count(*) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'}), scalar(own_tables()), 'unlogged: all tables were') });
alter_harmlessly('sequences with other names', q{ALTER SEQUENCE whatsapp_messages_id_seq RENAME TO numbers; ALTER SEQUENCE whatsapp_events_id_seq RENAME TO event_numbers;
		ALTER SEQUENCE whatsapp_attempts_id_seq RENAME TO attempt_numbers},
	q{ALTER SEQUENCE numbers RENAME TO whatsapp_messages_id_seq; ALTER SEQUENCE event_numbers RENAME TO whatsapp_events_id_seq; ALTER SEQUENCE attempt_numbers RENAME TO whatsapp_attempts_id_seq});
alter_harmlessly('a sequence of nobody', q{ALTER SEQUENCE whatsapp_messages_id_seq OWNED BY NONE; ALTER SEQUENCE whatsapp_messages_id_seq RENAME TO numbers},
	q{ALTER SEQUENCE numbers RENAME TO whatsapp_messages_id_seq; ALTER SEQUENCE whatsapp_messages_id_seq OWNED BY whatsapp_messages.id});

# ------------------------------------------------------------------------------------------------------------------------- rules and triggers

for my $event (qw(INSERT UPDATE DELETE))
{
	# the small tables that are written with ON CONFLICT, which the server refuses beside rules, have a test of their own
	my @some = $event eq 'DELETE' ? own_tables() : grep { !/_(?:opt_outs|windows|templates|senders|inbound|opt_out_keywords)$/ } own_tables();
	alter_harmlessly("a rule on $event", each_table("CREATE RULE dba AS ON $event TO \@T DO ALSO INSERT INTO noted VALUES ('$event \@T')", @some), each_table('DROP RULE dba ON @T', @some), sub {
		cmp_ok(sql("SELECT count(*) FROM noted WHERE what = '$event whatsapp_queue'"), '>=', 4, "it acts at each $event of the queue") });
}
my @kinds = map { my $time = $_; map { [ $time, "FOR EACH ROW", $_ ], [ $time, 'FOR EACH STATEMENT', $_ ] } qw(INSERT UPDATE DELETE) } qw(BEFORE AFTER);
push @kinds, map { [ $_, 'FOR EACH STATEMENT', 'TRUNCATE' ] } qw(BEFORE AFTER);
my $number = 0;
my @triggers = map { [ 'dba' . ++$number, @$_ ] } @kinds;
alter_harmlessly('triggers of every kind', each_table(sub { my ($table) = @_; join '; ', map { "CREATE TRIGGER $_->[0] $_->[1] $_->[3] ON $table $_->[2] EXECUTE FUNCTION pass()" } @triggers }),
	each_table(sub { my ($table) = @_; join '; ', map { "DROP TRIGGER $_->[0] ON $table" } @triggers }));
alter_harmlessly('deferred triggers', each_table('CREATE CONSTRAINT TRIGGER dba AFTER INSERT OR UPDATE OR DELETE ON @T DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass()'),
	each_table('DROP TRIGGER dba ON @T'));

# -------------------------------------------------------------------------------------------------------------------------------- maintenance

alter_harmlessly($_, each_table("$_ \@T")) for 'VACUUM FULL', 'VACUUM (FREEZE, ANALYZE, INDEX_CLEANUP ON)', 'REINDEX TABLE';
alter_harmlessly('CLUSTER', each_table(sub { "CLUSTER $_[0] USING $key{$_[0]}[2]" }, keys %key));
alter_harmlessly('REINDEX CONCURRENTLY', sub { sql("REINDEX TABLE CONCURRENTLY $_") for qw(whatsapp_queue whatsapp_messages) });
alter_harmlessly('a publication of all', 'CREATE PUBLICATION everything FOR ALL TABLES', 'DROP PUBLICATION everything');
alter_harmlessly('ALTER EXTENSION SET SCHEMA', sub {
	sql('CREATE SCHEMA other');
	like(($node->psql('postgres', 'ALTER EXTENSION pg_whatsapp SET SCHEMA other'))[2], qr/does not support SET SCHEMA/, 'the extension stays where it is') });
alter_harmlessly('event triggers', q{CREATE FUNCTION no_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no DDL here'; END $$;
	CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION no_ddl()}, 'DROP EVENT TRIGGER no_ddl');
sql(q{CREATE ROLE keeper LOGIN; GRANT pg_read_all_data TO keeper});
alter_harmlessly('pg_dump by a role that is no superuser', sub {
	$node->command_ok([ 'pg_dump', '-U', 'keeper', '-f', PostgreSQL::Test::Utils::tempdir() . '/dump.sql', 'postgres' ], 'a dump by a member of pg_read_all_data') });

# ----------------------------------------------------------------------------------------------------------------------------------- settings

my %unkind = (default_transaction_read_only => 'on', default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on', statement_timeout => '1ms', lock_timeout => '1ms',
	idle_in_transaction_session_timeout => '1ms', idle_session_timeout => '1ms', search_path => 'nowhere', datestyle => 'SQL, DMY', timezone => 'Asia/Kolkata', intervalstyle => 'sql_standard',
	quote_all_identifiers => 'on', standard_conforming_strings => 'off', transform_null_equals => 'on', enable_seqscan => 'off', enable_indexscan => 'off', session_replication_role => 'replica',
	row_security => 'off', bytea_output => 'escape', extra_float_digits => '-15', client_encoding => 'LATIN1', role => 'dba', synchronous_commit => 'off', force_parallel_mode => 'on');
$unkind{transaction_timeout} = '1ms' if sql('SHOW server_version_num') >= 170000;
delete $unkind{force_parallel_mode} if sql('SHOW server_version_num') >= 160000;
$ENV{PGOPTIONS} = join ' ', map { "-c $_=" . (/timeout/ ? '0' : /read_only|deferrable/ ? 'off' : /isolation/ ? 'read\\ committed' : /search_path/ ? 'public' : /^role$/ ? 'none' : 'DEFAULT') }
  grep { /timeout|read_only|deferrable|isolation|search_path|^role$/ } sort keys %unkind;
sub new_workers
{
	sql(q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (?:sender|listener|reader)'});
	wait_for('new workers', sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (?:sender|listener|reader)'}) == 3 });
	return;
}
my ($user) = sql('SELECT current_user');
for my $whose ("DATABASE postgres", "ROLE $user", "SYSTEM")
{
	# that of the server counts while anybody connects, before his own is read
	$unkind{transaction_timeout} = '10s' if $whose eq 'SYSTEM' && $unkind{transaction_timeout};
	my @names = grep { $whose ne 'SYSTEM' || !/^role$|client_encoding/ } sort keys %unkind;
	alter_harmlessly("settings of the $whose", sub { sql("ALTER $whose SET $_ = '$unkind{$_}'") for @names; sql('SELECT pg_reload_conf()'); new_workers() },
		sub { sql("ALTER $whose RESET $_") for @names; sql('SELECT pg_reload_conf()'); new_workers() }, sub {
			sql("SELECT wa_send_po('A', 'FAR', 1, '+34612345678', send_at => '2090-01-01', idempotency_key => 'FAR $whose')");
			is(sql(q{SELECT count(*) FILTER (WHERE q.expires_at = m.expires_at) || ' ' || count(*) FILTER (WHERE wa_cancel(m.id)) FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id
				WHERE m.reference = 'FAR'}), '1 1', 'times are not changed by how they are written') });
}

end_alterations();
$node->stop('fast');
done_testing();
