# The sender looks at its tables as cheaply as it can, and at the queue even before a commit. It sees every change all the same, and sends
# nothing that is not committed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('looks', sandbox => { arguments => [ map { ('--phone-number-id', $_) } 123456789, 201, 202 ] },
	conf => 'log_min_messages = debug2');
my $sandbox = $node->{sandbox};
$node->safe_psql('postgres', q{
	INSERT INTO whatsapp_accounts (name) VALUES ('other');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('first', NULL, '201'), ('second', NULL, '202'), ('third', 'other', '201')});
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET account = NULL WHERE name = 'third'});

sub accepted { return sandbox_get($sandbox, 'summary')->{accepted} }
sub status { my ($reference) = @_; return $node->safe_psql('postgres', "SELECT status FROM whatsapp_messages WHERE reference = '$reference'") }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT count(*) FILTER (WHERE status = 'PENDING') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", '0') }

# switched off between two looks that are a second apart
my $early = 0;
for my $round (1 .. 8)
{
	$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false WHERE name = 'first'});
	send_po($node, 1, prefix => "OFF$round", sender => q{'first'});
	send_po($node, 1, prefix => "ON$round", sender => q{'second'});
	all_sent("ON$round");
	$early++ if status("OFF$round-1") ne 'PENDING';
	$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = true WHERE name = 'first'});
	all_sent("OFF$round");
}
is($early, 0, 'a sender that is switched off sends nothing from its commit on');

# another account
send_po($node, 1, prefix => 'THIRD', sender => q{'third'});
all_sent('THIRD');
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET account = 'other' WHERE name = 'third'});
send_po($node, 1, prefix => 'ELSEWHERE', sender => q{'third'});
wait_sql($node, q{SELECT paused_reason FROM whatsapp_senders WHERE name = 'third'}, 'no access token is set');
is(status('ELSEWHERE-1'), 'PENDING', 'an account without a token is noticed at once');
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET account = NULL WHERE name = 'third'; SELECT wa_resume('third')});
all_sent('ELSEWHERE');

# without its index, the queue is read by a statement
$node->safe_psql('postgres', 'DROP INDEX whatsapp_queue_due_idx');
send_po($node, 5, prefix => 'BARE', sender => q{'second'});
all_sent('BARE');
isnt(status('BARE-5'), 'FAILED', 'messages leave without the index');
$node->safe_psql('postgres', 'CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender, priority, due_at, message_id)');
send_po($node, 5, prefix => 'MENDED', sender => q{'second'});
all_sent('MENDED');
isnt(status('MENDED-5'), 'FAILED', 'and with it again');

# a commit that has been announced and does not come: a standby that is not there keeps it
my $before = accepted();
my $announced = qr/a commit with messages is announced/;
my $told = () = slurp_file($node->logfile) =~ /$announced/g;
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'");
$node->reload;
wait_sql($node, 'SHOW synchronous_standby_names', 'nobody');
my @sessions;
for my $number (1 .. 5)
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	push @sessions, $session;
	$session->query_until(qr/begun/, qq{\\echo begun\nSELECT wa_send_po('A', 'KEPT-$number', 1, '+3461999000$number', sender => 'first');\n});
	wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'}, $number);
}
wait_for('the announcement', sub { scalar(() = slurp_file($node->logfile) =~ /$announced/g) > $told });
is(accepted(), $before, 'nothing leaves before its commit');
$node->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$node->reload;
all_sent('KEPT');
is(accepted(), $before + 5, 'everything leaves after it');
$_->quit for @sessions;

books_agree($node, 'looks');
$node->stop('fast');
done_testing();
