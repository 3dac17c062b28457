# Campaigns: 10,000 messages with deaths of the sender and of the postmaster among them, paused in the middle beside orders that go on, called
# off, stopped by themselves, dumped and restored. In every snapshot planned = pending + sent + failed + cancelled, and these are what the
# messages are; nobody gets a message twice.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $planned = 10000;
my $node = new_cluster('campaigns', conf => "whatsapp.unknown_grace = 1h\nwhatsapp.max_connections = 8\n");
my $sandbox = $node->{sandbox};
# some 800 a second: there is time to look in the middle
sandbox_set($sandbox, delay_ms => 10, batch => 50);
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub accepted { return sandbox_get($sandbox, 'summary')->{accepted} }

# ------------------------------------------------------------------------------------------------------------------------------- looks

# One snapshot: the numbers agree with themselves and with the messages, as long as these are there.
my $look = q{
	SELECT c.name, c.state, c.planned, c.pending, c.planned = c.pending + c.sent + c.failed + c.cancelled AND c.delivered <= c.sent AND c.read <= c.delivered
	  AND (m.messages = 0 OR (c.pending, c.sent, c.delivered, c.read, c.failed, c.cancelled) = (m.pending, m.sent, m.delivered, m.read, m.failed, m.cancelled))
	  AND (c.state = 'finished') = (c.pending = 0 AND c.cancelled_at IS NULL), c.*, m.*
	FROM whatsapp_campaigns AS c CROSS JOIN LATERAL (
		SELECT count(*) AS messages, count(*) FILTER (WHERE status = 'PENDING') AS pending, count(*) FILTER (WHERE status IN ('SENT', 'DELIVERED', 'READ')) AS sent,
		       count(*) FILTER (WHERE status IN ('DELIVERED', 'READ')) AS delivered, count(*) FILTER (WHERE status = 'READ') AS read,
		       count(*) FILTER (WHERE status = 'FAILED') AS failed, count(*) FILTER (WHERE status = 'CANCELLED') AS cancelled
		FROM whatsapp_messages WHERE campaign_id = c.campaign) AS m ORDER BY c.campaign};
my ($looks, @wrong) = (0);

# Of the campaign's state and what is pending; whatever of the server lives.
sub look_at
{
	my ($name) = @_;
	my ($code, $out) = try_psql($node, $look);
	return unless defined $code && $code == 0;
	my @answer;
	for (split /\n/, $out)
	{
		my ($of, $state, $all, $pending, $agrees) = split /\|/;
		$looks++;
		push @wrong, $_ if $agrees ne 't';
		@answer = ($state, $pending) if $of eq $name;
	}
	return @answer;
}

sub wait_pending
{
	my ($name, $most) = @_;
	wait_for("$name: $most pending", sub { my ($state, $pending) = look_at($name); defined $pending && $pending <= $most });
	return;
}

sub campaign { return sql("SELECT campaign FROM whatsapp_campaigns WHERE name = '$_[0]'") }
sub state_of { return sql("SELECT state FROM whatsapp_campaigns WHERE name = '$_[0]'") }
sub quiet { wait_for('an end of what is under way', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 0 && sql(q{SELECT count(*) FROM whatsapp_queue WHERE state = 'sending'}) eq '0' }) }

# -------------------------------------------------------------------------------------------------------------------------- the deaths

sub kill_sender
{
	my $pid = sender_pid($node);
	kill 'KILL', $pid;
	wait_restart($node, $pid);
	return;
}

sub kill_postmaster
{
	my @dying = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_whatsapp%'});
	my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /\A(\d+)/;
	kill 'KILL', $postmaster;
	wait_for('the workers to notice', sub { !kill 0, $postmaster, @dying });
	wait_for('a start', sub { $node->{_pid} = undef; $node->start(fail_ok => 1) });
	return;
}

sql(q{CREATE TABLE customers AS SELECT i AS id, '+3461' || lpad(i::text, 7, '0') AS phone, 'Customer ' || i AS name, 'PO-' || i AS po, '€1.00'::text AS total FROM generate_series(1, 10000) AS i});
is(sql(qq{SELECT recipients, queued FROM wa_send_bulk('SELECT phone, name, po, total FROM customers', 'po_notification', 'es', name => 'big')}), "$planned|$planned", 'a campaign of 10,000');
my $big = campaign('big');
wait_pending('big', 9200);
kill_sender();
wait_pending('big', 7800);
kill_postmaster();
wait_pending('big', 6500);

