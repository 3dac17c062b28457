# Prometheus.pm — Debian's Prometheus, with the files of deploy/prometheus as somebody copies them, and the dashboard's questions to it.
package Prometheus;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;

use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our @EXPORT = qw(start_prometheus ask_prometheus answered dashboard_expressions unanswered);

my $deploy = "$FindBin::RealBin/../../deploy";

# One that scrapes the page at this port of the loopback address each second, in the place of each five, and has answered. It ends with kill_kill of its process.
sub start_prometheus
{
	my ($port) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $web = PostgreSQL::Test::Cluster::get_free_port();
	append_to_file("$folder/alerts.yml", slurp_file("$deploy/prometheus/alerts.yml"));
	my $scrape = slurp_file("$deploy/prometheus/scrape.yml");
	$scrape =~ s/127\.0\.0\.1:9188/127.0.0.1:$port/g && $scrape =~ s/scrape_interval: \K5s/1s/ or die $scrape;
	append_to_file("$folder/prometheus.yml", "global: {evaluation_interval: 1s}\n$scrape");
	my $process = IPC::Run::start([ 'prometheus', "--config.file=$folder/prometheus.yml", "--storage.tsdb.path=$folder/data",
			"--web.listen-address=127.0.0.1:$web", '--enable-feature=exemplar-storage' ], '<', \undef, '>&', "$folder/log");
	my $prometheus = { process => $process, web => $web };
	wait_for('a scrape', sub { answered($prometheus, 'whatsapp_build_info') });
	return $prometheus;
}

# What one of its calls answers; undef when it does not.
sub ask_prometheus
{
	my ($prometheus, $call, %arguments) = @_;
	my $answer = HTTP::Tiny->new(timeout => 20)->get("http://127.0.0.1:$prometheus->{web}/api/v1/$call?" . HTTP::Tiny->new->www_form_urlencode(\%arguments));
	return $answer->{success} ? decode_json($answer->{content})->{data} : undef;
}

# How many samples an expression has now.
sub answered
{
	my ($prometheus, $expression) = @_;
	my $data = ask_prometheus($prometheus, 'query', query => $expression);
	return $data && scalar @{ $data->{result} };
}

sub dashboard_expressions
{
	my $board = decode_json(slurp_file("$deploy/grafana/pg_whatsapp.json"));
	return map { $_->{expr} } map { @{ $_->{targets} } } @{ $board->{panels} };
}

# The expressions of the dashboard, with all databases and senders chosen, that never get an answer. An empty queue has no sample.
sub unanswered
{
	my ($prometheus) = @_;
	my @unanswered;
	for my $expression (dashboard_expressions())
	{
		my $plain = $expression =~ s/\$(?:database|sender)/.*/gr =~ s/\[\d+m\]/[30s]/gr;
		next if $plain =~ /whatsapp_queue_(?:oldest|messages)/ && ask_prometheus($prometheus, 'query', query => $plain);
		push @unanswered, $plain unless eval { wait_for($plain, sub { answered($prometheus, $plain) }) };
	}
	return @unanswered;
}

1;
