# Whose message a status is about: only one that was on the wire under that wamid, or under our own correlation, which never comes twice,
# though an id may: after TRUNCATE, setval(), a failover to a server that lagged behind, and a dump that is restored over its own database.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->canonical->utf8;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub deliver
{
	my ($node, @statuses) = @_;
	my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
		value => { metadata => { display_phone_number => '15550783881', phone_number_id => '123456789' }, statuses => \@statuses } } ] } ] });
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret'), webhook_url($node)))[0], 200, 'delivered');
	return;
}
sub set_enabled
{
	my ($node, $value) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET whatsapp.enabled = $value");
	$node->reload;
	return;
}
sub wait_delivered { my ($sandbox) = @_; return wait_for('the webhooks', sub { sandbox_get($sandbox, 'summary')->{webhooks}{queued} == 0 }) }
sub wait_sender { my ($node) = @_; return wait_for('the sender', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}) }) }
# Phones that differ in their last digits.
sub send_to { my ($node, $prefix, $digit, $count) = @_; $node->safe_psql('postgres', "SELECT wa_send_po('A', '$prefix-$_', 1, '+346${digit}" . sprintf('%07d', $_) . q{')}) for 1 .. $count; return }
sub sent_to { my ($sandbox, $digit) = @_; my %count; $count{ $_->{to} =~ s/^\+//r }++ for grep { $_->{to} =~ /^\+?346$digit/ } @{ sandbox_get($sandbox, 'messages') }; return \%count }

my $node = new_cluster('correlation');
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub state_of { my ($id) = @_; return sql("SELECT concat_ws(' ', m.status, q.state, m.wamid) FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.id = $id") }

# ---------------------------------------------------------------------------------------------------------------- ids that come again

my %again = (
	'TRUNCATE RESTART IDENTITY' => 'TRUNCATE whatsapp_messages, whatsapp_queue, whatsapp_wamids, whatsapp_attempts RESTART IDENTITY',
	'setval' => q{DELETE FROM whatsapp_messages; SELECT setval('whatsapp_messages_id_seq', 1, false)});
my $digit = 0;
for my $how (sort keys %again)
{
	sandbox_set($sandbox, webhooks_paused => $true);
	sql(q{SELECT setval('whatsapp_messages_id_seq', 1, false)});
	send_to($node, "old-$digit", $digit, 3);
	wait_sql($node, q{SELECT string_agg(id || status, ' ' ORDER BY id) FROM whatsapp_messages}, '1SENT 2SENT 3SENT');
	set_enabled($node, 'off');
	wait_turns($node);
	sql($again{$how});
	send_to($node, "new-$digit", $digit + 1, 3);
	is(sql(q{SELECT string_agg(id || status, ' ' ORDER BY id) FROM whatsapp_messages}), '1PENDING 2PENDING 3PENDING', "$how: the same ids");
	# one of them is on the wire, for all that the rows tell
	sql(q{UPDATE whatsapp_queue SET state = 'unknown', attempts = 1, unknown_at = now() WHERE message_id = 3});
	sandbox_set($sandbox, webhooks_paused => $false);
	wait_delivered($sandbox);
	is(sql(q{SELECT string_agg(concat_ws(' ', m.id, status, state), ', ' ORDER BY m.id) FROM whatsapp_messages AS m JOIN whatsapp_queue ON message_id = m.id}),
		'1 PENDING ready, 2 PENDING ready, 3 PENDING unknown', "$how: webhooks about the old ones settle none of the new ones");
	sql(q{UPDATE whatsapp_queue SET state = 'ready', unknown_at = NULL});
	set_enabled($node, 'on');
	wait_sql($node, q{SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages}, 'READ');
	is(scalar(keys %{ sent_to($sandbox, $digit + 1) }), 3, "$how: they are sent");
	sql('DELETE FROM whatsapp_messages');
	$digit += 2;
}

# ------------------------------------------------------------------------------------------------------------- what was never on the wire

set_enabled($node, 'off');
wait_turns($node);
my @ids = map { sql("SELECT wa_send_po('A', 'never-$_', 1, '+34600111222')") } 1 .. 2;
sql("SELECT wa_cancel($ids[1])");
my $serial = 0;
sub told { my ($id, $word, %more) = @_; $serial++; return { id => "told-$serial", status => $word, timestamp => '1895336240', recipient_id => '34600111222', biz_opaque_callback_data => correlation($node, $id), %more } }
deliver($node, map { my $id = $_; map { told($id, $_) } qw(sent delivered read failed) } @ids);
is(state_of($ids[0]), 'PENDING ready', 'a message that was never on the wire is still to be sent, whatever a webhook says');
is(state_of($ids[1]), 'CANCELLED', 'a message that was cancelled before it left stays so');

# but one that has left once, whatever became of it since
my $put_back = sql(q{SELECT wa_send_po('A', 'put-back', 1, '+34600111222')});
my $cancelled = sql(q{SELECT wa_send_po('A', 'cancelled', 1, '+34600111222')});
sql("UPDATE whatsapp_queue SET attempts = 1 WHERE message_id IN ($put_back, $cancelled); SELECT wa_cancel($cancelled)");
deliver($node, told($put_back, 'delivered'), told($cancelled, 'delivered'));
like(state_of($_), qr/^DELIVERED told-\d+$/, 'one that has left once may have arrived') for $put_back, $cancelled;

# ---------------------------------------------------------------------------------------------------------------- who it was for, and the wamid

sub on_wire { my ($phone) = @_; my $id = sql("SELECT wa_send_po('A', 'wire', 1, '$phone')"); sql("UPDATE whatsapp_queue SET state = 'sending', attempts = 1 WHERE message_id = $id"); return $id }
my $wire = on_wire('+34600111222');
deliver($node, told($wire, 'read', recipient_id => '34600111223'));
is(state_of($wire), 'PENDING sending', 'a status for another recipient is about another message');
my $right = correlation($node, $wire);
deliver($node, map { told($wire, 'read', biz_opaque_callback_data => $_) } $right =~ s/^\w{16}/0123456789abcdef/r, $right =~ s/(\d)$/($1 + 1) % 10/er, $right =~ s/\.\d+$//r);
is(state_of($wire), 'PENDING sending', 'and so is one with another nonce, another time or none');
for my $other ([ '+5215512345678', '525512345678' ], [ '+5511987654321', '551187654321' ], [ '+2290197123456', '22997123456' ], [ '+34600111222', undef ], [ '+34600111222', 'a-group' ])
{
	my ($phone, $recipient) = @$other;
	my $id = on_wire($phone);
	deliver($node, told($id, 'sent', recipient_id => $recipient));
	like(state_of($id), qr/^SENT told-/, "$phone is told of as " . ($recipient || 'nobody'));
}
deliver($node, told($wire, 'sent', id => 'wire-1'));
deliver($node, told($wire, 'read', id => 'wire-2'));
is(state_of($wire), 'SENT wire-1', 'once its wamid is known, another one is of another message');
deliver($node, told($wire, 'read', id => 'wire-1'));
is(state_of($wire), 'READ wire-1', 'and its own is its own');
my $twice = on_wire('+34600111222');
sql("UPDATE whatsapp_queue SET attempts = 2 WHERE message_id = $twice");
deliver($node, told($twice, 'sent', id => 'twice-2'));
deliver($node, told($twice, 'delivered', id => 'twice-1'));
is(state_of($twice), 'DELIVERED twice-2', 'unless there were two attempts: then an earlier one had another wamid');
sql(q{DELETE FROM whatsapp_queue; DELETE FROM whatsapp_messages});
set_enabled($node, 'on');

# ------------------------------------------------------------------------------------------ a dump that is restored over its own database

my $folder = PostgreSQL::Test::Utils::tempdir();
sandbox_set($sandbox, webhooks_paused => $true);
set_enabled($node, 'off');
wait_turns($node);
send_to($node, 'dumped', 8, 2);
my $nonce = sql('SELECT nonce FROM whatsapp_instances');
my @where = ('-p', $node->port, '-h', $node->host);
$node->command_ok([ 'pg_dump', @where, '-Fc', '-f', "$folder/dump", 'postgres' ], 'a dump');
set_enabled($node, 'on');
wait_sql($node, q{SELECT string_agg(status, ' ') FROM whatsapp_messages}, 'SENT SENT');
$node->command_ok([ 'pg_restore', @where, '--clean', '-d', 'postgres', "$folder/dump" ], 'is restored over its own database');
wait_sender($node);
wait_sql($node, q{SELECT count(*) FROM whatsapp_held}, '2');
send_to($node, 'after', 9, 1);
wait_turns($node);
is_deeply([ values %{ sent_to($sandbox, 8) } ], [ 1, 1 ], 'what was pending in it is held, though it was restored where it came from');
is(sql(q{SELECT DISTINCT reason FROM whatsapp_held}), 'this database was restored or copied', 'and why');
sandbox_set($sandbox, webhooks_paused => $false);
wait_sql($node, q{SELECT string_agg(status, ' ' ORDER BY id) FROM whatsapp_messages}, 'READ READ PENDING');
pass('what was sent meanwhile is settled by its webhooks');
is(sql('SELECT wa_release()'), '1', 'the rest is released by hand');
wait_sql($node, q{SELECT string_agg(status, ' ' ORDER BY id) FROM whatsapp_messages}, 'READ READ READ');
$node->restart;
wait_sender($node);
send_to($node, 'released', 9, 2);
wait_sql($node, q{SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages}, 'READ');
is(sql(qq{SELECT count(*) FROM whatsapp_instances WHERE nonce = '$nonce' AND released_at IS NULL}), '0', 'the release holds, under another nonce');
is(sql(q{SELECT whatsapp_hold_reason() IS NULL}), 't', 'and nothing is held');
$node->stop('fast');

# --------------------------------------------------------------------------------- a failover to a standby that lagged behind

for my $lag (1, 90)
{
	my $primary = new_cluster("primary_$lag", conf => "whatsapp.failover_quarantine = 1s\n");
	my $api = $primary->{sandbox};
	send_to($primary, 'before', 5, 1);
	wait_sql($primary, q{SELECT status FROM whatsapp_messages}, 'READ');
	# somebody's rule on the table, beside which the server refuses some forms of statements
	$primary->safe_psql('postgres', q{CREATE TABLE noted (what text); CREATE RULE note AS ON INSERT TO whatsapp_instances DO ALSO INSERT INTO noted VALUES ('instance')});
	$primary->backup('base');
	my $standby = PostgreSQL::Test::Cluster->new("standby_$lag");
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf', 'whatsapp.enabled = off');
	$standby->start;
	# its memory of the sequence ends here, too: each id is logged when it is taken after a checkpoint
	$primary->safe_psql('postgres', q{CHECKPOINT; SELECT setval('whatsapp_messages_id_seq', 1000)});
	$primary->wait_for_catchup($standby);
	$standby->append_conf('postgresql.conf', "primary_conninfo = ''");
	$standby->reload;
	wait_for('the stream to end', sub { !$primary->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_replication') });
	sandbox_set($api, webhooks_paused => $true);
	send_to($primary, 'lost', 6, $lag);
	wait_sql($primary, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'SENT'}, $lag);
	my $lost = $primary->safe_psql('postgres', q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM whatsapp_messages WHERE reference LIKE 'lost%'});
	$nonce = $primary->safe_psql('postgres', 'SELECT nonce FROM whatsapp_instances');
	$primary->stop('immediate');
	$standby->promote;
	wait_sender($standby);
	$standby->safe_psql('postgres', q{SELECT setval('whatsapp_messages_id_seq', 1000)});
	send_to($standby, 'new', 7, $lag);
	is($standby->safe_psql('postgres', q{SELECT string_agg(id::text, ' ' ORDER BY id) FROM whatsapp_messages WHERE reference LIKE 'new%'}), $lost, "lag $lag: other messages have the same ids");
	wait_sql($standby, qq{SELECT count(*) FROM whatsapp_instances WHERE nonce = '$nonce' AND released_at IS NOT NULL}, '1');
	is($standby->safe_psql('postgres', q{SELECT whatsapp_hold_reason() IS NULL}), 't', "lag $lag: another nonce, and nothing is held");
	sandbox_set($api, webhooks_paused => $false);
	wait_delivered($api);
	is($standby->safe_psql('postgres', q{SELECT string_agg(DISTINCT concat_ws(' ', status, state), ', ') FROM whatsapp_messages JOIN whatsapp_queue ON message_id = id}), 'PENDING ready',
		"lag $lag: webhooks about what the old primary sent settle none of them");
	is($standby->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue}), $lag, "lag $lag: all of them wait");
	set_enabled($standby, 'on');
	wait_sql($standby, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ' AND reference LIKE 'new%'}, $lag);
	is_deeply(sent_to($api, 7), { map { sprintf('3467%07d', $_) => 1 } 1 .. $lag }, "lag $lag: each is sent, once");
	tables_intact($standby, "lag $lag");
	$standby->stop('fast');
}

done_testing();
