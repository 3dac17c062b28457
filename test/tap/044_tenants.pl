# Several accounts in one database: what a webhook says counts only for the accounts whose app secret signed it, by whichever way it came.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

# north and west have one app of their own, south has the default account's
my %secret = (default => 'secret-of-the-default', north => 'secret-of-the-north', west => 'secret-of-the-north', south => 'secret-of-the-default');
my %business = (default => '987654321', north => '555', west => '655', south => '755');
my %number = (default => '123456789', north => '556', west => '656', south => '756');
my $folder = PostgreSQL::Test::Utils::tempdir();
sub write_secret { my ($path, $value) = @_; append_to_file("$folder/$path", "$value\n"); chmod 0600, "$folder/$path" or die "chmod: $!"; return }
write_secret('app_secret', $secret{default});
for my $account (qw(north west))
{
	mkdir "$folder/$account";
	write_secret("$account/app_secret", $secret{$account});
}
# the number of west stands in its folder, as its token would
write_secret('west/phone_number_id', $number{west});

my $node = new_cluster('tenants', conf => "whatsapp.secret_dir = '$folder'\nwhatsapp.enabled = off\n");
my $url = webhook_url($node);
my $json = JSON::PP->new->canonical->utf8;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sql(qq{INSERT INTO whatsapp_accounts (name, business_account_id) VALUES ('north', '555'), ('west', '655'), ('south', '755');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('north', 'north', '556'), ('west', 'west', NULL), ('south', 'south', '756')});

sub post_to
{
	my ($way, $signer, $body) = @_;
	my $signature = 'sha256=' . hmac_sha256_hex($body, $secret{$signer});
	if ($way eq 'sql')
	{
		sql("SELECT wa_webhook_receive(convert_to(\$body\$$body\$body\$, 'UTF8'), '$signature')");
		wait_sql($node, 'SELECT count(*) FROM whatsapp_deliveries', '0');
	}
	else
	{
		is((curl('-X', 'POST', '--data-binary', $body, '-H', "X-Hub-Signature-256: $signature", "$url$way"))[0], 200, "$signer: delivered");
	}
	wait_sql($node, 'SELECT count(*) FROM whatsapp_event_queue', '0');
	return;
}
sub body_of
{
	my ($account, $field, $value, $time) = @_;
	return $json->encode({ object => 'whatsapp_business_account', entry => [ { id => $business{$account}, $time ? (time => $time) : (),
		changes => [ { field => $field, value => { metadata => { display_phone_number => '1', phone_number_id => $number{$account} }, %$value } } ] } ] });
}
sub status { my ($account, $wamid, %more) = @_; return body_of($account, 'messages', { statuses => [ { id => $wamid, status => 'read', timestamp => '1895336240', %more } ] }) }
my $serial = 0;
sub inbound { my ($account, $text, %more) = @_; $serial++; return body_of($account, 'messages', { messages => [ { id => "wamid.IN$serial", from => '34600111222', timestamp => '' . (time + $serial), type => 'text', text => { body => $text }, %more } ] }) }

sub make_message
{
	my ($wamid, $account) = @_;
	return sql("WITH m AS (INSERT INTO whatsapp_messages (sender, message_type, status, wamid, recipient_phone, attempts) VALUES ('$account', 'template', 'SENT', '$wamid', '+34600111222', 1) RETURNING id, wamid),"
		. " w AS (INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM m) SELECT id FROM m");
}
sub status_of { my ($wamid) = @_; return sql("SELECT status FROM whatsapp_messages WHERE wamid = '$wamid'") }
sub kinds_of { my ($wamid) = @_; return sql("SELECT coalesce(string_agg(kind || CASE WHEN message_id IS NULL THEN '' ELSE ' linked' END, ', ' ORDER BY id), '') FROM whatsapp_events AS e WHERE e.wamid = '$wamid' OR e.message_id IN (SELECT m.id FROM whatsapp_messages AS m WHERE m.wamid = '$wamid')") }

