# What campaigns cost: a thousand messages of several markets, some of whose prices Meta does not tell, cost in whatsapp_campaigns what whatsapp_costs says of them,
# also when they are deleted and after a restore; a campaign stops when a budget has no room for it, goes on when there is some, and does not wake at midnight.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $node = new_cluster('costs', conf => <<'CONF');
whatsapp.account_currency = 'USD'
whatsapp.account_time_zone = 'America/Bogota'
whatsapp.unknown_grace = 1h
CONF
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub campaign { my ($columns, $name) = @_; return sql("SELECT $columns FROM whatsapp_campaigns WHERE name = '$name'") }

sql(q{INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('po_notification', 'es', 'APPROVED', 'UTILITY'), ('hello_world', 'en_US', 'APPROVED', 'UTILITY')});

# -------------------------------------------------------------------------------------------------------------------- what it has cost

sql(q{SELECT wa_send_bulk(ARRAY(SELECT CASE i % 5 WHEN 0 THEN '+34' WHEN 1 THEN '+4917' WHEN 2 THEN '+1202' WHEN 3 THEN '+57' ELSE '+1242' END || '6' || lpad(i::text, 7, '0')
	FROM generate_series(1, 1000) AS i), 'po_notification', ARRAY['you', 'PO', '€1.00'], 'es', name => 'thousand')});
