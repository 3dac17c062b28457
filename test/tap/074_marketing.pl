# Templates that Meta has made marketing: held where that is wanted, and by the endpoint for marketing messages where the account has it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use JSON::PP;
use Test::More;

my $node = new_cluster('marketing', conf => "whatsapp.on_recategorised = hold\nwhatsapp.account_currency = 'USD'\nwhatsapp.account_time_zone = 'Europe/Madrid'\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub status_of { my ($id) = @_; return sql("SELECT status FROM whatsapp_messages WHERE id = $id") }
sub set_config { my ($set) = @_; sql("ALTER SYSTEM SET $set"); sql('SELECT pg_reload_conf()'); wait_sql($node, 'SHOW ' . ($set =~ /^(\S+)/)[0], ($set =~ /= (\w+)/)[0]); wait_turns($node); return }
sub template
{
	my ($name, $category) = @_;
	sandbox_post($sandbox, 'templates', { name => $name, language => 'es', category => $category, status => 'APPROVED',
		components => [ { type => 'BODY', text => 'Hola {{1}}, su pedido ya viene.', example => { body_text => [ ['Ana'] ] } } ] });
	return;
}

template('order_ready', 'UTILITY');
template('order_sent', 'UTILITY');
template('offer', 'MARKETING');
sql('CALL wa_sync_templates()');
my $n = 0;
sub enqueue { my ($template, %more) = @_; my $phone = sprintf '+346%08d', ++$n; return sql("SELECT wa_send_template('$phone', '$template', ARRAY['Ana']" . join('', map { ", $_ => $more{$_}" } sort keys %more) . ')') }
my $before = enqueue('order_ready');
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $before", 'READ');

# Meta sweeps: a template of ours becomes marketing
template('order_ready', 'MARKETING');
sql('CALL wa_sync_templates()');
is(sql(q{SELECT concat_ws('|', name, language, wanted, category, held) FROM whatsapp_recategorised_templates}), 'order_ready|es|UTILITY|MARKETING|0', 'a template that has become marketing is shown');
my $held = enqueue('order_ready');
my $urgent = enqueue('order_ready', priority => q{'urgent'});
my $other = enqueue('order_sent');
my $offer = enqueue('offer');
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $_", 'READ') for $other, $offer;
wait_sql($node, q{SELECT held FROM whatsapp_recategorised_templates}, '2');
is(status_of($held) . ' ' . status_of($urgent), 'PENDING PENDING', 'its messages wait, urgent ones, too; others and what was always marketing do not');
is(sql(q{SELECT string_agg(DISTINCT concat_ws('|', held_by, state, attempts), ', ') FROM whatsapp_queue}), 'category of template order_ready|ready|0', 'the queue says what holds them');
like(sql(qq{SELECT detail FROM wa_diagnose($held) WHERE event LIKE 'now:%'}), qr/^Meta has made its template order_ready marketing, .*wa_accept_category\(\) lets it go/, 'the message, too');
is(sql(q{SELECT seen ~ '^order_ready in es was UTILITY, and is MARKETING since .*; messages that wait: 2\.$' FROM wa_diagnose() WHERE problem = 'Meta has made a template marketing'}), 't', 'and wa_diagnose()');

# what the sender forgets when it dies, it finds again
my $killed = sender_pid($node);
kill 'KILL', $killed;
wait_restart($node, $killed);
my $later = enqueue('order_ready');
wait_sql($node, q{SELECT held FROM whatsapp_recategorised_templates}, '3');
is(sql(q{SELECT wa_accept_category('order_sent')}), '1', 'another template is agreed to');
is(status_of($later), 'PENDING', 'which changes nothing here');
is(sql(q{SELECT wa_accept_category('order_ready', 'es')}), '1', 'this one is agreed to');
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE id IN ($held, $urgent, $later) AND status = 'READ'", '3');
is(sql(q{SELECT wa_accept_category('order_ready')}), '0', 'once');
is(sql(q{SELECT count(*) FROM whatsapp_recategorised_templates}), '0', 'nothing is left to agree to');
is(sql(qq{SELECT max(attempts) FROM whatsapp_messages WHERE id IN ($held, $urgent, $later)}), '1', 'to be held is no attempt');

# one that has money reserved, since it was tried before, and is held then: it keeps its reservation
template('parcel', 'UTILITY');
sql('CALL wa_sync_templates()');
sql(q{SELECT wa_budget_set('parcels', 5, template => 'parcel')});
sandbox_post($sandbox, 'faults', { times => 1, cut => 'reset', accept => JSON::PP::false });
$held = enqueue('parcel');
wait_sql($node, "SELECT state FROM whatsapp_queue WHERE message_id = $held", 'unknown');
template('parcel', 'MARKETING');
sql('CALL wa_sync_templates()');
sql(q{ALTER SYSTEM SET whatsapp.unknown_grace = '1s'});
set_config('whatsapp.unknown_policy = retry');
wait_sql($node, q{SELECT held FROM whatsapp_recategorised_templates WHERE name = 'parcel'}, '1');
sql(q{SELECT wa_accept_category('parcel')});
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $held", 'READ');
is(sql(q{SELECT string_agg(concat_ws(' ', state, category, trim_scale(charged)), ', ') FROM whatsapp_charges}), 'settled utility 0.0707', 'held after an attempt: one reservation for all');
is(sql(lost_money()), '', 'and the ledger says the same');
sql(q{SELECT wa_budget_remove('parcels')});
sql('ALTER SYSTEM RESET whatsapp.unknown_grace');
set_config('whatsapp.unknown_policy = auto');

# a definition of ours says what was wanted
sql(q{SELECT wa_template_define('{"name": "order_sent", "language": "es", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hola {{1}}, su pedido ya viene.", "example": {"body_text": [["Ana"]]}}]}')});
template('order_sent', 'MARKETING');
sql('CALL wa_sync_templates()');
$held = enqueue('order_sent');
wait_sql($node, q{SELECT held FROM whatsapp_recategorised_templates WHERE name = 'order_sent'}, '1');
sql(q{UPDATE whatsapp_template_definitions SET definition = definition || '{"category": "MARKETING"}'});
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $held", 'READ');
sql(q{UPDATE whatsapp_template_definitions SET definition = definition || '{"category": "UTILITY"}'});
$held = enqueue('order_sent');
wait_sql($node, q{SELECT held FROM whatsapp_recategorised_templates WHERE name = 'order_sent'}, '1');
set_config('whatsapp.on_recategorised = send');
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $held", 'READ');
pass('and where nobody wants to wait, they do not');

# The endpoint for marketing messages: where the account has it, for these alone
sub category_of { my ($id) = @_; wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $id", 'READ'); return sql("SELECT pricing_category FROM whatsapp_messages WHERE id = $id") }
sandbox_set($sandbox, marketing_endpoint => 'only');
my $refused = enqueue('offer');
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $refused", 'FAILED');
is(sql("SELECT error_code FROM whatsapp_messages WHERE id = $refused"), '131063', 'an account that sends marketing by that endpoint alone');
like(sql("SELECT hint FROM whatsapp_messages WHERE id = $refused"), qr/whatsapp\.marketing_endpoint/, 'and what to do about it');
set_config('whatsapp.marketing_endpoint = marketing_messages');
is(sql("SELECT wa_retry($refused)"), 't', 'with the setting');
is(category_of($refused), 'marketing_lite', 'it goes there');
template('receipt', 'UTILITY');
sql('CALL wa_sync_templates()');
is(category_of(enqueue('receipt')), 'utility', 'others go where they always went');
sql(q{INSERT INTO whatsapp_accounts (name, business_account_id, marketing_endpoint) VALUES ('other', '987654322', 'messages')});
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE status NOT IN ('READ')}), '0', 'all of them are sent');

