# What Meta says about templates, numbers, accounts and people's preferences, and what follows from it.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('account');
my $url = webhook_url($node);
# Meta's time of what is told
my $begin = time - 10_000;
my $json = JSON::PP->new->canonical->utf8;
sub sql { return $node->safe_psql('postgres', $_[0]) }

# time: of the entry, in seconds after a fixed one
sub report
{
	my ($time, $field, $value, $account) = @_;
	my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => $account || '987654321', time => $begin + $time, changes => [ { field => $field, value => $value } ] } ] });
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0], 200, $field);
	wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
	return;
}
my %template = (message_template_id => 1234567890123456789, message_template_name => 'po_notification', message_template_language => 'es-ES');
sub template { my ($columns) = @_; return sql("SELECT concat_ws('|', $columns) FROM whatsapp_templates WHERE name = 'po_notification' AND account IS NULL") }
sub sender { my ($columns, $name) = @_; return sql("SELECT concat_ws('|', $columns) FROM whatsapp_senders WHERE name = '" . ($name || 'default') . "'") }

# templates
report(10, 'message_template_status_update', { %template, event => 'APPROVED', reason => undef, message_template_category => 'UTILITY' });
is(template('language, template_id, status, rejected_reason IS NULL, category'), 'es_ES|1234567890123456789|APPROVED|t|UTILITY', 'a template is known, by the language as the API writes it');
report(30, 'message_template_status_update', { %template, event => 'PAUSED', reason => 'NONE', other_info => { title => 'FIRST_PAUSE', description => 'd' } });
is(template('status, status_detail'), 'PAUSED|FIRST_PAUSE', 'paused');
my (undef, undef, $error) = $node->psql('postgres', q{SELECT wa_send_po('A', 'PO-1', '1', '+34612345678', language => 'es_ES')});
like($error, qr/template "po_notification" in language "es_ES" is not approved\nDETAIL:  Its status is "PAUSED"/, 'and refused when it is to be sent');
report(20, 'message_template_status_update', { %template, event => 'REJECTED', reason => 'SCAM' });
is(template('status'), 'PAUSED', 'an older status that comes late changes nothing');
report(40, 'message_template_status_update', { %template, event => 'REINSTATED' });
is(template('status'), 'APPROVED', 'reinstated is approved');
is(sql(q{SELECT wa_send_po('A', 'PO-2', '1', '+34612345678', language => 'es_ES') > 0}), 't', 'and sent again');
report(41, 'message_template_status_update', { %template, event => 'REJECTED', reason => 'TAG_CONTENT_MISMATCH' });
is(template('status, rejected_reason'), 'REJECTED|TAG_CONTENT_MISMATCH', 'rejected, and why');
# Meta's own sample has the wrong name on it
report(50, 'message_template_status_update', { %template, previous_quality_score => 'GREEN', new_quality_score => 'YELLOW' });
is(template('quality, status'), 'YELLOW|REJECTED', 'quality, under the name of another field');
report(51, 'message_template_quality_update', { %template, previous_quality_score => 'YELLOW', new_quality_score => 'RED' });
is(template('quality'), 'RED', 'quality, under its own');
report(60, 'message_template_components_update', { %template, message_template_element => 'Hola {{1}}', message_template_title => 'T', message_template_footer => 'F',
	message_template_buttons => [ { message_template_button_type => 'URL', message_template_button_text => 'Go', message_template_button_url => 'https://example.com' } ] });
