# Budgets: money is reserved when a message is claimed, settled when it is delivered, released when it is refused; what does not fit waits, and
# says so. At each step reserved + settled + released = authorised, and the ledger is what the charges of the messages add up to.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('budgets', conf => <<'CONF');
whatsapp.account_currency = 'USD'
whatsapp.account_time_zone = 'America/Bogota'
whatsapp.unknown_policy = fail
whatsapp.unknown_grace = 1h
whatsapp.max_attempts = 2
CONF
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub said { return join "\n", ($node->psql('postgres', $_[0]))[ 1, 2 ] }
sub log_text { return slurp_file($node->logfile) }
sub logged { my ($pattern) = @_; return scalar(() = log_text() =~ /$pattern/g) }
sub budget { my ($columns, $name) = @_; return sql("SELECT $columns FROM whatsapp_budgets WHERE name = '" . ($name || 'main') . q{'}) }
my $money = q{rtrim(trim_scale(spent)::text) || ' ' || trim_scale(reserved) || ' ' || trim_scale(remaining)};

sub balanced { my ($name) = @_; is(sql(lost_money()), '', "$name: the ledger is what the charges add up to, and nothing is lost"); return }

sql(q{INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('po_notification', 'es', 'APPROVED', 'UTILITY'),
	('spring_offer', 'es', 'APPROVED', 'MARKETING'), ('hello_world', 'en_US', 'APPROVED', 'UTILITY')});

# none: nothing is written
send_po($node, 3, prefix => 'NONE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '3');
is(sql('SELECT (SELECT count(*) FROM whatsapp_charges) + (SELECT count(*) FROM whatsapp_budget_ledger)'), '0', 'without a budget nothing is written');

# Spain, utility: 0.02 a message
is(sql(q{SELECT wa_budget_set('main', 0.10, period => 'day')}), 't', 'a budget is made');
send_po($node, 8, prefix => 'DAY');
wait_sql($node, q{SELECT held FROM whatsapp_budgets}, '3');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '8');
is(budget("state || ' ' || share || ' ' || messages || ' ' || $money"), 'holding 1.0000 5 0.1 0 0', 'five fit, three wait');
is(sql(q{SELECT string_agg(DISTINCT q.held_by || ' ' || q.state || ' ' || q.attempts || ' ' || (q.due_at = b.ends_at)::text, ', ') FROM whatsapp_queue AS q, whatsapp_budgets AS b}), 'budget main ready 0 true',
	'they say what holds them, and until when');
is(budget(q{last_warning || ' ' || (last_warning_at IS NOT NULL)}), '100 true', 'the last warning is in the view');
is(logged(qr/WhatsApp budget "main" has reached \d+ percent/), logged(qr/WhatsApp budget "main" has reached (?:50|80|100) percent/), 'warnings are in the log');
is(logged(qr/WhatsApp budget "main" has reached 100 percent/), 1, 'the last one once');
like(sql(q{SELECT detail FROM wa_diagnose((SELECT min(message_id) FROM whatsapp_queue)) WHERE event ~ '^now'}), qr/^Budget main holds it until/, 'the message says why it waits');
like(sql(q{SELECT severity || ': ' || problem || ': ' || seen || ' ' || to_do FROM wa_diagnose() WHERE problem ~ 'budget'}),
	qr/^critical: A budget holds messages: Budget main: 3 messages wait, 0\.1 of 0\.1 USD .* wa_budget_set\('main'/, 'and so does wa_diagnose()');
balanced('held');

# urgent ones go on, and are counted
sql(q{SELECT wa_send_po('Proveedor ABC', 'URGENT', 1250, '+34610000001', priority => 'urgent')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '9');
is(budget("held || ' ' || $money"), '3 0.12 0 -0.02', 'an urgent message is sent all the same');

# raised: they go on, one still waits
is(sql(q{SELECT wa_budget_set('main', 0.16, period => 'day')}), 'f', 'the amount is raised');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '11');
wait_sql($node, q{SELECT held FROM whatsapp_budgets}, '1');
balanced('raised');
# warnings begin anew with the amount: some are due, none twice
is(logged(qr/WhatsApp budget "main" has reached 100 percent/), 2, 'a warning for each amount');
sql(q{SELECT wa_budget_set('main', 1000, period => 'day')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '12');
is(budget("state || ' ' || held || ' ' || $money"), 'ok 0 0.18 0 999.82', 'all are sent');

# refused, by the answer and by a webhook: released
send_po($node, 1, prefix => 'REFUSED', phone => '+15550131026');
send_po($node, 1, prefix => 'FAILED', phone => '+15551131026');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED'}, '2');
is(sql(q{SELECT string_agg(state, ', ') FROM whatsapp_charges WHERE state <> 'settled'}), 'released, released', 'what is refused is released');
is(budget($money), '0.18 0 999.82', 'and does not count');
balanced('refused');

# on the wire and not delivered; the connection was lost and nobody knows
send_po($node, 1, prefix => 'UNDELIVERED', phone => '+15552000015');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'UNDELIVERED-1'}, 'SENT');
sandbox_post($sandbox, 'faults', { times => 1, cut => 'reset', accept => JSON::PP::false });
send_po($node, 1, prefix => 'UNKNOWN', phone => '+34610000003');
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue WHERE state = 'unknown'}, '1');
is(budget('trim_scale(reserved)'), '0.0234', 'what may be charged stays reserved');
sql(q{ALTER SYSTEM SET whatsapp.unknown_grace = '1s'; SELECT pg_reload_conf()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED' AND error_message LIKE 'outcome unknown%'}, '1');
is(budget('trim_scale(reserved)'), '0.0234', 'also when the message is given up');
balanced('unknown');

# sent again by wa_retry(): it may have arrived twice. The first reservation stays, whatever is told of the second.
sub charges { my ($reference) = @_; return sql(qq{SELECT string_agg(concat_ws(' ', c.state, c.category, trim_scale(c.charged)), ', ' ORDER BY c.reserved_at) FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id WHERE m.reference = '$reference'}) }
sql(q{SELECT wa_retry(id) FROM whatsapp_messages WHERE reference = 'UNKNOWN-1'});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'UNKNOWN-1'}, 'READ');
sql(q{UPDATE whatsapp_messages SET pricing_type = 'regular', billable = true, pricing_category = 'marketing' WHERE reference = 'UNKNOWN-1'});
is(charges('UNKNOWN-1'), 'reserved utility, settled utility 0.0707', 'of two reservations of a message one is settled, however often its price is told');
balanced('unknown and sent again');

# a failure that passes: one reservation for all attempts
my $before = sql('SELECT count(*) FROM whatsapp_charges');
send_po($node, 1, prefix => 'AGAIN', phone => '+15552000013');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'AGAIN-1'}, 'READ');
is(sql('SELECT count(*) FROM whatsapp_charges') - $before, 1, 'one reservation for all attempts');
# refused, and sent again by wa_retry(): another one
sql(q{SELECT wa_retry(id) FROM whatsapp_messages WHERE reference = 'REFUSED-1'});
wait_sql($node, q{SELECT count(*) FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id WHERE m.reference = 'REFUSED-1' AND c.state = 'released'}, '2');
balanced('again');

