# Scale.pm — what a message costs as one thing grows and the rest stays as it is. Curves, no bars.
package Bench::Scale;

use strict;
use warnings;

use List::Util qw(max min);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Drain;
use Bench::Load;
use Bench::Numbers;
use Bench::Webhooks;

my %at_once = ('whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100);

# plot => [ title, label of x, label of y ]
our %plots = (
	'scale-queue' => [ 'Cost against the length of the queue', 'messages in the queue', 'microseconds a message' ],
	'scale-history' => [ 'Cost against the history', 'settled messages in the table', 'microseconds a message or status' ],
	'scale-senders' => [ 'Cost against the number of senders', 'phone numbers that send', 'microseconds a message' ],
	'scale-recipients' => [ 'Cost against the recipients that the sender has met', 'recipients', 'microseconds a message' ],
	'scale-webhooks' => [ 'Status webhooks against connections', 'connections', 'statuses a second' ],
	'scale-databases' => [ 'Drain by several databases of one server', 'databases, each with a sender', 'messages a second' ],
	'scale-in-flight' => [ 'Drain against requests in flight, 50 ms answer', 'in flight', 'messages a second' ]);

# The median of three, so that one checkpoint or vacuum does not bend a curve.
sub thrice { my ($what) = @_; return median(map { $what->() } 1 .. 3) }

sub enqueue_time
{
	my ($cluster) = @_;
	my $begin = $cluster->sql('SELECT extract(epoch FROM clock_timestamp())');
	enqueue($cluster, 10_000);
	return ($cluster->sql('SELECT extract(epoch FROM clock_timestamp())') - $begin) / 10_000 * 1e6;
}

sub queue
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	for my $length (1_000, 10_000, 100_000, 1_000_000, $run->{large} ? 10_000_000 : ())
	{
		next if $length > 10_000 && $length * $run->{factor} < 10_000;
		my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
		drain($cluster, $answerer, 1000);
		forbid($cluster);
		$cluster->empty;
		my $count = min($length, $run->size(50_000));
		my $drain = thrice(
			sub {
				my $missing = $length - $cluster->sql('SELECT count(*) FROM whatsapp_queue');
				enqueue($cluster, $missing);
				$cluster->sql('CHECKPOINT');
				return Bench::Load::wire_time($cluster, $answerer, $count);
			});
		$run->point('scale-queue', $length, drain => $drain, enqueue => enqueue_time($cluster));
		$cluster->drop;
	}
	$answerer->stop;
	return;
}

sub history
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = webhook_cluster($run, $answerer);
	drain($cluster, $answerer, 1000);
	my $loaded = 0;
	for my $length (0, 10_000, 100_000, 1_000_000, 10_000_000)
	{
		my $settled = int($length * $run->{factor});
		if ($settled > $loaded)
		{
			Bench::Load::with_history($cluster, $settled - $loaded, $loaded + 1);
			$loaded = $settled;
		}
		my (@drains, @statuses);
		for (1 .. 3)
		{
			my $count = $run->size(30_000);
			forbid($cluster);
			enqueue($cluster, $count);
			my $before = $cluster->sql('SELECT max(id) FROM whatsapp_messages') - $count;
			$cluster->sql('CHECKPOINT');
			push @drains, 1e6 / drain($cluster, $answerer, $count, queued => 1)->{rate};
			my $file = Bench::Webhooks::name_messages($cluster, "m.id > $before");
			push @statuses, 1e6 / deliver($cluster->{webhook_port}, connections => 16, batch => 100, messages => $file, status => 'delivered')->{rate};
		}
		# a logarithm has no zero
		$run->point('scale-history', max($settled, 1), drain => median(@drains), 'status webhooks' => median(@statuses));
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

sub senders
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	drain($cluster, $answerer, 1000);
	for my $senders (1, 10, 100, 1000)
	{
		$cluster->sql("INSERT INTO whatsapp_senders (name, phone_number_id) SELECT 's' || i, (900000000 + i)::text FROM generate_series(0, $senders - 1) AS i"
			  . ' ON CONFLICT DO NOTHING');
		my $count = $run->size(40_000);
		my $cost = thrice(
			sub {
				forbid($cluster);
				$cluster->empty;
				enqueue($cluster, $count, sender => "'s' || i % $senders");
				$cluster->sql('CHECKPOINT');
				return 1e6 / drain($cluster, $answerer, $count, queued => 1)->{rate};
			});
		$run->point('scale-senders', $senders, drain => $cost);
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

sub recipients
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	drain($cluster, $answerer, 1000);
	my $met = 1000;
	my $count = $run->size(20_000);
	for my $recipients (1, 10_000, 100_000, 300_000, 1_000_000)
	{
		my $wanted = int($recipients * $run->{factor});
		if ($wanted > $met)
		{
			meet($cluster, $answerer, $wanted - $met);
			$met = $wanted;
		}
		my $before = $met;
		my $cost = thrice(sub { $met += $count; meet($cluster, $answerer, $count) });
		$run->point('scale-recipients', $before, drain => $cost);
		$run->note('scale-recipients', 'private memory of the sender', figure($met) . ' recipients', bytes(Bench::Cluster::private_bytes($cluster->sender)));
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

# Messages for recipients that have had none yet; microseconds for each.
sub meet
{
	my ($cluster, $answerer, $count) = @_;
	forbid($cluster);
	$cluster->empty;
	enqueue($cluster, $count);
	$cluster->sql('CHECKPOINT');
	return 1e6 / drain($cluster, $answerer, $count, queued => 1)->{rate};
}

sub connections
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = webhook_cluster($run, $answerer);
	for my $connections (1, 4, 16, 64, 200, 500)
	{
		my $file = sent_messages($cluster, $answerer, $run->size($connections < 16 ? 3000 : 20_000));
		my %rates;
		for my $batch (1, 100)
		{
			my @results = map { deliver($cluster->{webhook_port}, connections => $connections, batch => $batch, messages => $file, status => $_) } $batch == 1
			  ? qw(sent delivered)
			  : ('read');
			$rates{ $batch == 1 ? 'one status each' : 'batches of 100' } = median(map { $_->{rate} } @results);
			$run->note('scale-webhooks', "$connections connections, batches of $batch", 'answer, 99th percentile', figure(max map { $_->{p99_ms} } @results) . ' ms');
		}
		$run->point('scale-webhooks', $connections, %rates);
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

sub in_flight
{
	my ($run) = @_;
	my $answerer = Bench::Answerer->new(delay_ms => 50);
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url});
	for my $in_flight (1, 10, 100, 300, 1000)
	{
		$cluster->set('whatsapp.max_in_flight' => $in_flight, 'whatsapp.max_connections' => $in_flight);
		my $count = max(20, min($in_flight * 60, $run->size(60_000)));
		my $ours = drain($cluster, $answerer, $count)->{rate};
		my $bare = bare($answerer->{url}, $count, concurrency => $in_flight)->{rate};
		$run->point('scale-in-flight', $in_flight, ours => $ours, 'bare libcurl loop' => $bare);
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

1;
