# Whatever stands in our tables, however it got there: the sender goes on, takes no more memory than its budget, and says what it could
# not send.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $slots = 8;
my $node = new_cluster('stored_values', conf => "whatsapp.max_connections = $slots\nwhatsapp.unknown_grace = 2s\nmaintenance_work_mem = 64MB\n");
my $sandbox = $node->{sandbox};
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub hold { sql(q{UPDATE whatsapp_senders SET enabled = false}); return }
sub let_go { sql(q{UPDATE whatsapp_senders SET enabled = true}); return }
# in kB: now, and the most that it ever had
sub memory { my ($pid, $what) = @_; return slurp_file("/proc/$pid/status") =~ /^$what:\s+(\d+) kB/m ? $1 : die "no $what" }

is(sql(q{SELECT name || ' ' || enabled FROM whatsapp_senders}), 'default true', 'the default sender is a row');

# as many rows as there are slots, and one more behind them
for my $way (qw(rows statements))
{
	sql(q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
		CREATE TRIGGER nothing BEFORE INSERT OR UPDATE ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION nothing()}) if $way eq 'statements';
	for my $case (
		[ 'an array', q{'[1]'}, 'the payload of the message is not a JSON object' ],
		[ 'a string', q{'"x"'}, 'the payload of the message is not a JSON object' ],
		[ 'null', q{'null'}, 'the payload of the message is not a JSON object' ],
		[ 'nothing', 'NULL', 'the payload of the message is not a JSON object' ],
		[ 'too much', q{json_build_object('type', repeat('x', 262144))}, 'the message is too large: payload or recipient_phone is above its limit' ])
	{
		my ($name, $payload, $why) = @$case;
		hold();
		my $prefix = "$way $name";
		$prefix =~ tr/ /-/;
		send_po($node, $slots, prefix => $prefix);
		sql("UPDATE whatsapp_messages SET payload = $payload WHERE reference LIKE '$prefix-%'");
		send_po($node, 1, prefix => "BEHIND-$prefix");
		let_go();
		wait_sql($node, "SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages WHERE reference LIKE 'BEHIND-$prefix-%'", 'READ');
		wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$prefix-%' AND status = 'FAILED'", $slots);
		is(sql("SELECT DISTINCT error_message FROM whatsapp_messages WHERE reference LIKE '$prefix-%'"), $why, "$way: a payload that is $name: FAILED, and why");
	}
	hold();
	send_po($node, 1, prefix => "NOBODY-$way");
	sql("UPDATE whatsapp_messages SET recipient_phone = NULL WHERE reference LIKE 'NOBODY-$way-%'");
	let_go();
	wait_sql($node, "SELECT status || ': ' || error_message FROM whatsapp_messages WHERE reference LIKE 'NOBODY-$way-%'", 'FAILED: the message has no recipient');
}
sql(q{DROP TRIGGER nothing ON whatsapp_queue; DROP FUNCTION nothing});

# what is above its limit is not even fetched
my $pid = sender_pid($node);
hold();
send_po($node, 1, prefix => 'VAST');
sql(q{UPDATE whatsapp_messages SET payload = json_build_object('type', repeat('x', 60000000)) WHERE reference LIKE 'VAST-%'});
let_go();
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'VAST-%' AND status = 'FAILED'}, '1');
is(sender_pid($node), $pid, 'a payload of 60 MB: the sender lives');
cmp_ok(memory($pid, 'VmHWM'), '<', 80_000, 'and never had room for it');
sql(q{DELETE FROM whatsapp_messages WHERE reference LIKE 'VAST-%'});

# the bodies on the wire have a budget
$node->append_conf('postgresql.conf', "whatsapp.max_connections = 300\nwhatsapp.max_in_flight = 300\n");
$node->reload;
sandbox_set($sandbox, delay_ms => 1500);
hold();
sql(q{SELECT count(wa_send_template('+3462' || lpad(i::text, 7, '0'), 'large', reference => 'LARGE-' || i)) FROM generate_series(1, 200) AS i});
sql(q{UPDATE whatsapp_messages SET payload = json_build_object('type', 'text', 'text', json_build_object('body', repeat('x', 4096), 'unused', repeat('y', 250000))) WHERE reference LIKE 'LARGE-%'});
my $before = memory($pid, 'VmHWM');
let_go();
my $most = 0;
wait_for('all large ones to end', sub {
	my ($now, $left) = split /\|/, sql(q{SELECT count(*) FILTER (WHERE q.state = 'sending'), count(*) FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id WHERE m.reference LIKE 'LARGE-%'});
	$most = $now if $now > $most;
	return $left == 0;
});
cmp_ok($most, '>', 20, 'large messages leave together');
cmp_ok($most, '<=', 16 * 1024 * 1024 / 254_000 + 1, 'but not more of them than 16 MB');
cmp_ok(memory($pid, 'VmHWM'), '<', 250_000, 'so that 50 MB of messages take no 50 MB of each buffer');
sandbox_set($sandbox, delay_ms => 0);
wait_for('the memory to go back', sub { memory($pid, 'VmRSS') < 120_000 });
pass('and the memory goes back to the system');

# a row that is marked as sending and that nobody has in hand, beside somebody's rule on the table
sandbox_set($sandbox, delay_ms => 0);
hold();
send_po($node, 1, prefix => 'LOST');
sql(q{CREATE TABLE noted (what text); CREATE RULE note AS ON UPDATE TO whatsapp_queue DO ALSO INSERT INTO noted VALUES ('changed')});
sql(q{UPDATE whatsapp_queue SET state = 'sending', epoch = (SELECT max(epoch) FROM whatsapp_instances), changed_at = now()});
wait_sql($node, q{SELECT state FROM whatsapp_queue}, 'unknown');
pass('a mark that nobody has in hand is found within a minute');
like(slurp_file($node->logfile), qr/nobody knows what became of WhatsApp messages that are marked as sending/, 'and the log says so');

# 'retry' means at least once: what may not be tried again, for a trigger that leaves the row out, is not given up for that
sql(q{DROP RULE note ON whatsapp_queue; CREATE FUNCTION keep_doubt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.noted VALUES ('left out'); RETURN NULL; END $$;
	CREATE TRIGGER keep_doubt BEFORE UPDATE ON whatsapp_queue FOR EACH ROW WHEN (OLD.state = 'unknown' AND NEW.state = 'ready') EXECUTE FUNCTION keep_doubt()});
$node->append_conf('postgresql.conf', "whatsapp.unknown_grace = 1s\nwhatsapp.unknown_policy = retry\nwhatsapp.enabled = on");
$node->reload;
wait_sql($node, q{SELECT count(*) >= 2 FROM noted WHERE what = 'left out'});
is(sql(q{SELECT m.status || ' ' || q.state FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference = 'LOST-1'}), 'PENDING unknown', 'and is in doubt still');
sql('DROP TRIGGER keep_doubt ON whatsapp_queue');
let_go();
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'LOST-1'}, 'READ');

$node->stop('fast');
unlike(slurp_file($node->logfile), qr/FATAL/, 'a clean stop writes no FATAL line');
done_testing();
