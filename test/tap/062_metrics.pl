# Metrics: what the workers count is what happened, by SQL and by HTTP; a scrape reads no table; Prometheus and its tools understand it, and a
# worker that dies is an alert.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use lib $FindBin::RealBin;
use PgWhatsapp;
use Prometheus;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = new_cluster('metrics', conf => "whatsapp.metrics_listen = '127.0.0.1:$port'\n");
my $sandbox = $node->{sandbox};
my $url = "http://127.0.0.1:$port";
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub page
{
	my ($path, %headers) = @_;
	my $answer = HTTP::Tiny->new(timeout => 20)->get("$url$path", { headers => \%headers });
	return ($answer->{status}, $answer->{content}, $answer->{headers}{'content-type'});
}
sub metric { my ($name) = @_; my ($value) = (page('/metrics'))[1] =~ /^\Q$name\E ([\d.]+)$/m; return $value }
sub found { my ($name) = @_; return (`sh -c 'command -v $name'`) =~ /\S/ }

# what the counts by day say is what the rows say
my $differences = q{
	WITH counted AS (SELECT day, sender, template_name, category, error_code, sum(sent) AS sent, sum(delivered) AS delivered, sum(read) AS read, sum(failed) AS failed
	                 FROM whatsapp_day_counts GROUP BY 1, 2, 3, 4, 5 HAVING sum(sent) <> 0 OR sum(failed) <> 0),
	there AS (SELECT (coalesce(sent_at, failed_at, created_at) AT TIME ZONE 'UTC')::date AS day, sender, coalesce(template_name, '') AS template_name,
	                 coalesce(pricing_category, '') AS category, CASE WHEN status = 'FAILED' THEN error_code END AS error_code,
	                 count(*) FILTER (WHERE status IN ('SENT', 'DELIVERED', 'READ') OR (status = 'FAILED' AND sent_at IS NOT NULL)) AS sent,
	                 count(*) FILTER (WHERE status IN ('DELIVERED', 'READ')) AS delivered, count(*) FILTER (WHERE status = 'READ') AS read,
	                 count(*) FILTER (WHERE status = 'FAILED') AS failed
	          FROM whatsapp_messages WHERE status IN ('SENT', 'DELIVERED', 'READ', 'FAILED') GROUP BY 1, 2, 3, 4, 5)
	SELECT count(*) FROM ((SELECT * FROM counted EXCEPT SELECT * FROM there) UNION ALL (SELECT * FROM there EXCEPT SELECT * FROM counted)) AS d};

# ---------------------------------------------------------------------------------------------------------------- what happened is counted
wait_for('the door', sub { (page('/metrics'))[0] == 200 });
send_po($node, 40, prefix => 'WELL');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '40');
is(sql($differences), '0', 'counts by day are exact');
sandbox_post($sandbox, 'faults', { times => 3, code => 131026 });
send_po($node, 3, prefix => 'BAD');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED'}, '3');
is(sql($differences), '0', 'with failures, too');
is(sql('SELECT sum(sent), sum(delivered), sum(read), sum(failed) FROM whatsapp_stat_days'), '40|40|40|3', 'the view sums them up');
is(sql('SELECT error_code, failed FROM whatsapp_stat_errors'), '131026|3', 'by code');
is(sql('SELECT status, messages FROM whatsapp_status WHERE messages > 0'), "READ|40\nFAILED|3", 'by status');
wait_sql($node, q{SELECT sent || ' ' || refused FROM whatsapp_stat_senders}, '40 3');
is(sql(q{SELECT sum(messages) FROM whatsapp_stat_latency WHERE step = 'wire to answer'}), '43', 'each answer was measured');
is(sql(q{SELECT string_agg(step, ', ') FROM whatsapp_stat_latency WHERE messages >= 40 AND p50 <= p95 AND p95 <= p99}),
	'commit to wire, wire to answer, answer to delivered, delivered to read', 'and each step');
