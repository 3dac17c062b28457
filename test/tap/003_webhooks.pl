# Webhooks: verified as Meta does it, applied once, in any order, and answered 200 only after the commit.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use IO::Socket::INET;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('webhooks');
my $sandbox = $node->{sandbox};
my $url = webhook_url($node);

sub sign { return 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($_[0], $_[1] || 'sandbox-app-secret') }
sub deliver { my ($body, @headers) = @_; return (curl('-X', 'POST', '--data-binary', $body, (map { ('-H', $_) } 'Content-Type: application/json', @headers), $url))[0] }
sub status_body
{
	my (@statuses) = @_;
	return JSON::PP->new->canonical->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
		value => { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => '123456789' }, statuses => \@statuses } } ] } ] });
}
sub events { return $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events}) }

# the handshake, exactly as the quick reference's curl does it
is_deeply([ curl('-X', 'GET', "$url?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123") ], [ 200, 'test123' ], 'the right token gets the challenge back');
is((curl('-X', 'GET', "$url?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=test123"))[0], 403, 'a wrong token is refused');
is((curl('-X', 'GET', "$url?hub.mode=subscribe&hub.verify_token=&hub.challenge=test123"))[0], 403, 'an empty one too');
is((curl('-X', 'GET', "$url?hub.mode=unsubscribe&hub.verify_token=random-secret&hub.challenge=test123"))[0], 403, 'another mode too');
is((curl('-X', 'GET', $url))[0], 403, 'and no parameters at all');
is((curl('-X', 'GET', "$url?hub.mode=subscribe&hub.verify_token=random%2Dsecret&hub.challenge=a%20b"))[1], 'a b', 'values are URL-decoded');
is((curl('-X', 'DELETE', $url))[0], 405, 'another method');
is((curl('-X', 'GET', "http://127.0.0.1:$node->{listen}/elsewhere"))[0], 404, 'another path');
is((curl('-X', 'GET', "http://127.0.0.1:$node->{listen}/healthz"))[0], 200, 'health');

# signatures
my $forged = status_body({ id => 'wamid.FORGED', status => 'read', timestamp => '1795336249', recipient_id => '34612345678' });
is(deliver($forged), 401, 'no signature');
is(deliver($forged, sign($forged, 'another-secret')), 401, 'a wrong one');
is(deliver($forged, sign("$forged ")), 401, 'one of other bytes');
is(deliver($forged, 'X-Hub-Signature-256: ' . hmac_sha256_hex($forged, 'sandbox-app-secret')), 401, 'one without its prefix');
is(events(), '0', 'none of them was stored');
my $spaced = "  $forged\n";
is(deliver($spaced, sign($spaced)), 200, 'the raw bytes are what is signed');
is(events(), '1', 'a status of a message that is not ours is kept');

# what is no delivery is put aside and answered 200, or Meta would repeat it for a week
for my $junk ('not json', '[1,2', '"x"', '[' x 100_000, '{"entry": 1e400}', "{\"a\":\"\xff\"}")
{
	is(deliver($junk, sign($junk)), 200, 'junk of ' . length($junk) . ' bytes is answered 200');
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events WHERE kind = 'malformed'}) >= 5, 1, 'and kept');
# beside somebody's rule on the table, too, and once
$node->safe_psql('postgres', q{CREATE TABLE noted (what text); CREATE RULE note AS ON INSERT TO whatsapp_events DO ALSO INSERT INTO noted VALUES ('event')});
is(deliver('ruled', sign('ruled')), 200, 'junk is answered 200 beside a rule') for 1 .. 2;
is($node->safe_psql('postgres', q{DROP RULE note ON whatsapp_events; SELECT count(*) FROM whatsapp_events WHERE body = 'ruled'}), '1', 'and kept once');
my $nul = '{"object":"x","entry":[{"id":"1","changes":[{"field":"account_alerts","value":{"t":"a\u0000b"}}]}]}';
is(deliver($nul, sign($nul)), 200, 'U+0000 does not reach jsonb');

# order and repetition: every course of statuses ends in READ, with one row per event
my %course = (normal => '+34612345678', reversed => '+15552000008', doubled => '+15552000009', before_the_answer => '+15552000010', without_phone => '+15552000011');
send_po($node, 1, phone => $course{$_}, prefix => $_) for sort keys %course;
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, scalar keys %course);
is($node->safe_psql('postgres', q{SELECT DISTINCT sent_at <= delivered_at AND delivered_at <= read_at FROM whatsapp_messages}), 't', 'whatever the order, times are in order');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE kind = 'status' AND message_id IS NOT NULL}, 3 * scalar keys %course);
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue}), '0', 'the queue is empty');
send_po($node, 1, phone => '+15552000015', prefix => 'sent_only');
send_po($node, 1, phone => '+15551131026', prefix => 'undeliverable');
wait_sql($node, q{SELECT status || ' ' || error_code FROM whatsapp_messages WHERE reference = 'undeliverable-1'}, 'FAILED 131026');
like($node->safe_psql('postgres', q{SELECT error_message || '|' || hint FROM whatsapp_messages WHERE reference = 'undeliverable-1'}), qr/.+\|.+/, 'a failure tells why and what to do');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'sent_only-1'}, 'SENT');

