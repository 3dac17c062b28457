# Webhooks by SQL for those who have a web tier, and secrets per account: the listener verifies, without an address, and no session sees
# a secret. NOTIFY of what came.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = PostgreSQL::Test::Utils::tempdir();
sub secret
{
	my ($name, $value) = @_;
	my ($account) = $name =~ m{\A(.*)/};
	mkdir "$folder/$account" if defined $account;
	unlink "$folder/$name";
	return unless defined $value;
	append_to_file("$folder/$name.new", "$value\n");
	chmod 0600, "$folder/$name.new";
	rename "$folder/$name.new", "$folder/$name" or die "rename: $!";
	return;
}
secret(verify_token => 'default-token');
secret(app_secret => 'default-secret');
my $node = new_cluster('web_tier', conf => "max_connections = 40\nwhatsapp.secret_dir = '$folder'\n");
my $port = $node->{listen};
my $url = webhook_url($node);
$node->safe_psql('postgres', 'CREATE ROLE web LOGIN; GRANT EXECUTE ON FUNCTION wa_webhook_verify(text, text, text), wa_webhook_receive(bytea, text) TO web');

sub sign { return 'sha256=' . hmac_sha256_hex($_[0], $_[1] || 'default-secret') }
sub post { my ($to, $body, $key) = @_; return (curl('-X', 'POST', '--data-binary', $body, '-H', 'X-Hub-Signature-256: ' . sign($body, $key), $to))[0] }
sub shake { my ($to, $token) = @_; return (curl("$to?hub.mode=subscribe&hub.verify_token=$token&hub.challenge=17"))[0] }
sub web
{
	my ($sql) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $sql, extra_params => [ '-U', 'web', '-v', 'VERBOSITY=sqlstate' ]);
	return $code == 0 ? $out : $err =~ /ERROR:  (\w+)/ ? $1 : $err;
}
sub verify { my ($token, $mode) = @_; return web("SELECT wa_webhook_verify('" . ($mode || 'subscribe') . "', '$token', '17')") }
sub receive { my ($body, $key) = @_; return web("SELECT wa_webhook_receive(convert_to('$body', 'UTF8'), '" . sign($body, $key) . "')") }
sub delivery
{
	return JSON::PP->new->canonical->encode({ object => 'whatsapp_business_account', entry => [ { id => '1', changes => [ { field => 'messages',
		value => { statuses => [ map { { id => $_, status => 'read', timestamp => '1795336249', recipient_id => '34612345678' } } @_ ] } } ] } ] });
}
sub has { my ($wamid) = @_; return $node->safe_psql('postgres', qq{SELECT count(*) FROM whatsapp_events WHERE wamid = '$wamid'}) }
sub wait_gone { return wait_sql($node, 'SELECT count(*) FROM whatsapp_deliveries', '0') }

# one URL for several apps, and one of its own for each account
$node->safe_psql('postgres', q{INSERT INTO whatsapp_accounts (name) VALUES ('north'), ('south'), ('bare')});
secret('north/verify_token' => 'north-token');
secret('north/app_secret' => 'north-secret');
secret('south/app_secret' => 'south-secret');
secret('south/app_secret_previous' => 'south-old-secret');
wait_for('the secrets of the accounts', sub { shake($url, 'north-token') == 200 });
is(shake($url, 'default-token'), 200, 'the handshake takes the token of the default account');
is(shake($url, $_), 403, "not '$_'") for '', 'north-secret', 'south-secret', 'north-toke', 'north-token%00';
is(post($url, delivery("SHARED-$_"), $_), 200, "a delivery signed with $_") for 'default-secret', 'north-secret', 'south-secret', 'south-old-secret';
is(post($url, delivery('FORGED'), $_), 401, "not with $_") for 'north-token', 'bare', 'default-secret ';
is(shake("$url/north", 'north-token'), 200, 'the path of an account takes its token');
is(shake("$url/north", 'default-token'), 403, 'and no other');
is(shake("$url/$_", 'default-token'), 403, "$_ has none, and nothing matches that") for 'south', 'bare';
is(shake("$url/bare", ''), 403, 'not even nothing');
is(post("$url/south", delivery('SOUTH'), 'south-old-secret'), 200, 'it takes its signature');
is(post("$url/south", delivery('FORGED'), 'north-secret'), 401, 'and no other');
is(shake("$url/nobody", 'default-token'), 404, 'an account that is not there');
is(has('FORGED'), '0', 'no forgery is stored');

