# Names that change while the workers live: of the schema, of its place, of the owner. Messages go out, statuses and messages come in.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('renames', no_extension => 1);
my $url = webhook_url($node);
my $serial = 0;

sub sql { return $node->safe_psql('postgres', $_[0]) }

sql(q{CREATE ROLE keeper SUPERUSER LOGIN; CREATE SCHEMA whatsapp AUTHORIZATION keeper});
sql(q{SET ROLE keeper; CREATE EXTENSION pg_whatsapp SCHEMA whatsapp});
wait_for('the workers', sub { PgWhatsapp::workers($node) == 2 });
my $pids = q{SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE backend_type ~ '^pg_whatsapp (sender|listener|reader)$'};
wait_for('the reader', sub { sql($pids) =~ /^\d+ \d+ \d+$/ });
my $before = sql($pids);

sub works
{
	my ($title, $schema) = @_;
	$serial++;
	sql(qq{SELECT "$schema".wa_send_po('Proveedor ABC', 'PO-$serial', 1250, '+34612345678')});
	wait_sql($node, qq{SELECT status FROM "$schema".whatsapp_messages WHERE reference = 'PO-$serial'}, 'READ');
	my $body = '{"object":"whatsapp_business_account","entry":[{"id":"987654321","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",'
	  . '"metadata":{"display_phone_number":"15550783881","phone_number_id":"123456789"},"contacts":[{"profile":{"name":"Ana"},"wa_id":"34600111222"}],'
	  . qq~"messages":[{"from":"34600111222","id":"wamid.IN$serial","timestamp":"~ . time . '","type":"text","text":{"body":"hola"}}]}}]}]}';
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0], 200, "$title: a webhook is stored");
	wait_sql($node, qq{SELECT count(*) FROM "$schema".whatsapp_inbound WHERE wamid = 'wamid.IN$serial'}, '1');
	is(sql($pids), $before, "$title: sent, read and answered, by the same workers");
	return;
}

works('as it was made', 'whatsapp');
sql('ALTER SCHEMA whatsapp RENAME TO "Mensajes ""2026"""');
works('a schema with another name', 'Mensajes ""2026""');
sql('CREATE SCHEMA elsewhere; ALTER SCHEMA "Mensajes ""2026""" RENAME TO whatsapp');
works('and its first name again', 'whatsapp');
sql('ALTER ROLE keeper RENAME TO custodian');
works('an owner with another name', 'whatsapp');
sql('ALTER DATABASE postgres SET search_path = elsewhere');
works('another search_path', 'whatsapp');

is_deeply([ slurp_file($node->logfile) =~ /^.*(?:ERROR|FATAL): .*$/mg ], [], 'and nobody has met an error');
$node->stop('fast');
done_testing();
