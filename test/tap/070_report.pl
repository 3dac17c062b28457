# wa_report() and GET /report: right with no message and with one, costs and budgets are those of the views, and the page fits a phone.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = new_cluster('report',
	conf => "whatsapp.metrics_listen = '127.0.0.1:$port'\nwhatsapp.account_currency = 'USD'\nwhatsapp.account_time_zone = 'UTC'\n");
my $sandbox = $node->{sandbox};
my $browser = (grep { -x } map { my $folder = $_; map { "$folder/$_" } qw(chromium chromium-browser) } split /:/, $ENV{PATH})[0];
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub page { return HTTP::Tiny->new(timeout => 20)->get("http://127.0.0.1:$port/report")->{content} // '' }
sub has { my ($what, $pattern) = @_; return ok(eval { wait_for($what, sub { page() =~ $pattern }) }, $what) || diag page() }

# The page in frames of these widths; with "measure" how much wider it is than each, else a picture.
sub render
{
	my ($html, $picture, @widths) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $quoted = $html =~ s/&/&amp;/gr =~ s/"/&quot;/gr;
	my $frames = join '', map { "<iframe width=$_ height=1500 srcdoc=\"$quoted\"></iframe>" } @widths;
	append_to_file("$folder/frames.html", "<!DOCTYPE html><meta charset=utf-8><style>body{margin:0;background:#fff}iframe{border:1px solid #ccc;margin:8px;vertical-align:top}</style>$frames"
		  . "<p id=over></p><script>onload = () => { document.getElementById('over').textContent = 'over:' + [...document.querySelectorAll('iframe')].map(f =>"
		  . " f.contentDocument.documentElement.scrollWidth - f.clientWidth + '/' + f.contentDocument.querySelectorAll('table').length).join(',') + ';' }</script>\n");
	local $ENV{HOME} = $folder;
	my $out = '';
	IPC::Run::run([ $browser, qw(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --virtual-time-budget=5000), "--user-data-dir=$folder/data",
			$picture ? ("--screenshot=$picture", '--window-size=1270,1518') : '--dump-dom', "file://$folder/frames.html" ], '<', \undef, '>', \$out, '2>', "$folder/log",
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return $out =~ /over:([^;<]+);/ ? $1 : "no answer: $out " . slurp_file("$folder/log");
}

sub fits
{
	my ($title) = @_;
	my $html = page();
	SKIP:
	{
		skip 'chromium is not installed: scripts/deps browser', 1 unless $browser;
		my $over = render($html, undef, 390, 1280);
		like($over, qr{^(?:-\d+|0)/[1-9]\d*,(?:-\d+|0)/[1-9]\d*$}, "$title: it fits a phone and a desk");
	}
	unlike($html, qr/nan|inf\b|346\d{8}|wamid|Proveedor|<script|https?:/i, "$title: nothing that is no number, nothing about a person, nothing from elsewhere");
	return;
}

# ------------------------------------------------------------------------------------------------------------------------- no message, and one
has('a page without a message', qr/<p>0 sent, 0 delivered, 0 read, 0 failed<\/p>/);
unlike(page(), qr/Cost of 30 days|Budgets/, 'has nothing about money');
fits('no message');
send_po($node, 1, prefix => 'ONE');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '1');
has('one message', qr/<p>1 sent, 1 delivered \(100\.0 %\), 1 read, 0 failed<\/p>/);
has('and what it costs', qr/<p>0\.02 USD: 1 delivered, 0 free; as Meta told<\/p>/);
fits('one message');

# ------------------------------------------------------------------------------------------------------- a month: what the page says is what the views say
sandbox_set($sandbox, pricing => 'none');
sql('CALL wa_sync_templates()');
send_po($node, 3, prefix => 'UNTOLD');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '4');
# of the days before, and in markets that differ: France, Mexico, a number of which nobody knows the market
sql(q{INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, template_name, template_language, created_at, reference)
	SELECT 'default', (ARRAY['+3461', '+3361', '+52155', '+12425'])[1 + i % 4] || lpad(i::text, 7, '0'), 'template', 'po_notification', 'es', now() - (i % 40) * interval '1 day',
	       'MONTH-' || i FROM generate_series(1, 400) AS i;
	UPDATE whatsapp_messages SET status = 'READ', sent_at = created_at, delivered_at = created_at, read_at = created_at, pricing_model = 'PMP', pricing_type = 'regular',
	       pricing_category = CASE id % 3 WHEN 0 THEN 'utility' WHEN 1 THEN 'marketing' ELSE 'service' END, billable = true WHERE reference LIKE 'MONTH-%'});