# by hand, on the message that stays SENT: lattice, duplicates, unknown words
my ($wamid, $sent_only) = split /\|/, $node->safe_psql('postgres', q{SELECT wamid, id FROM whatsapp_messages WHERE reference = 'sent_only-1'});
my $callback = correlation($node, $sent_only);
my %status = (id => $wamid, recipient_id => '15552000015', biz_opaque_callback_data => $callback);
sub state { return $node->safe_psql('postgres', q{SELECT concat_ws(' ', status, error_code, extract(epoch FROM delivered_at)::bigint, extract(epoch FROM read_at)::bigint) FROM whatsapp_messages WHERE reference = 'sent_only-1'}) }
sub apply { my $body = status_body(@_); is(deliver($body, sign($body)), 200, 'applied ' . join ' ', map { $_->{status} } @_); return }
my $failure = { %status, status => 'failed', timestamp => '1895336250', errors => [ { code => 131026, title => 'Message undeliverable' } ] };
apply($failure);
is(state(), 'FAILED 131026', 'failed after sent');
apply({ %status, status => 'sent', timestamp => '1895336240' });
is(state(), 'FAILED 131026', 'a late sent does not lift it');
apply({ %status, status => 'delivered', timestamp => '1895336251' });
is(state(), 'DELIVERED 1895336251', 'delivered does, and the error goes');
apply($failure);
is(state(), 'DELIVERED 1895336251', 'a repeated failure does nothing');
apply({ %status, status => 'brand_new_word', timestamp => '1895336252' });
is(state(), 'DELIVERED 1895336251', 'an unknown word does nothing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events WHERE status = 'brand_new_word'}), '1', 'but is stored');
apply({ %status, status => 'read', timestamp => '1895336255' }, { %status, status => 'delivered', timestamp => '1895336251' });
is(state(), 'READ 1895336251 1895336255', 'read');
my $before = events();
apply({ %status, status => 'read', timestamp => '1895336255' }) for 1 .. 3;
is(events(), $before, 'a repeated delivery adds no event');

# one bad item never loses the others, and a status that is there before its message waits for it
my $mixed = status_body(17, { id => 'wamid.LATER', status => 'read', timestamp => '1895336260' }, {});
is(deliver($mixed, sign($mixed)), 200, 'a delivery with bad items');
$node->safe_psql('postgres', q{INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference) VALUES ('default', 'template', 'SENT', 'wamid.LATER', 'later');
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE reference = 'later'});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'later'}, 'READ');

# a wamid is found in whichever generation it was learnt: long ago, now, or after its status
$node->safe_psql('postgres', q{SELECT setval('whatsapp_messages_id_seq', 3 << 18)});
my $learn = q{INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference) VALUES ('default', 'template', 'SENT', 'wamid.' || %1$s, %1$s);
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id, %2$s FROM whatsapp_messages WHERE reference = %1$s};
$node->safe_psql('postgres', sprintf $learn, "'LONG-AGO'", 0);
$node->safe_psql('postgres', sprintf $learn, "'NOW'", 3);
for my $which (qw(LONG-AGO NOW AFTER))
{
	my $body = status_body({ id => "wamid.$which", status => 'read', timestamp => '1895336265' });
	is(deliver($body, sign($body)), 200, "a status of $which");
}
$node->safe_psql('postgres', sprintf $learn, "'AFTER'", 3);
wait_sql($node, qq{SELECT status FROM whatsapp_messages WHERE reference = '$_'}, 'READ') for qw(LONG-AGO NOW AFTER);
send_po($node, 1, prefix => 'LEARNT');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'LEARNT-1'}, 'READ');
is($node->safe_psql('postgres', q{SELECT DISTINCT w.generation FROM whatsapp_wamids AS w JOIN whatsapp_messages AS m ON m.id = w.message_id WHERE m.reference = 'LEARNT-1'}), '3', 'the sender knows the generation');

# 200 only after the commit: when the tables cannot be written, Meta is told to come again, and does
send_po($node, 1, phone => '+15552000015', prefix => 'locked');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'locked-1'}, 'SENT');
my $lock = $node->background_psql('postgres');
$lock->query_safe(q{BEGIN; LOCK TABLE whatsapp_events});
my $refused = status_body({ id => 'wamid.LOCKED', status => 'read', timestamp => '1895336270' });
is(deliver($refused, sign($refused)), 503, 'a locked table: try again later');
$lock->query_safe(q{COMMIT});
$lock->quit;
is(deliver($refused, sign($refused)), 200, 'and later it is taken');

# the secret is rotated without a restart: both are good meanwhile
my $folder = PostgreSQL::Test::Utils::tempdir();
PostgreSQL::Test::Utils::append_to_file("$folder/app_secret", "brand-new-secret\n");
PostgreSQL::Test::Utils::append_to_file("$folder/app_secret_previous", "sandbox-app-secret\n");
$node->append_conf('postgresql.conf', "whatsapp.secret_dir = '$folder'");
$node->reload;
my $rotated = status_body({ id => 'wamid.ROTATED', status => 'read', timestamp => '1895336280' });
wait_for('the new secret', sub { deliver($rotated, sign($rotated, 'brand-new-secret')) == 200 });
is(deliver($rotated, sign($rotated)), 200, 'the previous secret is still good');
unlink "$folder/app_secret_previous";
wait_for('the previous secret to end', sub { deliver($rotated, sign($rotated)) == 401 });
is(deliver($rotated, sign($rotated, 'brand-new-secret')), 200, 'the new one goes on');

# a taken port is said once, tried again, and does not keep the cluster from starting
$node->stop;
my $squatter = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $node->{listen}, ReuseAddr => 1) or die "listen: $!";
$node->start;
wait_for('the complaint', sub { slurp_file($node->logfile) =~ /could not listen for WhatsApp webhooks on/ });
close $squatter;
wait_for('the listener', sub { (curl('-X', 'GET', "http://127.0.0.1:$node->{listen}/healthz"))[0] == 200 });
is(scalar(() = slurp_file($node->logfile) =~ /could not listen for WhatsApp webhooks on/g), 1, 'a taken port is reported once');

$node->stop('fast');
done_testing();
