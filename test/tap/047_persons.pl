# A person is one, under a phone number and under a user id, and after a change of either: whoever has said STOP gets nothing.
use strict;
use warnings;
use utf8;

use Digest::SHA qw(hmac_sha256_hex);
use Encode qw(encode_utf8);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('persons', conf => "whatsapp.enabled = off\n");
my $url = webhook_url($node);
my $json = JSON::PP->new->canonical->utf8;
my $now = time;
my $serial = 0;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub deliver
{
	my ($field, $value, $number) = @_;
	my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', time => $now, changes => [ { field => $field,
		value => { metadata => { display_phone_number => '1', phone_number_id => $number || '123456789' }, %$value } } ] } ] });
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret'), $url))[0], 200, 'delivered');
	wait_sql($node, 'SELECT count(*) FROM whatsapp_event_queue', '0');
	return;
}
sub receive { my ($who, $message, $number) = @_; $serial++; return deliver('messages', { messages => [ { id => "wamid.IN$serial", timestamp => '' . ($now + $serial), %$who, %$message } ] }, $number) }
sub text { my ($text) = @_; return { type => 'text', text => { body => $text } } }
sub is_refused { my ($phone) = @_; my (undef, undef, $error) = $node->psql('postgres', "SELECT wa_send_po('A', 'PO', 1, '$phone')"); return $error =~ /recipient has opted out/ ? 1 : 0 }
sub is_open { my ($contact) = @_; return sql("SELECT wa_window_open('$contact')") }
sub forget { sql('DELETE FROM whatsapp_opt_outs; DELETE FROM whatsapp_windows; DELETE FROM whatsapp_user_ids'); return }

# a phone and a user id that came together are one person, in either order
receive({ from => '34600111222', from_user_id => 'ES.1' }, text('hola'));
receive({ from_user_id => 'ES.1' }, text('STOP'));
is(is_refused('+34600111222'), 1, 'STOP by the user id alone, of a person whose phone is known');
receive({ from => '34600111222' }, text('START'));
is(is_refused('+34600111222'), 0, 'START by the phone alone');
receive({ from_user_id => 'ES.2' }, text('STOP'));
is(is_refused('+34600111333'), 0, 'STOP by a user id whose phone is not known yet');
receive({ from => '34600111333', from_user_id => 'ES.2' }, text('hola'));
is(is_refused('+34600111333'), 1, 'counts when it becomes known');
is(is_open('+34600111333') . is_open('ES.2'), 'tt', 'a window is open under both');
receive({ from_user_id => 'ES.3' }, text('hola'));
is(is_open('+34600111444'), 'f', 'a window of a user id whose phone is not known');
receive({ from => '34600111444', from_user_id => 'ES.3' }, { type => 'revoke', revoke => { original_message_id => 'x' } });
is(is_open('+34600111444'), 't', 'is one of the phone when it becomes known');
is(sql(q{SELECT wa_opt_out('ES.3')}), 't', 'wa_opt_out() of a user id');
is(is_refused('+34600111444'), 1, 'is one of the phone');
is(sql(q{SELECT wa_opt_in('ES.3')}), 't', 'and wa_opt_in()');
is(is_refused('+34600111444'), 0, 'too');
forget();

# the same by a status: the phone is that of the message
for my $case ([ 'ES.10', '34600222111', '+34600222111' ], [ 'ES.11', undef, '+34600222222' ], [ 'ES.12', '525512345678', '+5215512345678' ])
{
	my ($user_id, $recipient, $phone) = @$case;
	sql("WITH m AS (INSERT INTO whatsapp_messages (sender, message_type, status, wamid, recipient_phone, attempts) VALUES ('default', 'template', 'SENT', '$user_id', '$phone', 1) RETURNING id, wamid)"
		. " INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM m");
	for my $word (qw(sent delivered))
	{
		deliver('messages', { statuses => [ { id => $user_id, status => $word, timestamp => '1895336240', recipient_user_id => $user_id, defined $recipient ? (recipient_id => $recipient) : () } ] });
	}
	receive({ from_user_id => $user_id }, text('STOP'));
	is(is_refused($phone), 1, "STOP by a user id that a status has told: $phone");
}
# before its message was known
deliver('messages', { statuses => [ { id => 'ES.13', status => 'delivered', timestamp => '1895336240', recipient_user_id => 'ES.13' } ] });
sql(q{WITH m AS (INSERT INTO whatsapp_messages (sender, message_type, status, wamid, recipient_phone, attempts) VALUES ('default', 'template', 'SENT', 'ES.13', '+34600222444', 1) RETURNING id, wamid)
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM m});
wait_sql($node, q{SELECT count(*) FROM whatsapp_user_ids WHERE user_id = 'ES.13'}, '1');
receive({ from_user_id => 'ES.13' }, text('STOP'));
is(is_refused('+34600222444'), 1, 'also by a status that came before its message was known');
forget();

