# Campaign.pm — a campaign against the same messages one by one, and an urgent message beside it against one on an idle server.
package Bench::Campaign;

use strict;
use warnings;

use Carp;

use Bench::Answerer;
use Bench::Drain;
use Bench::Enqueue;
use Bench::Latency;
use Bench::Numbers;

my $recipients = q{SELECT '+346' || lpad(i::text, 8, '0') AS phone, 'Customer ' || i AS name, 'PO-' || i AS po, '€1,250.00' AS total FROM generate_series(1, %d) AS i};

sub bulk
{
	my ($run) = @_;
	my $cluster = $run->cluster('whatsapp.enabled' => 'off');
	my $count = $run->size(100_000, 50_000);
	my $query = sprintf $recipients, $count;
	my @scripts = ("SELECT queued FROM wa_send_bulk(\$\$$query\$\$, 'po_notification', 'es')",
		"SELECT count(wa_send_template(r.phone, 'po_notification', ARRAY[r.name, r.po, r.total], 'es', priority => 'bulk')) FROM ($query) AS r");
	my @seconds;
	for my $round (0 .. $run->{repetitions})
	{
		for my $side (0, 1)
		{
			$cluster->empty;
			my $result = Bench::Enqueue::timed($cluster, $count, $scripts[$side]);
			# the first round warms caches and makes files
			push @{ $seconds[$side] }, $result->{seconds} if $round > 0;
			my $messages = $cluster->sql('SELECT count(*) FROM whatsapp_queue');
			croak "$messages messages of $count" if $messages != $count;
		}
	}
	my $title = 'campaign of ' . figure($count) . ' recipients by wa_send_bulk()';
	$run->bar(
		measure => 'campaign', what => $title, ours => $seconds[0], unit => ' s', against => 'wa_send_template() over the same SELECT',
		theirs => $seconds[1], paired => 1, at_most => 1.2);
	$cluster->sql('CHECKPOINT');
	my @lines = split /\n/, $cluster->sql("SELECT extract(epoch FROM clock_timestamp()); SELECT queued FROM wa_send_bulk(\$\$$query\$\$, 'po_notification', 'es', dry_run => true);"
		  . ' SELECT extract(epoch FROM clock_timestamp())');
	$run->note('campaign', $title, 'the dry run', figure($lines[-1] - $lines[0]) . ' s');
	$cluster->drop;
	return;
}

# Orders that come every 20 ms: alone, beside a campaign that is being sent at a number's usual pace, and beside one that is paused. They take
# turns, since a machine has good and bad minutes.
sub beside
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new(kernel_times => 1);
	my $cluster = $run->cluster(
		'whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.max_connections' => 100, 'whatsapp.messages_per_second' => 0, 'whatsapp.default_ttl' => '7d');
	# the campaign has a sender of its own pace; orders share the process with it
	$cluster->sql(q{INSERT INTO whatsapp_senders (name, phone_number_id, messages_per_second) VALUES ('offers', '2', 80)});
	drain($cluster, $answerer, 200);
	my $count = $run->size(600, 200);
	my $statement = q{SELECT wa_send_po('Proveedor ABC', 'PO-' || $1, '€1,250.00', '+' || $1, priority => 'urgent')};
	my $recipients = sprintf $recipients, $run->size(100_000, 50_000);
	my $campaign = $cluster->sql("SELECT campaign FROM wa_send_bulk(\$\$$recipients\$\$, 'po_notification', 'es', sender => 'offers')");
	my %paces = (
		idle => sub { $cluster->sql("SELECT wa_campaign_pause($campaign); UPDATE whatsapp_senders SET enabled = false WHERE name = 'offers'") },
		sent => sub { $cluster->sql("SELECT wa_campaign_resume($campaign); UPDATE whatsapp_senders SET enabled = true WHERE name = 'offers'") },
		paused => sub { $cluster->sql("SELECT wa_campaign_pause($campaign); UPDATE whatsapp_senders SET enabled = true WHERE name = 'offers'") });
	# the requests of the campaign come to the answerer, too
	my $await = sub { select undef, undef, undef, 0.02 while $cluster->sql('SELECT count(*) FROM whatsapp_queue WHERE priority = 0') > 0 };
	my %worst;
	for (1 .. $run->{repetitions})
	{
		for my $pace (qw(idle sent paused))
		{
			$paces{$pace}->();
			my $result = Bench::Latency::commit_and_send($cluster, $answerer, $count, 0.02, 'postgres', $statement, $await);
			push @{ $worst{$pace} }, percentile(0.99, @{ $result->{after_commit} });
		}
	}
	my %titles = (sent => 'is sent', paused => 'is paused');
	for my $pace (qw(sent paused))
	{
		$run->bar(
			measure => 'urgent', what => "commit to request of an urgent message, 99th percentile, beside a campaign that $titles{$pace}",
			ours => $worst{$pace}, unit => ' ms', against => 'on an idle sender', theirs => $worst{idle}, paired => 1, at_most => 1.1);
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

sub measure
{
	my ($run) = @_;
	bulk($run);
	beside($run);
	return;
}

1;