is(template(q{components #>> '{0,type}', components #>> '{0,format}', components #>> '{1,text}', components #>> '{2,text}', components #>> '{3,buttons,0,url}'}), 'HEADER|TEXT|Hola {{1}}|F|https://example.com', 'components as the API has them');
report(70, 'template_category_update', { %template, new_category => 'UTILITY', correct_category => 'MARKETING', category_update_timestamp => $begin + 999 });
is(template('category, correct_category'), 'UTILITY|MARKETING', 'a category that will change');
report(71, 'template_category_update', { %template, previous_category => 'UTILITY', new_category => 'MARKETING' });
is(template('category, previous_category, correct_category IS NULL'), 'MARKETING|UTILITY|t', 'and one that has');

# each account has templates of its own, and a stranger's are none of ours
sql(q{INSERT INTO whatsapp_accounts (name, business_account_id) VALUES ('north', '555'); INSERT INTO whatsapp_senders (name, account, phone_number_id, display_number) VALUES ('north', 'north', '556', '+1 (555) 078-9999'), ('north2', 'north', '557', '+15550780000')});
report(80, 'message_template_status_update', { %template, event => 'DISABLED' }, '555');
report(80, 'message_template_status_update', { %template, event => 'DISABLED' }, '777');
is(sql(q{SELECT string_agg(coalesce(account, 'default') || ' ' || status, ', ' ORDER BY account NULLS FIRST) FROM whatsapp_templates}), 'default REJECTED, north DISABLED', 'templates by account');

# numbers
report(90, 'phone_number_quality_update', { display_phone_number => '15550783881', event => 'ONBOARDING', current_limit => 'TIER_1K' });
is(sender('display_number, messaging_limit, number_event'), '+15550783881|TIER_1K|ONBOARDING', 'the only number of the default account');
sql(q{ALTER SYSTEM SET whatsapp.messages_per_second = 80; SELECT pg_reload_conf()});
wait_for('the usual rate', sub { sql(q{SHOW whatsapp.messages_per_second}) eq '80' });
sql(q{UPDATE whatsapp_senders SET messages_per_second = 20 WHERE name = 'north2'});
wait_for('the reader to know the rate', sub {
	sql(q{UPDATE whatsapp_senders SET messages_per_second = NULL, number_event_at = NULL, throughput_level = NULL WHERE name = 'north'});
	report(91 + int(rand(1000)), 'phone_number_quality_update', { display_phone_number => '+1 555-078-9999', event => 'THROUGHPUT_UPGRADE', max_daily_conversations_per_business => 'TIER_UNLIMITED' }, '555');
	sender('messages_per_second', 'north') eq '1000';
});
is(sender('throughput_level, messaging_limit, messages_per_second', 'north'), 'HIGH|TIER_UNLIMITED|1000', 'more throughput raises the rate of the number that is meant');
report(92, 'phone_number_quality_update', { display_phone_number => '15550780000', event => 'THROUGHPUT_UPGRADE' }, '555');
is(sender('throughput_level, messages_per_second', 'north2'), 'HIGH|20', 'but not what somebody has set');
report(2000, 'phone_number_quality_update', { display_phone_number => '15550789999', event => 'FLAGGED' }, '555');
is(sender('quality, number_event', 'north'), 'RED|FLAGGED', 'flagged');
report(2001, 'phone_number_quality_update', { display_phone_number => '15550789999', event => 'UNFLAGGED' }, '555');
is(sender('quality IS NULL', 'north'), 't', 'and no more');
report(2002, 'phone_number_name_update', { display_phone_number => '15550789999', decision => 'APPROVED', requested_verified_name => 'North', rejection_reason => undef }, '555');
is(sender('display_name, name_status', 'north'), 'North|APPROVED', 'the display name');
report(2003, 'phone_number_name_update', { display_phone_number => '15550789999', decision => 'REJECTED', requested_verified_name => 'Best', rejection_reason => 'NAME_X' }, '555');
is(sender('display_name, name_status', 'north'), 'North|REJECTED', 'a rejected one changes no name');

# restrictions: senders of the account pause, until it ends or for ever
my $soon = time + 8;
report(3000, 'account_update', { event => 'ACCOUNT_RESTRICTION', restriction_info => [ { restriction_type => 'RESTRICTED_ADD_PHONE_NUMBER_ACTION', expiration => $soon + 1000 }, { restriction_type => 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration => $soon, remediation => 'Do this.' } ] });
is(sender('extract(epoch FROM paused_until)::bigint, paused_reason, paused_hint'), "$soon|the account is restricted: RESTRICTED_BIZ_INITIATED_MESSAGING|Do this.", 'a restriction pauses the senders of the account');
is(sender('paused_until IS NULL', 'north'), 't', 'and no others');
send_po($node, 1, phone => '+15552000015', prefix => 'held');
wait_turns($node);
my $meanwhile = sql(q{SELECT status FROM whatsapp_messages WHERE reference = 'held-1'});
ok($meanwhile eq 'PENDING' || time >= $soon, 'nothing leaves meanwhile');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'held-1'}, 'SENT');
ok(time >= $soon, 'when it ends, sending goes on');
wait_sql($node, q{SELECT paused_reason IS NULL FROM whatsapp_senders WHERE name = 'default'}, 't');
report(3001, 'account_update', { event => 'ACCOUNT_RESTRICTION', restriction_info => [ { restriction_type => 'RESTRICTED_CUSTOMER_INITIATED_MESSAGING', expiration => time - 10 } ] });
is(sender('paused_reason IS NULL'), 't', 'one that is over pauses nobody');
report(3002, 'account_update', { event => 'ACCOUNT_VIOLATION', violation_info => { violation_type => 'SCAM' } });
is(sender('paused_reason IS NULL'), 't', 'nor does a warning');
report(3003, 'account_update', { event => 'DISABLED_UPDATE', phone_number => '15550780000', ban_info => { waba_ban_state => 'DISABLE', waba_ban_date => 'April 17, 2030' } }, '555');
is(sql(q{SELECT string_agg(name, ' ') FROM whatsapp_senders WHERE paused_until > now() + interval '50 years'}), 'north2', 'a number that was stopped stays so');
report(3004, 'account_update', { event => 'ACCOUNT_DELETED' }, '555');
is(sql(q{SELECT string_agg(name, ' ' ORDER BY name) FROM whatsapp_senders WHERE paused_until > now() + interval '50 years'}), 'north north2', 'and all of an account that was deleted');
report(3005, 'account_update', { event => 'ACCOUNT_RECONNECTED' }, '555');
is(sender('paused_hint', 'north'), 'The account works again: call wa_resume() to go on.', 'it goes on by hand only');
is(sql(q{SELECT wa_resume('north')}), 't', 'by wa_resume()');

# people's preferences: about marketing, in any order
sub preference { my ($value, $time, %who) = @_; return { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => '123456789' }, contacts => [],
	user_preferences => [ { wa_id => '34600111222', user_id => 'ES.1', detail => 'User requested to stop', category => 'marketing_messages', value => $value, timestamp => $begin + $time, %who } ] } }