wait_for('the listener to know the accounts', sub { (curl('-X', 'POST', '--data-binary', '{}', '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex('{}', $secret{west}), "$url/west"))[0] == 200 });

# statuses: each account's secret about each account's message, by each way
for my $signer (sort keys %secret)
{
	for my $account (sort keys %secret)
	{
		for my $way ('', "/$signer", 'sql')
		{
			# an account without a secret of its own has no path of its own
			next if $way =~ /south|default/;
			my $wamid = join '-', $signer, $account, $way =~ /(\w+)/ ? $1 : 'root';
			make_message($wamid, $account);
			post_to($way, $signer, status($account, $wamid));
			my $same = $secret{$signer} eq $secret{$account};
			is(status_of($wamid) . ': ' . kinds_of($wamid), $same ? 'READ: status linked' : 'SENT: foreign', "$wamid: " . ($same ? 'counts' : 'does not count'));
		}
	}
}

# what somebody else has signed before does not keep the true one out
make_message('twice', 'default');
post_to('', 'north', status('default', 'twice'));
post_to('', 'default', status('default', 'twice')) for 1 .. 2;
is(status_of('twice') . ': ' . kinds_of('twice'), 'READ: foreign, status linked', 'a forged item does not keep the true one out, which counts once');

# nor by our own correlation: a message that is on the wire stays there
my $id = sql(q{SELECT wa_send_po('A', 'PO-1', '1', '+34600111222')});
sql(qq{UPDATE whatsapp_queue SET state = 'sending', attempts = 1 WHERE message_id = $id});
post_to('', 'north', status('default', 'overtaken', biz_opaque_callback_data => correlation($node, $id)));
is(sql(qq{SELECT status || ' ' || state FROM whatsapp_messages AS m JOIN whatsapp_queue ON message_id = m.id WHERE m.id = $id}), 'PENDING sending', 'our correlation, signed by another account, settles nothing');
post_to('', 'default', status('default', 'overtaken', biz_opaque_callback_data => correlation($node, $id)));
is(sql(qq{SELECT status || ' ' || (SELECT count(*) FROM whatsapp_queue WHERE message_id = $id) FROM whatsapp_messages WHERE id = $id}), 'READ 0', 'signed by its own, it does');

# one that is there before its message
post_to('', 'north', status('default', 'parked-north'));
post_to('', 'default', status('default', 'parked-default'));
make_message("parked-$_", 'default') for qw(north default);
wait_for('the one that is ours', sub { status_of('parked-default') eq 'READ' });
is(status_of('parked-north'), 'SENT', 'a status that waits for its message is still of the account that signed it');

# people: STOP, the 24 hours, and which message they answer
my $choices = q{SELECT coalesce(string_agg(concat_ws(' ', contact, sender, scope, opted_out), ', ' ORDER BY contact, sender, scope), '') FROM whatsapp_opt_outs};
post_to('', 'north', inbound('default', 'STOP'));
is(sql($choices), '', q{STOP to another account's number is not heeded});
is(sql('SELECT count(*) FROM whatsapp_inbound') . kinds_of("wamid.IN$serial"), '0foreign', 'nor is it a message that came in');
is(sql(q{SELECT wa_window_open('+34600111222')}), 'f', 'nor does it open a window');
post_to('', 'north', body_of('default', 'user_preferences', { user_preferences => [ { wa_id => '34600111222', user_id => 'ES.1', category => 'marketing_messages', value => 'stop', timestamp => 1895336000 } ] }));
is(sql($choices), '', 'nor is a preference');
# a number of its own in an entry of another account's, and the other way round
my $mixed = inbound('north', 'STOP');
$mixed =~ s/"id":"555"/"id":"987654321"/;
post_to('', 'north', $mixed);
is(sql($choices), '', q{nor an entry of another account's});
post_to('', 'north', inbound('north', 'STOP'));
is(sql($choices), '34600111222 north all t', 'STOP to its own number is');
post_to('', 'north', inbound('west', 'STOP'));
is(sql($choices), '34600111222 north all t, 34600111222 west all t', 'and to one that shares its app, whose number stands in its folder');
post_to('', 'north', inbound('north', 'Yes', context => { id => 'twice' }));
is(sql(qq{SELECT message_id IS NULL FROM whatsapp_inbound WHERE wamid = 'wamid.IN$serial'}), 't', q{an answer to north is none to another account's message});
post_to('', 'default', inbound('default', 'Yes', context => { id => 'twice' }));
is(sql(qq{SELECT m.wamid FROM whatsapp_inbound AS i JOIN whatsapp_messages AS m ON m.id = i.message_id WHERE i.wamid = 'wamid.IN$serial'}), 'twice', 'but one to its own is');

# templates, numbers, the account
my %template = (message_template_id => 1, message_template_name => 'po_notification', message_template_language => 'es', event => 'REJECTED', reason => 'SCAM');
my $templates = q{SELECT coalesce(string_agg(coalesce(account, 'default') || ' ' || status, ', ' ORDER BY account NULLS FIRST), '') FROM whatsapp_templates};
my $paused = q{SELECT coalesce(string_agg(name, ' ' ORDER BY name), '') FROM whatsapp_senders WHERE paused_until IS NOT NULL};
for my $signer (qw(north default))
{
	for my $account (qw(default north south))
	{
		next if $secret{$signer} eq $secret{$account};
		post_to('', $signer, body_of($account, 'message_template_status_update', \%template, 1895336000));
		post_to('', $signer, body_of($account, 'account_update', { event => 'ACCOUNT_DELETED' }, 1895336000));
		post_to('', $signer, body_of($account, 'phone_number_quality_update', { display_phone_number => '1', event => 'FLAGGED' }, 1895336000));
	}
}
is(sql($templates) . '|' . sql($paused) . '|' . sql(q{SELECT count(*) FROM whatsapp_senders WHERE quality IS NOT NULL}), '||0', q{no template, no pause and no quality by another account's secret});
post_to('', $_, body_of($_, 'message_template_status_update', \%template, 1895336000)) for qw(north default south);
is(sql($templates), 'default REJECTED, north REJECTED, south REJECTED', 'templates by their own');
post_to('', 'west', body_of('north', 'account_update', { event => 'ACCOUNT_DELETED' }, 1895336000));
is(sql($paused), 'north', 'and a pause');

# an account that comes to have a secret of its own is another one from then on
mkdir "$folder/south";
write_secret('south/app_secret', 'secret-of-the-south');
$secret{south} = 'secret-of-the-south';
wait_for('the new secret', sub { (curl('-X', 'POST', '--data-binary', '{}', '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex('{}', $secret{south}), $url))[0] == 200 });
make_message($_, 'south') for 'south-by-default', 'south-by-south';
post_to('', 'default', status('south', 'south-by-default'));
post_to('', 'south', status('south', 'south-by-south'));
is(status_of('south-by-default') . ' ' . status_of('south-by-south'), 'SENT READ', 'an account that comes to have a secret of its own is apart from then on');

# it can be seen
wait_for('the log', sub { slurp_file($node->logfile) =~ /items of WhatsApp webhooks were about another account than the one that signed them: \d+\n.*DETAIL:  The first names business account "\d+" and phone number "\d+"; its app secret is that of [^\n]*(?:north|all accounts but)/ });
unlike(slurp_file($node->logfile), qr/secret-of-/, 'the log has no secret');

$node->stop('fast');
done_testing();
