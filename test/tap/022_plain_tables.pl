# The sender changes rows of its tables without statements as long as the tables are as they were made; with a user's trigger on them, and
# for rows that somebody has touched meanwhile, statements do it. The outcome is the same.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('plain', conf => "log_min_messages = debug1\nwhatsapp.max_connections = 20");
my $sandbox = $node->{sandbox};
# a status that overtakes its answer is another way to the same row
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
my $by_statements = qr/are read or written by statements/;

sub all_sent { return wait_sql($node, q{SELECT count(*) FILTER (WHERE status <> 'SENT') FROM whatsapp_messages}, '0') }
sub logged { return scalar grep { /$by_statements/ } split /\n/, slurp_file($node->logfile) }

# Everything that the sender writes, but for times and ids.
sub outcome
{
	my ($prefix) = @_;
	return $node->safe_psql('postgres', qq{
		SELECT m.reference LIKE '$prefix-%', m.status, m.attempts, m.wa_id, m.user_id, m.error_code, m.error_message, m.hint, m.sent_at >= m.created_at,
		       count(*), count(w.message_id), count(DISTINCT m.wamid)
		FROM whatsapp_messages AS m LEFT JOIN whatsapp_wamids AS w ON w.message_id = m.id AND w.hash = hashtextextended(m.wamid, 0)
		WHERE m.reference LIKE '$prefix-%' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 4});
}

send_po($node, 8, prefix => 'PLAIN');
all_sent();
my $plain = outcome('PLAIN');
is(logged(), 0, 'tables as they were made are changed without statements');

# triggers of a user: they fire, and what is written is the same
$node->safe_psql('postgres', q{
	CREATE TABLE fired (what text, n bigint GENERATED ALWAYS AS IDENTITY);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
		$$BEGIN INSERT INTO fired (what) VALUES (TG_TABLE_NAME || ' ' || TG_OP || ' ' || coalesce(to_json(NEW) ->> 'state', to_json(NEW) ->> 'status', '')); RETURN NULL; END$$;
	CREATE TRIGGER note AFTER UPDATE OR DELETE ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TRIGGER note AFTER UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TRIGGER note AFTER INSERT ON whatsapp_wamids FOR EACH ROW EXECUTE FUNCTION note();});
my $before = logged();
send_po($node, 8, prefix => 'WATCHED');
all_sent();
is(outcome('WATCHED'), $plain, 'the same rows by statements');
cmp_ok(logged(), '>', $before, 'statements did it');
is($node->safe_psql('postgres', q{SELECT string_agg(what || ' ' || n, ', ' ORDER BY what) FROM (SELECT what, count(*) AS n FROM fired
	GROUP BY what) AS f}),
	'whatsapp_messages UPDATE SENT 8, whatsapp_queue DELETE  8, whatsapp_queue UPDATE sending 8, whatsapp_wamids INSERT  8',
	'and the triggers fired for every row');
$node->safe_psql('postgres', 'DROP FUNCTION note() CASCADE');

# a constraint of a user holds, too
$node->safe_psql('postgres', q{ALTER TABLE whatsapp_messages ADD CONSTRAINT mine CHECK (status <> 'SENT' OR reference <> 'FORBIDDEN-1')});
$before = logged();
send_po($node, 8, prefix => 'CHECKED');
all_sent();
is(outcome('CHECKED'), $plain, 'the same rows beside a constraint');
cmp_ok(logged(), '>', $before, 'statements did it');
$node->safe_psql('postgres', 'ALTER TABLE whatsapp_messages DROP CONSTRAINT mine');

# rows that move while their requests are on the wire are found by their ids
for my $touch (q{UPDATE whatsapp_messages SET reference = reference}, q{UPDATE whatsapp_queue SET crashes = crashes})
{
	my $prefix = $touch =~ /queue/ ? 'QUEUE' : 'MESSAGE';
	sandbox_set($sandbox, delay_ms => 700);
	send_po($node, 8, prefix => $prefix);
	wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 8 });
	$node->safe_psql('postgres', "$touch WHERE true");
	sandbox_set($sandbox, delay_ms => 0);
	all_sent();
	is(outcome($prefix), $plain, "the same rows after $touch");
}