wait_sql($node, q{SELECT state || ' ' || read FROM whatsapp_campaigns WHERE name = 'thousand'}, 'finished 1000');
my $agrees = q{SELECT (c.spent #>> '{0,cost}')::numeric = k.cost AND (c.spent #>> '{0,delivered}')::bigint = k.units AND (c.spent #>> '{0,free}')::bigint = k.free
	  AND (c.spent #>> '{0,unpriced}')::bigint = k.unpriced AND (c.spent #>> '{0,estimated}')::numeric = k.estimated
	FROM whatsapp_campaigns AS c, (SELECT sum(cost) AS cost, sum(units) AS units, sum(free) AS free, coalesce(sum(units) FILTER (WHERE reason IS NOT NULL), 0) AS unpriced,
	  coalesce(sum(cost) FILTER (WHERE estimated), 0) AS estimated FROM whatsapp_costs) AS k WHERE c.name = 'thousand'};
is(sql($agrees), 't', 'a campaign costs what whatsapp_costs says of its messages');
is(campaign(q{spent #>> '{0,unpriced}' || ' ' || (spent #>> '{0,currency}')}, 'thousand'), '200 USD', 'what has no price is counted apart');
is(sql(q{SELECT sum(e.cost) - (c.spent #>> '{0,cost}')::numeric FROM whatsapp_campaigns AS c, jsonb_to_recordset(c.cost) AS e (cost numeric) WHERE c.name = 'thousand' GROUP BY c.spent}), '0.00000000',
	'and what was estimated');
like(sql(q{SELECT string_agg(event || ': ' || detail, '; ') FROM wa_diagnose((SELECT min(id) FROM whatsapp_messages WHERE recipient_phone LIKE '+34%'))}),
	qr/; price: about 0\.02 USD by the rate card/, 'and what one of them has cost');
# of a third, Meta is taken to have told nothing; of others, that they are free
sql(q{UPDATE whatsapp_messages SET pricing_category = NULL, pricing_type = NULL WHERE id % 3 = 0;
	UPDATE whatsapp_messages SET pricing_type = 'free_entry_point' WHERE id % 7 = 1});
is(sql($agrees), 't', 'the same when Meta has told of some alone');
cmp_ok(campaign(q{spent #>> '{0,estimated}'}, 'thousand'), '>', 0, 'which makes a part of it an estimate');
wait_sql($node, q{SELECT count(*) = count(DISTINCT (day, market, reason, category, pricing_type)) FROM whatsapp_campaign_units});
is(sql($agrees), 't', 'the same when the reader has folded the sums');

# ----------------------------------------------------------------------------------------------- when the messages are gone, or elsewhere

my $spent = campaign('spent', 'thousand');
sql(q{ALTER SYSTEM SET whatsapp.keep_messages = '1s'; SELECT pg_reload_conf(); UPDATE whatsapp_messages SET created_at = now() - interval '1 day' WHERE id % 2 = 0});
wait_sql($node, q{SELECT count(*) = 0 FROM whatsapp_messages WHERE id % 2 = 0});
sql(q{ALTER SYSTEM RESET whatsapp.keep_messages; SELECT pg_reload_conf()});
is(campaign('spent', 'thousand'), $spent, 'it stays when messages are purged');
sql(q{DELETE FROM whatsapp_messages});
is(campaign('spent', 'thousand'), $spent, 'and when they are deleted');
my $dump = $node->basedir . '/costs.sql';
$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'postgres' ], 'a dump');
sql('CREATE DATABASE elsewhere');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $dump, 'elsewhere' ], 'is restored');
is($node->safe_psql('elsewhere', q{SELECT spent FROM whatsapp_campaigns WHERE name = 'thousand'}), $spent, 'with what it has cost');
sql('DROP DATABASE elsewhere');

# it is quick with many campaigns, since no message is read
sql(q{INSERT INTO whatsapp_campaign_definitions (name, sender, template_name, template_language, planned, duplicates)
	  SELECT 'old ' || i, 'default', 'po_notification', 'es', 1000, 0 FROM generate_series(1, 200) AS i;
	INSERT INTO whatsapp_campaign_units (campaign_id, day, market, reason, category, pricing_type, units) SELECT d.id, date '2026-11-01' + i, 'Spain', NULL, 'utility', 'regular', 100
	  FROM whatsapp_campaign_definitions AS d, generate_series(1, 10) AS i WHERE d.name LIKE 'old %';
	ANALYZE whatsapp_campaign_definitions, whatsapp_campaign_units, whatsapp_day_counts});
my ($took) = sql('EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM whatsapp_campaigns') =~ /Execution Time: ([\d.]+)/;
diag("200 campaigns of ten days: $took ms");
cmp_ok($took, '<', 500, 'two hundred campaigns are shown at once');
unlike(sql('EXPLAIN SELECT * FROM whatsapp_campaigns'), qr/ on whatsapp_messages\b/, 'and no message is read');
sql(q{DELETE FROM whatsapp_campaign_units WHERE campaign_id IN (SELECT id FROM whatsapp_campaign_definitions WHERE name LIKE 'old %');
	DELETE FROM whatsapp_campaign_definitions WHERE name LIKE 'old %'});

# ---------------------------------------------------------------------------------------------------- a budget that has no room for it

sub start_campaign
{
	my ($name, $messages, $budget) = @_;
	sql(qq{BEGIN; SELECT wa_budget_set('$name', $budget, period => 'day', campaign => campaign)
		FROM wa_send_bulk(ARRAY(SELECT '+3464' || lpad(i::text, 7, '0') FROM generate_series(1, $messages) AS i), 'po_notification', ARRAY['you', 'PO', '€1.00'], 'es', name => '$name');
		COMMIT});
	return;
}

start_campaign('raised', 10, 0.06);
wait_sql($node, q{SELECT state || ': ' || reason FROM whatsapp_campaigns WHERE name = 'raised'}, 'stopped: budget "raised" has no room for it: 0.06 of 0.06 USD are spent or reserved in its day');
like(campaign('hint', 'raised'), qr/wa_budget_set\('raised'.*wa_campaign_resume\(\)/, 'and what to do about it');
like(slurp_file($node->logfile), qr/LOG:  WhatsApp campaign \d+ of sender "default" stops: budget "raised" has no room for it/, 'the log has it');
like(sql('SELECT problem, seen FROM wa_diagnose()'), qr/^A campaign has stopped\|Campaign \d+: budget "raised"/m, 'and wa_diagnose()');
send_po($node, 5, prefix => 'BESIDE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'BESIDE-%' AND status = 'READ'}, '5');
is(campaign(q{state || ' ' || sent || ' ' || pending}, 'raised'), 'stopped 3 7', 'orders go on beside it');
sql(q{SELECT wa_budget_set('raised', 0.10, period => 'day', campaign => campaign_id) FROM whatsapp_budgets WHERE name = 'raised'});
wait_sql($node, q{SELECT state || ' ' || sent || ' ' || (reason ~ '0.1 of 0.1') FROM whatsapp_campaigns WHERE name = 'raised'}, 'stopped 5 true');
sql(q{SELECT wa_budget_remove('raised')});
wait_sql($node, q{SELECT state || ' ' || sent FROM whatsapp_campaigns WHERE name = 'raised'}, 'finished 10');
like(slurp_file($node->logfile), qr/LOG:  WhatsApp campaign \d+ goes on: the budget has room for it/, 'it goes on by itself');

# somebody resumes it at once: its messages wait for the budget, and it does not stop any more
start_campaign('resumed', 5, 0.02);
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'resumed'}, 'stopped');
is(campaign('wa_campaign_resume(campaign)', 'resumed'), 't', 'resumed while there is no room');
# another one that stops afterwards shows that the reader has looked
start_campaign('next', 2, 0.02);
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'next'}, 'stopped');
is(campaign(q{state || ' ' || pending || ' ' || (SELECT held FROM whatsapp_budgets AS b WHERE b.name = 'resumed')}, 'resumed'), 'running 4 4', 'its messages wait for the next day');
sql(q{SELECT wa_budget_remove(name) FROM whatsapp_budgets});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');

# the day turns, in a time zone in which it is a few seconds before midnight: nothing leaves unless somebody asks
my @then = gmtime(time + 15);
my $behind = $then[2] * 3600 + $then[1] * 60 + $then[0];
my $zone = sprintf '<here>%d:%02d:%02d', $behind / 3600, $behind / 60 % 60, $behind % 60;
sql(qq{ALTER SYSTEM SET whatsapp.account_time_zone = '$zone'; SELECT pg_reload_conf()});
start_campaign('night', 6, 0.05);
wait_sql($node, q{SELECT state FROM whatsapp_campaigns WHERE name = 'night'}, 'stopped');
my $begun = sql(q{SELECT starts_at FROM whatsapp_budgets WHERE name = 'night'});
wait_sql($node, qq{SELECT starts_at <> '$begun' FROM whatsapp_budgets WHERE name = 'night'});
send_po($node, 5, prefix => 'MORNING');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'MORNING-%' AND status = 'READ'}, '5');
wait_turns($node);
is(campaign(q{state || ' ' || sent}, 'night'), 'stopped 2', 'nothing of it leaves when the day has turned');
is(campaign('wa_campaign_resume(campaign)', 'night'), 't', 'until somebody resumes it');
wait_sql($node, q{SELECT state || ' ' || sent FROM whatsapp_campaigns WHERE name = 'night'}, 'stopped 4');
sql(q{SELECT wa_budget_remove(name) FROM whatsapp_budgets});
wait_sql($node, q{SELECT state || ' ' || sent FROM whatsapp_campaigns WHERE name = 'night'}, 'finished 6');

# ------------------------------------------------------------------------------------------------------------- as Meta counts and charges

sql(q{TRUNCATE whatsapp_messages; ALTER SYSTEM SET whatsapp.account_time_zone = 'Europe/Madrid'; SELECT pg_reload_conf();
	INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('spring_offer', 'es', 'APPROVED', 'MARKETING')});
sandbox_post($sandbox, 'reset', '');
is((sandbox_post($sandbox, 'inbound', { from => '+34600000000', text => 'hola' }))[0], 200, 'a message opens the window of free texts');
wait_sql($node, q{SELECT wa_window_open('+34600000000')});
sql(q{
	CREATE TABLE phones AS SELECT CASE i % 4 WHEN 0 THEN '+34' WHEN 1 THEN '+4917' WHEN 2 THEN '+1202' ELSE '+52155' END || lpad((6000000 + i)::text, 8, '5') AS phone, i FROM generate_series(1, 900) AS i;
	SELECT count(wa_send_po('Proveedor ABC', 'META-' || i, 1250, phone)) FROM phones WHERE i % 3 > 0;
	SELECT count(wa_send_template(phone, 'spring_offer', header => '"Ana"', language => 'es')) FROM phones WHERE i % 3 = 0;
	SELECT count(wa_send_text('+34600000000', 'hola')) FROM generate_series(1, 100)});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '1000');
my $range = q{first_day => (now() AT TIME ZONE 'Europe/Madrid')::date - 3, last_day => (now() AT TIME ZONE 'Europe/Madrid')::date + 1};
sql("CALL wa_sync_costs($range)");
is(sql(q{SELECT sum(units) || ' ' || sum(meta_units) || ' ' || bool_and(units = meta_units) || ' ' || bool_and(round(cost_difference, 6) = 0) || ' ' || (sum(cost) > 10) FROM whatsapp_cost_differences}),
	'1000 1000 true true true', 'a thousand mixed messages: Meta counts and charges what we do');
is(sql(q{SELECT count(DISTINCT (category, market)) FROM whatsapp_cost_differences}), '9', 'by category and market');
is(sql(q{SELECT count(DISTINCT day) FROM whatsapp_meta_costs}), '5', 'each day that was asked for is there');
# what is not known here shows, and what Meta does not know
sql(q{DELETE FROM whatsapp_messages WHERE id = (SELECT max(id) FROM whatsapp_messages WHERE template_name = 'spring_offer' AND recipient_phone LIKE '+34%');
	UPDATE whatsapp_messages SET pricing_category = 'authentication' WHERE id = (SELECT max(id) FROM whatsapp_messages WHERE template_name = 'spring_offer' AND recipient_phone LIKE '+49%')});
is(sql(q{SELECT string_agg(concat_ws(' ', category, market, units_difference, round(cost_difference, 4)), ', ' ORDER BY category, market) FROM whatsapp_cost_differences WHERE units_difference <> 0}),
	'authentication Germany -1 -0.0550, marketing Germany 1 0.1365, marketing Spain 1 0.0707', 'differences are shown');
sql("CALL wa_sync_costs($range)");
is(sql(q{SELECT sum(meta_units) FROM whatsapp_cost_differences}), '1000', 'asked again, they are not counted twice');
like(($node->psql('postgres', q{CALL wa_sync_costs(first_day => '2026-01-02', last_day => '2026-01-01')}))[2], qr/ERROR:  last_day must be one of the 366 days after first_day/, 'days in the wrong order');
like(($node->psql('postgres', q{CALL wa_sync_costs(first_day => '-infinity', last_day => 'infinity')}))[2], qr/ERROR:  last_day must be one of the 366 days after first_day/, 'days without an end');
sql(q{INSERT INTO whatsapp_accounts (name) VALUES ('nowhere')});
like(($node->psql('postgres', q{SELECT wa_request_cost_sync('nowhere')}))[2], qr/ERROR:  the time zone of the account is not known/, 'an account whose days nobody knows');

# by itself, of accounts whose currency and time zone are known: not of the one whose id alone is
sql(q{UPDATE whatsapp_accounts SET business_account_id = '987654322' WHERE name = 'nowhere'; DELETE FROM whatsapp_meta_costs; DELETE FROM whatsapp_requests;
	ALTER SYSTEM SET whatsapp.sync_interval = '1d'; SELECT pg_reload_conf()});
sub restart_reader
{
	my $before = sql(q{SELECT started_at FROM whatsapp_stat_workers WHERE worker = 'reader'});
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'});
	# what it asks for at its start it has asked for before its first loop
	return wait_sql($node, qq{SELECT started_at > '$before' AND last_loop > started_at FROM whatsapp_stat_workers WHERE worker = 'reader'});
}
my $costs = q{SELECT string_agg(coalesce(account, '') || state, ', ') FROM whatsapp_requests WHERE kind = 'sync_costs'};
restart_reader();
ok(eval { wait_sql($node, $costs, 'done') }, 'costs are read by themselves') or diag sql('SELECT kind, account, state, error_message FROM whatsapp_requests');
is(sql(q{SELECT count(DISTINCT day) || ' ' || ((now() AT TIME ZONE 'Europe/Madrid')::date - max(day)) FROM whatsapp_meta_costs}), '30 1', 'of the last 30 days, until yesterday');
restart_reader();
is(sql($costs), 'done', 'and not again at the next start');
sql(q{UPDATE whatsapp_requests SET created_at = created_at - interval '25 hours' WHERE kind = 'sync_costs'});
restart_reader();
ok(eval { wait_sql($node, $costs, 'done, done') }, 'but a day later');

unlike(slurp_file($node->logfile), qr/ERROR:  (?!last_day must|the time zone of)|TRAP|WARNING: .*leak/, 'no error');
$node->stop('fast');
done_testing();
