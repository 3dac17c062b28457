# Load.pm — the same drain under a load that grows with time: an old snapshot, a long history, a long queue. And what a message weighs.
package Bench::Load;

use strict;
use warnings;

use Carp;
use List::Util qw(max);
use Time::HiRes qw(usleep);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Copies;
use Bench::Drain;
use Bench::Numbers;

my %at_once = ('whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100);

# Holds a snapshot as pg_dump or a forgotten session does; to be called again to let it go.
sub hold_snapshot
{
	my ($cluster) = @_;
	open my $session, '|-', "psql -XAtq -h $cluster->{folder} -U postgres postgres >/dev/null 2>&1" or croak $!;
	$session->autoflush(1);
	print $session "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM pg_class;\n";
	for (1 .. 500)
	{
		last if $cluster->sql(q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND backend_xmin IS NOT NULL)}) eq 't';
		usleep(10_000);
	}
	return sub { print $session "COMMIT;\n\\q\n"; close $session };
}

sub snapshot
{
	my ($run) = @_;
	my $count = $run->size(300_000, 60_000);
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	drain($cluster, $answerer, 1000);
	my (@without, @with);
	for my $round (1 .. ($run->{repetitions} > 3 ? 3 : $run->{repetitions}))
	{
		push @without, drain($cluster, $answerer, $count)->{seconds};
		forbid($cluster);
		$cluster->empty;
		enqueue($cluster, $count);
		$cluster->sql('CHECKPOINT');
		my $let_go = hold_snapshot($cluster);
		push @with, drain($cluster, $answerer, $count, queued => 1)->{seconds};
		$let_go->();
	}
	$run->bar(
		measure => 'snapshot', what => 'drain of ' . figure($count) . ' messages while an old snapshot is held', ours => \@with, unit => ' s',
		against => 'without it', theirs => \@without, paired => 1, at_most => 1.2);
	$cluster->drop;
	$answerer->stop;
	return;
}

# Money is reserved for each message by a budget of the month and one of the day.
sub budget
{
	my ($run) = @_;
	my $count = $run->size(100_000, 20_000);
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once,
		'whatsapp.sync_interval' => 0, 'whatsapp.account_currency' => 'USD', 'whatsapp.account_time_zone' => 'Europe/Madrid');
	$cluster->sql(q{INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('po_notification', 'es', 'APPROVED', 'UTILITY')});
	drain($cluster, $answerer, 1000);
	my (@without, @with);
	for my $round (1 .. $run->{repetitions})
	{
		push @without, drain($cluster, $answerer, $count);
		$cluster->sql(q{SELECT wa_budget_set('month', 1000000), wa_budget_set('day', 1000000, period => 'day')});
		push @with, drain($cluster, $answerer, $count);
		my $reserved = $cluster->sql('SELECT count(*) FROM whatsapp_charges');
		croak "$reserved reservations for $count messages" if $reserved != $count;
		$cluster->sql(q{SELECT wa_budget_remove(name) FROM whatsapp_budgets; TRUNCATE whatsapp_budget_limits});
	}
	$run->bar(
		measure => 'budget', what => 'drain of ' . figure($count) . ' messages that two budgets count', ours => [ map { $_->{rate} } @with ], unit => '/s',
		against => 'without a budget', theirs => [ map { $_->{rate} } @without ], paired => 1, at_least => 0.95);
	$run->note('budget', 'a drain that two budgets count', "processor time per message: the sender, $$_[0]", figure(median(map { $_->{sender_cpu_us} } @{ $$_[1] })) . ' us')
	  for [ 'with them', \@with ], [ 'without', \@without ];
	$cluster->drop;
	$answerer->stop;
	return;
}

# Microseconds a message, as the answerer sees them: for queues that are not drained to their end.
sub wire_time
{
	my ($cluster, $answerer, $count) = @_;
	$answerer->reset;
	allow($cluster);
	my $stats = $answerer->await($count);
	$cluster->sql(q{ALTER SYSTEM SET whatsapp.enabled = 'off'; SELECT pg_reload_conf()});
	my ($last, $now) = (-1, $answerer->stats->{requests});
	# what is on the wire comes to its end
	while ($now != $last)
	{
		usleep(300_000);
		($last, $now) = ($now, $answerer->stats->{requests});
	}
	return ($stats->{last_us} - $stats->{first_us}) / ($count - 1);
}

