# Views.pm — what those ask who watch, beside millions of messages: each view and page has 50 ms.
#
# The messages are made by INSERT ... SELECT: two months of three senders, five templates and six markets, a hundredth of them failed, with
# the counts by day that the extension would have kept of them.
package Bench::Views;

use strict;
use warnings;

use Time::HiRes qw(usleep);

use Bench::Cluster;
use Bench::Machine;
use Bench::Numbers;
use Bench::Report;

our @asked = (
	qw(whatsapp_status whatsapp_stat_queue whatsapp_stat_senders whatsapp_stat_listener whatsapp_stat_latency whatsapp_stat_errors whatsapp_stat_days
	  whatsapp_stat_workers whatsapp_top whatsapp_budgets whatsapp_campaigns whatsapp_months), 'whatsapp_latest LIMIT 20', 'wa_metrics()', 'wa_report()', 'wa_diagnose()', 'wa_preflight()', 'wa_security()');

sub fill
{
	my ($cluster, $count) = @_;
	my @indexes = split /\n/, $cluster->sql(
		q{SELECT pg_get_indexdef(indexrelid) || ';' || indexrelid::regclass FROM pg_index WHERE indrelid = 'whatsapp_messages'::regclass AND NOT indisprimary});
	$cluster->stop;
	# without replication a load into a new file needs no WAL; nobody works meanwhile
	$cluster->start(settings => '-c wal_level=minimal -c max_wal_senders=0 -c whatsapp.databases=nowhere');
	$cluster->sql(join ";\n",
		(map { 'DROP INDEX ' . (split /;/)[1] } @indexes), q{SET maintenance_work_mem = '1GB'},
		q{INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '123456788'), ('south', '123456787')},
		'BEGIN', 'TRUNCATE whatsapp_messages',
		"INSERT INTO whatsapp_messages (id, created_at, sender, recipient_phone, message_type, template_name, template_language, payload, status, sent_at, delivered_at,"
		  . " read_at, failed_at, attempts, wamid, pricing_category, pricing_type, pricing_model, billable, error_code, error_message)"
		  . " SELECT i, t.at, (ARRAY['default', 'north', 'south'])[1 + i % 3], (ARRAY['+3461', '+3361', '+5215', '+4915', '+3519', '+5511'])[1 + i % 6] || lpad((i % 10000000)::text, 7, '0'),"
		  . " 'template', 'template_' || i % 5, 'es', json_build_object('to', i), CASE WHEN i % 100 = 0 THEN 'FAILED' WHEN i % 3 = 0 THEN 'DELIVERED' ELSE 'READ' END,"
		  . " CASE WHEN i % 100 > 0 THEN t.at END, CASE WHEN i % 100 > 0 THEN t.at END, CASE WHEN i % 100 > 0 AND i % 3 > 0 THEN t.at END,"
		  . " CASE WHEN i % 100 = 0 THEN t.at END, 1, 'wamid.' || i, CASE i % 4 WHEN 0 THEN 'marketing' WHEN 1 THEN 'service' ELSE 'utility' END, 'regular', 'PMP', true,"
		  . " CASE WHEN i % 100 = 0 THEN 131026 + i % 7 END, CASE WHEN i % 100 = 0 THEN 'refused' END"
		  . " FROM generate_series(1, $count) AS i CROSS JOIN LATERAL (SELECT now() - interval '60 days' + i * (interval '60 days' / $count) AS at) AS t",
		'COMMIT', (map { (split /;/)[0] } @indexes),
		"SELECT setval('whatsapp_messages_id_seq', $count)",
		"INSERT INTO whatsapp_day_counts (day, sender, template_name, category, error_code, sent, delivered, read, failed, failed_sent, cancelled)"
		  . " SELECT (created_at AT TIME ZONE 'UTC')::date, sender, template_name, CASE WHEN status = 'FAILED' THEN '' ELSE pricing_category END, error_code,"
		  . " count(*) FILTER (WHERE status <> 'FAILED'), count(*) FILTER (WHERE status <> 'FAILED'), count(*) FILTER (WHERE status = 'READ'),"
		  . " count(*) FILTER (WHERE status = 'FAILED'), 0, 0 FROM whatsapp_messages GROUP BY 1, 2, 3, 4, 5",
		'VACUUM (ANALYZE)', 'CHECKPOINT');
	$cluster->stop;
	$cluster->start;
	$cluster->sender;
	return;
}