my $choices = q{SELECT string_agg(concat_ws(' ', contact, sender, scope, opted_out), ', ' ORDER BY contact) FROM whatsapp_opt_outs};
report(0, 'user_preferences', preference('stop', 10));
is(sql($choices), '34600111222 default marketing t, ES.1 default marketing t', 'stop');
report(0, 'user_preferences', preference('resume', 5));
is(sql($choices), '34600111222 default marketing t, ES.1 default marketing t', 'an older resume comes late');
report(0, 'user_preferences', preference('resume', 20, wa_id => undef));
is(sql($choices), '34600111222 default marketing f, ES.1 default marketing f', 'resume, without a phone, which is known by now');
report(0, 'user_preferences', preference('stop', 30, category => 'something_else'));
is(sql($choices), '34600111222 default marketing f, ES.1 default marketing f', 'another category is not ours to understand');

# the rest is kept as it is
my @raw = qw(account_review_update business_capability_update security account_alerts flows history smb_message_echoes standby calls a_field_of_the_future);
report(4000, $_, { event => 'X', some => 'thing' }) for @raw;
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE kind = 'account' AND raw #>> '{value,some}' = 'thing'}), scalar @raw, 'what is not understood is stored');
# shapes that are not the documented ones
report(5000, $_, [ 7 ]) for qw(account_update user_preferences);
for my $field (qw(message_template_status_update phone_number_quality_update account_update user_preferences))
{
	report(5001, $field, { event => {}, restriction_info => 7, message_template_name => [], display_phone_number => {}, user_preferences => [ 1, {}, [] ] });
}

$node->stop('fast');
done_testing();