# what Meta says counts: free, and another category (Spain, marketing: 0.0707)
my $spent = budget('spent');
sandbox_set($sandbox, pricing => 'free');
send_po($node, 2, prefix => 'FREE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ' AND reference LIKE 'FREE-%'}, '2');
is(budget('spent'), $spent, 'what Meta does not charge is released');
sandbox_set($sandbox, pricing => 'pmp');
sql(q{UPDATE whatsapp_messages SET pricing_type = 'regular', billable = true, pricing_category = 'marketing' WHERE reference = 'FREE-1'});
is(budget("spent - $spent"), '0.07070000', 'and another category has another price');
is(sql(q{SELECT amount || ' ' || charged FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id WHERE m.reference = 'FREE-1'}), '0.02000000 0.07070000', 'beside what was reserved');
balanced('told');

# prices that nobody knows: counted and shown, or held
sql(q{SELECT wa_budget_set('unpriced', 5, period => 'day', unpriced => 'hold')});
send_po($node, 1, prefix => 'AMBIGUOUS', phone => '+12425550000');
wait_sql($node, q{SELECT held FROM whatsapp_budgets WHERE name = 'unpriced'}, '1');
like(sql(q{SELECT detail FROM wa_diagnose((SELECT max(message_id) FROM whatsapp_queue)) WHERE event ~ '^now'}), qr/^Budget unpriced holds it until .* its price is not known/, 'a message without a price waits');
is(sql(q{SELECT held_by FROM whatsapp_queue}), 'unknown price, budget unpriced', 'as its row says');
sql(q{SELECT wa_budget_set('unpriced', 5, period => 'day', unpriced => 'count')});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'AMBIGUOUS-1'}, 'READ');
is(budget(q{unpriced || ' ' || messages || ' ' || trim_scale(spent)}, 'unpriced'), '1 1 0', 'or is counted, and costs nothing here');
balanced('unpriced');
is(sql(q{SELECT wa_budget_remove('unpriced')}), 't', 'a budget is removed');