# a mark meets somebody who is calling the message off, and waits for the outcome
# by one session: on a machine that is busy, another one may be there only when the message has left
my $id = $node->safe_psql('postgres', q{
	SELECT set_config('test.id', wa_send_po('Proveedor ABC', 'CALLED-OFF-1', 1250, '+34610000001', send_at => clock_timestamp() + interval '1 s')::text, false);
	DO $$
	BEGIN
		IF NOT wa_cancel(current_setting('test.id')::bigint) THEN
			RAISE EXCEPTION 'the message has left already';
		END IF;
		LOOP
			PERFORM pg_stat_clear_snapshot();
			EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND wait_event_type = 'Lock');
			PERFORM pg_sleep(0.001);
		END LOOP;
	END $$});
send_po($node, 1, prefix => 'BEHIND');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'BEHIND-1'}, 'SENT');
is($node->safe_psql('postgres', "SELECT status, attempts FROM whatsapp_messages WHERE id = $id"), 'CANCELLED|0', 'who calls a message off first has done so');
$node->safe_psql('postgres', "DELETE FROM whatsapp_messages WHERE id = $id");

# a full page: the new version lies in another one, and the indexes learn of it
$node->safe_psql('postgres', 'ALTER TABLE whatsapp_messages SET (fillfactor = 100); ALTER TABLE whatsapp_queue SET (fillfactor = 100)');
send_po($node, 400, prefix => 'FULL');
all_sent();
wait_sql($node, q{SELECT n_tup_upd > n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'whatsapp_messages'});
pass('versions lie in other pages');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM whatsapp_messages WHERE id = ANY (ARRAY(SELECT generate_series(1, 1000)))}),
	$node->safe_psql('postgres', q{SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SELECT count(*) FROM whatsapp_messages}), 'and are found by index');

# nothing of ours refuses somebody's commit: neither when the rows that it has made are gone, nor when nobody may change them
for my $undo ('TRUNCATE whatsapp_queue', 'DELETE FROM whatsapp_queue')
{
	for my $round (1 .. 5)
	{
		my ($code, undef, $error) = try_psql($node, "BEGIN; SELECT wa_send_po('Proveedor ABC', 'UNDONE', 1250, '+34610000001'); $undo; COMMIT");
		is("$code $error", '0 ', "$undo behind an enqueue, round $round: committed");
	}
}
is($node->safe_psql('postgres', q{WITH gone AS (DELETE FROM whatsapp_messages WHERE reference = 'UNDONE' RETURNING status) SELECT status, count(*) FROM gone GROUP BY 1}),
	'PENDING|10', 'and what it has left is there');
$node->safe_psql('postgres', 'ALTER TABLE whatsapp_queue REPLICA IDENTITY NOTHING; CREATE PUBLICATION queue FOR TABLE whatsapp_queue');
my ($code, undef, $error) = try_psql($node, q{SELECT wa_send_po('Proveedor ABC', 'PUBLISHED-1', 1250, '+34610000001')});
is("$code $error", '0 ', 'a publication without identity: committed');
$node->safe_psql('postgres', 'DROP PUBLICATION queue; ALTER TABLE whatsapp_queue REPLICA IDENTITY DEFAULT');
all_sent();

sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
wait_sql($node, q{SELECT count(*) FILTER (WHERE status <> 'READ') FROM whatsapp_messages}, '0');
books_agree($node, 'at the end');

# a vacuum of the queue locks nobody out to give back room, unless somebody tells it to
my $queue_size = sub { $node->safe_psql('postgres', q{SELECT pg_relation_size('whatsapp_queue')}) };
$node->safe_psql('postgres', q{SELECT count(wa_send_po('A', 'ROOM-' || i, 1, '+3461' || lpad(i::text, 7, '0'), send_at => now() + interval '1 day')) FROM generate_series(1, 2000) AS i});
$node->safe_psql('postgres', q{SELECT count(wa_cancel(id)) FROM whatsapp_messages WHERE reference LIKE 'ROOM-%'});
my $room = $queue_size->();
cmp_ok($room, '>', 0, 'two thousand messages have left the queue');
wait_for('a vacuum that finds nothing dead any more', sub { $node->safe_psql('postgres', 'VACUUM whatsapp_queue; SELECT pg_stat_get_dead_tuples(\'whatsapp_queue\'::regclass)') eq '0' });
is($queue_size->(), $room, 'their room stays for the next ones');
wait_for('the room', sub { $node->safe_psql('postgres', 'VACUUM (TRUNCATE) whatsapp_queue'); $queue_size->() < $room });
pass('and is given back by VACUUM (TRUNCATE)');

$node->stop('fast');
done_testing();
