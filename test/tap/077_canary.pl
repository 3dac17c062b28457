# A token, an app secret, a phone number and a text go through everything: none of the secrets is found in any place that outlives the process, and
# nothing of the person after wa_forget().
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $canary = 'CANARY-' . 'q' x 40;
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/access_token", "$canary-token\n");
append_to_file("$folder/app_secret", "$canary-app\n");
append_to_file("$folder/verify_token", "$canary-verify\n");
my $metrics_port = PostgreSQL::Test::Cluster::get_free_port();
my $node = new_cluster('canary', conf => <<"CONF");
whatsapp.secret_dir = '$folder'
whatsapp.metrics_listen = '127.0.0.1:$metrics_port'
whatsapp.keep_changes = '1d'
whatsapp.log_messages = all
log_min_messages = debug5
log_statement = 'all'
log_min_duration_statement = 0
shared_preload_libraries = 'pg_whatsapp, pg_stat_statements'
pg_stat_statements.track = all
wal_level = replica
wal_keep_size = '1GB'
max_wal_senders = 4
CONF
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, token => "$canary-token", app_secret => "$canary-app");
sub sql { return $node->safe_psql('postgres', $_[0]) }
my $phone = '+34655443322';
(my $digits = $phone) =~ s/\+//;

# ----------------------------------------------------------------------------------------------------------------- through everything

sql(q{CREATE EXTENSION pg_stat_statements});
is((curl('-X', 'GET', webhook_url($node) . "?hub.mode=subscribe&hub.verify_token=$canary-verify&hub.challenge=1"))[0], 200, 'the handshake');
is((curl('-X', 'POST', '-H', 'X-Hub-Signature-256: sha256=' . 'ab' x 32, '-d', '{}', webhook_url($node)))[0], 401, 'a forged signature');
sql($_) for 'CALL wa_sync_templates()', 'CALL wa_sync_numbers()', 'CALL wa_probe()';
sql(<<"SQL");
CREATE TABLE seen (id bigint, what text);
CREATE FUNCTION on_status(bigint, text) RETURNS void LANGUAGE sql AS \$\$ INSERT INTO seen VALUES (\$1, \$2) \$\$;
SELECT wa_on_status('on_status(bigint,text)'::regprocedure);
SQL
sandbox_post($sandbox, 'inbound', { from => $phone, text => 'Hola, CANTO' });
wait_sql($node, "SELECT wa_window_open('$phone')");
my %calls = (
	text => q{wa_send_text('PHONE', 'CAN' || 'TO')}, location => q{wa_send_location('PHONE', 1, 2, 'CAN' || 'TO')},
	contacts => q{wa_send_contacts('PHONE', '[{"name": {"formatted_name": "CANTO", "first_name": "CANTO"}, "phones": [{"phone": "+34655443322"}]}]')},
	buttons => q{wa_send_interactive('PHONE', '{"type": "button", "body": {"text": "CANTO"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "A"}}]}}')},
	media => q{wa_send_media('PHONE', 'document', media => wa_upload_media('%PDF-1.4 CANTO', 'application/pdf', 'canto.pdf'))},
	order => q{wa_send_po('CANTO', 'PO-1', 10, 'PHONE')}, code => q{wa_send_code('PHONE', 'CANTO1', 'login_code')});