# ----------------------------------------------------------------------------------------------------------- paused beside what goes on

is(sql("SELECT wa_campaign_pause($big, 'wrong price')"), 't', 'paused');
quiet();
my $before = accepted();
my (undef, $paused_at) = look_at('big');
cmp_ok($paused_at, '>', 1000, 'in the middle');
sql(q{SELECT count(wa_send_po('A', 'URGENT-' || i, 1, '+3462' || lpad(i::text, 7, '0'), priority => 'urgent')) FROM generate_series(1, 50) AS i;
	SELECT wa_send_bulk(array_agg('+3463' || lpad(i::text, 7, '0')), 'po_notification', ARRAY['you', 'PO', '€1.00'], 'es', name => 'small') FROM generate_series(1, 100) AS i});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'URGENT-%' AND status = 'READ'}, '50');
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'small'}, 'finished');
is(accepted(), $before + 150, 'urgent messages and another campaign go on, and nothing of the paused one leaves');
is(join(' ', look_at('big')), "paused $paused_at", 'it is paused where it was');
is(sql(q{SELECT coalesce(max(oldest_age), '0') < '1 second' AND sum(messages) > 1000 FROM whatsapp_stat_queue}), 't', 'it waits, and is not late');
like(sql(qq{SELECT detail FROM wa_diagnose((SELECT min(message_id) FROM whatsapp_queue WHERE campaign_id = $big AND state = 'ready')) WHERE event LIKE 'now%'}),
	qr/^Its campaign $big is paused: wrong price/, 'and its messages say why');
kill_sender();
kill_postmaster();
send_po($node, 5, prefix => 'AFTER');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'AFTER-%' AND status = 'READ'}, '5');
wait_turns($node);
is(accepted(), $before + 155, 'still paused after both deaths');
is(sql("SELECT state, reason FROM whatsapp_campaigns WHERE campaign = $big"), 'paused|wrong price', 'and the reason is there');
is(sql("SELECT wa_campaign_resume($big)"), 't', 'resumed');
wait_pending('big', $paused_at - 800);
kill_sender();

# as a statement does it, where the queue was altered
wait_pending('big', 3500);
sql('ALTER TABLE whatsapp_queue ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY everyone ON whatsapp_queue USING (true) WITH CHECK (true)');
sql("SELECT wa_campaign_pause($big)");
quiet();
$before = accepted();
send_po($node, 5, prefix => 'ALTERED');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'ALTERED-%' AND status = 'READ'}, '5');
is(accepted(), $before + 5, 'paused by statements, too');
sql('DROP POLICY everyone ON whatsapp_queue; ALTER TABLE whatsapp_queue DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY');
sql("SELECT wa_campaign_resume($big)");
wait_pending('big', 1000);
kill_postmaster();
wait_pending('big', 40);

# what was on the wire when somebody died, nobody knows until a status or the end of the grace tells
sql(q{ALTER SYSTEM SET whatsapp.unknown_grace = '1s'; SELECT pg_reload_conf()});
wait_for('the end of the campaign', sub { send_po($node, 1, prefix => 'DOUBT'); (look_at('big'))[0] eq 'finished' });
quiet();
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
is(sql(qq{SELECT planned, pending, sent + failed, cancelled FROM whatsapp_campaigns WHERE campaign = $big}), "$planned|0|$planned|0", 'all were sent, or are FAILED with a reason');
is(sql(qq{SELECT count(*) FROM whatsapp_messages WHERE campaign_id = $big AND status = 'FAILED' AND error_message NOT LIKE 'outcome unknown%'}), '0', 'none failed for another one');
books_agree($node, 'after six deaths');
wait_sql($node, qq{SELECT read = sent FROM whatsapp_campaigns WHERE campaign = $big});
is_deeply([ @wrong > 3 ? @wrong[0 .. 2] : @wrong ], [], "the numbers agreed at each of $looks looks");
wait_sql($node, qq{SELECT finished_at IS NOT NULL AND time_left IS NULL AND percent_done = 100 FROM whatsapp_campaigns WHERE campaign = $big});

# ------------------------------------------------------------------------------------------------------------------ called off, deleted