# files that change
secret('north/verify_token' => 'north-second');
wait_for('the new token', sub { shake($url, 'north-second') == 200 });
is(shake($url, 'north-token'), 403, 'the old one has ended');
$node->safe_psql('postgres', q{DELETE FROM whatsapp_accounts WHERE name = 'south'});
wait_for('the account to end', sub { post($url, delivery('LATE'), 'south-secret') == 401 });

# from now on without a port
$node->safe_psql('postgres', q{ALTER SYSTEM SET whatsapp.listen = ''});
$node->reload;
wait_for('the port to be shut', sub { (curl("http://127.0.0.1:$port/healthz"))[0] eq '000' });
$node->restart;
wait_for('all workers', sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg\_whatsapp%er' AND datname = 'postgres'}) == 3 });

is(verify('default-token'), '17', 'wa_webhook_verify(): the challenge');
is(verify('north-second'), '17', 'for the token of another account');
is(verify($_), 'WA010', "not for '$_'") for '', 'default-toke', 'default-token ', 'north-token', 'default-secret';
is(verify('default-token', 'unsubscribe'), 'WA010', 'nor for another mode');
secret('north/verify_token' => 'north-third');
wait_for('the new token', sub { verify('north-third') eq '17' });
is(verify('north-second'), 'WA010', 'a token that was replaced has ended');
secret('verify_token');
delete $ENV{WHATSAPP_WEBHOOK_VERIFY_TOKEN};
is(web(q{SELECT count(*) FROM whatsapp_deliveries}), '42501', 'the role of the web tier reads nothing');

# a delivery is stored at once: the commit wakes the listener, whose own look comes every 5 s
my $start = time;
for my $i (1 .. 20)
{
	receive(delivery("PROMPT-$i"));
	wait_sql($node, qq{SELECT count(*) FROM whatsapp_events WHERE wamid = 'PROMPT-$i'}, '1');
}
cmp_ok(time - $start, '<', 50, 'twenty deliveries, one after the other, do not wait for twenty looks');
wait_gone();

# the message's status, and what is told of it
send_po($node, 1, phone => '+15552000015', prefix => 'notified');
wait_sql($node, q{SELECT status FROM whatsapp_messages}, 'SENT');
my ($id, $wamid) = split /\|/, $node->safe_psql('postgres', 'SELECT id, wamid FROM whatsapp_messages');
my $ear = $node->background_psql('postgres', on_error_die => 1);
$ear->query_safe('LISTEN whatsapp_status; LISTEN whatsapp_inbound');
sub heard { my $text = $ear->query('SELECT 1'); my @heard; push @heard, [ $1, $2 ] while $text =~ /notification "(\w+)" with payload "(.*?)" received/g; return @heard }
receive(delivery($wamid));
wait_sql($node, q{SELECT status FROM whatsapp_messages}, 'READ');
is(scalar(heard()), 0, 'nothing is told by default');
$node->safe_psql('postgres', "ALTER SYSTEM SET whatsapp.notify_$_ = on") for 'status', 'inbound';
$node->reload;
wait_sql($node, q{SHOW whatsapp.notify_inbound}, 'on');
send_po($node, 1, phone => '+15552000015', prefix => 'notified');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'SENT'}, '1');
($id, $wamid) = split /\|/, $node->safe_psql('postgres', q{SELECT id, wamid FROM whatsapp_messages WHERE status = 'SENT'});
my @told;
wait_for('a notification', sub { push @told, heard(); @told });
is_deeply([ map { [ $_->[0], decode_json($_->[1]) ] } @told ], [ [ 'whatsapp_status', { id => $id, status => 'SENT', sender => 'default' } ] ], 'SENT is told');
receive(delivery($wamid)) for 1 .. 2;
wait_gone();
@told = ();
wait_for('a notification', sub { push @told, heard(); @told });
is_deeply([ map { decode_json($_->[1]) } @told ], [ { id => $id, status => 'READ', sender => 'default' } ], 'READ is told, once');
my $inbound = '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messages":[{"from":"34612345678","id":"wamid.IN","timestamp":"1795336249","type":"text","text":{"body":"Hola"}}]}}]}]}';
receive($inbound) for 1 .. 2;
wait_gone();
@told = ();
wait_for('a notification', sub { push @told, heard(); @told });
is(scalar(@told), 1, 'a message that comes in is told once');
is($told[0][0], 'whatsapp_inbound', 'on a channel of its own');
unlike($told[0][1], qr/346|Hola|wamid/, 'without phone and text');
$ear->quit;