# scopes: a category, a template; a budget that only warns
sql(q{SELECT wa_budget_set('offers', 0, category => 'marketing'); SELECT wa_budget_set('hello', 0.01, template => 'hello_world', hold => false)});
sql(q{SELECT wa_send_template('+34610000009', 'spring_offer', header => '"Ana"', language => 'es', reference => 'OFFER')});
sql(q{SELECT wa_send_template('+34610000009', 'hello_world', language => 'en_US', reference => 'HELLO')});
wait_sql($node, q{SELECT held FROM whatsapp_budgets WHERE name = 'offers'}, '1');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'HELLO'}, 'READ');
is(budget("state || ' ' || $money", 'hello'), 'used up 0.02 0 -0.01', 'a budget that only warns is passed');
is(logged(qr/WhatsApp budget "hello" has reached 100 percent/), 1, 'and warns');
is(budget('messages', 'offers'), '0', 'a budget counts its scope alone');
sql(q{SELECT wa_budget_remove('offers')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');
balanced('scopes');
sql(q{SELECT wa_budget_remove('hello')});

# the day turns, in the time zone of the account: one in which it is a few seconds before midnight
my $left = 15;
my @now = gmtime(time + $left);
my $behind = $now[2] * 3600 + $now[1] * 60 + $now[0];
my $zone = sprintf '<here>%d:%02d:%02d', $behind / 3600, $behind / 60 % 60, $behind % 60;
sql(qq{ALTER SYSTEM SET whatsapp.account_time_zone = '$zone'; SELECT pg_reload_conf(); SELECT wa_budget_set('turn', 0.05, period => 'day')});
is(budget('time_zone', 'turn'), $zone, 'the time zone of the account');
send_po($node, 4, prefix => 'TURN');
wait_sql($node, q{SELECT held FROM whatsapp_budgets WHERE name = 'turn'}, '2');
my $begun = budget('starts_at', 'turn');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'TURN-%' AND status = 'READ'}, '4');
isnt(budget('starts_at', 'turn'), $begun, 'what was held is sent when the day has turned');
is(budget("held || ' ' || $money", 'turn'), '0 0.04 0 0.01', 'and counts in the new one');
is(budget('last_warning', 'turn'), '80', 'in which everything has fitted so far');
is(sql(q{SELECT count(*) FROM whatsapp_budget_periods WHERE budget = 'turn'}), '2', 'both have their sums');
balanced('turned');

# an altered table is left to statements, with the same outcome
sql(q{ALTER TABLE whatsapp_charges ADD COLUMN mine text DEFAULT 'x'; ALTER TABLE whatsapp_budget_ledger ADD COLUMN mine text DEFAULT 'x'; ALTER TABLE whatsapp_queue ADD COLUMN mine int CHECK (mine IS NULL); SELECT wa_budget_set('turn', 1000, period => 'day')});
send_po($node, 20, prefix => 'ALTERED');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'ALTERED-%' AND status = 'READ'}, '20');
is(budget('trim_scale(spent)', 'turn'), '0.44', 'a table that was altered');
balanced('altered');

