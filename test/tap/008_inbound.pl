# Inbound messages: every type in its columns, once, whatever users' triggers do; the 24 hours, and the words that opt out.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('inbound', conf => "whatsapp.trigger_timeout = '300ms'\n");
my $url = webhook_url($node);
my $json = JSON::PP->new->canonical->utf8;
my $serial = 0;

sub deliver
{
	my ($body) = @_;
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0], 200, 'delivered');
	return;
}
# Each message comes from Ana unless it says otherwise; its wamid says its number.
sub body_of
{
	my ($number_id, @messages) = @_;
	for my $message (@messages)
	{
		%$message = (from => '34600111222', from_user_id => 'ES.1349', id => 'wamid.IN' . ++$serial, timestamp => '' . time, %$message);
	}
	return $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
		value => { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => $number_id },
			contacts => [ { profile => { name => 'Ana', username => '@ana' }, wa_id => '34600111222', user_id => 'ES.1349' } ], messages => \@messages } } ] } ] });
}
sub receive { my (@messages) = @_; deliver(body_of('123456789', @messages)); return }
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub row { my ($columns, $wamid) = @_; my $number = $wamid || "wamid.IN$serial"; wait_sql($node, "SELECT count(*) FROM whatsapp_inbound WHERE wamid = '$number'", '1'); return sql("SELECT concat_ws('|', $columns) FROM whatsapp_inbound WHERE wamid = '$number'") }