# transactions are the caller's
web("BEGIN; SELECT wa_webhook_receive(convert_to('" . delivery('ROLLED-BACK') . "', 'UTF8'), '" . sign(delivery('ROLLED-BACK')) . "'); ROLLBACK");
web("BEGIN; SELECT wa_webhook_receive(convert_to('" . delivery('PREPARED') . "', 'UTF8'), '" . sign(delivery('PREPARED')) . "'); PREPARE TRANSACTION 'delivery'");
is(has('PREPARED'), '0', 'nothing before the commit');
web(q{COMMIT PREPARED 'delivery'});
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid = 'PREPARED'}, '1');
is(has('ROLLED-BACK'), '0', 'nothing after a rollback');

# what is wrong with a delivery
is(receive('not json'), '', 'junk');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE kind = 'malformed'}, '1');
is(receive(delivery('FORGED'), 'another-secret'), '', 'a forgery');
wait_gone();
is(has('FORGED'), '0', 'is dropped');
wait_for('the log', sub { slurp_file($node->logfile) =~ /WhatsApp webhook requests were refused: \d+\n.*DETAIL:  Signature missing or wrong: \d+\./ });
is(web("SELECT wa_webhook_receive('{}', NULL)"), 'WA011', 'no signature');

# one that ended five listeners is put aside unread, another one is taken
my $poison = delivery('POISON');
$node->safe_psql('postgres', "INSERT INTO whatsapp_deliveries (body, signature, starts) SELECT convert_to('$poison', 'UTF8'), '" . sign($poison) . "', n FROM generate_series(0, 5, 5) AS n");
receive(delivery('BELL'));
wait_gone();
is($node->safe_psql('postgres', qq{SELECT count(*) FROM whatsapp_events WHERE kind = 'refused' AND convert_from(body, 'UTF8') = '$poison'}) . has('POISON'), '11', 'a poisonous delivery is kept raw');

# the tables cannot be written: it waits, and is not lost
my $lock = $node->background_psql('postgres');
$lock->query_safe(q{BEGIN; LOCK TABLE whatsapp_events});
is(receive(delivery('LOCKED')), '', 'while a table is locked a delivery is taken still');
wait_for('the listener to meet the lock', sub { slurp_file($node->logfile) =~ /canceling statement due to lock timeout/ });
$lock->query_safe(q{COMMIT});
$lock->quit;
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid = 'LOCKED'}, '1');
wait_gone();

