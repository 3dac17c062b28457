# A transaction with one message marks it for a sender that has slots to offer: it leaves the sooner, and nothing that is promised changes.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('early', conf => "log_min_messages = debug2\nfsync = on\nwhatsapp.unknown_grace = 1h");
my $sandbox = $node->{sandbox};
my $number = 0;

sub marks { return scalar(() = slurp_file($node->logfile) =~ /a message is marked by its own transaction/g) }
sub slots { return scalar(() = slurp_file($node->logfile) =~ /a slot of the sender is taken before a commit/g) }
sub accepted { return sandbox_get($sandbox, 'summary')->{accepted} }
sub row { my ($reference) = @_; return $node->safe_psql('postgres', "SELECT m.status, m.attempts, q.state, q.attempts FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE reference = '$reference'") }
sub message { my ($reference, $more) = @_; return sprintf q{SELECT wa_send_po('A', '%s', 1, '+3461%07d'%s)}, $reference, ++$number, $more || '' }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT count(*) FILTER (WHERE status = 'PENDING') FROM whatsapp_messages WHERE reference LIKE '$prefix%'", '0') }

# Until one has been marked early: the sender offers nothing while it is busy, and for a second after an offer in vain.
sub offered
{
	my ($why) = @_;
	my $before = marks();
	wait_for("an offer, $why", sub { $node->safe_psql('postgres', message('OFFERED')); all_sent('OFFERED'); marks() > $before });
	return;
}

# The reference of the first message that is marked early when it is made so; each time with an offer, or after what is to be done again. In the
# moment in which the sender looks around, there is none.
sub marked
{
	my ($prefix, $make, $again) = @_;
	for my $round (1 .. 20)
	{
		offered("before $prefix$round") if !$again;
		my $before = marks();
		$make->("$prefix$round");
		return "$prefix$round" if marks() == $before + 1;
		$again->() if $again;
	}
	return;
}

offered('of a sender that sleeps');
like($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status || ' ' || attempts, ', ') FROM whatsapp_messages}), qr/^(?:(?:SENT|DELIVERED|READ) 1(?:, )?)+$/, 'such a message is sent by one attempt');

# the commit takes its time
my $begun = time;
$node->safe_psql('postgres', 'SET commit_siblings = 0; SET commit_delay = 100000; ' . message('SLOW'));
all_sent('SLOW');
my ($slow) = grep { $_->{parameters}[1] eq 'SLOW' } @{ sandbox_get($sandbox, 'messages') };
cmp_ok($slow->{received_at}, '>', $begun + 0.1, 'nothing leaves before the commit is flushed');

# whatever it sees
for my $level ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	ok(marked("$level ", sub { $node->safe_psql('postgres', "BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM whatsapp_messages; " . message($_[0]) . '; COMMIT') }),
		"$level: marked by its own transaction");
}

# what is not its own transaction's alone, or would not last, is left to the sender
for my $case (
	[ 'two messages' => 'BEGIN; ' . message('TWO') . '; ' . message('TWO') . '; COMMIT' ],
	[ 'a message for later' => message('LATER', q{, send_at => now() + interval '1 second'}) ],
	[ 'a commit that is not flushed' => 'SET synchronous_commit = off; ' . message('UNSAFE') ],
	[ 'a transaction that is prepared' => 'BEGIN; ' . message('PREPARED') . q{; PREPARE TRANSACTION 'one'; COMMIT PREPARED 'one'} ])
{
	my ($what, $sql) = @$case;
	offered("before $what");
	my $before = marks();
	$node->safe_psql('postgres', $sql);
	is(marks(), $before, "$what: no early mark");
}
all_sent($_) for 'READ', 'REPEATABLE', 'SERIALIZABLE', qw(TWO LATER UNSAFE PREPARED);

# refused by its commit, more often than there are offers
my $sent = accepted();
my ($first, $second) = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
$node->safe_psql('postgres', 'CREATE TABLE doctors (id int PRIMARY KEY, on_call boolean); INSERT INTO doctors VALUES (1, true), (2, true)');
my $before = slots();
for my $round (1 .. 12)
{
	$_->query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM doctors WHERE on_call') for $first, $second;
	$first->query('UPDATE doctors SET on_call = NOT on_call WHERE id = 1');
	$second->query('UPDATE doctors SET on_call = NOT on_call WHERE id = 2; ' . message('REFUSED'));
	$first->query('COMMIT');
	$second->query('COMMIT');
}
cmp_ok(slots(), '>', $before + 8, 'transactions with a slot are refused by their commit');
offered('after refused commits');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'REFUSED'}), '0', 'nothing of them is left');
$_->quit for $first, $second;