sql(q{SELECT wa_budget_set('supplier orders', 100, 'USD', 'month'); SELECT wa_budget_set('marketing', 0.05, 'USD', 'day', category => 'marketing')});
my $wanted = sql(sprintf(q{SELECT %s || ' USD: ' || sum(units) || ' delivered, ' || sum(free) || ' free' FROM whatsapp_costs WHERE day > current_date - 30},
		q{regexp_replace(regexp_replace(to_char(sum(cost), 'FM999990.0000'), '0$', ''), '(\.\d\d)0$', '\1')}));
has("the month: $wanted", qr/<p>\Q$wanted\E; \d+ of them estimated \(0\.06 USD\), \d+ without a price<\/p>/);
my @days = split /\n/, sql(q{SELECT day || ' ' || sum(units) || ' ' || sum(free) FROM whatsapp_costs WHERE day > current_date - 30 GROUP BY day ORDER BY day DESC});
my @rows = map { s/,//gr } map { "$_->[0] $_->[1] $_->[2]" } (sub { my @found; my $html = page(); push @found, [ $1, $2, $3 ] while $html =~ /<tr><td class=n>(\d{4}-\d\d-\d\d)<td class=r>([\d,]+)<td class=r>([\d,]+)/g; return @found })->();
is_deeply(\@rows, \@days, 'day by day what whatsapp_costs says');
# last month and this one, numbers and cost by one query
my $parts = q{concat_ws(' ', month, sender, units, free, unpriced, cost, currency, reason)};
my $kept = sql("SELECT string_agg($parts, '; ' ORDER BY month) FROM whatsapp_months WHERE units IS NOT NULL");
is($kept, sql(qq{SELECT string_agg($parts, '; ' ORDER BY month) FROM (SELECT date_trunc('month', day::timestamp)::date AS month, sender, sum(units) AS units, sum(free) AS free,
	coalesce(sum(units) FILTER (WHERE reason IS NOT NULL), 0) AS unpriced, sum(cost) AS cost, currency, string_agg(DISTINCT reason, ', ') AS reason FROM whatsapp_costs
	WHERE day >= date_trunc('month', now()) - interval '1 month' GROUP BY 1, 2, currency) AS c}), 'what the months have cost is what whatsapp_costs says');
is(sql(q{SELECT sum(sent) || ' ' || sum(delivered) || ' ' || sum(read) || ' ' || sum(failed) || ' ' || count(DISTINCT month) FROM whatsapp_months}),
	sql(q{SELECT concat_ws(' ', count(sent_at), count(delivered_at), count(read_at), count(failed_at), count(DISTINCT date_trunc('month', sent_at AT TIME ZONE 'UTC'))) FROM whatsapp_messages}), 'and their numbers are those of the messages');
unlike(sql('EXPLAIN SELECT * FROM whatsapp_months'), qr/ on whatsapp_messages\b/, 'which are not read for it');
has('the budgets', qr/<h3>Budgets<\/h3>.*supplier orders<td class=r>[\d.]+ USD/s);
like(sql('SELECT wa_report()'), qr/\Q$wanted\E/, 'by SQL, too');
# what is kept is asked without a look at the messages, and the other way round
unlike(sql('EXPLAIN SELECT * FROM whatsapp_cost_parts WHERE is_kept'), qr/whatsapp_messages/, 'the page reads no message');
unlike(sql('EXPLAIN SELECT * FROM whatsapp_costs'), qr/whatsapp_cost_units/, 'and whatsapp_costs nothing that is kept');
# nothing is written where nothing happens
my $round = sql('SELECT max(round) FROM whatsapp_cost_units');
fits('a month');
SKIP:
{
	skip 'chromium is not installed: scripts/deps browser', 1 unless $browser;
	my $picture = PostgreSQL::Test::Utils::tempdir() . '/report.png';
	render(page(), $picture, 820, 390);
	cmp_ok(-s $picture // 0, '>', 20_000, 'a picture of it');
	# docs/report.png is made by: PGWA_PICTURE=docs/report.png
	system_or_bail('cp', $picture, $ENV{PGWA_PICTURE}) if $ENV{PGWA_PICTURE};
}
is(sql('SELECT max(round) FROM whatsapp_cost_units'), $round, 'no round where nothing has changed');
is(sql(q{SELECT count(*) FROM whatsapp_cost_units WHERE NOT is_whole}), '0', 'and nothing is left of one');

# ------------------------------------------------------------------------ many messages: in slices, each a transaction, and on from there after an end
sql(q{INSERT INTO whatsapp_messages (sender, recipient_phone, message_type, template_name, template_language)
	SELECT 'default', '+3461' || lpad(i::text, 7, '0'), 'template', 'many_' || i % 2000, 'es' FROM generate_series(1, 45000) AS i;
	UPDATE whatsapp_messages SET status = 'DELIVERED', sent_at = now(), delivered_at = now(), pricing_model = 'PMP', pricing_type = 'regular', pricing_category = template_name, billable = true
	WHERE template_name LIKE 'many%'});
my ($of, $come) = (0, 0);
wait_for('the first slice', sub { ($of, $come) = split /\|/, sql('SELECT round, max(until_id) FROM whatsapp_cost_units WHERE NOT is_whole GROUP BY round'); $of });
cmp_ok($come, '<', sql('SELECT max(id) FROM whatsapp_messages'), 'what is summed up is committed before the round ends');
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'});
my $most = 0;
ok(eval { wait_for('the end of the round', sub {
	my ($rows, $whole) = split /\|/, sql("SELECT count(*), bool_or(is_whole) FROM whatsapp_cost_units WHERE round = $of");
	$most = $rows if $rows > $most;
	return $whole eq 't';
}) }, 'another reader goes on with the round') or diag sql('SELECT round, is_whole, count(*), max(until_id) FROM whatsapp_cost_units GROUP BY 1, 2');
cmp_ok($most, '<', 8000, "and its sums are put together on the way: $most rows at most");
wait_sql($node, q{SELECT (SELECT sum(units) FROM whatsapp_cost_units WHERE is_whole) = (SELECT sum(units) FROM whatsapp_costs)});
pass('nothing of it was counted twice or left out');
# parallel workers ask for rights, too, and may look at no other snapshot than the query's
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;';
like(sql("$parallel EXPLAIN SELECT sum(units) FROM whatsapp_costs"), qr/Gather/, 'the costs by parallel workers');
is(sql("$parallel SELECT sum(units) FROM whatsapp_costs"), sql('SET max_parallel_workers_per_gather = 0; SELECT sum(units) FROM whatsapp_costs'), 'are the same');

# ------------------------------------------------------------------------------ ten million messages: their counts, since the page is made of nothing else
sql(q{INSERT INTO whatsapp_day_counts (day, sender, template_name, category, sent, delivered, read, failed, failed_sent, cancelled)
	SELECT (now() AT TIME ZONE 'UTC')::date - i, 'default', 'many', 'utility', 1000000, 990000, 500000, 10000, 0, 0 FROM generate_series(0, 9) AS i});
my ($sent, $delivered, $rate, $read, $failed) = split /\|/, sql(q{SELECT to_char(sum(sent), 'FM999,999,999'), to_char(sum(delivered), 'FM999,999,999'), round(100.0 * sum(delivered) / sum(sent), 1),
	to_char(sum(read), 'FM999,999,999'), to_char(sum(failed), 'FM999,999,999') FROM whatsapp_stat_days WHERE day > (now() AT TIME ZONE 'UTC')::date - 30});
like($sent, qr/^10,\d{3},\d{3}$/, 'more than ten million');
has("ten million: $sent", qr/<p>$sent sent, $delivered delivered \($rate %\), $read read, $failed failed<\/p>/);
fits('ten million');
$node->stop('fast');
done_testing();