# folded, and the messages deleted: the sums stay
wait_sql($node, q{SELECT count(*) = count(DISTINCT period) FROM whatsapp_budget_ledger});
sql(q{DELETE FROM whatsapp_messages});
is(sql('SELECT count(*) FROM whatsapp_charges'), '0', 'charges go with their messages');
is(budget('trim_scale(spent)', 'turn'), '0.44', 'and the sums stay');

# estimate = charge: 10,000 messages of all categories and several markets, over the free ones of the month
sql(q{ALTER TABLE whatsapp_charges DROP COLUMN mine; ALTER TABLE whatsapp_budget_ledger DROP COLUMN mine; ALTER TABLE whatsapp_queue DROP COLUMN mine;
	TRUNCATE whatsapp_messages, whatsapp_day_counts; SELECT wa_budget_remove(name) FROM whatsapp_budgets; ALTER SYSTEM SET whatsapp.account_time_zone = 'Europe/Madrid'; SELECT pg_reload_conf();
	INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('login_code', 'es', 'APPROVED', 'AUTHENTICATION');
	SELECT wa_budget_set('mixed', 1000000)});
is((sandbox_post($sandbox, 'inbound', { from => '+34600000000', text => 'hola' }))[0], 200, 'a message opens the window of free texts');
wait_sql($node, q{SELECT wa_window_open('+34600000000')});
sql(q{
	CREATE TABLE phones AS SELECT CASE i % 6 WHEN 0 THEN '+34' WHEN 1 THEN '+4917' WHEN 2 THEN '+1202' WHEN 3 THEN '+1809' WHEN 4 THEN '+57' ELSE '+999' END || lpad(i::text, 8, '6') AS phone, i
	FROM generate_series(1, 8900) AS i;
	CREATE TABLE estimated AS SELECT e.* FROM (VALUES ('utility', 0), ('marketing', 1), ('authentication', 2)) AS c (category, part)
	CROSS JOIN LATERAL wa_estimate(ARRAY(SELECT phone FROM phones WHERE i % 3 = part), c.category) AS e
	UNION ALL SELECT e.* FROM wa_estimate(array_fill('+34600000000'::text, ARRAY[1100]), 'service') AS e;
	SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, 1250, phone)) FROM phones WHERE i % 3 = 0;
	SELECT count(wa_send_template(phone, 'spring_offer', header => '"Ana"', language => 'es')) FROM phones WHERE i % 3 = 1;
	SELECT count(wa_send_code(phone, '123456', 'login_code', language => 'es')) FROM phones WHERE i % 3 = 2;
	SELECT count(wa_send_text('+34600000000', 'hola')) FROM generate_series(1, 1100)});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '10000');
is(sql(q{SELECT sum(messages) || ' ' || count(*) FILTER (WHERE reason IS NOT NULL) FROM estimated}), '10000 0', 'all have a price');
is(sql(q{SELECT (SELECT sum(cost) FROM estimated) - spent || ' ' || reserved || ' ' || unpriced FROM whatsapp_budgets}), '0.00000000 0.00000000 0', 'what was charged is what was estimated');
is(sql(q{SELECT (SELECT sum(cost) FROM whatsapp_costs) - spent FROM whatsapp_budgets}), '0.00000000', 'and what the costs say');
is(sql(q{SELECT sum(charged) FROM whatsapp_charges WHERE category = 'service'}), '2.00000000', 'a thousand of the free texts are free');
balanced('mixed');

# a text whose window is closed, as an answer or a webhook says: its template has a price of its own
for my $fault ([ ANSWER => code => 131047 ], [ WEBHOOK => statuses => [ 'sent', 'failed' ], failed_code => 131047 ])
{
	my ($told_by, @fault) = @$fault;
	sandbox_post($sandbox, 'faults', { to => '+34600000000', times => 1, @fault });
	sql(qq{SELECT wa_send_text('+34600000000', 'hola', fallback_template => 'po_notification', fallback_parameters => ARRAY['ABC', 'PO-9', '9'], reference => 'FALLBACK-$told_by')});
	wait_sql($node, qq{SELECT status FROM whatsapp_messages WHERE reference = 'FALLBACK-$told_by'}, 'READ');
	is(charges("FALLBACK-$told_by"), 'released service, settled utility 0.02', 'the text is released, its template is charged');
}
balanced('fallback');