# no app secret: nothing can be called forged, so all wait; not without limit
delete $ENV{WHATSAPP_APP_SECRET};
secret('app_secret');
secret('north/app_secret');
$node->safe_psql('postgres', q{ALTER SYSTEM SET whatsapp.listen_max_buffered = '64kB'});
$node->restart;
my $large = delivery(map { "WAITING-$_" } 1 .. 400);
cmp_ok(length $large, '>', 33_000, 'a large delivery');
is(receive($large), '', 'is taken');
wait_for('the complaint', sub { slurp_file($node->logfile) =~ /WhatsApp webhook deliveries wait to be verified: no app secret is set/ });
is(receive($large), '53000', 'a second one has no room: the web tier answers 503');
my $crash = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'});
kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener'});
wait_restart($node, $crash);
secret(app_secret => 'default-secret');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'WAITING-%'}, '400');
wait_gone();
is(receive($large), '', 'there is room again');
wait_gone();
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'WAITING-%'}), '400', 'and a repeat is absorbed');
tables_intact($node, 'listener killed');

# no listener at all
$node->safe_psql('postgres', 'CREATE DATABASE elsewhere');
my ($code, $out, $err) = $node->psql('elsewhere', q{CREATE EXTENSION pg_whatsapp; SELECT wa_webhook_verify('subscribe', 'default-token', '17')}, extra_params => [ '-v', 'VERBOSITY=sqlstate' ]);
like($err, qr/57P03/, 'where nobody listens, the token cannot be verified now');

# many who ask there at once leave room for the others: eight of a database wait for an answer
my @asking = map { IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('elsewhere'), '-v', 'VERBOSITY=sqlstate', '-c', q{SELECT wa_webhook_verify('subscribe', 'default-token', '17')} ],
		'<', '/dev/null', '>', '/dev/null', '2>', "$folder/asking$_") } 1 .. 12;
wait_for('some who are turned away', sub { 4 == grep { -s "$folder/asking$_" } 1 .. 12 });
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE datname = 'elsewhere' AND state = 'active'}), '8', 'of twelve who ask where nobody listens, eight wait');
is(verify('north-third'), '17', 'and here is an answer meanwhile');
$_->finish for @asking;
is(join('', map { slurp_file("$folder/asking$_") } 1 .. 12), "ERROR:  57P03\n" x 12, 'which they never get');

# the recipe for PostgREST, as its page has it
my $page = slurp_file("$FindBin::RealBin/../../docs/web-tier.md");
my ($recipe) = $page =~ /^## PostgREST\n.*?```sql\n(.*?)```/ms;
$node->safe_psql('postgres', "CREATE SCHEMA api; CREATE ROLE web_anon LOGIN; GRANT USAGE ON SCHEMA api TO web_anon; $recipe");
sub rest { my ($sql, %headers) = @_; my ($rc, $got, $error) = $node->psql('postgres', "BEGIN; SELECT set_config('request.headers', '" . encode_json(\%headers) . "', true) \\g /dev/null\n$sql; COMMIT", extra_params => [ '-U', 'web_anon', '-v', 'VERBOSITY=sqlstate' ]); return $rc == 0 ? $got : $error =~ /ERROR:  (\w+)/ ? $1 : $error }
secret(verify_token => 'letters');
wait_for('the token', sub { rest(q{SET TRANSACTION READ ONLY; SELECT api.whatsapp_verify('subscribe', 'letters', '17')}) eq '17' });
is(rest(q{SELECT api.whatsapp_verify('subscribe', 'other', '17')}), 'PT403', 'PostgREST: 403');
is(rest(q{SELECT api.whatsapp_verify()}), 'PT403', 'PostgREST: 403 without parameters');
my $body = delivery('REST');
is(rest("SELECT api.whatsapp_receive(convert_to('$body', 'UTF8'))", 'x-hub-signature-256' => sign($body), 'user-agent' => 'facebook'), '', 'PostgREST: 200');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid = 'REST'}, '1');
is(rest("SELECT api.whatsapp_receive('{}')"), 'PT401', 'PostgREST: 401');
is(rest("SELECT api.whatsapp_receive(convert_to(repeat('x', 3145729), 'UTF8'))", 'x-hub-signature-256' => sign($body)), 'PT413', 'PostgREST: 413');
is(rest('SELECT wa_webhook_receive(NULL, NULL)'), '42501', 'the anonymous role may call the wrappers only');

$node->stop('fast');
done_testing();
