# Roles that send beside each other: none can take another one's key, make it wait, or choose the number of a watch.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('roles');
sub sql { my ($query, @as) = @_; return $node->safe_psql('postgres', $query, @as ? (extra_params => [ '-U', @as ]) : ()) }
sql(q{
	CREATE ROLE alice LOGIN;
	CREATE ROLE bob LOGIN;
	CREATE ROLE plain LOGIN;
	GRANT EXECUTE ON FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) TO alice, bob;
	INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '123456789');
	CREATE TABLE orders (supplier text, po text, total numeric, phone text);
	GRANT INSERT ON orders TO plain;
	SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone')});

# a key that another role holds, committed, open or prepared
my $call = q{SELECT wa_send_po('A', 'PO-77-%s', 1, '+3461234567%d', idempotency_key => 'PO-77')};
my $alice = $node->background_psql('postgres', extra_params => [ '-U', 'alice' ]);
$alice->query_safe('BEGIN; ' . sprintf($call, 'alice', 1));
my ($code, $out, $err) = $node->psql('postgres', q{SET lock_timeout = '20s'; } . sprintf($call, 'bob', 2), extra_params => [ '-U', 'bob' ]);
is($code, 0, 'a key of an open transaction of another role makes nobody wait') or diag $err;
$alice->query_safe(q{PREPARE TRANSACTION 'held'});
is(sql(sprintf($call, 'bob', 2), 'bob'), $out, 'the same message of the same role: its id');
sql(q{COMMIT PREPARED 'held'});
$alice->quit;
wait_sql($node, q{SELECT string_agg(reference || ' ' || status, ', ' ORDER BY reference) FROM whatsapp_messages}, 'PO-77-alice READ, PO-77-bob READ');
pass('both orders leave');
($code, $out, $err) = $node->psql('postgres', sprintf($call, 'bob', 3), extra_params => [ '-v', 'VERBOSITY=verbose', '-U', 'bob' ]);
like($err, qr/ERROR:  WA015: idempotency key "PO-77" was used for another message\nDETAIL:  Message \d+ of sender "default" has it, with another phone number\./, 'the same key for another message: an error');

# a session that inserts into a watched table has no say about the number
sql(q{SET whatsapp.default_sender = 'north'; INSERT INTO orders VALUES ('A', 'PO-plain', 1, '+34612345678')}, 'plain');
sql(q{INSERT INTO orders VALUES ('A', 'PO-options', 1, '+34612345678')}, 'plain', '-d', "port=@{[ $node->port ]} host=@{[ $node->host ]} dbname=postgres options='-c whatsapp.default_sender=north'");
is(sql(q{SELECT string_agg(DISTINCT sender, ' ') FROM whatsapp_messages WHERE reference IN ('PO-plain', 'PO-options') HAVING count(*) = 2}), 'default', 'the watch says who sends');
sql(q{SELECT wa_unwatch('orders'); SET whatsapp.default_sender = 'north'; SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone')});
is(sql(q{SELECT sender FROM whatsapp_watches}), 'north', 'the sender of the session that made the watch is kept');
sql(q{INSERT INTO orders VALUES ('A', 'PO-kept', 1, '+34612345678')}, 'plain');
is(sql(q{SELECT sender FROM whatsapp_messages WHERE reference = 'PO-kept'}), 'north', 'and used');

# values of a watched row that are longer than a row of ours may have
sql(q{INSERT INTO orders VALUES ('A', repeat('9', 5000000), 1, '+34612345678'), (repeat('x', 5000000), 'PO-supplier', 1, '+34612345678'), ('A', 'PO-phone', 1, repeat('3', 5000000))}, 'plain');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED' AND octet_length(reference) <= 1024 AND octet_length(recipient_phone) <= 1024}), '3', 'a watched row whose values are too long: recorded, and cut');

# a dump restores beside the row of the default sender, and scripts that insert it go on working
sql(q{UPDATE whatsapp_senders SET messages_per_second = 5 WHERE name = 'default'});
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, '-d', $node->connstr('postgres') ], 'a dump');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('copy') ], 'is restored');
is($node->safe_psql('copy', q{SELECT string_agg(name || ' ' || coalesce(messages_per_second::text, '-'), ', ' ORDER BY name) FROM whatsapp_senders}), 'default 5, north -', 'with the default sender as it was');
my ($status, $said, $again) = $node->psql('copy', q{INSERT INTO whatsapp_senders (name) VALUES ('default')});
like($again, qr/duplicate key/, 'a row that was changed makes way for none');

$node->stop('fast');
done_testing();