sql(q{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 5000', 'po_notification', 'es', name => 'wrong')});
wait_pending('wrong', 4500);
cmp_ok(sql(q{SELECT wa_campaign_cancel(campaign) FROM whatsapp_campaigns WHERE name = 'wrong'}), '>', 500, 'called off in the middle');
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'wrong'}, 'cancelled');
look_at('wrong');
wait_sql($node, 'SELECT count(*) FROM whatsapp_campaign_pauses', '0');
is(sql(q{SELECT cancelled > 500 AND sent > 0 AND sent + cancelled = planned FROM whatsapp_campaigns WHERE name = 'wrong'}), 't', 'what was sent is sent, the rest is cancelled');
is(sql(q{SELECT count(*) FROM whatsapp_queue AS q JOIN whatsapp_campaigns AS c ON c.campaign = q.campaign_id}), '0', 'and nothing waits');
books_agree($node, 'called off');

my $funnel = q{SELECT campaign, state, planned, pending, sent, delivered, read, failed, cancelled, errors FROM whatsapp_campaigns ORDER BY campaign};
wait_sql($node, q{SELECT bool_and(sent = read) FROM whatsapp_campaigns});
my $kept = sql($funnel);
sql('DELETE FROM whatsapp_messages WHERE campaign_id IS NOT NULL');
is(sql($funnel), $kept, 'numbers stay when the messages are deleted');
wait_sql($node, 'SELECT count(*) = count(DISTINCT (day, sender, template_name, category, error_code, campaign_id, deleted)) FROM whatsapp_day_counts');
is(sql($funnel), $kept, 'and when they are folded');

# --------------------------------------------------------------------------------------------------------------------------- its hours

my $closed = q{(to_char(now() AT TIME ZONE 'UTC' + interval '3 hours', '"Mon-Sun "HH24:MI') || to_char(now() AT TIME ZONE 'UTC' + interval '5 hours', '-HH24:MI'))};
$before = accepted();
sql(qq{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 3000', 'po_notification', 'es', name => 'by day', send_window => $closed, time_zone => 'UTC')});
is(join(' ', look_at('by day')), 'waiting 3000', 'outside of its hours it waits');
send_po($node, 5, prefix => 'NIGHT');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'NIGHT-%' AND status = 'READ'}, '5');
is(accepted(), $before + 5, 'and orders do not');
sql(q{UPDATE whatsapp_campaign_definitions SET send_window = 'Mon-Sun 00:00-00:00' WHERE name = 'by day'});
wait_pending('by day', 2500);
is(sql(q{SELECT state FROM whatsapp_campaigns WHERE name = 'by day'}), 'running', 'within them it is sent');
# their end is known before it comes
sql(qq{UPDATE whatsapp_campaign_definitions SET send_window = $closed WHERE name = 'by day'; UPDATE whatsapp_campaign_pauses SET starts_at = now() + interval '500 ms'});
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'by day'}, 'waiting');
quiet();
my (undef, $left) = look_at('by day');
cmp_ok($left, '>', 0, 'the hours end in the middle');
wait_turns($node);
is(join(' ', look_at('by day')), "waiting $left", 'and the rest waits');
is(sql('SELECT wa_campaign_pause(' . campaign('by day') . '), wa_campaign_resume(' . campaign('by day') . ')'), 't|t', 'paused and resumed outside of its hours');
is(state_of('by day'), 'waiting', 'it waits again');
sql(q{UPDATE whatsapp_campaign_definitions SET send_window = 'Mon-Sun 00:00-00:00' WHERE name = 'by day'});
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'by day'}, 'finished');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'nobody twice');

# --------------------------------------------------------------------------------------------------------------------- stops by itself

sub wait_stopped
{
	my ($name, $reason) = @_;
	wait_sql($node, "SELECT state = 'stopped' AND reason ~ '$reason' AND hint <> '' FROM whatsapp_campaigns WHERE name = '$name'");
	like(slurp_file($node->logfile), qr/WhatsApp campaign \d+ of sender "default" stops: .*$reason/, "$name: it stops by itself, and says so in the log");
	return;
}

sandbox_set($sandbox, delay_ms => 20, reject_all => 131026);
sql(q{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 3000', 'po_notification', 'es', name => 'failing')});
wait_stopped('failing', 'messages failed, more than 30 %');
like(sql('SELECT problem, seen FROM wa_diagnose()'), qr/^A campaign has stopped\|Campaign \d+: .* messages failed/m, 'wa_diagnose() says so, too');
quiet();
my ($failed, $pending) = split /\|/, sql(q{SELECT failed, pending FROM whatsapp_campaigns WHERE name = 'failing'});
cmp_ok($pending, '>', 0, 'before the end');
is(sql(q{SELECT error_code, failed, hint IS NOT NULL FROM whatsapp_campaign_errors WHERE campaign = } . campaign('failing')), "131026|$failed|t", 'the failures have their code and its hint');
sandbox_set($sandbox, reject_all => undef, delay_ms => 10);
sql('SELECT wa_campaign_resume(' . campaign('failing') . ')');
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'failing'}, 'finished');
is(sql(q{SELECT failed, cancelled FROM whatsapp_campaigns WHERE name = 'failing'}), "$failed|0", 'resumed: the failures of before do not stop it again');
is(sql('SELECT wa_campaign_retry(' . campaign('failing') . ', 131026)'), $failed, 'and what has failed is sent again');
wait_sql($node, q{SELECT state, failed FROM whatsapp_campaigns WHERE name = 'failing'}, 'finished|0');