# of one campaign, made with it: three of its ten fit, and nobody else's message waits
like(said(q{SELECT wa_budget_set('none', 1, campaign => 4711)}), qr/ERROR:  campaign 4711 does not exist/, 'a campaign that is not there');
sql(q{SELECT wa_budget_remove('mixed');
	BEGIN;
	SELECT wa_budget_set('spring', 0.06, campaign => campaign)
	FROM wa_send_bulk(ARRAY(SELECT '+3464' || lpad(i::text, 7, '0') FROM generate_series(1, 10) AS i), 'po_notification', ARRAY['you', 'PO', '€1.00'], 'es', name => 'spring');
	COMMIT;
	SELECT count(wa_send_po('Proveedor ABC', 'BESIDE-' || i, 1250, '+34610000001')) FROM generate_series(1, 10) AS i});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'BESIDE-%' AND status = 'READ'}, '10');
wait_sql($node, q{SELECT held || ' ' || messages || ' ' || trim_scale(spent) FROM whatsapp_budgets WHERE name = 'spring'}, '7 3 0.06');
is(sql(q{SELECT count(DISTINCT c.message_id) || ' ' || bool_and(m.campaign_id = b.campaign_id) FROM whatsapp_charges AS c JOIN whatsapp_messages AS m ON m.id = c.message_id
	CROSS JOIN whatsapp_budgets AS b JOIN whatsapp_budget_periods AS p ON p.budget = b.name AND p.id = ANY (c.periods)}), '3 true', 'a budget of a campaign counts its messages alone');
is(sql(q{SELECT wa_budget_set('spring', 1, campaign => campaign_id) FROM whatsapp_budgets}), 'f', 'raised');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE campaign_id IS NOT NULL AND status = 'READ'}, '10');
is(sql(q{SELECT held || ' ' || messages || ' ' || trim_scale(spent) FROM whatsapp_budgets}), '0 10 0.2', 'the others follow');
balanced('a campaign');

# more are held for an unknown price than are woken at once: the last one is not behind those that still have none
sql(q{SELECT wa_budget_remove('spring'), wa_budget_set('unpriced', 1000, period => 'day', unpriced => 'hold');
	SELECT count(wa_send_po('Proveedor ABC', 'BAHAMAS-' || i, 1250, '+1242' || 5550000 + i)) FROM generate_series(0, 10000) AS i;
	SELECT wa_send_po('Proveedor ABC', 'BARBADOS', 1250, '+12465550000')});
wait_sql($node, q{SELECT held FROM whatsapp_budgets}, '10002');
sql(q{INSERT INTO whatsapp_markets (prefix, iso, market) VALUES ('1246', 'BB', 'Other')});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'BARBADOS'}, 'READ');
wait_sql($node, q{SELECT held FROM whatsapp_budgets}, '10001');
balanced('many that have no price');
is(sql(q{SELECT count(*) FILTER (WHERE wa_cancel(message_id)) || ' ' || wa_budget_remove('unpriced') FROM whatsapp_queue}), '10001 true', 'they are cancelled');

# what did not fit may fit at a price that is lower now
sql(q{SELECT wa_budget_set('dear', 0.0199, period => 'day')});
send_po($node, 1, prefix => 'DEAR');
wait_sql($node, q{SELECT held FROM whatsapp_budgets}, '1');
sql(q{INSERT INTO whatsapp_rates (currency, effective_date, market, category, rate) VALUES ('USD', (now() AT TIME ZONE 'America/Bogota')::date, 'Spain', 'utility', 0.0198)});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'DEAR-1'}, 'READ');
is(budget($money, 'dear'), '0.0198 0 0.0001', 'a message that had waited is sent at its new price');
balanced('a lower price');

unlike(log_text(), qr/ERROR:  (?!campaign 4711 does not exist)|TRAP|WARNING: .*leak/, 'no error');
$node->stop('fast');
done_testing();