# every type of the documentation: what is sent, the columns that are looked at, and what they hold
my %media = (id => 'M1', mime_type => 'image/jpeg', sha256 => 'aGFzaA==');
my @types = (
	[ { type => 'text', text => { body => "ma\x{f1}ana" } }, 'text, from_phone, user_id, contact, profile_name, username, sender, account_id, phone_number_id', "ma\x{f1}ana|+34600111222|ES.1349|34600111222|Ana|\@ana|default|987654321|123456789" ],
	[ { type => 'image', image => { %media, caption => 'look' } }, 'media_id, mime_type, sha256, caption', 'M1|image/jpeg|aGFzaA==|look' ],
	[ { type => 'video', video => { %media, mime_type => 'video/mp4' } }, 'media_id, mime_type', 'M1|video/mp4' ],
	[ { type => 'audio', audio => { %media, mime_type => 'audio/ogg; codecs=opus', voice => JSON::PP::true } }, 'mime_type, voice', 'audio/ogg; codecs=opus|t' ],
	[ { type => 'document', document => { %media, filename => 'po.pdf', caption => 'c' } }, 'filename, caption', 'po.pdf|c' ],
	[ { type => 'sticker', sticker => { %media, animated => JSON::PP::false } }, 'media_id', 'M1' ],
	[ { type => 'location', location => { latitude => 40.25, longitude => -3.5, name => 'Casa', address => 'Calle 1' } }, 'latitude, longitude, place_name, place_address', '40.25|-3.5|Casa|Calle 1' ],
	[ { type => 'location', location => { latitude => 400, longitude => 'x' } }, q{latitude IS NULL, longitude IS NULL}, 't|t' ],
	[ { type => 'contacts', contacts => [ { name => { formatted_name => 'Luis' }, phones => [ { phone => '+34611', type => 'CELL' } ] } ], origin => 'contact_request' }, q{contacts #>> '{0,name,formatted_name}', raw ->> 'origin'}, 'Luis|contact_request' ],
	[ { type => 'reaction', reaction => { message_id => 'wamid.OURS', emoji => "\x{1f44d}" } }, 'emoji, target_wamid', "\x{1f44d}|wamid.OURS" ],
	[ { type => 'reaction', reaction => { message_id => 'wamid.OURS' } }, 'target_wamid, emoji IS NULL', 'wamid.OURS|t' ],
	[ { type => 'interactive', interactive => { type => 'button_reply', button_reply => { id => 'yes', title => 'Yes' } } }, 'reply_kind, reply_id, text', 'button_reply|yes|Yes' ],
	[ { type => 'interactive', interactive => { type => 'list_reply', list_reply => { id => 'r1', title => 'Row', description => 'd' } } }, 'reply_kind, reply_id, text, reply_description', 'list_reply|r1|Row|d' ],
	[ { type => 'interactive', interactive => { type => 'nfm_reply', nfm_reply => { name => 'flow', body => 'Sent', response_json => '{"a":1}' } } }, 'reply_kind, reply_id, text, reply_data', 'nfm_reply|flow|Sent|{"a":1}' ],
	[ { type => 'interactive', interactive => { type => 'call_permission_reply', call_permission_reply => { response => 'accept' } } }, 'reply_kind, reply_id', 'call_permission_reply|accept' ],
	[ { type => 'interactive', interactive => { type => 'something_new', something_new => {} } }, 'reply_kind', 'something_new' ],
	[ { type => 'button', button => { payload => 'P', text => 'T' }, context => { from => '15550783881', id => 'wamid.OURS' } }, 'reply_kind, reply_id, text, context_wamid, context_from', 'button|P|T|wamid.OURS|15550783881' ],
	[ { type => 'text', text => { body => 'f' }, context => { forwarded => JSON::PP::true } }, 'forwarded', 't' ],
	[ { type => 'text', text => { body => 'f' }, context => { frequently_forwarded => JSON::PP::true } }, 'forwarded', 't' ],
	[ { type => 'text', text => { body => 'ad' }, referral => { source_type => 'ad', ctwa_clid => 'C' } }, q{referral ->> 'ctwa_clid'}, 'C' ],
	[ { type => 'order', order => { catalog_id => 'K', text => 'please', product_items => [ { product_retailer_id => 'p', quantity => 2, item_price => 1.5, currency => 'EUR' } ] } }, q{text, order_items #>> '{product_items,0,quantity}'}, 'please|2' ],
	[ { type => 'system', system => { body => 'changed', type => 'user_changed_number', wa_id => '34600111333', user_id => 'ES.2' } }, 'text, reply_kind, new_phone, new_user_id, opens_window', 'changed|user_changed_number|+34600111333|ES.2|f' ],
	[ { type => 'edit', edit => { original_message_id => 'wamid.OLD', message => { type => 'text', text => { body => 'better' } } } }, 'target_wamid, text, opens_window', 'wamid.OLD|better|f' ],
	[ { type => 'edit', edit => { original_message_id => 'wamid.OLD', message => { type => 'image', image => { id => 'MEDIA2', mime_type => 'image/jpeg', caption => 'mended' } } } },
		'target_wamid, caption, media_id, mime_type, opens_window', 'wamid.OLD|mended|MEDIA2|image/jpeg|f' ],
	[ { type => 'revoke', revoke => { original_message_id => 'wamid.OLD' } }, 'target_wamid, opens_window', 'wamid.OLD|f' ],
	[ { type => 'unsupported', errors => [ { code => 131051, title => 'x' } ], unsupported => { type => 'poll' } }, q{errors #>> '{0,code}', raw #>> '{unsupported,type}'}, '131051|poll' ],
	[ { type => 'request_welcome' }, 'message_type, opens_window', 'request_welcome|f' ],
	[ { type => 'brand_new', brand_new => { a => 1 } }, q{message_type, raw #>> '{brand_new,a}', opens_window}, 'brand_new|1|t' ],
	[ { type => 'text', text => { body => 'g' }, group_id => 'G' }, 'group_id, opens_window', 'G|f' ],
	[ { type => 'text', text => 'not an object', context => 7, referral => undef }, 'message_type, text IS NULL', 'text|t' ]);
sql(q{INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference) VALUES ('default', 'template', 'SENT', 'wamid.OURS', 'ours');
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE reference = 'ours'});
receive(map { $_->[0] } @types);
my $place = 0;
for my $type (@types)
{
	my ($message, $columns, $expected) = @$type;
	utf8::encode($expected);
	is(row($columns, 'wamid.IN' . ++$place), $expected, "$message->{type}: $columns");
}
is(sql(q{SELECT count(*) FROM whatsapp_inbound}), scalar @types, 'one row a message');
is(sql(q{SELECT DISTINCT m.reference FROM whatsapp_inbound AS i JOIN whatsapp_messages AS m ON m.id = i.message_id}), 'ours', 'an answer knows which message of ours it answers');
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');

# again, and shuffled into other deliveries: nothing is added
my $again = body_of('123456789', map { $_->[0] } reverse @types);
deliver($again) for 1 .. 3;
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
is(sql(q{SELECT count(*) FROM whatsapp_inbound}), scalar @types, 'repeats are absorbed');

# one who shows no phone number, and a number that is nobody's
my $bare = { type => 'text', text => { body => 'hi' }, from => undef, from_user_id => 'ES.77' };
receive($bare);
is(row('contact, from_phone IS NULL, user_id, profile_name IS NULL'), 'ES.77|t|ES.77|t', 'a user id alone');
deliver(body_of('555', { type => 'text', text => { body => 'hi' } }));
is(row('sender IS NULL, phone_number_id'), 't|555', 'a number that is none of ours');

# the 24 hours, by time of the message, for the person and the number that was written to
is(sql(q{SELECT wa_window_open('+34600111222')}), 't', 'open after a message');
is(sql(q{SELECT wa_window_open('ES.77')}), 't', 'of a user id, too');
is(sql(q{SELECT wa_window_open('+34600111999')}), 'f', 'not of others');
receive({ type => 'text', text => { body => 'old' }, from => '34600111444', from_user_id => 'ES.4', timestamp => '' . (time - 25 * 3600) });
row('1');
is(sql(q{SELECT wa_window_open('+34600111444')}), 'f', 'a message that comes late opens nothing');
receive({ type => 'system', system => { type => 'user_changed_number' }, from => '34600111555', from_user_id => 'ES.5' });
row('1');
is(sql(q{SELECT wa_window_open('+34600111555')}), 'f', 'nor does what no person wrote');

# words that opt out and back in
sub word { my ($text, %more) = @_; receive({ type => 'text', text => { body => $text }, from => '34600222333', from_user_id => 'ES.9', %more }); row('1'); return }
my $out = q{SELECT coalesce(string_agg(concat_ws(' ', contact, sender, scope, opted_out, source, reason), ', ' ORDER BY contact, scope), '') FROM whatsapp_opt_outs};
word('Please stop sending');
is(sql($out), '', 'a sentence is no keyword');
word(' stop! ', timestamp => '' . (time - 100));
is(sql($out), '34600222333 default all t keyword STOP, ES.9 default all t keyword STOP', 'a keyword opts out');
my ($code, undef, $error) = $node->psql('postgres', q{SELECT wa_send_po('A', 'PO-1', '1', '+34600222333')});
like($error, qr/recipient has opted out/, 'and enqueueing is refused');
word('Alta', timestamp => '' . (time - 200));
like(sql($out), qr/34600222333 default all t keyword STOP/, 'an older word that comes late changes nothing');
word('start', timestamp => '' . (time - 50));
is(sql(q{SELECT count(*) FROM whatsapp_opt_outs WHERE opted_out}), '0', 'START resumes');
is(sql(q{SELECT wa_send_po('A', 'PO-2', '1', '+34600222333') > 0}), 't', 'and messages are taken again');
receive({ type => 'button', button => { payload => 'STOP', text => 'No more, thanks' }, from => '34600222333' });
row('1');
is(sql(q{SELECT count(*) FROM whatsapp_opt_outs WHERE opted_out AND contact = '34600222333'}), '1', 'the payload of a button, too');
sql(q{INSERT INTO whatsapp_opt_out_keywords (keyword, action, scope) VALUES ('BASTA', 'stop', 'marketing'), ('BAJA', 'none', 'all')});
receive({ type => 'text', text => { body => 'basta' }, from => '34600222444', from_user_id => 'ES.10' }, { type => 'text', text => { body => 'baja' }, from => '34600222555', from_user_id => 'ES.11' });
row('1');
is(sql(q{SELECT string_agg(contact || ' ' || scope, ', ' ORDER BY contact) FROM whatsapp_opt_outs WHERE contact ~ '4$|5$'}), '34600222444 marketing', 'keywords of our own, and one switched off');

# what the application is told again is told now: an older word that comes late undoes neither
my %late = (from => '34600222777', from_user_id => 'ES.14');
my $is_out = q{SELECT opted_out FROM whatsapp_opt_outs WHERE contact = '34600222777' AND scope = 'all'};
word('stop', %late, timestamp => '' . (time - 300));
is(sql(q{SELECT wa_opt_out('+34600222777', 'default')}), 'f', 'opted out by the word, and again by the function');
word('start', %late, timestamp => '' . (time - 200));
is(sql($is_out), 't', 'an older START does not undo it');
is(sql(q{SELECT wa_opt_in('+34600222777')}), 't', 'opted in');
sql(q{UPDATE whatsapp_opt_outs SET changed_at = now() - interval '150 seconds' WHERE contact IN ('34600222777', 'ES.14')});
is(sql(q{SELECT wa_opt_in('+34600222777')}), 'f', 'and again');
word('stop', %late, timestamp => '' . (time - 100));
is(sql($is_out), 'f', 'an older STOP does not undo it');

# users' triggers: they fail, hang, lock and refuse at commit; Meta has its answer, other messages go on, and nothing is lost
sql(q{CREATE TABLE seen (body text);
CREATE FUNCTION hook() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$ BEGIN
    IF NEW.text = 'fail' THEN RAISE 'cannot take %', NEW.text USING ERRCODE = 'AB123'; END IF;
    IF NEW.text = 'hang' THEN PERFORM pg_sleep(600); END IF;
    INSERT INTO seen VALUES (NEW.text);
    RETURN NULL;
END $$;
CREATE TRIGGER hook AFTER INSERT ON whatsapp_inbound FOR EACH ROW EXECUTE FUNCTION hook();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not at commit'; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON whatsapp_inbound DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.text = 'late') EXECUTE FUNCTION refuse();});
my $log = -s $node->logfile;
receive(map { { type => 'text', text => { body => $_ } } } qw(first fail hang late last));
wait_sql($node, q{SELECT string_agg(body, ' ' ORDER BY body) FROM seen}, 'first last');
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue WHERE attempts > 0}, '3');
is(sql(q{SELECT string_agg(error_code || ' ' || error_message, ', ' ORDER BY error_code) FROM whatsapp_event_queue}),
	'57014 canceling statement due to statement timeout, AB123 cannot take fail, P0001 not at commit', 'each failure stands beside its event');
is(sql(q{SELECT count(*) FROM whatsapp_event_queue AS q JOIN whatsapp_events AS e ON e.id = q.event_id WHERE e.raw #>> '{text,body}' IN ('fail', 'hang', 'late')}), '3', 'whose message is not lost');
wait_for('the report', sub { substr(slurp_file($node->logfile), $log) =~ /events of WhatsApp webhooks could not be acted upon: 3/ });
unlike(substr(slurp_file($node->logfile), $log), qr/cannot take/, 'the log quotes no message');
word('stop', from => '34600333444');
receive({ type => 'text', text => { body => 'fail' }, from => '34600333555', from_user_id => 'ES.12' });
wait_sql($node, q{SELECT wa_window_open('+34600333555')}, 't');
pass('what is ours to know does not wait for the trigger');
sql(q{DROP TRIGGER hook ON whatsapp_inbound; DROP TRIGGER late ON whatsapp_inbound; UPDATE whatsapp_event_queue SET due_at = now()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
is(sql(q{SELECT count(*) FROM whatsapp_inbound WHERE text IN ('fail', 'hang', 'late')}), '4', 'a repaired trigger lets them through');

# a lock of somebody's is no trigger's fault, and the log does not say so
like(substr(slurp_file($node->logfile), $log), qr/HINT:  Most likely a trigger on whatsapp_inbound/, 'the log names triggers where they fail');
sql(q{ALTER SYSTEM SET whatsapp.trigger_timeout = '1min'; SELECT pg_reload_conf()});
wait_for('time for triggers', sub { sql(q{SHOW whatsapp.trigger_timeout}) eq '1min' });
$log = -s $node->logfile;
my $holder = $node->background_psql('postgres', on_error_stop => 1);
$holder->query_safe('BEGIN; LOCK TABLE whatsapp_inbound IN EXCLUSIVE MODE');
receive({ type => 'text', text => { body => 'locked' } });
wait_for('the report', sub { substr(slurp_file($node->logfile), $log) =~ /SQLSTATE 55P03\.\n.*HINT:/ });
like(substr(slurp_file($node->logfile), $log), qr/SQLSTATE 55P03\.\n.*HINT:  Somebody holds a lock on a row or a table that they need\./, 'but a lock where one is held');
$holder->query_safe('ROLLBACK');
$holder->quit;
sql(q{UPDATE whatsapp_event_queue SET due_at = now()});
row('1');

# a shutdown does not wait for a trigger that hangs, and the message is there afterwards
sql(q{CREATE TRIGGER hook AFTER INSERT ON whatsapp_inbound FOR EACH ROW EXECUTE FUNCTION hook(); ALTER SYSTEM SET whatsapp.trigger_timeout = '10min'; SELECT pg_reload_conf()});
wait_for('the longer time', sub { sql(q{SHOW whatsapp.trigger_timeout}) eq '10min' });
receive({ type => 'text', text => { body => 'hang' } });
wait_sql($node, q{SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'}, 'PgSleep');
sql(q{ALTER SYSTEM RESET whatsapp.trigger_timeout});
$node->restart;
sql(q{DROP TRIGGER hook ON whatsapp_inbound; UPDATE whatsapp_event_queue SET due_at = now()});
wait_sql($node, qq{SELECT count(*) FROM whatsapp_inbound WHERE wamid = 'wamid.IN$serial'}, '1');

# a reader that dies in the middle loses nothing and doubles nothing
receive(map { { type => 'text', text => { body => "many $_" } } } 1 .. 300);
my $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'});
my $sender = sender_pid($node);
kill 'KILL', $pid;
wait_restart($node, $sender);
wait_sql($node, q{SELECT count(*) || ' ' || count(DISTINCT wamid) FROM whatsapp_inbound WHERE text ~ '^many'}, '300 300');
tables_intact($node, 'reader killed');

# whoever opts out while a message waits does not get it; and Meta's own word counts as one, for marketing
sql(q{ALTER SYSTEM SET whatsapp.enabled = off; SELECT pg_reload_conf()});
wait_turns($node);
send_po($node, 1, prefix => 'QUEUED', phone => '+34600444111');
send_po($node, 1, prefix => 'OTHER', phone => '+34600444222');
is(sql(q{SELECT wa_opt_out('+34600444111')}), 't', 'opted out after it was queued');
sql(q{ALTER SYSTEM RESET whatsapp.enabled; SELECT pg_reload_conf()});
wait_sql($node, q{SELECT status || ' ' || error_message FROM whatsapp_messages WHERE reference = 'QUEUED-1'}, 'FAILED recipient has opted out');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'OTHER-1'}, 'READ');
is(scalar(grep { $_->{parameters}[1] eq 'QUEUED-1' } @{ sandbox_get($node->{sandbox}, 'messages') }), 0, 'nothing left');
send_po($node, 1, prefix => 'STOPPED', phone => '+15550131050');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'STOPPED-1'}, 'FAILED');
is(sql(q{SELECT scope || ' ' || source || ' ' || opted_out FROM whatsapp_opt_outs WHERE contact = '15550131050'}), 'marketing error true', '131050 as an answer is an opt-out');

# an answer that is written down late is older than what the person has chosen meanwhile
sql(q{CREATE SEQUENCE tries; CREATE FUNCTION not_now() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); RAISE 'not now'; END $$;
ALTER FUNCTION not_now() SET search_path = public;
CREATE TRIGGER not_now BEFORE UPDATE ON whatsapp_messages FOR EACH ROW WHEN (NEW.status = 'FAILED') EXECUTE FUNCTION not_now()});
send_po($node, 1, prefix => 'LATE', phone => '+15550131050');
wait_sql($node, q{SELECT is_called FROM tries}, 't');
is(sql(q{SELECT wa_opt_in('+15550131050')}), 't', 'opted in while an answer waits');
sql(q{DROP TRIGGER not_now ON whatsapp_messages});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'LATE-1'}, 'FAILED');
is(sql(q{SELECT opted_out FROM whatsapp_opt_outs WHERE contact = '15550131050'}), 'f', 'the late answer does not undo it');

$node->stop('fast');
done_testing();
