# Templates that Meta has made marketing: held where that is wanted, and by the endpoint for marketing messages where the account has it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('marketing', conf => "whatsapp.on_recategorised = hold\n");
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
books_agree($node, 'marketing');
tables_intact($node, 'sender killed');
$node->stop;
done_testing();