sub pending
{
	my ($run) = @_;
	my $count = $run->size(100_000, 20_000);
	my $pending = $run->size(1_000_000, 100_000);
	my $answerer = Bench::Answerer->new;
	my $few = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	my $many = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	$_->set('whatsapp.enabled' => 'off') for $few, $many;
	enqueue($many, $pending + $count * ($run->{repetitions} + 1));
	$many->sql('CHECKPOINT');
	my (@few, @many);
	for my $round (0 .. $run->{repetitions})
	{
		$few->empty;
		enqueue($few, $count);
		$few->sql('CHECKPOINT');
		my $without = wire_time($few, $answerer, $count);
		my $with = wire_time($many, $answerer, $count);
		push @few, $without if $round > 0;
		push @many, $with if $round > 0;
	}
	$run->bar(
		measure => 'pending', what => 'drain, ' . figure($count) . ' messages of a queue of more than ' . figure($pending), ours => \@many, unit => ' us a message',
		against => 'the same with no others', theirs => \@few, paired => 1, at_most => 1.1);
	$few->drop;
	memory($run, $many, $answerer, $pending);
	$many->drop;
	$answerer->stop;
	return;
}

sub memory
{
	my ($run, $cluster, $answerer, $pending) = @_;
	$answerer->delay(50);
	$cluster->set('whatsapp.max_in_flight' => 1000, 'whatsapp.max_connections' => 1000);
	my $left = $cluster->sql(q{SELECT count(*) FROM whatsapp_messages WHERE status = 'PENDING'});
	enqueue($cluster, $pending - $left) if $left < $pending;
	# a sender that has not yet grown by what came before
	$cluster->stop;
	$cluster->start;
	my $sender = $cluster->sender;
	my $enough = $run->size(100_000, 20_000);
	$answerer->reset;
	allow($cluster);
	my ($most, $requests, $in_flight) = (0, 0, 0);
	while ($requests < $enough)
	{
		usleep(100_000);
		$most = max($most, Bench::Cluster::private_bytes($sender));
		my $stats = $answerer->stats;
		$requests = $stats->{requests};
		$in_flight = max($in_flight, $stats->{open_connections} - 1);
	}
	forbid($cluster);
	$run->bar(
		measure => 'memory', what => 'private memory of the sender, ' . figure($pending) . " pending, $in_flight in flight", ours => [ $most / 1048576 ],
		unit => ' MB', ceiling => 48);
	return;
}

sub history
{
	my ($run) = @_;
	my $count = $run->size(100_000, 20_000);
	my $settled = $run->size(10_000_000, 500_000);
	my $answerer = Bench::Answerer->new;
	my %settings = ('whatsapp.api_base_url' => $answerer->{url}, %at_once);
	my $young = $run->cluster(%settings);
	my $old = $run->cluster(%settings);
	drain($_, $answerer, 1000) for $young, $old;
	with_history($old, $settled);
	my (@young, @old);
	for my $round (0 .. $run->{repetitions})
	{
		my $without = drain($young, $answerer, $count);
		forbid($old);
		enqueue($old, $count);
		$old->sql('CHECKPOINT');
		my $with = drain($old, $answerer, $count, queued => 1);
		push @young, $without if $round > 0;
		push @old, $with if $round > 0;
	}
	$run->bar(
		measure => 'history', what => 'drain of ' . figure($count) . ' messages beside ' . figure($settled) . ' settled ones', ours => [ map { $_->{seconds} } @old ],
		unit => ' s', against => 'the same with none', theirs => [ map { $_->{seconds} } @young ], paired => 1, at_most => 1.1);
	size($run, $old, $settled);
	$_->drop for $young, $old;
	$answerer->stop;
	return;
}

sub with_history
{
	my ($cluster, $count, $from) = @_;
	# without replication a load into a new file needs no WAL; the server is then started as it was
	$cluster->stop;
	$cluster->start(settings => '-c wal_level=minimal -c max_wal_senders=0');
	load_history($cluster, $from || 1, $count);
	$cluster->stop;
	$cluster->start;
	$cluster->sender;
	return;
}

sub size
{
	my ($run, $cluster, $settled) = @_;
	my ($table, $indexes) = split /\|/, $cluster->sql(
		q{SELECT pg_table_size('whatsapp_messages'), pg_indexes_size('whatsapp_messages')});
	my $rows = $cluster->sql('SELECT count(*) FROM whatsapp_messages');
	my $title = 'a settled message in whatsapp_messages';
	$run->note('history', $title, 'table', bytes($table / $rows));
	$run->note('history', $title, 'indexes', bytes($indexes / $rows));
	return;
}

1;
