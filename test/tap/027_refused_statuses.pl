# A trigger of a user's on whatsapp_messages that raises for one status: that status waits in the event queue with its SQLSTATE, and is applied
# when the trigger lets it; others are applied at once, and the sender goes on.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('refused');
my $url = webhook_url($node);
my $json = JSON::PP->new->canonical->utf8;
sub sql { return $node->safe_psql('postgres', $_[0]) }

sub deliver
{
	my (@statuses) = @_;
	my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
		value => { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => '123456789' }, statuses => \@statuses } } ] } ] });
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	return (curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0];
}

sub make_message
{
	my ($wamid, $reference) = @_;
	return sql("INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference, created_at) VALUES ('default', 'template', 'SENT', '$wamid', '$reference', '2029-01-01');
		INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE wamid = '$wamid'");
}

my $statuses = q{SELECT string_agg(wamid || ' ' || status, ', ' ORDER BY wamid) FROM whatsapp_messages WHERE wamid LIKE 'w.%'};
my $waiting = q{SELECT string_agg(concat_ws(' ', e.wamid, e.kind, q.error_code, q.error_message), ', ' ORDER BY e.wamid) FROM whatsapp_event_queue AS q JOIN whatsapp_events AS e ON e.id = q.event_id};

sql(q{CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.reference = 'closed' THEN
			RAISE EXCEPTION 'the books are closed' USING ERRCODE = 'UT001';
		END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER closed BEFORE UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION closed()});
make_message('w.1', 'open');
make_message('w.2', 'closed');
is(deliver(map { { id => "w.$_", status => 'delivered', timestamp => '1895336240' } } 1 .. 2), '200', 'a delivery with a status that a trigger refuses is taken');
is(sql($statuses), 'w.1 DELIVERED, w.2 SENT', 'the other status in it is applied at once');
wait_sql($node, $waiting, 'w.2 status UT001 the books are closed');
pass('the one that was refused waits with its SQLSTATE');
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE kind IN ('malformed', 'refused')}), '0', 'and nothing is called malformed');

# a trigger that lets nothing in, and is gone before the delivery is put aside: then its status counts after all
sql(q{CREATE SEQUENCE looks; CREATE FUNCTION refuse_thrice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('public.looks') <= 3 THEN RAISE EXCEPTION 'not in my table'; END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER refuse_thrice BEFORE INSERT ON whatsapp_events FOR EACH ROW EXECUTE FUNCTION refuse_thrice()});
make_message('v.1', 'open');
is(deliver({ id => 'v.1', status => 'delivered', timestamp => '1895336240' }), '200', 'a delivery of which nothing could be stored three times is taken');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE wamid = 'v.1'}, 'DELIVERED');
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE kind IN ('malformed', 'refused')}), '0', 'and nothing is put aside');
sql('DROP TRIGGER refuse_thrice ON whatsapp_events');

# statuses that are parked until their messages are known: one of them is refused, and holds up neither the others nor the sender
is(deliver(map { { id => "w.$_", status => 'read', timestamp => '1895336250' } } 3 .. 5), '200', 'statuses of messages that are not known yet');
make_message('w.3', 'open');
make_message('w.4', 'closed');
make_message('w.5', 'open');
wait_sql($node, $statuses, 'w.1 DELIVERED, w.2 SENT, w.3 READ, w.4 SENT, w.5 READ');
wait_sql($node, $waiting, 'w.2 status UT001 the books are closed, w.4 status UT001 the books are closed');
send_po($node, 3, prefix => 'MEANWHILE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'MEANWHILE-%' AND status = 'READ'}, '3');
pass('and messages are sent meanwhile');

sql(q{DROP TRIGGER closed ON whatsapp_messages; UPDATE whatsapp_event_queue SET due_at = now()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
is(sql($statuses), 'w.1 DELIVERED, w.2 DELIVERED, w.3 READ, w.4 READ, w.5 READ', 'once the trigger lets them, they are applied');

# what cannot even be stored is kept whole, and is not called malformed either
sql(q{CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = 'UT002'; END $$;
	CREATE TRIGGER refuse_event BEFORE INSERT ON whatsapp_events FOR EACH ROW WHEN (NEW.wamid = 'w.6') EXECUTE FUNCTION refuse_event()});
is(deliver({ id => 'w.6', status => 'read', timestamp => '1895336260' }), '200', 'a delivery that the table of events refuses is taken');
is(sql(q{SELECT string_agg(kind, ' ') FROM whatsapp_events WHERE convert_from(body, 'UTF8') LIKE '%w.6%'}), 'refused', 'and kept whole as refused');

$node->stop('fast');
done_testing();
