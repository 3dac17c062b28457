# CALL wa_probe(): Meta is asked about account, numbers, subscribed apps and token, wa_preflight() says what came of it, and the token is nowhere.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $token = 'EAACANARYprobe|with/strange+letters';
my $node = new_cluster('probe', environment => { WHATSAPP_ACCESS_TOKEN => $token }, conf => "log_min_messages = debug1\nlog_statement = all\n");
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, token => [$token]);
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub line { my ($place) = @_; return sql("SELECT state || ': ' || seen || ' ' || to_do FROM wa_preflight() WHERE place = $place") }
sub probe { my (%settings) = @_; sandbox_set($sandbox, %settings); my (undef, undef, $error) = $node->psql('postgres', 'CALL wa_probe()'); return $error }
sub found { my ($word) = @_; return sql("SELECT severity || ': ' || problem || ': ' || seen || ' ' || to_do FROM wa_diagnose() WHERE problem || seen ~ '$word' AND problem !~ 'weak'") }
sub probed { my ($columns) = @_; return sql("SELECT concat_ws('|', $columns) FROM whatsapp_probes") }

wait_for('a look at the secrets', sub { line(6) !~ /not looked at/ });
like(line(3), qr/^manual: The access token is set; when it ends only Meta tells\. CALL wa_probe\(\);/, 'before: nobody knows');
is(probe(), '', 'Meta is asked');
is(probed('token_valid, token_permanent, token_expires_at IS NULL, token_scopes, app_id, subscribed_apps'),
	't|t|t|{whatsapp_business_management,whatsapp_business_messaging}|111111111111111|[{"id": "111111111111111", "name": "sandbox", "callback": ""}]', 'and what it says is kept');
is(sql(q{SELECT kind || ' ' || state || ' ' || result FROM whatsapp_requests}), 'probe done {"token_valid": true, "subscribed_apps": 1, "token_permanent": true}', 'the request says it in short');
is(sql('SELECT (SELECT count(*) FROM whatsapp_business_accounts) || $$ $$ || (SELECT count(*) FROM whatsapp_numbers)'), '1 1', 'account and number are there, too');
like(line(3), qr/^ok: As Meta told of the default account: never ends, may whatsapp_business_management and whatsapp_business_messaging \(00:00:00 ago\)\. $/, 'the token is permanent');
like(line(2), qr/^ok: As Meta told/, 'the number is connected');
like(line(1), qr/: As Meta told: the default account is /, 'the business');
like(line(5), qr/As Meta told, an app hears them\./, 'and an app hears the webhooks');

is(probe(token_expires_at => time + 86400), '', 'a token that ends');
like(line(3), qr/^warning: As Meta told of the default account: ends at 20\d\d-\d\d-\d\d \d\d:\d\d, may /, 'is a warning');
like(found('token'), qr/^warning: The access token ends soon: That of the default account at 20\d\d-.* Put a system user/, 'of wa_diagnose(), too');
ok(eval { wait_sql($node, q{SELECT wa_metrics() ~ ('whatsapp_token_expires_timestamp_seconds\{database="postgres"\} ' || extract(epoch FROM max(token_expires_at))::bigint) FROM whatsapp_probes}) },
	'of Prometheus') or diag sql('SELECT wa_metrics()');
like(sql('SELECT wa_report()'), qr/<tr class=bad><td>look<\/td><td>Access token<\/td><td>ends in 2[34] h</, 'and of the report');
is(probe(token_expires_at => 1000000000), '', 'one that has ended');
like(line(3), qr/^failed: As Meta told of the default account: ended at 2001-09-09 /, 'has failed');
like(found('token'), qr/^critical: The access token has ended: /, 'and is critical');
is(probe(token_expires_at => time + 86400 * 60), '', 'one that ends in two months');
is(found('token'), '', 'is no trouble yet');
is(probe(token_expires_at => 0, token_scopes => ['whatsapp_business_management']), '', 'one that may not send');
like(line(3), qr/^failed: .* may whatsapp_business_management .*Make a token that may whatsapp_business_messaging and/, 'has failed, too');
is(probe(token_scopes => [qw(whatsapp_business_management whatsapp_business_messaging)], subscribed => JSON::PP::false), '', 'no app is subscribed');
like(line(5), qr/^failed: .* No app hears the webhooks of the default account\. Subscribe the app to the account/, 'is a failure of the webhooks');
like(line(3), qr/^ok: /, 'and not of the token');
like(found('subscribed'), qr/^warning: Webhooks have nobody to go to: No app is subscribed to the default account/, 'which wa_diagnose() tells');
my $callback = 'shop.example/api/v1/whatsapp/webhook';
is(probe(subscribed => JSON::PP::true, override_callback_uri => "https://$callback"), '', 'an app with a callback URL');
like(line(5), qr{ They go to https://\Q$callback\E\.}, 'which the checklist shows');
is(sql('SELECT state FROM wa_security() WHERE place = 3'), 'ok', 'and which has TLS');
is(probe(override_callback_uri => "http://$callback"), '', 'one without TLS');
is(sql('SELECT state FROM wa_security() WHERE place = 3'), 'failed', 'has failed');
sandbox_set($sandbox, override_callback_uri => '');

# Meta does not tell about the token: all else is known
sandbox_post($sandbox, 'faults', { edge => 'debug_token', times => 1, code => 200 });
like(probe(subscribed => JSON::PP::true), qr/WA030|ERROR/, 'a refusal is raised');
like(line(3), qr/^warning: Meta refused to tell of the default account: code 200 /, 'and said');
like(line(5), qr/As Meta told, an app hears them/, 'what was told before it is kept');
# the token is not Meta's any more
like(probe(token => ['another-one']), qr/ERROR/, 'a token that is refused');
like(line(3), qr/^failed: Meta refused to tell of the default account: code 190 /, 'has failed');
is(probe(token => [$token]), '', 'and is asked again');
like(line(3), qr/^ok: /, 'with the right one all is well');
# what is no answer
sandbox_post($sandbox, 'faults', { edge => 'subscribed_apps', times => 1, body => 'html', status => 200 });
is(probe(), '', 'an answer that cannot be read is asked for again');
like(line(5), qr/As Meta told, an app hears them/, 'and read then');

my $dump = PostgreSQL::Test::Utils::slurp_file($node->logfile) . `pg_dumpall -h ${\$node->host} -p ${\$node->port}`;
unlike($dump, qr/CANARYprobe/, 'the token is in no log and in no table');
like($dump, qr/whatsapp_probes/, 'what was told is dumped');
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE query ~ 'CANARY' AND pid <> pg_backend_pid()}), '0', 'nor in pg_stat_activity');
$node->stop('fast');
done_testing();