# another number, another user id, or both: choices and windows follow
receive({ from => '34600333111', from_user_id => 'ES.20' }, text('STOP'));
receive({ from => '34600333111' }, { type => 'system', system => { type => 'user_changed_number', body => 'changed', wa_id => '34600333222', user_id => 'ES.21', previous_user_id => 'ES.20' } });
is(is_refused('+34600333222'), 1, 'STOP, then another number');
is(is_open('+34600333222') . is_open('ES.21'), 'tt', 'its window is open still');
receive({ from_user_id => 'ES.21' }, text('START'));
is(is_refused('+34600333222'), 0, 'START by the new user id');
receive({ from_user_id => 'ES.20' }, text('STOP'));
is(is_refused('+34600333222'), 1, 'and STOP by the old one, which comes late');
receive({ from => '34600333333' }, text('STOP'));
receive({ from => '34600333333' }, { type => 'system', system => { type => 'user_changed_number', new_wa_id => '34600333444' } });
is(is_refused('+34600333444'), 1, 'without user ids, in the older form');
receive({ from_user_id => 'ES.30' }, text('STOP'));
receive({}, { type => 'system', system => { type => 'user_changed_user_id', user_id => 'ES.31', previous_user_id => 'ES.30' } });
receive({ from => '34600333555', from_user_id => 'ES.31' }, text('hola'));
is(is_refused('+34600333555'), 1, 'another user id, then its phone');
sql(q{SELECT wa_opt_out('+34600333666')});
receive({ from => '34600333666' }, { type => 'system', system => { type => 'user_changed_number', wa_id => '34600333777' } });
is(is_refused('+34600333777'), 1, 'what the application was told follows, too');
receive({ from => '34600333888' }, { type => 'system', system => { type => 'user_changed_number', wa_id => '34600333999' } });
is(is_refused('+34600333999') . is_open('+34600333999'), '0f', 'where there was nothing, nothing follows');
forget();

# words: letters and digits count
for my $stop ("STOP\x{a0}", "\x{201c}STOP\x{201d}", "\x{200b}Stop", "BAJA \x{1f64f}", "\x{a1}BAJA!", "\x{ff33}\x{ff34}\x{ff2f}\x{ff30}", "Dar de b\x{e1}ja", "dar de ba\x{301}ja", 'STOPALL', 'stop all', 'Quit', "Arr\x{ea}t", 'ARRET', 'S.T.O.P.',
	'Me désabonner', 'Stopp!', 'abmelden', 'SAIR', 'Não') 
{
	my $phone = '34600444' . sprintf('%03d', ++$serial);
	receive({ from => $phone }, text($stop));
	is(is_refused("+$phone"), $stop eq 'Não' ? 0 : 1, encode_utf8("'$stop'"));
}
for my $no_word ('Please stop sending', 'stop it', 'cancel', 'PO 17', "\x{1f64f}", '1', 'Stopover')
{
	my $phone = '34600444' . sprintf('%03d', ++$serial);
	receive({ from => $phone }, text($no_word));
	is(is_refused("+$phone"), 0, encode_utf8("'$no_word' is no such word"));
}
receive({ from => '34600555111' }, { type => 'button', button => { payload => 'Stop promotions', text => 'Stop promotions' } });
is(sql(q{SELECT string_agg(scope || ' ' || opted_out, ', ') FROM whatsapp_opt_outs WHERE contact = '34600555111'}), 'marketing true', q{the button "Stop promotions" ends marketing});
is(is_refused('+34600555111'), 0, 'and nothing else');
sql(q{INSERT INTO whatsapp_opt_out_keywords (keyword, action) VALUES ('ARRÊT', 'none'), ('NO, GRACIAS', 'stop')});
receive({ from => '34600555222' }, text('arret'));
receive({ from => '34600555333' }, text('¡No gracias!'));
is(is_refused('+34600555222') . is_refused('+34600555333'), '01', 'a word of yours is compared in the same way, and goes before the built-in one');
forget();

