# The quick reference of the notification service, walked line by line: each of its rows stands in docs/quick-reference.md, each block of that page is
# run in a cluster as scripts/quickstart makes it, and what the rows promise is seen with real messages.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use JSON::PP;
use lib $FindBin::RealBin;
use Pages;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $page = page('docs/quick-reference.md');
my $metrics = PostgreSQL::Test::Cluster::get_free_port();
my $node = new_cluster('quick', environment => { ENABLE_WHATSAPP_NOTIFICATIONS => 'true' },
	conf => "whatsapp.metrics_listen = '127.0.0.1:$metrics'\nwhatsapp.account_currency = 'USD'\nwhatsapp.account_time_zone = 'Europe/Madrid'\n"
	  . "log_line_prefix = '%m [%p] %b|'\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub said { return join "\n", ($node->psql('postgres', $_[0]))[ 1, 2 ] }
sub status_of { my ($reference) = @_; return "SELECT status FROM whatsapp_messages WHERE reference = '$reference'" }

# ------------------------------------------------------------------------------------------------- every row of it, in its order, has its row

my @sections = (
	'Quick start' => [ 'credentials from Meta: access token, phone number ID, business account ID, webhook verify token', qw(WHATSAPP_ACCESS_TOKEN WHATSAPP_PHONE_NUMBER_ID
		WHATSAPP_BUSINESS_ACCOUNT_ID WHATSAPP_WEBHOOK_VERIFY_TOKEN ENABLE_WHATSAPP_NOTIFICATIONS), 'alembic upgrade head', 'kubectl apply -f kubernetes/notification-deployment.yaml' ],
	'Pricing at a glance' => [ 'Free: the first 1,000', 'Paid: €0.01-0.10 each', 'Conversation: 24-hour window' ],
	'Template format' => [ 'Name `po_notification`', 'Message `Hola {{1}}, has recibido', 'Parameters: supplier name, PO number, total amount', 'Example: `Hola Proveedor ABC' ],
	'Important URLs' => [ 'Meta Business Suite', 'Developers console', 'Template manager', 'API docs', 'Status page' ],
	'Common commands' => [ 'alembic current', 'grep WhatsApp', 'SELECT … FROM whatsapp_messages', 'curl -X GET "https://your-domain.com/api/v1/whatsapp/webhook' ],
	'Troubleshooting' => [ 'Webhook verification failed', 'Template not found', 'Access token expired', 'Message failed', 'No webhook events' ],
	'Message status flow' => [ 'PENDING → SENT → DELIVERED → READ, FAILED', 'PENDING: created in DB, not yet sent', 'SENT: accepted by WhatsApp API', 'DELIVERED: delivered to recipient\'s device',
		'READ: recipient opened the message', 'FAILED: delivery failed (check `error_message`)' ],
	'Phone number format' => [ 'Correct: `+34612345678`', '`612345678` (missing country code)', '`34612345678` (missing +)', '`+34 612 34 56 78` (has spaces)' ],
	'Required template info' => [ 'Name `po_notification`', 'Category UTILITY', 'Language Spanish (es)', 'Status APPROVED (required!)', 'Parameters: 3 (supplier, PO #, amount)' ],
	'Security checklist' => [ 'Access tokens stored in Kubernetes secrets', 'Webhook verify token is random and secure', 'HTTPS enabled for webhook URL', 'API tokens never committed to git',
		'Environment-specific tokens (dev/prod)' ],
	'Monitoring' => [ 'Messages sent per day', 'Delivery rate (delivered/sent)', 'Failed message count', 'Response time', 'Conversation usage vs free tier', 'Meta Business Suite → Analytics',
		'Database: `whatsapp_messages` table', 'Logs: Kubernetes pod logs', 'Prometheus: custom metrics' ],
	'Support contacts' => [ 'Meta support', 'Developer community', 'WHATSAPP_SETUP_GUIDE.md' ],
	'Pre-launch checklist' => [ 'Meta Business Account verified', 'WhatsApp phone number registered', 'Access token is permanent (not 24h temp)', 'Template approved (status = APPROVED)',
		'Webhook configured and verified', 'Environment variables set in production', 'Database migration completed', 'Test message sent successfully', 'Webhook events received',
		'Supplier phone numbers formatted correctly', 'Monitoring configured', 'Team trained on template management' ]);
my ($rows, $at, @lost) = (0, 0);
for my $i (map { 2 * $_ } 0 .. $#sections / 2)
{
	my ($section, $wanted) = @sections[ $i, $i + 1 ];
	my $found = index($page, "## $section\n", $at);
	push @lost, $section if $found < 0;
	$at = $found if $found >= 0;
	for my $row (@$wanted)
	{
		# the first column of a row of a table
		my $behind = substr($page, $at);
		if ($behind =~ /^\| [^|\n]*(?:\\\|[^|\n]*)*\Q$row\E/m) { $at += $-[0] + 1; $rows++ }
		else { push @lost, "$section: $row" }
	}
}
is_deeply(\@lost, [], "each of the $rows rows is answered, in their order");
unlike($page, qr/\bnot yet (?!sent)|see this query|coming soon|TODO/i, 'and none is put off');

# ------------------------------------------------------------------------------------------------------------------ every block of it is run

my $url = webhook_url($node);
# what is of another place there has its like here
my %here = ('https://your-domain.com/api/v1/whatsapp/webhook' => $url, YOUR_TOKEN => 'random-secret', '/var/log/postgresql/postgresql-15-main.log' => $node->logfile,
	'127.0.0.1:9188' => "127.0.0.1:$metrics");

sub run_sql { my ($block) = @_; return run_statements($node, 'postgres', $block, answers => 1) }

sub run_shell
{
	my ($block) = @_;
	my @bad;
	for my $line (split /\n/, $block)
	{
		my ($command, $wanted) = $line =~ /^(.*?)(?:\s+# (.*))?$/;
		# there is no Kubernetes here: its manifest is validated by 068_deployment
		if ($command =~ /^kubectl apply -f (\S+)$/) { push @bad, "$command: no such file" unless -s "$root/deploy/$1"; next }
		$command = adapt($command, %here) =~ s/^curl /curl -s /r;
		my $out = `$command 2>&1`;
		push @bad, "$command\nfails: $out" if $? != 0 || $out eq '';
		push @bad, "$command\nanswers $out\nnot     $wanted" if defined $wanted && $out ne $wanted;
	}
	return @bad;
}

# as after scripts/quickstart: a watched table, orders that were READ; and Prometheus has asked
sql(q{CREATE TABLE purchase_orders (supplier text, po_number text, total numeric, currency text, phone text);
	SELECT wa_watch('purchase_orders', 'supplier', 'po_number', 'total', 'phone', currency => 'currency');
	INSERT INTO purchase_orders VALUES ('Proveedor ABC', 'PO-2024-001', 1250, 'EUR', '+34612345678')});
wait_sql($node, status_of('PO-2024-001'), 'READ');
wait_for('the door', sub { HTTP::Tiny->new->get("http://127.0.0.1:$metrics/metrics")->{success} });
wait_sql($node, q{SELECT count(*) > 0 FROM wa_diagnose() WHERE problem = 'A secret is weak'});
my $blocks = 0;
my @wrong;
for my $block (blocks($page, qw(sql sh)))
{
	$blocks++;
	push @wrong, $block->{language} eq 'sql' ? run_sql($block->{text}) : run_shell($block->{text});
}
ok($blocks >= 12 && !@wrong, "its $blocks blocks run, and answer what they say") or diag(join "\n\n", @wrong);
# and this is noticed
is(scalar(my @noticed = (run_sql("SELECT 1; -- 2\n"), run_sql("SELECT wa_never();\n"), run_sql("SELECT 1; -- ERROR\n"), run_shell("echo a    # b\n"))), 4, 'a wrong answer is noticed');

# ---------------------------------------------------------------------------------------------- what the rows promise, with real messages

# the example, on the phone
like(HTTP::Tiny->new->get("$sandbox->{control}/_sandbox/phone?number=%2B34612345678")->{content},
	qr/^Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total de €1,250\.00\.$/m, 'the example is what the supplier reads');

# each status, one after the other
sub is_status
{
	my ($reference, $status) = @_;
	ok(eval { wait_sql($node, status_of($reference), $status) }, "a message that is $status") or diag $@;
	return;
}
sql(q{UPDATE whatsapp_senders SET enabled = false; SELECT wa_send_po('A', 'FLOW-1', 1, '+34600000001')});
is_status('FLOW-1', 'PENDING');
sandbox_set($sandbox, webhooks_paused => JSON::PP::true, read => JSON::PP::false);
sql('UPDATE whatsapp_senders SET enabled = true');
is_status('FLOW-1', 'SENT');
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
is_status('FLOW-1', 'DELIVERED');
sandbox_set($sandbox, read => JSON::PP::true);
sql(q{SELECT wa_send_po('A', 'FLOW-3', 1, '+34600000001')});
is_status('FLOW-3', 'READ');
sandbox_post($sandbox, 'faults', { times => 1, code => 131026 });
sql(q{SELECT wa_send_po('A', 'FLOW-2', 1, '+34600000002')});
is_status('FLOW-2', 'FAILED');
is(sql(q{SELECT error_message <> '' AND hint <> '' FROM whatsapp_messages WHERE reference = 'FLOW-2'}), 't', 'which says why, and what to do');

# each row of the troubleshooting table, caused and found
sub is_found
{
	my ($problem, $to_do) = @_;
	ok(eval { wait_sql($node, qq{SELECT count(*) > 0 FROM wa_diagnose() WHERE problem ~ '$problem' AND concat(seen, to_do) ~ '$to_do'}); 1 }, "found: $problem")
	  or diag $@, said('SELECT * FROM wa_diagnose()');
	return;
}
is((curl("$url?hub.mode=subscribe&hub.verify_token=wrong&hub.challenge=test123"))[0], 403, 'a wrong verify token is refused');
is_found('Webhook verification failed', 'WHATSAPP_WEBHOOK_VERIFY_TOKEN');
sandbox_post($sandbox, 'faults', { times => 1, code => 132001 });
sql(q{SELECT wa_send_po('A', 'TROUBLE-1', 1, '+34600000003')});
is_status('TROUBLE-1', 'FAILED');
is_found('Template not found', '132001');
sandbox_set($sandbox, token => 'another-one');
sql(q{SELECT wa_send_po('A', 'TROUBLE-2', 1, '+34600000004')});
is_found('Access token expired', 'wa_resume');
sandbox_set($sandbox, token => 'sandbox-token');
sql('SELECT wa_resume()');
is_status('TROUBLE-2', 'READ');
sql(q{INSERT INTO purchase_orders VALUES ('A', 'TROUBLE-3', 1, 'EUR', '34612345678')});
is_status('TROUBLE-3', 'FAILED');
is_found('Message failed: phone format', 'E.164');
sql(q{UPDATE whatsapp_messages SET status = 'SENT', delivered_at = NULL, read_at = NULL, sent_at = now() - interval '1 hour' WHERE status IN ('DELIVERED', 'READ')});
is_found('No webhook events', 'reach');
sql(q{UPDATE whatsapp_messages SET status = 'READ', delivered_at = now(), read_at = now() WHERE status = 'SENT'});

# the other value of the switch: what waits, waits
my $off = new_cluster('off', environment => { ENABLE_WHATSAPP_NOTIFICATIONS => 'false' });
is($off->safe_psql('postgres', 'SHOW whatsapp.enabled'), 'off', 'ENABLE_WHATSAPP_NOTIFICATIONS=false');
like(join(' ', ($off->psql('postgres', q{SELECT wa_send_po('A', 'OFF-1', 1, '+34612345678')}))[2]), qr/WARNING:  WhatsApp messages are queued but nobody sends them\nDETAIL:  The setting whatsapp\.enabled is off\./, 'is told to who sends');
wait_turns($off);
is($off->safe_psql('postgres', status_of('OFF-1')), 'PENDING', 'and nothing leaves');
$off->stop('fast');
$ENV{ENABLE_WHATSAPP_NOTIFICATIONS} = 'true';

# the metrics of its monitoring section, against the rows
is(sql(q{SELECT sum(sent) = (SELECT count(*) FROM whatsapp_messages WHERE sent_at IS NOT NULL) AND sum(failed) = (SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED')
	FROM whatsapp_stat_days}), 't', 'messages by day are what the rows say');

# ------------------------------------------------------------------------------------------ grep WhatsApp: every line of ours has the word

my @worker = qw(launcher sender listener reader clerk);
# a statement of a worker's that fails, a callback that raises, a worker that is told to go
sql(q{CREATE FUNCTION bark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
	CREATE TRIGGER bark BEFORE UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION bark();
	SELECT wa_send_po('A', 'BARK-1', 1, '+34600000005')});
my $bark = qr/\|ERROR:  WhatsApp sender: no\n(?:.*\n){0,8}?.*WhatsApp sender of database "postgres"/;
ok(eval { wait_for('an error of the sender', sub { slurp_file($node->logfile) =~ $bark }) }, 'an error of a worker says whose it is, and in which database');
sql('DROP TRIGGER bark ON whatsapp_messages');
is_status('BARK-1', 'READ');
sql(q{SELECT wa_request_probe()});
my $sender = sender_pid($node);
sql("SELECT pg_terminate_backend($sender)");
wait_for('another sender', sub { my $pid = ($node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}))[1]; $pid && $pid != $sender });
like(slurp_file($node->logfile), qr/LOG:  WhatsApp sender has ended\n.*DETAIL:  It was told to/, 'a sender that stops says so');
wait_sql($node, q{SELECT bool_and(alive) FROM whatsapp_stat_workers});
$node->stop('fast');
my $log = slurp_file($node->logfile);
is_deeply([ $log =~ /^.*(?:FATAL|PANIC): .*$/mg ], [], 'a stop is quiet');
# each message begins with severity; lines of DETAIL, HINT and CONTEXT follow it
my @lines = $log =~ /^.*\[\d+\] pg_whatsapp \w+\|(?:DEBUG\d|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC): .*$/mg;
cmp_ok(scalar @lines, '>', 12, 'the workers have said something');
is_deeply([ grep { !/WhatsApp/ } @lines ], [], 'and each of their lines is found by "grep WhatsApp"');
my %who = map { /\] pg_whatsapp (\w+)\|/ ? ($1 => 1) : () } @lines;
is_deeply([ grep { !$who{$_} } qw(sender listener reader) ], [], 'of every worker');
is(scalar(grep { !/WhatsApp \w+ of database "postgres"/ } $log =~ /^.*\] pg_whatsapp (?:sender|listener|reader|clerk)\|CONTEXT: .*(?:\n\t.*)*/mg), 0, 'each names its database');
done_testing();
