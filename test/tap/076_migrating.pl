# docs/migrating.md, as it stands: beside the table of an old service, and in the place of a trigger.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Pages;
use PgWhatsapp;
use Test::More;

my @blocks = map { $_->{text} } blocks(page('docs/migrating.md'), 'sql');
is(scalar @blocks, 7, 'its statements');
my ($install, $alone, $opt_outs, $look, $switch, $list, $trigger) = @blocks;

my $node = new_cluster('migrating');
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub shop { return $node->safe_psql('shop', "SET search_path = whatsapp, public;\n$_[0]") }

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', <<'SQL');
CREATE TABLE whatsapp_messages (id serial PRIMARY KEY, recipient_phone text, status text, template_name text, sent_at timestamptz, delivered_at timestamptz,
    error_message text, created_at timestamptz DEFAULT now());
INSERT INTO whatsapp_messages (recipient_phone, status, template_name) VALUES ('+34612345678', 'READ', 'po_notification');
CREATE TABLE opt_outs (phone text);
INSERT INTO opt_outs VALUES ('+34611111111');
CREATE TABLE purchase_orders (id integer PRIMARY KEY, supplier text, po_number text, total numeric, currency text DEFAULT 'EUR', phone text);
INSERT INTO purchase_orders VALUES (1, 'Proveedor ABC', 'PO-1', 1250, 'EUR', '+34612345678');
SQL
sub runs { my ($block, $title) = @_; return is((run_block($node, 'shop', "SET search_path = whatsapp, public;\n$block"))[1], '', $title) }
runs($install, 'the extension beside the old table');
sql("ALTER SYSTEM SET whatsapp.databases = 'postgres, shop'");
$node->restart;
runs($alone, 'a message to oneself');
$node->poll_query_until('shop', q{SELECT count(*) = 1 FROM whatsapp.whatsapp_messages WHERE reference = 'wa_send_test' AND status IN ('SENT', 'DELIVERED', 'READ')}) or die 'the test message';
runs($opt_outs, 'opt-outs');
is(shop('SELECT count(*) FROM whatsapp.whatsapp_opt_outs'), '1', 'carried over');
runs($look, 'a watch, and what it would send');
shop(q{INSERT INTO public.purchase_orders VALUES (2, 'Proveedor ABC', 'PO-2', 10, 'EUR', '+34612345678')});
# the old service has announced it, too
$node->poll_query_until('shop', q{SELECT status = 'FAILED' FROM whatsapp.whatsapp_messages WHERE reference = 'PO-2'}) or die 'the order that may not leave';
my $stopped = shop('SELECT clock_timestamp()');
shop(q{INSERT INTO public.purchase_orders VALUES (4, 'Proveedor ABC', 'PO-4', 10, 'EUR', '+34612345678')});
$node->poll_query_until('shop', q{SELECT status = 'FAILED' FROM whatsapp.whatsapp_messages WHERE reference = 'PO-4'}) or die 'the order of after the stop';
runs(adapt($switch, '2026-10-01 09:00+02' => $stopped), 'switched over');
$node->poll_query_until('shop', q{SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp.whatsapp_messages WHERE reference = 'PO-4'}) or die 'the order';
is(shop(q{SELECT status FROM whatsapp.whatsapp_messages WHERE reference = 'PO-2'}), 'FAILED', 'what the old service has announced is not sent again');
runs($list, 'one list');
is(shop(q{SELECT string_agg(sent_by || ' ' || count, ', ' ORDER BY sent_by) FROM (SELECT sent_by, count(*) FROM all_whatsapp_messages GROUP BY sent_by) AS l}), 'database 3, service 1', 'of both');

shop(<<'SQL');
SELECT wa_unwatch('purchase_orders');
CREATE FUNCTION public.post() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER notify_supplier AFTER INSERT ON purchase_orders FOR EACH ROW EXECUTE FUNCTION public.post();
SQL
runs($trigger, 'the watch in the place of the trigger');
shop(q{INSERT INTO public.purchase_orders VALUES (3, 'Proveedor ABC', 'PO-3', 10, 'EUR', '+34612345678')});
$node->poll_query_until('shop', q{SELECT count(*) = 1 FROM whatsapp.whatsapp_messages WHERE reference = '3' AND status IN ('SENT', 'DELIVERED', 'READ')}) or die 'the order of the watch';
pass('which announces the order');
$node->stop;
done_testing();