# Milliseconds of each of several times, all rows fetched; the first one of a session plans.
sub times_of
{
	my ($cluster, $what, $times) = @_;
	my $query = $what =~ /\(\)$/ && $what !~ /diagnose|preflight|security/ ? "SELECT $what" : "SELECT * FROM $what";
	return split /\n/, $cluster->sql(<<"SQL");
CREATE FUNCTION pg_temp.times(query text, times integer) RETURNS SETOF numeric LANGUAGE plpgsql AS \$\$
DECLARE
    began timestamptz; row record;
BEGIN
    FOR i IN 1 .. times LOOP
        began := clock_timestamp();
        FOR row IN EXECUTE query LOOP END LOOP;
        RETURN NEXT round((extract(epoch FROM clock_timestamp() - began) * 1000)::numeric, 2);
    END LOOP;
END \$\$;
SELECT * FROM pg_temp.times('$query', $times);
SQL
}

sub measure
{
	my ($run) = @_;
	my $count = $run->size(10_000_000, 200_000);
	my $cluster = $run->cluster('whatsapp.account_currency' => 'USD', 'whatsapp.account_time_zone' => 'Europe/Madrid');
	my $begin = time;
	fill($cluster, $count);
	print "filled in ", time - $begin, " s\n";
	$cluster->sql(q{UPDATE whatsapp_senders SET enabled = false});
	$cluster->sql(q{SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, 1250, '+3461' || lpad(i::text, 7, '0'))) FROM generate_series(1, 40000) AS i});
	$cluster->sql(q{SELECT wa_budget_set('all', 1000000, 'USD', 'month')});
	# the reader has counted the queue, as it does every few seconds
	usleep(200_000) until $cluster->sql(q{SELECT coalesce(sum(messages), 0) FROM whatsapp_queue_counters()}) == 40_000;
	my @rows;
	for my $what (@asked)
	{
		my @times = times_of($cluster, $what, 20);
		my $slow = (sort { $b <=> $a } @times)[0];
		push @rows, [ $what, median(@times), $slow ];
		$run->bar(measure => 'views', what => $what, ours => \@times, unit => ' ms', ceiling => 50);
	}
	# two months in slices, beside which the workers do their work
	my $ready = 0;
	for (1 .. 1200)
	{
		$ready = $cluster->sql(q{SELECT extract(epoch FROM clock_timestamp() - w.started_at)::integer FROM whatsapp_stat_workers AS w
			WHERE w.worker = 'reader' AND EXISTS (SELECT FROM whatsapp_cost_units WHERE is_whole)}) || 0 and last;
		usleep(500_000);
	}
	if ($ready)
	{
		$run->note('views', 'costs of two months', 'summed up after', figure($ready) . ' s');
		for my $what ('wa_report()', 'whatsapp_months')
		{
			my @times = times_of($cluster, $what, 20);
			push @rows, [ "$what, with the costs", median(@times), (sort { $b <=> $a } @times)[0] ];
		}
	}
	my $size = $cluster->sql(q{SELECT pg_size_pretty(pg_total_relation_size('whatsapp_messages'))});
	Bench::Report::write_page(
		"$ENV{PGWA_BENCH_FOLDER}/out/VIEWS.md", '# What watching costs beside ' . figure($count) . ' messages',
		'Written by `scripts/bench views`, which repeats it. Twenty times each, all rows fetched, planning included. The bar of each is 50 ms.', Bench::Report::machine($run),
		Bench::Report::table([ 'what', 'median, ms', 'slowest, ms' ], map { [ "`$_->[0]`", $_->[1], $_->[2] ] } @rows),
		"The messages and their indexes take $size, and 40,000 more wait. "
		  . ($ready ? 'The reader had summed up the costs of two months for `wa_report()` after ' . figure($ready) . ' s; it takes a tenth of the time at most.'
			: 'The reader takes a tenth of the time at most to sum up the costs of two months for `wa_report()`, and was not through after ten minutes.'));
	$cluster->drop;
	return;
}

1;
