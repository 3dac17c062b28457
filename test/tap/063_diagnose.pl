# "Nothing came": five causes, each found by one query, and each named as the quick reference names it.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('diagnose', conf => "whatsapp.log_messages = all\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub worst { return sql(q{SELECT severity || ': ' || problem || ': ' || seen || ' ' || to_do FROM wa_diagnose() WHERE severity IN ('critical', 'warning')
	AND problem !~ 'weak' LIMIT 1}) }
sub problems { return sql(q{SELECT string_agg(problem, ', ') FROM wa_diagnose()}) }

wait_for('signs of life', sub { problems() !~ /workers/ });
send_po($node, 1, prefix => 'WELL');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '1');
is(worst(), '', 'nothing is wrong');
my $life = sql(q{SELECT string_agg(event, ', ') FROM wa_diagnose((SELECT max(id) FROM whatsapp_messages))});
like($life, qr/^enqueued, .*SENT.*DELIVERED.*READ/, 'the life of a message');
unlike(sql(q{SELECT string_agg(detail, ' ') FROM wa_diagnose((SELECT max(id) FROM whatsapp_messages))}), qr/34610000001/, 'its phone is masked');
like(slurp_file($node->logfile), qr/WhatsApp message \d+ of sender "default": sent\n.*Attempt 1, HTTP status 200, error code 0, \d+ ms, recipient \+34.+001\./, 'and a line of the log');
unlike(slurp_file($node->logfile), qr/34610000001/, 'where it is masked, too');
# the sandbox's secrets are well-known examples
wait_for('a judgement', sub { sql(q{SELECT count(*) FROM wa_diagnose() WHERE problem = 'A secret is weak' AND seen ~ '^verify_token'}) });
is(sql(q{SELECT state FROM wa_preflight() WHERE place = 5}), 'warning', 'a verify token that anybody knows is a warning');
is(sql(q{SELECT string_agg(DISTINCT split_part(seen, ' ', 1), ' ') FROM wa_diagnose() WHERE problem = 'A secret is weak' AND to_do ~ 'openssl'}), 'verify_token', 'which can be made up; the others cannot');

# 1: a bad phone number, in a table that is watched
sql(q{CREATE TABLE purchase_orders (supplier text, po text, total numeric, phone text);
	SELECT wa_watch('purchase_orders', 'supplier', 'po', 'total', 'phone');
	INSERT INTO purchase_orders VALUES ('Proveedor ABC', 'PO-1', 1250, '612345678')});
like(worst(), qr/^warning: Message failed: phone format: 1 of the last messages: phone number is not in E\.164 format \S.*\+/, 'bad phone: what is wrong, and how it is written');
is(sql(q{SELECT state || ' ' || (seen ~ 'purchase_orders: 1') FROM wa_preflight() WHERE place = 10}), 'failed true', 'and the checklist counts it');
sql('DELETE FROM purchase_orders; DELETE FROM whatsapp_messages; DELETE FROM whatsapp_day_counts');

# 2: the template is missing
sandbox_post($sandbox, 'faults', { times => 1, code => 132001 });
send_po($node, 1, prefix => 'TEMPLATE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED'}, '1');
like(worst(), qr/^warning: Template not found: 1 messages of sender default failed with 132001.*APPROVED/, 'template missing, and that it must be approved');

sql('DELETE FROM whatsapp_messages; DELETE FROM whatsapp_day_counts');

# 3: the token has expired
sandbox_set($sandbox, token => 'another-one');
send_po($node, 1, prefix => 'TOKEN');
wait_sql($node, q{SELECT paused_reason IS NOT NULL FROM whatsapp_senders});
like(worst(), qr/^critical: Access token expired or refused: Sender default pauses until .* 1 messages wait\. .*wa_resume\('default'\)/, 'expired token');
like(sql(q{SELECT detail FROM wa_diagnose((SELECT max(id) FROM whatsapp_messages)) WHERE event ~ '^now'}), qr/^Access token expired/, 'and the message says so');
sandbox_set($sandbox, token => 'sandbox-token');
sql('SELECT wa_resume()');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '1');
is(worst(), '', 'nothing is wrong again');

