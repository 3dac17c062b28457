# Tokens, keys and message bodies reach no log, no view, no setting and no dump, whatever is logged.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $canary = 'CANARY-' . 'x' x 40;
# files, not the environment: with log_min_messages = debug3 or lower the server itself prints its environment when it starts
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/access_token", "$canary-token\n");
append_to_file("$folder/app_secret", "$canary-app\n");
append_to_file("$folder/verify_token", "$canary-verify\n");
my $node = new_cluster('secrets', conf => <<"CONF");
whatsapp.secret_dir = '$folder'
log_line_prefix = '%b|'
log_min_messages = debug5
log_min_error_statement = debug5
log_statement = 'all'
log_min_duration_statement = 0
log_parameter_max_length_on_error = -1
debug_print_parse = on
track_activity_query_size = 10000
shared_preload_libraries = 'pg_whatsapp, auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_verbose = on
auto_explain.log_analyze = on
CONF
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, token => "$canary-token", app_secret => "$canary-app");

# the caller's own statement is his own affair: the body is put together where log_statement does not see it
$node->safe_psql('postgres', q{
	CREATE TABLE orders (supplier text, po text, total text, phone text);
	SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');
	INSERT INTO orders SELECT 'BODY' || '-CANARY', 'PO', '1', p FROM unnest(ARRAY['+34612345678', '+15550131026', '+15551131026', '+15552000006', '+15550000190']) AS p});
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status IN ('READ', 'FAILED')}, '3');
wait_sql($node, q{SELECT count(*) FROM whatsapp_senders WHERE paused_reason IS NOT NULL}, '1');
is((curl('-X', 'GET', webhook_url($node) . "?hub.mode=subscribe&hub.verify_token=$canary-verify&hub.challenge=1"))[0], 200, 'the handshake works');
is((curl('-X', 'POST', '-H', "X-Hub-Signature-256: sha256=$canary", '-d', '{}', webhook_url($node)))[0], 401, 'a forged signature does not');

# a row that a worker cannot write, which the server would quote in its error
$node->safe_psql('postgres', q{ALTER TABLE whatsapp_messages ADD CONSTRAINT dba CHECK (wamid IS NULL OR reference <> 'PO-2') NOT VALID;
	SELECT wa_cancel(message_id) FROM whatsapp_queue; SELECT wa_resume(); INSERT INTO orders VALUES ('BODY' || '-CANARY', 'PO-2', '1', '+34612345679')});
wait_for('the row to be refused', sub { slurp_file($node->logfile) =~ /violates check constraint "dba"/ });
$node->safe_psql('postgres', 'ALTER TABLE whatsapp_messages DROP CONSTRAINT dba');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'PO-2'}, 'READ');

# a one-time code is erased once it has left
$node->safe_psql('postgres', q{SELECT wa_send_code('+34612345679', 'CODE' || '-CANARY', 'login_code', reference => 'login')});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'login'}, 'READ');
wait_sql($node, q{SELECT count(*) FROM whatsapp_codes}, '0');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'login' AND payload IS NULL}), '1', 'a code does not stay in its row');
my ($sent) = grep { (encode_json($_) =~ /CODE-CANARY/) } @{ sandbox_get($sandbox, 'messages') };
ok($sent, 'and it was sent');

my $log = slurp_file($node->logfile);
like($log, qr/Query Text: (?:INSERT INTO|UPDATE) "?\w+"?\.whatsapp_/, 'the plans of workers are in it');
cmp_ok(length $log, '>', 10_000, 'the log is as talkative as it gets');
ok($log !~ qr/CANARY-x/, 'no secret in the log');
# The plan of the caller's INSERT has his values, when he logs plans; what we make of them stands nowhere, and nothing of it in what workers log.
ok($log !~ qr/"text":"BODY-CANARY/, 'no message body in the log');
my $of_workers = join '', grep { /^pg_whatsapp/ } split /^(?=[\w ]+\|)/m, $log;
cmp_ok(length $of_workers, '>', 100_000, 'the workers are as talkative');
ok($of_workers !~ qr/BODY-CANARY|CODE-CANARY|3461234567[89]/, 'nothing of a message, and no phone number, in what workers log');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%CANARY-x%'}), '0', 'nor in pg_stat_activity');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE concat(setting, boot_val, reset_val) LIKE '%CANARY%'}), '0', 'nor in pg_settings');
my ($dump, $err) = run_command([ 'pg_dumpall', '-p', $node->port, '-h', $node->host ]);
ok($dump =~ qr/BODY-CANARY/, 'the dump has the messages');
ok($dump !~ qr/CODE-CANARY/, 'but not the code');
ok($dump !~ qr/CANARY-x/, 'but no secret');

# a role without rights sees neither messages nor where the secrets are
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
my ($code, $out, $denied) = $node->psql('postgres', q{SELECT count(*) FROM whatsapp_messages}, extra_params => [ '-U', 'plain' ]);
like($denied, qr/permission denied for table whatsapp_messages/, 'messages are private');
($code, $out, $denied) = $node->psql('postgres', q{SELECT wa_send_po('A', 'B', 1, '+34612345678')}, extra_params => [ '-U', 'plain' ]);
like($denied, qr/permission denied for function wa_send_po/, 'and so is sending');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name IN ('whatsapp.secret_dir', 'whatsapp.api_base_url')}, extra_params => [ '-U', 'plain' ]), '0', 'and where secrets are and go');

$node->stop('fast');
done_testing();
