# What other roles of the cluster can do to the workers: nothing. An ordinary role holds what locks it can take, and tries commands on
# databases that it may not run.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('neighbours');

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub workers_of
{
	return sql(q{SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE datname = 'postgres' AND backend_type ~ '^pg_whatsapp (sender|listener|reader)$'});
}
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'}, '1');

# advisory locks belong to everybody: those that the workers once used, and every one that a look into pg_locks would suggest
sql(q{CREATE ROLE plain LOGIN; CREATE ROLE creator LOGIN CREATEDB});
my $plain = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'plain' ]);
$plain->query_safe(qq{SELECT pg_advisory_lock(7825505, $_)}) for 0 .. 4;
$plain->query_safe(q{SELECT count(pg_try_advisory_lock(coalesce(classid, 0)::integer, coalesce(objid, 0)::integer)) FROM pg_locks WHERE locktype IN ('object', 'advisory') AND classid < 2147483648 AND objid < 2147483648});
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (sender|listener|reader)$'});
send_po($node, 3, prefix => 'LOCKS');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '3');
pass('workers that begin while a neighbour holds every lock that he can take');
$plain->quit;

# the second of its kind says why it goes; a lock that nobody can take by SQL stands in pg_locks
is(sql(q{SELECT count(*) FROM pg_locks AS l JOIN pg_extension AS e ON l.classid = e.oid WHERE e.extname = 'pg_whatsapp' AND l.locktype = 'userlock' AND l.granted}),
	'3', 'each worker holds a lock that names the extension');

# Which is still theirs after a transaction of theirs that failed, and free when they have gone.
my $log = -s $node->logfile;
my $locker = $node->background_psql('postgres', on_error_stop => 0);
$locker->query_safe('BEGIN; LOCK TABLE whatsapp_queue IN ACCESS EXCLUSIVE MODE');
wait_for('a transaction of a worker that fails', sub { slurp_file($node->logfile, $log) =~ /canceling statement due to lock timeout/ });
$locker->query_safe('COMMIT');
$locker->quit;
is(sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'userlock' AND granted}), '3', 'and still does after an error');
for my $round (1 .. 3)
{
	my $gone = workers_of();
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (sender|listener|reader)$'});
	wait_for('others in their place', sub { my $now = workers_of(); $now =~ /^\d+ \d+ \d+$/ && !grep { $gone =~ /\b$_\b/ } split / /, $now });
}
unlike(slurp_file($node->logfile), qr/another one is still at work/, 'who comes after finds the place free');

# commands on whole databases: the workers stay where the command is refused
my $before = workers_of();
sub refused
{
	my ($title, $expected, $command, @options) = @_;
	my (undef, undef, $errors) = $node->psql('postgres', $command, extra_params => [ '-U', 'creator' ], @options);
	like($errors, $expected, $title);
	is(workers_of(), $before, "$title: the workers are those that they were");
	return;
}
refused('a copy of a database that is not his', qr/permission denied to copy database "postgres"/, 'CREATE DATABASE x TEMPLATE postgres');
refused('the same in a block', qr/cannot run inside a transaction block/, 'BEGIN; SAVEPOINT s; CREATE DATABASE x TEMPLATE postgres; ROLLBACK TO s; SELECT 1; COMMIT', on_error_stop => 0);
refused('a drop', qr/must be owner of database postgres/, 'DROP DATABASE postgres');
refused('a rename', qr/must be owner of database postgres/, 'ALTER DATABASE postgres RENAME TO other');

# a rename that is rolled back to a savepoint gives the database back at once, not at the end of the transaction
sql('CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION pg_whatsapp');
$node->append_conf('postgresql.conf', "whatsapp.databases = 'postgres, shop'\n");
$node->restart;
my $shop = q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'pg_whatsapp sender'};
wait_sql($node, $shop, '1');
my $owner = $node->background_psql('postgres', on_error_stop => 0);
$owner->query_safe('BEGIN; SAVEPOINT s; ALTER DATABASE shop RENAME TO other');
is(sql($shop), '0', 'a rename sends the workers away');
$owner->query_safe('ROLLBACK TO s');
wait_sql($node, $shop, '1');
pass('they are back while the transaction goes on');
$owner->query_safe('COMMIT');
$owner->quit;

# what a DROP DATABASE that was cut off has left behind takes no connection: nobody tries, and the others go on
$log = -s $node->logfile;
sql(q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'shop'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'});
for my $round (1 .. 2)
{
	my $gone = workers_of();
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (sender|listener|reader)$'});
	wait_for('others in their place', sub { my $now = workers_of(); $now =~ /^\d+ \d+ \d+$/ && !grep { $gone =~ /\b$_\b/ } split / /, $now });
}
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'}), '0', 'a database that is half dropped has no workers');
unlike(slurp_file($node->logfile, $log), qr/cannot connect to invalid database|FATAL:  (?!terminating)/, 'and the log is quiet');
sql(q{UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'shop'});
wait_sql($node, $shop, '1');

books_agree($node, 'neighbours');
$node->stop('fast');
done_testing();
