# COMMIT PREPARED: what was prepared leaves at once, whoever commits it, after a crash, too; and what is rolled back never does.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('two_phase', conf => "whatsapp.databases = 'postgres, second'\nmax_prepared_transactions = 20\nlog_min_messages = debug1\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub prepare { my ($name, $query) = @_; return sql("BEGIN; $query; PREPARE TRANSACTION '$name'") }
sub message { my ($reference) = @_; return "SELECT wa_send_po('A', '$reference', 1, '+34612345678')" }
my $sent = sub { my ($reference) = @_; return "SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = '$reference'" };

# The middle one of three, each of which would wait for a look of 5 s.
sub prompt
{
	my ($title, $make, $done, $before) = @_;
	my @seconds;
	for my $i (1 .. 3)
	{
		prepare("mine-$i", $make->($i));
		$before->($i) if $before;
		push @seconds, seconds_until($node, sub { sql("COMMIT PREPARED 'mine-$i'") }, $done->($i));
	}
	cmp_ok((sort { $a <=> $b } @seconds)[1], '<', 2.5, $title);
	return;
}

sql('CREATE TABLE strangers (n integer)');
prompt('a prepared message leaves at its commit', sub { message("ONE-$_[0]") }, sub { $sent->("ONE-$_[0]") });
prompt('so it does when others commit what they have prepared', sub { message("TWO-$_[0]") }, sub { $sent->("TWO-$_[0]") }, sub {
	prepare("other-$_[0]-$_", 'INSERT INTO strangers VALUES (1)') for 1 .. 3;
	sql("COMMIT PREPARED 'other-$_[0]-$_'") for 1 .. 3 });
prompt('and under a name that was rolled back before', sub { message("THREE-$_[0]") }, sub { $sent->("THREE-$_[0]") }, sub {
	sql("ROLLBACK PREPARED 'mine-$_[0]'");
	prepare("mine-$_[0]", message("THREE-$_[0]")) });
wait_turns($node);
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'THREE-%'}), '3', 'what was rolled back is not there');
is(sandbox_get($sandbox, 'summary')->{accepted}, 9, 'and was not sent');

prompt('a delivery that a web tier has prepared is taken at its commit', sub {
	my $body = '{"object":"whatsapp_business_account","entry":[{"id":"987654321","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",'
	  . '"metadata":{"display_phone_number":"15550783881","phone_number_id":"123456789"},"contacts":[{"profile":{"name":"Ana"},"wa_id":"34600111222"}],'
	  . qq~"messages":[{"from":"34600111222","id":"wamid.IN$_[0]","timestamp":"~ . int(time) . '","type":"text","text":{"body":"hola"}}]}}]}]}';
	my $signature = hmac_sha256_hex($body, 'sandbox-app-secret');
	return "SELECT wa_webhook_receive(convert_to('$body', 'UTF8'), 'sha256=$signature')" },
	sub { "SELECT count(*) = 1 FROM whatsapp_events WHERE wamid = 'wamid.IN$_[0]'" });

# after a crash, nobody knows any more what was prepared before it
for my $i (1 .. 3)
{
	prepare("crash-$i", message("CRASH-$i"));
}
my $old = sender_pid($node);
$node->stop('immediate');
$node->start;
wait_restart($node, $old);
wait_turns($node);
my @seconds;
for my $i (1 .. 3)
{
	push @seconds, seconds_until($node, sub { sql("COMMIT PREPARED 'crash-$i'") }, $sent->("CRASH-$i"));
}
cmp_ok((sort { $a <=> $b } @seconds)[1], '<', 2.5, 'what was prepared before a crash leaves at its commit');

# an extension that is made in two phases: the launcher would look a minute later
sql('CREATE DATABASE second');
wait_for('a worker that finds no extension', sub { slurp_file($node->logfile) =~ /starting background worker process "pg_whatsapp sender for database second"/ });
wait_for('it to leave', sub { !sql(q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'second'}) });
my $begin = time;
$node->safe_psql('second', q{BEGIN; CREATE EXTENSION pg_whatsapp; PREPARE TRANSACTION 'extension'});
$node->safe_psql('second', q{COMMIT PREPARED 'extension'});
wait_for('the sender', sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'second' AND backend_type = 'pg_whatsapp sender'}) });
cmp_ok(time - $begin, '<', 30, 'a database whose extension was made in two phases gets its workers');

is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'nothing was sent twice');
tables_intact($node, 'after a crash');
$node->stop('fast');
done_testing();