is(sql(q{SELECT listening AND stored > 0 AND bad_signature = 0 AND last_status > now() - interval '5 minutes' FROM whatsapp_stat_listener}), 't', 'the listener counts');
is(sql('SELECT bool_and(alive) FROM whatsapp_stat_workers'), 't', 'all workers show signs of life');

# the reader folds what the batches have left, and nothing changes
wait_sql($node, 'SELECT count(*) = count(DISTINCT (day, sender, template_name, category, error_code, deleted)) FROM whatsapp_day_counts');
is(sql($differences), '0', 'folding changes nothing');

# a user's trigger leaves the rows to statements, and those are counted the same
sql(q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER nothing BEFORE UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION nothing()});
send_po($node, 10, prefix => 'TRIGGER');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '50');
is(sql($differences), '0', 'by statements, too');
sql('DROP TRIGGER nothing ON whatsapp_messages');

# ------------------------------------------------------------------------------------------------------------------------------ the page
my ($status, $text, $type) = page('/metrics');
is("$status $type", '200 text/plain; version=0.0.4; charset=utf-8', 'the text format by default');
unlike($text, qr/34612345678|Proveedor|wamid/, 'nothing about a person');
is(metric('whatsapp_attempts_total{database="postgres",sender="default",outcome="sent"}'), 50, 'sent');
is(metric('whatsapp_statuses_total{database="postgres",sender="default",status="read"}'), 50, 'read');
my $names = sub { my ($page) = @_; return join "\n", $page =~ /^([a-z_]+(?:\{[^}]*\})?) /mg };
is($names->(sql('SELECT wa_metrics()') . "\n"), $names->($text), 'wa_metrics() has the same samples');
is((page('/metrics', Accept => 'application/openmetrics-text; version=1.0.0'))[2], 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'OpenMetrics for who asks');
like((page('/metrics', Accept => 'application/openmetrics-text'))[1], qr/_bucket\{[^}]*\} \d+ # \{message_id="\d+"\}/, 'with examples');
my $report = HTTP::Tiny->new->get("$url/report");
is("$report->{status} $report->{headers}{'content-type'}", '200 text/html; charset=utf-8', 'a page for people');
is($report->{headers}{'content-security-policy'}, "default-src 'none'; style-src 'unsafe-inline'", 'which loads nothing and runs nothing');
wait_for('the days', sub { (page('/report'))[1] =~ /<p>50 sent, 50 delivered \(100\.0 %\), 50 read, 3 failed<\/p>/ });
unlike((page('/report'))[1], qr/<script|https?:|346\d{8}|Proveedor|wamid/, 'and shows nothing about a person');
like(sql('SELECT wa_report()'), qr/<h2>Database postgres<.*<rect class=sent/s, 'by SQL, too');
is((page('/api/v1/whatsapp/webhook'))[0], 404, 'no webhook at this door');
is(HTTP::Tiny->new->get("http://127.0.0.1:$node->{listen}/metrics")->{status}, 404, 'and no metrics at the other');
is(HTTP::Tiny->new->request('POST', "$url/metrics", { content => '' })->{status}, 405, 'nobody posts there');
isnt($node->psql('postgres', q{ALTER SYSTEM SET whatsapp.metrics_listen = '0.0.0.0:9188'}), 0, 'no address that others reach');

# no table is read: not even while somebody holds all of them
my $lock = $node->background_psql('postgres');
$lock->query_safe('BEGIN; LOCK TABLE whatsapp_messages, whatsapp_queue, whatsapp_day_counts, whatsapp_senders, pg_catalog.pg_class');
is((page('/metrics'))[0], 200, 'tables may be locked meanwhile');
$lock->query_safe('ROLLBACK');
$lock->quit;

is(sql(q{SELECT wa_stat_reset(); SELECT sum(messages) FROM whatsapp_stat_latency}), "t\n0", 'counters begin anew');
is(sql('SELECT sum(sent) FROM whatsapp_stat_days'), '50', 'the days stay');