# What it has cost Meta tells of messages with a maximum price alone. Where it does, that goes before what a rate card, or a bid that nobody knows, would say:
# on the message, in its budget, of its campaign, and by day and template.
sandbox_set($sandbox, pricing => 'max_price');
sql(q{BEGIN; SELECT wa_budget_set('offers', 5, campaign => campaign)
	FROM wa_send_bulk(ARRAY(SELECT '+3470000000' || i FROM generate_series(0, 9) AS i), 'offer', ARRAY['Ana'], 'es', name => 'offers'); COMMIT});
wait_sql($node, q{SELECT state || ' ' || read FROM whatsapp_campaigns WHERE name = 'offers'}, 'finished 10');
my $of_campaign = q{FROM whatsapp_messages WHERE campaign_id IS NOT NULL};
is(sql("SELECT sum(pricing_cost) || ' ' || string_agg(DISTINCT pricing_currency || ' ' || pricing_category, ', ') $of_campaign"), '0.34500000 USD marketing_lite', 'what Meta says that it has cost');
my $spent = q{SELECT concat_ws(' ', s ->> 'currency', s ->> 'delivered', s ->> 'free', trim_scale((s ->> 'cost')::numeric), s ->> 'estimated', s ->> 'unpriced')
	FROM whatsapp_campaigns, jsonb_array_elements(spent) AS s WHERE name = 'offers'};