# one that may not leave yet is as if it had never been marked
sandbox_set($sandbox, delay_ms => 3000);
my $same = $number + 1;
$node->safe_psql('postgres', message('BEFORE'));
wait_for('the first on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 1 });
my $behind = marked('BEHIND', sub { $number = $same - 1; $node->safe_psql('postgres', message($_[0])) }, sub { });
ok($behind, 'a second message to the same recipient is marked');
wait_for('it is put back', sub { row($behind) eq 'PENDING|0|ready|0' });
is($node->safe_psql('postgres', "SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = '$behind'"), 't', 'and can be called off');
sandbox_set($sandbox, delay_ms => 0);
all_sent('BEFORE');

# a sender that ends, alone or with its server, while a transaction holds a slot
for my $end (qw(sender server))
{
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe('SET commit_siblings = 0; SET commit_delay = 100000');
	my $sender = sender_pid($node);
	my $last = marked("LAST $end ", sub {
		my ($reference) = @_;
		my $before = marks();
		$session->query_until(qr/begun/, "\\echo begun\n" . message($reference) . ";\n");
		wait_for('its mark, or its end', sub { marks() > $before || row($reference) });
	});
	$end eq 'server' ? $node->stop('fast') : $node->safe_psql('postgres', "SELECT pg_terminate_backend($sender)");
	$node->start if $end eq 'server';
	wait_for('the next sender', sub { my $pid = sender_pid($node); $pid && $pid != $sender });
	$session->{run}->kill_kill if $end eq 'server';
	$session->quit if $end eq 'sender';
	all_sent('LAST');
	like(row($last), qr/^(?:SENT|DELIVERED|READ)\|1\|\|$/, "the end of the $end: the message is not in doubt");
}

# a sender that ends before it can put back what it took, and one whose start fails for the same reason
my ($session, $locker) = map { $node->background_psql('postgres', on_error_stop => 0) } 1 .. 2;
offered('before a lock');
my $locked = marked('LOCKED ', sub {
	$session->query_safe('BEGIN; ' . message($_[0]));
	$locker->query_until(qr/asked/, "\\echo asked\nBEGIN; LOCK TABLE whatsapp_queue IN SHARE MODE;\n");
	wait_sql($node, q{SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted}, '1');
	$session->query_safe('COMMIT');
}, sub { $locker->query_safe('ROLLBACK'); all_sent('LOCKED'); offered('after a lock') });
ok($locked, 'a message is marked, and whoever would send it has to wait');
my $sender = sender_pid($node);
for my $end (1 .. 2)
{
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($sender)");
	wait_for('a start that waits', sub {
		my $next = $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE backend_type = 'pg_whatsapp sender' AND NOT granted AND pid <> $sender");
		$sender = $next if $next;
		$next;
	});
}
$_->quit for $locker, $session;
all_sent('LOCKED');
like(row($locked), qr/^(?:SENT|DELIVERED|READ)\|1\|\|$/, 'it is sent when the lock is gone, and was never in doubt');

# a publication that forbids to change the row must not stop somebody's order
$node->safe_psql('postgres', 'ALTER TABLE whatsapp_queue REPLICA IDENTITY NOTHING; CREATE PUBLICATION queue FOR TABLE whatsapp_queue');
my ($code, undef, $error) = try_psql($node, message('PUBLISHED'));
is("$code $error", '0 ', 'a publication without identity does not stop the transaction');
$node->safe_psql('postgres', 'DROP PUBLICATION queue; ALTER TABLE whatsapp_queue REPLICA IDENTITY DEFAULT');
all_sent('PUBLISHED');

is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_attempts WHERE outcome = 'unknown'}), '0', 'nothing was ever in doubt');
books_agree($node, 'early');
$node->stop('fast');

# A session that is halted in the moment after its commit hands its message over late: to a sender that has taken it for one in doubt, and to one that
# is sending it by itself. The library is that of `make fault-points`.
$node = new_cluster('halted', stage => $ENV{PGWA_FAULT_STAGE}, conf => "log_min_messages = debug2\nfsync = on\nwhatsapp.unknown_policy = retry\nwhatsapp.unknown_grace = 1h");
$sandbox = $node->{sandbox};
my $order = $node->data_dir . '/pg_whatsapp.fault';
for my $case ([ doubted => 'PENDING|0|unknown|1', 1 ], [ retried => 'PENDING|0|sending|2', 2 ])
{
	my ($name, $found, $attempts) = @$case;
	$session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my ($reference, $halted);
	until ($halted)
	{
		offered("before one that is $name");
		$reference = "HALTED $number";
		append_to_file($order, "message_committed stop 1 $number\n");
		$session->query_until(qr/begun/, "\\echo begun\n" . message($reference) . ";\n");
		wait_for('its halt, or its end', sub { $halted = !-e $order; $halted || row($reference) =~ /^(?:SENT|DELIVERED|READ)/ });
		unlink $order;
	}
	my $digits = sprintf '3461%07d', $number;
	sandbox_post($sandbox, 'faults', { to => "+$digits", delay_ms => 3000 });
	$node->safe_psql('postgres', q{ALTER SYSTEM SET whatsapp.unknown_grace = '1s'}) if $name eq 'retried';
	$node->reload;
	my $former = sender_pid($node);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($former)");
	wait_for('the next sender', sub { my $next = sender_pid($node); $next && $next != $former });
	wait_for("what is $name", sub { row($reference) eq $found });
	kill 'CONT', $pid;
	$session->quit;
	wait_turns($node);
	all_sent('HALTED');
	like(row($reference), qr/^(?:SENT|DELIVERED|READ)\|$attempts\|\|$/, "halted, and $name: sent");
	is(scalar(sandbox_lines($sandbox, "arrivals?to=%2B$digits")), 1, "halted, and $name: once");
}
books_agree($node, 'halted');
$node->stop('fast');
done_testing();