# ----------------------------------------------------------------------------------------------------------- Prometheus and its tools
my $operating = slurp_file("$root/docs/operating.md");
my %heading = map { my $id = lc; $id =~ s/[^a-z0-9 -]//g; $id =~ tr/ /-/; ($id => 1) } $operating =~ /^#+ (.*)$/mg;
my @missing = grep { !$heading{$_} } slurp_file("$root/deploy/prometheus/alerts.yml") =~ m{runbook_url: docs/operating\.md#(\S+)}g;
is_deeply(\@missing, [], 'every runbook is there');
my @cases = split /^  - name: /m, slurp_file("$root/deploy/prometheus/alerts_test.yml");
my @alerts = slurp_file("$root/deploy/prometheus/alerts.yml") =~ /^ +- alert: (\w+)$/mg;
cmp_ok(scalar @alerts, '>=', 12, 'alerts');
is_deeply([ grep { my $of = qr/alertname: $_\s+exp_alerts:/; !(grep { /$of\s+- exp_labels/ } @cases) || !grep { /$of \[\]/ } @cases } @alerts ], [], 'each has a case in which it fires, and one in which it is silent');
SKIP:
{
	my ($node_version) = (`node --version 2>&1` || '') =~ /^v(\d+)/;
	skip 'the parser needs node 20', 2 unless $node_version && $node_version >= 20;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	copy("$root/test/dashboard/$_", $folder) or die "$_: $!" for qw(package.json parse.mjs);
	local $ENV{HOME} = $folder;
	system("cd '$folder' && npm install --ignore-scripts --no-package-lock --no-audit --no-fund >npm.log 2>&1") == 0 or skip 'npm could not install the parser', 2;
	my $unread = sub {
		my ($out, $in) = ('', join '', map { "$_\n" } @_);
		IPC::Run::run([ 'node', "$folder/parse.mjs" ], '<', \$in, '>&', \$out) or die $out;
		return $out;
	};
	is($unread->(dashboard_expressions()), '', 'every expression of the dashboard is PromQL, as the parser of editors reads it');
	my @broken = ('sum by (sender (rate(whatsapp_attempts_total[1m]))', 'rate(whatsapp_attempts_total[1 parsec])', 'whatsapp_queue_messages{sender=default}');
	is(scalar(split /\n/, $unread->(@broken)), 3, 'and what is none is noticed');
}
SKIP:
{
	skip 'promtool is not installed: scripts/deps metrics', 3 unless found('promtool');
	my ($out, $in) = ('', $text);
	ok(IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', \$in, '>&', \$out), 'promtool check metrics') or diag $out;
	is($out, '', 'is silent');
	ok(IPC::Run::run([ 'promtool', 'test', 'rules', "$root/deploy/prometheus/alerts_test.yml" ], '>&', \$out), 'each alert fires and is silent') or diag $out;
}

# a worker that is killed takes the server's memory with it: all begin anew, and that is seen
sub kill_worker
{
	my ($worker, $seen) = @_;
	my $started = sql(qq{SELECT extract(epoch FROM started_at) FROM whatsapp_stat_workers WHERE worker = '$seen'});
	my $pid = sql(qq{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp $worker'});
	kill 'KILL', $pid;
	wait_for("$seen again", sub {
		my ($code, $answer) = try_psql($node, qq{SELECT extract(epoch FROM started_at) > $started AND alive FROM whatsapp_stat_workers WHERE worker = '$seen'});
		return $code == 0 && $answer eq 't';
	});
	return;
}
SKIP:
{
	skip 'prometheus is not installed: scripts/deps metrics', 14 unless found('prometheus');
	my $rules = slurp_file("$root/deploy/prometheus/alerts.yml");
	my $prometheus = start_prometheus($port);
	my $ask = sub { return ask_prometheus($prometheus, @_) };
	my $answered = sub { return answered($prometheus, @_) };
	send_po($node, 5, prefix => 'SCRAPED');
	cmp_ok(scalar(dashboard_expressions()), '>', 12, 'there are questions on the dashboard');
	is_deeply([ unanswered($prometheus) ], [], 'and every one is answered');
	wait_for('examples', sub { my $data = $ask->('query_exemplars', query => 'whatsapp_answer_seconds_bucket', start => time - 600, end => time + 60); $data && @$data });
	pass('Prometheus has taken examples');
	# a worker that dies by kill -9 takes the whole server through a crash; one that hangs is silent. Each makes the expression of an alert true
	# within 15 seconds: that of the last minute, hence also of the seconds since.
	my ($restarted) = $rules =~ /alert: WhatsappWorkerRestarted\n\s+expr: (.*)/ or die;
	my ($silent) = $rules =~ /alert: WhatsappWorkerSilent\n\s+expr: (.*)/ or die;
	my $since = sub { my ($worker, $seconds) = @_; return $restarted =~ s/(seconds)\[1m\]/$1\{worker="$worker"\}[${seconds}s]/r };
	for my $worker (qw(sender listener reader launcher clerk))
	{
		# the clerk is there while it is asked for something, and all others go down with it
		my $seen = $worker eq 'clerk' ? 'sender' : $worker;
		wait_for('all at rest', sub { !$answered->($since->($seen, 4)) && $answered->('up == 1') });
		sql('CALL wa_probe()') if $worker eq 'clerk';
		my $kill_at = time;
		kill_worker($worker, $seen);
		wait_for('an alert', sub { $answered->($since->($seen, 3 + int(time - $kill_at))) });
		cmp_ok(time - $kill_at, '<=', 15, "a $worker that was killed makes an alert true within 15 s");
	}
	wait_for('the alert', sub { my $data = $ask->('alerts'); $data && grep { $_->{labels}{alertname} eq 'WhatsappWorkerRestarted' } @{ $data->{alerts} } });
	pass('and fires');
	for my $worker (qw(sender reader))
	{
		my $pid = sql(qq{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp $worker'});
		my $stop_at = time;
		kill 'STOP', $pid;
		wait_for('silence', sub { $answered->($silent =~ s/(seconds)/$1\{worker="$worker"\}/r) });
		cmp_ok(time - $stop_at, '<=', 15, "a $worker that hangs makes an alert true within 15 s");
		kill 'CONT', $pid;
		wait_for('its end', sub { !$answered->($silent =~ s/(seconds)/$1\{worker="$worker"\}/r) });
	}

	# a template that Meta has paused, and people who want no more
	my $of = sub { my ($alert) = @_; $rules =~ /alert: $alert\n\s+expr: (?:>-\n((?:\s{10}.*\n)+)|(.*))/ or die $alert; return ($1 || $2) =~ s/\s+/ /gr };
	ok(!$answered->($of->('WhatsappTemplatePaused')) && !$answered->($of->('WhatsappOptOutSpike')), 'no template is paused, and nobody opts out');
	sql(q{INSERT INTO whatsapp_templates (name, language, status) VALUES ('spring', 'es', 'PAUSED')});
	wait_for('a paused template', sub { $answered->($of->('WhatsappTemplatePaused')) });
	sql(q{DELETE FROM whatsapp_templates WHERE name = 'spring'});
	wait_for('none', sub { !$answered->($of->('WhatsappTemplatePaused')) });
	sql(q{SELECT wa_opt_out('+3461' || lpad(i::text, 7, '0')) FROM generate_series(1, 60) AS i});
	wait_for('many opt-outs', sub { $answered->($of->('WhatsappOptOutSpike')) });
	pass('a template that is paused, and many who opt out, make an alert true');
	sql(q{SELECT wa_opt_in('+3461' || lpad(i::text, 7, '0')) FROM generate_series(1, 60) AS i});
	is(sql(q{SELECT state FROM wa_preflight() WHERE place = 11}), 'ok', 'and monitoring is configured');
	$prometheus->{process}->kill_kill;
}
# by SQL, for those who have an exporter already: their files as they are copied, but for the database
my $dsn = 'postgres://watcher@/postgres?sslmode=disable&host=' . $node->host . '&port=' . $node->port;
sql('CREATE ROLE watcher LOGIN IN ROLE pg_monitor') unless sql(q{SELECT count(*) FROM pg_roles WHERE rolname = 'watcher'});
sub exporter_says
{
	my ($wanted, $program, @arguments) = @_;
	my $web = PostgreSQL::Test::Cluster::get_free_port();
	my $log = PostgreSQL::Test::Utils::tempdir() . '/log';
	my $process = IPC::Run::start([ $program, map { s/PORT/$web/r } @arguments ], '<', \undef, '>&', $log);
	my $page = '';
	my $found = eval { wait_for($program, sub { $page = HTTP::Tiny->new(timeout => 20)->get("http://127.0.0.1:$web/metrics")->{content} // ''; $page =~ $wanted }) };
	$process->kill_kill;
	ok($found, "$program reads the views") or diag "$page\n" . slurp_file($log);
	return $page;
}
send_po($node, 1, prefix => 'EXPORTED');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'EXPORTED-1'}, 'READ');
SKIP:
{
	skip 'prometheus-postgres-exporter is not installed: scripts/deps metrics', 2 unless found('prometheus-postgres-exporter');
	local $ENV{DATA_SOURCE_NAME} = $dsn;
	my $page = exporter_says(qr/^whatsapp_attempts_total\{/m, 'prometheus-postgres-exporter', '--web.listen-address=127.0.0.1:PORT', "--extend.query-path=$root/deploy/prometheus/postgres_exporter.yml");
	# under the names of our own page, which alerts.yml knows
	my %ours = map { $_ => 1 } (page('/metrics'))[1] =~ /^# TYPE (\w+)/mg;
	my @families = grep { !/^whatsapp_(?:latency|today)_/ } $page =~ /^# TYPE (whatsapp_\w+)/mg;
	is_deeply([ grep { !$ours{$_} } @families ], [], scalar(@families) . ' families of the same names');
}
SKIP:
{
	skip 'prometheus-sql-exporter is not installed: scripts/deps metrics', 1 unless found('prometheus-sql-exporter');
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $jobs = slurp_file("$root/deploy/prometheus/sql_exporter.yml");
	$jobs =~ s{postgres://[^']*}{$dsn} or die $jobs;
	append_to_file("$folder/jobs.yml", $jobs);
	exporter_says(qr/^sql_whatsapp_today\{.*col="sent".*\} [1-9]/m, 'prometheus-sql-exporter', '-web.listen-address=127.0.0.1:PORT', "-config.file=$folder/jobs.yml");
}
wait_for('the door again', sub { (page('/metrics'))[0] == 200 });
is(sql($differences), '0', 'counts by day are exact after a crash');
books_agree($node, 'metrics');
tables_intact($node, 'workers killed');

# years of history: the days of a month are summed up when they are old
my $all = sql('SELECT sum(sent) FROM whatsapp_stat_days');
sql(q{UPDATE whatsapp_messages SET sent_at = date_trunc('month', now() - interval '430 days') + interval '12 hours' + id % 4 * interval '1 day' WHERE reference LIKE 'WELL-%'});
wait_sql($node, q{SELECT string_agg(day || ' ' || sent, ', ') FROM whatsapp_stat_days WHERE day < current_date - 366}, sql(q{SELECT date_trunc('month', now() - interval '430 days')::date || ' 40'}));
is(sql('SELECT sum(sent) FROM whatsapp_stat_days'), $all, 'old days are summed up by month, and nothing is lost');
sql(q{DELETE FROM whatsapp_messages WHERE reference LIKE 'WELL-%'});
wait_sql($node, q{SELECT count(*) FROM whatsapp_day_counts WHERE day < current_date - 366 AND extract(day FROM day) > 1}, '0');
is(sql(q{SELECT messages FROM whatsapp_status WHERE status = 'READ'}), sql(q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}), 'nor is what is deleted of them');
$node->stop('fast');
done_testing();