is(sql($spent), 'USD 10 0 0.345 0 0', 'is what the campaign has spent');
my $charged = q{SELECT trim_scale(spent) || ' ' || trim_scale(reserved) FROM whatsapp_budgets};
is(sql($charged), '0.345 0', 'what its budget has settled');
is(sql(q{SELECT string_agg(concat_ws(' ', category, units, trim_scale(cost), estimated, reason), ', ' ORDER BY category, units) FROM whatsapp_costs WHERE template_name = 'offer'}),
	'marketing 1 0.0707 f, marketing_lite 1 bid, marketing_lite 10 0.345 f', 'and what the costs say of it; of another one only Meta knows');
like(sql("SELECT string_agg(event || ': ' || detail, '; ') FROM wa_diagnose((SELECT max(id) $of_campaign))"), qr/; price: 0\.03\d? USD as Meta told/, 'one of them says it, too');
is(sql(q{SELECT count(*) FROM whatsapp_events AS e JOIN whatsapp_messages AS m ON m.id = e.message_id WHERE m.campaign_id IS NOT NULL AND e.raw IS NOT NULL AND e.status <> 'sent'}), '0',
	'and no event keeps it once more');
ok(eval { wait_sql($node, q{SELECT (SELECT sum(cost) FROM whatsapp_months) = (SELECT sum(cost) FROM whatsapp_costs)}) }, 'the months have it without a look at the messages') or diag sql('SELECT * FROM whatsapp_months');
# somebody corrects one by hand
sql("UPDATE whatsapp_messages SET pricing_cost = pricing_cost + 1 WHERE id = (SELECT max(id) $of_campaign)");
is(sql($spent) . '; ' . sql($charged), 'USD 10 0 1.345 0 0; 1.345 0', 'what is told anew is counted anew');
wait_sql($node, q{SELECT count(*) = count(DISTINCT (day, market, reason, category, pricing_type, told_currency)) FROM whatsapp_campaign_units});
is(sql($spent), 'USD 10 0 1.345 0 0', 'and the same when the sums are folded');
is(sql(lost_money()), '', 'no money is lost');
# in another currency than the account's: nothing is converted, and what was reserved stands
sql("UPDATE whatsapp_messages SET pricing_currency = 'EUR' WHERE id = (SELECT min(id) $of_campaign)");
is(sql("SELECT string_agg(line, ', ') FROM ($spent ORDER BY 1) AS s (line)"), 'EUR 1 0 0.03 0 0, USD 9 0 1.315 0 0', 'of another currency it is shown apart');
is(sql("SELECT trim_scale(charged) FROM whatsapp_charges WHERE message_id = (SELECT min(id) $of_campaign)"), '0.0707', 'and a budget goes on with the rate card');
books_agree($node, 'marketing');
tables_intact($node, 'sender killed');
sql('DELETE FROM whatsapp_messages WHERE campaign_id IS NOT NULL');
is(sql("SELECT string_agg(line, ', ') FROM ($spent ORDER BY 1) AS s (line)"), 'EUR 1 0 0.03 0 0, USD 9 0 1.315 0 0', 'it stays when the messages are gone');
$node->stop;
done_testing();