# time left at the present pace, which is measured over ten seconds: here they are moved back
sandbox_set($sandbox, delay_ms => 100);
sql(q{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 3000', 'po_notification', 'es', name => 'paced')});
wait_sql($node, q{SELECT noted_at IS NOT NULL FROM whatsapp_campaign_definitions WHERE name = 'paced'});
wait_pending('paced', 2950);
is(sql(q{SELECT time_left IS NULL FROM whatsapp_campaigns WHERE name = 'paced'}), 't', 'nobody knows yet how long it will take');
my ($noted_at, $noted_ended) = split /\|/, sql(q{UPDATE whatsapp_campaign_definitions SET noted_at = noted_at - interval '10 seconds' WHERE name = 'paced' RETURNING noted_at, noted_ended});
wait_sql($node, q{SELECT pace IS NOT NULL FROM whatsapp_campaign_definitions WHERE name = 'paced'});
is(sql(qq{SELECT state, abs(d.pace * extract(epoch FROM d.noted_at - '$noted_at') - (d.noted_ended - $noted_ended)) < 0.01, d.pace > 0, c.time_left = make_interval(secs => ceil(c.pending / d.pace))
	FROM whatsapp_campaigns AS c JOIN whatsapp_campaign_definitions AS d ON d.id = c.campaign WHERE c.name = 'paced'}), 'running|t|t|t', 'then by what was sent in the last seconds');
sql('SELECT wa_campaign_cancel(' . campaign('paced') . ')');
wait_sql($node, q{SELECT state, time_left IS NULL FROM whatsapp_campaigns WHERE name = 'paced'}, 'cancelled|t');
sandbox_set($sandbox, delay_ms => 10);

sql(q{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 4000', 'po_notification', 'es', name => 'disliked')});
wait_pending('disliked', 3900);
sql(q{UPDATE whatsapp_senders SET quality = 'RED' WHERE name = 'default'});
wait_stopped('disliked', 'quality of the sender as RED');
sql('SELECT wa_campaign_resume(' . campaign('disliked') . ')');
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'disliked'}, 'finished');
sql(q{UPDATE whatsapp_senders SET quality = 'GREEN' WHERE name = 'default'});

sql(q{INSERT INTO whatsapp_templates (name, language, status) VALUES ('po_notification', 'es', 'APPROVED')});
sql(q{SELECT wa_send_bulk('SELECT phone, name, po, total FROM customers LIMIT 4000', 'po_notification', 'es', name => 'withdrawn')});
wait_pending('withdrawn', 3900);
sql(q{UPDATE whatsapp_templates SET status = 'PAUSED' WHERE name = 'po_notification'});
wait_stopped('withdrawn', 'the template is PAUSED');
quiet();
look_at('withdrawn');

# ------------------------------------------------------------------------------------------------------------------- dumped and restored

my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-p', $node->port, '-h', $node->host, '-f', $dump, 'postgres' ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-p', $node->port, '-h', $node->host, '-f', $dump, 'copy' ], 'and restored');
is($node->safe_psql('copy', $funnel), sql($funnel), 'with the same numbers and states');
is($node->safe_psql('copy', q{SELECT state, reason FROM whatsapp_campaigns WHERE name = 'withdrawn'}), 'stopped|the template is PAUSED', 'what had stopped is stopped there');
is($node->safe_psql('copy', q{SELECT max(campaign) FROM whatsapp_campaigns}) + 1, $node->safe_psql('copy', q{SELECT campaign FROM wa_send_bulk(ARRAY['+34610000001'], 'hello_world', name => 'next')}), 'and numbers go on');

is_deeply([ @wrong > 3 ? @wrong[0 .. 2] : @wrong ], [], "the numbers agreed at each of $looks looks");
tables_intact($node, 'at the end');
$node->stop;
done_testing();
