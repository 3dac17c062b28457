# Webhooks.pm — status webhooks that are verified, applied and committed before their 200.
package Bench::Webhooks;

use strict;
use warnings;

use Carp;
use IO::Socket::INET;
use JSON::PP;

use Bench::Answerer;
use Bench::Cluster;
use Bench::Drain;
use Bench::Numbers;

use Exporter 'import';
our @EXPORT = qw(webhook_cluster sent_messages deliver);

sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1) or croak $!;
	return $socket->sockport;
}

sub webhook_cluster
{
	my ($run, $answerer) = @_;
	my $port = free_port();
	my $cluster = $run->cluster(
		'whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.listen' => "127.0.0.1:$port",
		'whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100);
	$cluster->{webhook_port} = $port;
	return $cluster;
}

# So many messages that are SENT, and a file that names them.
sub sent_messages
{
	my ($cluster, $answerer, $count) = @_;
	drain($cluster, $answerer, $count);
	return name_messages($cluster, 'true');
}

sub name_messages
{
	my ($cluster, $which, %options) = @_;
	my $file = "$ENV{TMPDIR}/messages";
	$cluster->sql("COPY (SELECT m.wamid || ' ' || concat_ws('.', i.nonce, m.id, (extract(epoch FROM m.created_at - '2000-01-01 00:00:00+00') * 1000000)::bigint) || ' ' || substr(m.recipient_phone, 2)"
		  . " FROM whatsapp_messages AS m, whatsapp_instances AS i WHERE m.status = 'SENT' AND $which ORDER BY m.id) TO '$file'");
	$cluster->sql('CHECKPOINT') if $options{checkpoint} // 1;
	return $file;
}

sub deliver
{
	my ($port, %options) = @_;
	my @command = ('build/bench/deliverer', '--port', $port, '--secret', $Bench::Cluster::secrets{WHATSAPP_APP_SECRET}, map { ("--$_", $options{$_}) } sort keys %options);
	my $said = `@command`;
	croak "@command failed" if $? != 0;
	my $result = decode_json($said);
	croak "$result->{refused} deliveries of @command were refused" if $result->{refused};
	return $result;
}

# Every 200 must be true: all statuses are there, and applied.
sub check
{
	my ($cluster, $status, $count) = @_;
	my $applied = $cluster->sql("SELECT count(*) FROM whatsapp_messages WHERE status = '$status'");
	croak "$applied of $count messages are $status after their webhooks" if $applied != $count;
	return;
}

my @kinds = (
	# batch, connections, messages in a whole run and in a quick one, bar
	[ 1, 64, 30_000, 6_000, 10_000 ],
	[ 100, 64, 100_000, 20_000, 30_000 ]);

sub measure
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = webhook_cluster($run, $answerer);
	for my $kind (@kinds)
	{
		my ($batch, $connections, $whole, $quick, $bar) = @$kind;
		my $count = $run->size($whole, $quick);
		my (@rates, @bare, %wal);
		for my $round (1 .. $run->{repetitions})
		{
			my $file = sent_messages($cluster, $answerer, $count);
			push @bare, deliver($answerer->{port}, connections => $connections, batch => $batch, messages => $file, status => 'delivered');
			for my $status (qw(delivered read))
			{
				my $wal = $cluster->wal_bytes;
				my $result = deliver($cluster->{webhook_port}, connections => $connections, batch => $batch, messages => $file, status => $status);
				push @rates, $result;
				push @{ $wal{$status} }, ($cluster->wal_bytes - $wal) / $count;
				check($cluster, uc $status, $count);
			}
		}
		my $title = $batch == 1 ? "status webhooks, one status each, $connections connections" : "status webhooks of $batch statuses, $connections connections";
		$run->bar(
			measure => 'webhooks', what => $title, ours => [ map { $_->{rate} } @rates ], unit => ' statuses/s',
			against => 'the answerer, which does nothing', theirs => [ map { $_->{rate} } @bare ], floor => $bar);
		$run->note('webhooks', $title, 'answer, median', figure(median(map { $_->{median_ms} } @rates)) . ' ms');
		$run->note('webhooks', $title, 'answer, 99th percentile', figure(median(map { $_->{p99_ms} } @rates)) . ' ms');
		$run->note('webhooks', $title, 'WAL per status', bytes(median(map { @$_ } values %wal)));
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

1;