# 4: the sender is switched off
sql('UPDATE whatsapp_senders SET enabled = false');
send_po($node, 1, prefix => 'OFF');
like(worst(), qr/^critical: A sender is switched off: Sender default is disabled, and 1 of its messages wait\. UPDATE whatsapp_senders/, 'sender off');
sql('UPDATE whatsapp_senders SET enabled = true');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '2');

# beside the five: a callback of somebody's, and an event for his trigger
sql(q{CREATE FUNCTION told(bigint, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today' USING ERRCODE = 'P0002'; END $$;
	SELECT wa_on_status('told', name => 'orders')});
send_po($node, 1, prefix => 'CALLED');
ok(eval { wait_for('a callback that fails', sub { worst() =~ /^warning: A callback fails: Callback orders: \d+ errors, the last at .* with SQLSTATE P0002\. SELECT \* FROM whatsapp_callbacks;/ }) }, 'a callback that fails') or diag worst();
like(sql(q{SELECT string_agg(event || ': ' || detail, '; ') FROM wa_diagnose((SELECT max(id) FROM whatsapp_messages))}), qr/callback orders waits: status \w+, \d+ attempts, SQLSTATE P0002/, 'and the message has it');
sql(q{SELECT wa_callback_remove('orders')});
is(worst(), '', 'until it is gone');

# 5: no webhook comes
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
send_po($node, 3, prefix => 'CUT');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'SENT'}, '3');
is(worst(), '', 'a moment later nothing is wrong yet');
like(sql(q{SELECT detail FROM wa_diagnose((SELECT max(id) FROM whatsapp_messages)) WHERE event ~ '^now'}),
	qr/^Meta has taken it, and no webhook has told of it yet\. The last webhook of any kind came at \d{4}-/, 'but the message says what it waits for');
sql(q{UPDATE whatsapp_messages SET created_at = created_at - interval '31 minutes', sent_at = sent_at - interval '31 minutes', delivered_at = delivered_at - interval '31 minutes'});
like(worst(), qr/^critical: No webhook events: 3 messages are SENT for 31 minutes without any status: the webhook does not reach us\. Is the URL reachable/, 'webhooks cut, and where to look');
is(sql(q{SELECT count(*) FROM wa_diagnose() WHERE to_do !~ '[a-z]'}), '0', 'each line says what to do');

my @line = split /\n/, sql(q{SELECT place || ' ' || state FROM wa_preflight()});
is(join(' ', map { (split ' ')[0] } @line), join(' ', 1 .. 12), 'twelve lines in their order');
is_deeply([ grep { /failed/ } @line ], ['11 failed'], 'only monitoring is not there');
unlike(slurp_file($node->logfile), qr/leak|WARNING:(?!.*WhatsApp|.*messages are queued)/, 'no warning of the server');