my @ids;
for my $type (sort keys %calls) { (my $call = $calls{$type}) =~ s/PHONE/$phone/g; push @ids, sql("SELECT $call") }
wait_sql($node, 'SELECT count(*) FROM whatsapp_messages WHERE id IN (' . join(', ', @ids) . q{) AND status = 'READ'}, scalar @ids);
wait_sql($node, q{SELECT count(DISTINCT id) FROM seen WHERE what = 'READ'}, scalar @ids);
sandbox_post($sandbox, 'faults', [ { code => 131026 }, { code => 100 } ]);
push @ids, sql("SELECT wa_send_po('CANTO', 'PO-2', 10, '$phone')"), sql("SELECT wa_send_po('CANTO', 'PO-3', 10, '$phone')");
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED'", '2');
sandbox_post($sandbox, 'media', { id => 'M1', mime_type => 'image/png', content => 'CANTO' });
sql(q{SELECT wa_template_sample('canary.png', 'CANTO', 'image/png')});
wait_sql($node, q{SELECT count(*) FROM whatsapp_requests WHERE ended_at IS NULL}, '0');
sandbox_post($sandbox, 'faults', { code => 190 });
push @ids, sql("SELECT wa_send_po('CANTO', 'PO-4', 10, '$phone')");
wait_sql($node, q{SELECT count(*) FROM whatsapp_senders WHERE paused_reason IS NOT NULL}, '1');
my $metrics = curl("http://127.0.0.1:$metrics_port/metrics");
my $report = curl("http://127.0.0.1:$metrics_port/report");
like($metrics, qr/whatsapp_/, 'the metrics');
like($report, qr/<html/, 'the report');
sql(q{SELECT wa_resume()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_queue}, '0');

# ----------------------------------------------------------------------------------------------------------------- the secrets are nowhere

sub files_with { my ($pattern, @places) = @_; my $found = qx(grep -rlaF -e '$pattern' @places 2>/dev/null); return join ' ', split /\n/, $found }
$node->backup('base');
sql('CHECKPOINT');
my $data = $node->data_dir;
cmp_ok(-s $node->logfile, '>', 100_000, 'the log is as talkative as it gets');
is(files_with("$canary-", $node->logfile), '', 'in no line of the log');
is(files_with("$canary-", $data), '', 'in no file of the data directory, the WAL among them');
is(files_with("$canary-", $node->backup_dir), '', 'nor of a base backup');
ok(files_with('CANTO', "$data/pg_wal") ne '', 'while the WAL has the texts');
my ($dump) = run_command([ 'pg_dumpall', '-p', $node->port, '-h', $node->host ]);
unlike($dump, qr/CANARY-q/, 'nor of a dump');
unlike("$metrics$report", qr/CANARY-q|$digits|CANTO/, 'the pages have neither secrets nor persons');
for my $view (qw(pg_stat_activity pg_settings pg_stat_statements)) {
	is(sql("SELECT count(*) FROM $view AS v WHERE v::text LIKE '%CANARY-' || 'q%'"), '0', "nor in $view");
}
is(sql(q{SELECT string_agg(l.relname, ', ') FROM (SELECT c.relname, query_to_xml(format('SELECT * FROM %I', c.relname), true, true, '')::text AS rows
	FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' WHERE c.relkind IN ('r', 'v')) AS l
	WHERE l.rows LIKE '%CANARY-' || 'q%'}), '', 'nor in any table or view of the extension');
# the workers, where the secrets are, leave no core file
my @limits = map { my ($line) = slurp_file("/proc/$_/limits") =~ /^(Max core file size.*)$/m; $line =~ /size\s+0 / ? () : "$_: $line" }
  split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_whatsapp%'});
is_deeply(\@limits, [], 'no worker leaves a core file');

# ----------------------------------------------------------------------------------------------------------------- the person is forgotten

like($dump, qr/$digits/, 'the person is in the tables');
sql("SELECT wa_forget('$phone')");
($dump) = run_command([ 'pg_dump', '-p', $node->port, '-h', $node->host, '-d', 'postgres', '-T', 'seen' ]);
my @left = $dump =~ /^.*$digits.*$/mg;
is_deeply(\@left, [], 'and nowhere after wa_forget()');
@left = $dump =~ /^.*(?:Hola, CANTO|CANTO1).*$/mg;
is_deeply(\@left, [], 'nor what they wrote');
cmp_ok(sql('SELECT sum(sent) FROM whatsapp_stat_days'), '>', 0, 'while the counts stay');
$node->stop;
done_testing();
