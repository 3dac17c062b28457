# The main job, end to end, and what must not be sent.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use Test::More;
use Time::HiRes;

my $node = new_cluster('main_job');
my $sandbox = $node->{sandbox};

# the golden sentence, as the supplier reads it
$node->safe_psql('postgres', q{
	CREATE TABLE purchase_orders (id serial PRIMARY KEY, supplier text, po_number text, total numeric(12, 2), phone text);
	SELECT wa_watch('purchase_orders', 'supplier', 'po_number', 'total', 'phone');
	INSERT INTO purchase_orders (supplier, po_number, total, phone) VALUES ('Proveedor ABC', 'PO-2024-001', 1250, '+34612345678')});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'PO-2024-001'}, 'READ');
my ($book) = @{ sandbox_get($sandbox, 'messages') };
is($book->{text}, "Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total de \x{20ac}1,250.00.", 'the supplier reads the golden sentence');
is($book->{to}, '+34612345678', 'the number goes out with its plus sign');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue}), '0', 'the queue is empty');
is($node->safe_psql('postgres', q{
	SELECT sent_at IS NOT NULL AND delivered_at >= sent_at AND read_at >= delivered_at AND wamid LIKE 'wamid.%' AND wa_id = '34612345678'
		AND attempts = 1 AND error_message IS NULL AND pricing_category = 'utility' FROM whatsapp_messages}), 't', 'times, ids and price are recorded');
is($node->safe_psql('postgres', q{
	SELECT
	id, recipient_phone, status, template_name,
	sent_at, delivered_at, error_message
	FROM whatsapp_messages
	ORDER BY created_at DESC
	LIMIT 10;}) =~ tr/\n//, 0, "the quick reference's query runs unchanged");

# what is rolled back is never sent, what is committed is
$node->safe_psql('postgres', q{
	BEGIN; SELECT wa_send_po('Proveedor ABC', 'rolled back', 1, '+34612345678'); ROLLBACK;
	BEGIN;
	SELECT wa_send_po('Proveedor ABC', 'before savepoint', 1, '+34612345678');
	SAVEPOINT s; SELECT wa_send_po('Proveedor ABC', 'in savepoint', 1, '+34612345678'); ROLLBACK TO s;
	SELECT wa_send_po('Proveedor ABC', 'after savepoint', 1, '+34612345678');
	COMMIT;
	BEGIN; SELECT wa_send_po('Proveedor ABC', 'prepared, then rolled back', 1, '+34612345678'); PREPARE TRANSACTION 'a'; ROLLBACK PREPARED 'a';
	BEGIN; SELECT wa_send_po('Proveedor ABC', 'prepared', 1, '+34612345678'); PREPARE TRANSACTION 'b'; COMMIT PREPARED 'b'});
wait_sql($node, q{SELECT string_agg(reference, ', ' ORDER BY reference COLLATE "C") FROM whatsapp_messages WHERE status = 'READ'},
	'PO-2024-001, after savepoint, before savepoint, prepared');
is(scalar @{ sandbox_get($sandbox, 'messages') }, 4, 'rolled-back messages never left');

# a bad phone never stops the business
$node->safe_psql('postgres', q{
	INSERT INTO purchase_orders (supplier, po_number, total, phone) VALUES ('A', 'bad phone', 1, '612345678'), (NULL, 'no supplier', 1, '+34612345678'), ('A', 'good', 1, '+34612345678')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM purchase_orders}), '4', 'orders with bad data are inserted');
is($node->safe_psql('postgres', q{SELECT reference, status, error_message, hint FROM whatsapp_messages WHERE reference = 'bad phone'}),
	'bad phone|FAILED|phone number is not in E.164 format: the leading + is missing, and perhaps the country code: the digits alone do not tell.|Write the number with + and the country code and no spaces, for example +34612345678.',
	'and their messages say what is wrong and what to do');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'good'}, 'READ');

# switched off by reload: nothing leaves; switched on: what waited goes
$node->append_conf('postgresql.conf', 'whatsapp.enabled = off');
$node->reload;
wait_sql($node, q{SHOW whatsapp.enabled}, 'off');
my $requests = sandbox_get($sandbox, 'summary')->{requests};
send_po($node, 3, prefix => 'off');
wait_turns($node);
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'off%' AND status = 'PENDING'}), '3', 'off: rows stay PENDING');
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'off: nothing leaves');
$node->append_conf('postgresql.conf', 'whatsapp.enabled = on');
$node->reload;
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'off%' AND status = 'READ'}, '3');

# a commit wakes the sender: one after the other, in far less time than its fall-back poll of five seconds would take for each
my $begin = Time::HiRes::time;
for my $i (1 .. 20)
{
	send_po($node, 1, prefix => "WAKE-$i");
	wait_for('the message', sub { $node->safe_psql('postgres', "SELECT status <> 'PENDING' FROM whatsapp_messages WHERE reference = 'WAKE-$i-1'") eq 't' });
}
cmp_ok(Time::HiRes::time - $begin, '<', 25, 'a commit wakes the sender');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'WAKE%' AND status = 'READ'}, '20');

# a batch through both ways, and nothing is left over
send_po($node, 500);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '528');
my $summary = books_agree($node, 'after all');
is($summary->{accepted}, 528, 'every message left once');

$node->stop('fast');
done_testing();