# the log for those who have it as JSON
$node->append_conf('postgresql.conf', "log_destination = 'jsonlog'\nlogging_collector = on\nlog_directory = 'log'\n");
$node->restart;
# on the first day nobody has seen a webhook yet, and nobody waits for half an hour
sql(q{UPDATE whatsapp_messages SET created_at = now() - interval '2 minutes', sent_at = now() - interval '2 minutes' WHERE status = 'SENT'});
ok(eval { wait_for('a word', sub { sql(q{SELECT severity || ': ' || seen || ' ' || to_do FROM wa_diagnose() WHERE problem = 'No webhook has come yet'}) =~
	/^notice: 3 messages are SENT for more than a minute, and none has come since .* Is the URL reachable from outside/ }) }, 'no webhook since the start: two minutes later that is told') or diag problems();
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
send_po($node, 1, prefix => 'JSON');
my ($line) = ();
sub json_lines { return map { decode_json($_) } grep { /^\{.*\}$/ } map { split /\n/, slurp_file($_) } glob $node->data_dir . '/log/*.json' }
wait_for('its line', sub { ($line) = grep { $_->{message} =~ /^WhatsApp message \d+ of sender "default": sent$/ } json_lines(); $line });
is(join(' ', @$line{qw(backend_type error_severity)}), 'pg_whatsapp sender LOG', 'a message in a log of JSON');
like($line->{detail}, qr/^Attempt 1, HTTP status 200, error code 0, \d+ ms, recipient \+34.+001\.$/, 'has its figures in the detail');
like($line->{context}, qr/^WhatsApp sender of database "postgres"$/, 'and its worker in the context');
sql(q{ALTER SYSTEM SET whatsapp.log_messages = 'failures'; SELECT pg_reload_conf()});
wait_turns($node);
sandbox_post($sandbox, 'faults', { to => '+34610000002', times => undef, code => 131026 });
send_po($node, 2, prefix => 'FAILURES');
wait_sql($node, q{SELECT string_agg(status, ' ' ORDER BY id) FROM whatsapp_messages WHERE reference LIKE 'FAILURES-%'}, 'READ FAILED');
my ($well, $bad) = split /\n/, sql(q{SELECT id FROM whatsapp_messages WHERE reference LIKE 'FAILURES-%' ORDER BY id});
wait_for('the line of the failure', sub { grep { $_->{message} =~ /^WhatsApp message $bad of/ } json_lines() });
is(scalar(grep { $_->{message} =~ /^WhatsApp message $well of/ } json_lines()), 0, 'of failures alone, if wanted');
# 2 once more, where the account's templates are known: refused before it leaves
sql('CALL wa_sync_templates()');
sql(q{CREATE TABLE offers (id integer PRIMARY KEY, phone text); SELECT wa_watch('offers', 'po_gone', ARRAY['new.id'], phone => 'new.phone'); INSERT INTO offers VALUES (1, '+34612345678')});
like(sql(q{SELECT seen || ' ' || to_do FROM wa_diagnose() WHERE problem = 'Template not found'}),
	qr/^1 of the last messages: template "po_gone" does not exist .*wa_sync_templates\(\).*SELECT \* FROM wa_diagnose\(\d+\);/, 'a template that is not there is called so, wherever it was refused');

# a standby has no workers, and that is as it should be
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
# also with messages that have no status yet: webhooks are not its work
my $silent = sql(q{UPDATE whatsapp_messages SET status = 'SENT', sent_at = now() - interval '20 minutes', delivered_at = NULL, read_at = NULL WHERE status = 'READ' AND reference LIKE 'FAILURES-%' RETURNING id});
sql(qq{UPDATE whatsapp_messages SET delivered_at = NULL WHERE delivered_at IS NOT NULL; DELETE FROM whatsapp_events WHERE message_id = $silent});
like(worst(), qr/No webhook events/, 'the primary misses webhooks');
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', q{SELECT string_agg(severity || ' ' || problem, ', ') FROM wa_diagnose() WHERE severity = 'critical' OR problem ~ 'standby|address'}), 'notice This server is a standby', 'a standby says what it is, and nothing is wrong with it');
like($standby->safe_psql('postgres', q{SELECT concat_ws('|', state, seen, to_do) FROM wa_preflight() WHERE place = 7}), qr/^ok\|Extension \S+ library \S+ This is a standby: no worker runs until it is promoted\.\|$/, 'so does the checklist');
is($standby->safe_psql('postgres', q{SELECT state || ' ' || (seen ~ 'This is a standby: webhooks are not taken here until it is promoted\.$')::text || to_do FROM wa_preflight() WHERE place = 5}), 'ok true', 'its line on webhooks, too');
is($standby->safe_psql('postgres', "SELECT detail FROM wa_diagnose($silent) WHERE event ~ '^now'"), 'Meta has taken it, and no webhook has told of it yet.', 'and a message that has no status yet');
is($standby->safe_psql('postgres', q{SELECT now FROM whatsapp_top WHERE what = 'workers'}), 'none: this is a standby', 'and the screen');
$standby->stop('fast');
$node->stop('fast');
done_testing();
