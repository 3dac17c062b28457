# Whatever dies (at every instruction: 019_kills): nothing is lost, nothing is sent twice, and what is in doubt is few and gets settled.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use HTTP::Tiny;
use JSON::PP;
use Test::More;
use Time::HiRes;

my $slots = 20;
my $node = new_cluster('crash', conf => <<"CONF");
whatsapp.max_connections = $slots
whatsapp.unknown_grace = 1h
CONF
my $sandbox = $node->{sandbox};
# the sandbox accepts what goes to this number, sends its statuses and never answers
my $no_answer = '+15552000001';

sub unknowns { return $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue WHERE state = 'unknown'}) }
sub all_read { return wait_sql($node, q{SELECT count(*) FILTER (WHERE status <> 'READ') FROM whatsapp_messages}, '0') }

# one message of a sender is on its way to a recipient at a time: to hang in many requests takes as many senders
my $each_its_own = q{'number-' || i};
$node->safe_psql('postgres', "INSERT INTO whatsapp_senders (name) SELECT 'number-' || i FROM generate_series(1, $slots) AS i");

# kill -9 of the sender while requests hang at the other side, accepted, unanswered; no status comes until the books were looked at
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
send_po($node, $slots, phone => $no_answer, sender => $each_its_own);
send_po($node, 30);
wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == $slots });
my $pid = sender_pid($node);
kill 'KILL', $pid;
wait_restart($node, $pid);
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue WHERE state = 'unknown'}, $slots);
wait_for('the rest to be sent', sub { sandbox_get($sandbox, 'summary')->{accepted} == $slots + 30 });
is(unknowns(), $slots, 'what was on the wire is unknown, and only that');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'and is not sent again');
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
all_read();
books_agree($node, 'sender killed');
tables_intact($node, 'sender killed');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue}), '0', 'status webhooks settled the unknown');

# the same with the postmaster
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
send_po($node, $slots, prefix => 'POSTMASTER', phone => $no_answer, sender => $each_its_own);
send_po($node, 30, prefix => 'POSTMASTER');
wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == $slots });
$pid = sender_pid($node);
$node->kill9;
wait_for('the sender to notice', sub { !kill 0, $pid });
$node->start;
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
all_read();
books_agree($node, 'postmaster killed');
tables_intact($node, 'postmaster killed');

# a message that is on the wire whenever the sender ends is parked, and the others flow
sandbox_set($sandbox, delay_ms => 0, webhooks_paused => JSON::PP::true);
$node->append_conf('postgresql.conf', "whatsapp.unknown_grace = 1s\nwhatsapp.unknown_policy = retry");
$node->reload;
my $accepted = sandbox_get($sandbox, 'summary')->{accepted};
send_po($node, 1, prefix => 'POISON', phone => $no_answer);
for my $end (1 .. 3)
{
	# not the row's state: 'sending' is also what the sender before has left there
	wait_for('a request on the wire', sub { sandbox_get($sandbox, 'summary')->{accepted} == $accepted + $end });
	$pid = sender_pid($node);
	kill 'KILL', $pid;
	wait_restart($node, $pid);
}
wait_sql($node, q{SELECT status || ' ' || error_message FROM whatsapp_messages WHERE reference = 'POISON-1'}, 'FAILED parked: the sender ended three times while it was sending this message');
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
$node->append_conf('postgresql.conf', "whatsapp.unknown_grace = 4s\nwhatsapp.unknown_policy = auto");
$node->reload;
send_po($node, 5, prefix => 'OTHERS');
all_read();
pass('a parked message is read after all when webhooks say so, and the others flow');
tables_intact($node, 'killed three times');
$node->safe_psql('postgres', q{DELETE FROM whatsapp_messages WHERE reference = 'POISON-1'});
HTTP::Tiny->new->post("$sandbox->{url}/_sandbox/reset");
$node->safe_psql('postgres', q{DELETE FROM whatsapp_messages});

# another backend's crash restarts the sender, too; and a polite end is followed by a new one
$pid = sender_pid($node);
$node->safe_psql('postgres', qq{SELECT pg_terminate_backend($pid)});
wait_restart($node, $pid);
send_po($node, 5, prefix => 'TERMINATED');
all_read();
books_agree($node, 'sender terminated');

# a sender that begins takes what was marked, waits for no row that somebody has locked, and holds none behind it; that one is met later
$node->safe_psql('postgres', q{SELECT wa_send_po('Proveedor ABC', 'ORDER-' || i, 1250, '+34612345678', send_at => now() + make_interval(hours => 3 - i)) FROM generate_series(1, 2) AS i});
my ($first, $second) = split /\n/, $node->safe_psql('postgres', q{SELECT message_id FROM whatsapp_queue ORDER BY message_id});
$node->safe_psql('postgres', qq{UPDATE whatsapp_queue SET state = 'sending' WHERE message_id = $_}) for $second, $first;
my $holder = $node->background_psql('postgres');
$holder->query_safe("BEGIN; SELECT 1 FROM whatsapp_queue WHERE message_id = $first FOR UPDATE");
sub end_sender_in_order { return $node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . sender_pid($node) . ')') }
end_sender_in_order();
wait_sql($node, "SELECT state FROM whatsapp_queue WHERE message_id = $second", 'unknown');
is($node->safe_psql('postgres', "SELECT state FROM whatsapp_queue WHERE message_id = $first"), 'sending', 'the row that is locked is as it was');
$node->safe_psql('postgres', "SELECT 1 FROM whatsapp_queue WHERE message_id = $second FOR UPDATE NOWAIT");
pass('a sender that meets a locked row holds none behind it');
$holder->query_safe('ROLLBACK');
$holder->quit;
end_sender_in_order();
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue WHERE state = 'unknown'}, '2');
$node->safe_psql('postgres', q{DELETE FROM whatsapp_queue; DELETE FROM whatsapp_messages WHERE reference LIKE 'ORDER-%'});

# a clean stop does not wait for answers that may take a minute, and loses none
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
send_po($node, 10, prefix => 'STOP', phone => $no_answer, sender => $each_its_own);
wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 10 });
my $begin = Time::HiRes::time;
$node->stop('fast');
my $took = Time::HiRes::time - $begin;
cmp_ok($took, '<', 5, 'a fast stop does not wait for the wire');
note sprintf 'stopped in %.2f s', $took;
$node->start;
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
all_read();
books_agree($node, 'stopped mid-flight');

$node->stop('fast');
done_testing();