# a number that is not ours: it says nothing about our senders, and is kept
receive({ from => '34600666111', from_user_id => 'ES.60' }, text('STOP'), '999');
is(is_refused('+34600666111') . is_open('+34600666111'), '0f', 'STOP to a number that is none of ours');
is(sql(q{SELECT count(*) FROM whatsapp_opt_outs}) . sql(q{SELECT text || (sender IS NULL) FROM whatsapp_inbound WHERE from_phone = '+34600666111'}), '0STOPtrue', 'is nothing but a message that came in');

# a clock that is ahead: what is told later counts all the same, and no window stays open for it
my $ahead = $now + 10 * 365 * 24 * 3600;
receive({ from => '34600888111', timestamp => "$ahead" }, text('START'));
cmp_ok(sql(q{SELECT count(*) FROM whatsapp_windows WHERE contact = '34600888111' AND last_inbound_at < now() + interval '2 minutes'}), '==', 1, 'a message from the future opens a window for a day');
receive({ from => '34600888111', timestamp => '' . time }, text('STOP'));
is(is_refused('+34600888111'), 1, 'STOP after a START from the future');
deliver('user_preferences', { user_preferences => [ { category => 'marketing_messages', value => 'resume', timestamp => $ahead, detail => 'd', wa_id => '34600888222' } ] });
deliver('user_preferences', { user_preferences => [ { category => 'marketing_messages', value => 'stop', timestamp => time, detail => 'd', wa_id => '34600888222' } ] });
is(sql(q{SELECT string_agg(scope || ' ' || opted_out, ', ') FROM whatsapp_opt_outs WHERE contact = '34600888222'}), 'marketing true', 'and stop after a resume from the future');
forget();

# one user id with very many numbers, or one number with very many user ids, is no person: the cost of a delivery is not the square of it
my $many = 60;
for my $shape ([ 'numbers', sub { (from => '346009' . sprintf('%05d', $_[0]), from_user_id => 'ES.MANY') } ], [ 'user ids', sub { (from => '34600990000', from_user_id => "ES.MANY$_[0]") } ])
{
	deliver('messages', { messages => [ map { { id => "wamid.MANY$shape->[0]$_", timestamp => '' . ($now + $_), $shape->[1]->($_), %{ text('hola') } } } 1 .. $many ] });
	is(sql('SELECT count(*) FROM whatsapp_user_ids'), '20', "many $shape->[0]: as many links as a person may have");
	is(sql('SELECT count(*) FROM whatsapp_windows') >= $many ? 'all' : 'some', 'all', 'the window of each is open');
	forget();
}
sql("WITH m AS (INSERT INTO whatsapp_messages (sender, message_type, status, wamid, recipient_phone, attempts)"
	. " SELECT 'default', 'template', 'SENT', 'MANY.' || n, '+3460099' || lpad(n::text, 4, '0'), 1 FROM generate_series(1, $many) AS n RETURNING id, wamid) INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM m");
deliver('messages', { statuses => [ map { { id => "MANY.$_", status => 'delivered', timestamp => "$now", recipient_user_id => 'ES.MANY' } } 1 .. $many ] });
is(sql('SELECT count(*) FROM whatsapp_user_ids'), '20', 'also by statuses');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE wamid LIKE 'MANY.%' AND status = 'DELIVERED'}), $many, 'which count');
forget();

# preferences
sub prefer { my ($value, $at, %who) = @_; return deliver('user_preferences', { user_preferences => [ { category => 'marketing_messages', value => $value, timestamp => $now + $at, detail => 'd', %who } ] }) }
my $marketing = q{SELECT string_agg(concat_ws(' ', contact, scope, opted_out), ', ' ORDER BY contact) FROM whatsapp_opt_outs};
prefer('stop', 1, wa_id => '34600777111', user_id => 'ES.70');
is(sql($marketing), '34600777111 marketing t, ES.70 marketing t', 'stop');
prefer('signup', 2, user_id => 'ES.70');
is(sql($marketing), '34600777111 marketing f, ES.70 marketing f', 'signup after stop, of one person');
prefer('pause', 3, user_id => 'ES.70');
is(sql($marketing), '34600777111 marketing f, ES.70 marketing f', 'a word that is new says nothing');

$node->stop('fast');
done_testing();
