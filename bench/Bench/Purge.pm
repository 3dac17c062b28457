# Purge.pm — a drain while the reader deletes what is old; and what a message takes of disk and WAL from its enqueue to "read".
package Bench::Purge;

use strict;
use warnings;

use Carp;
use Time::HiRes qw(usleep);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Drain;
use Bench::Load;
use Bench::Numbers;
use Bench::Webhooks;

sub old_messages { my ($cluster) = @_; return $cluster->sql(q{SELECT count(*) FROM whatsapp_messages WHERE created_at < now() - interval '30 days'}) }

sub measure
{
	my ($run) = @_;
	my $count = $run->size(100_000, 20_000);
	my $old = $run->size(1_000_000, 100_000);
	my $answerer = Bench::Answerer->new;
	# a lock that somebody waits for longer than this is told in the log
	my $cluster = $run->cluster(
		'whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100, log_lock_waits => 'on', deadlock_timeout => '100ms');
	drain($cluster, $answerer, 1000);
	Bench::Load::with_history($cluster, $old);
	# what was locked to load it is not of the purge
	my $loaded = -s $cluster->{log};
	my $size = sub { return $cluster->sql(q{SELECT pg_total_relation_size('whatsapp_messages')}) };
	my ($before, @without, @with) = $size->();
	my ($deleted, $seconds) = (0, 0);
	# each is a drain of so many beside what there is of the old ones
	my $measured = sub {
		my ($keep) = @_;
		forbid($cluster);
		enqueue($cluster, $count);
		$cluster->sql('CHECKPOINT');
		my $left = old_messages($cluster);
		$cluster->set('whatsapp.keep_messages' => $keep);
		my $result = drain($cluster, $answerer, $count, queued => 1);
		$cluster->set('whatsapp.keep_messages' => 0);
		if ($keep) { $deleted += $left - old_messages($cluster); $seconds += $result->{seconds} }
		return $result->{rate};
	};
	for my $round (1 .. $run->{repetitions})
	{
		push @without, $measured->(0);
		push @with, $measured->('100d');
	}
	croak 'nothing was deleted while messages were sent' unless $deleted > 0;
	$run->bar(
		measure => 'purge', what => 'drain of ' . figure($count) . ' messages while ' . figure($old) . ' old ones are deleted', ours => \@with, unit => '/s',
		against => 'while nothing is', theirs => \@without, paired => 1, at_least => 0.9);
	$run->note('purge', 'deleting what is old', 'while messages are sent', figure($deleted / $seconds) . ' messages/s');
	await_purge($cluster);
	count_waits($run, $cluster, $loaded);
	grow_again($run, $cluster, $old, $before, $size);
	$cluster->drop;
	$answerer->stop;
	return;
}

# All of the old ones go.
sub await_purge
{
	my ($cluster) = @_;
	$cluster->set('whatsapp.keep_messages' => '100d');
	my $begin = time;
	while (old_messages($cluster) > 0)
	{
		croak 'the old messages are not deleted' if time - $begin > 1200;
		usleep(500_000);
	}
	return;
}

# Their room is found again by new ones.
sub grow_again
{
	my ($run, $cluster, $old, $before, $size) = @_;
	$cluster->sql('VACUUM whatsapp_messages');
	my $after = $size->();
	$cluster->set('whatsapp.enabled' => 'off');
	enqueue($cluster, $old / 2);
	my $grown = $size->() - $after;
	$run->bar(
		measure => 'purge', what => 'growth of the table by ' . figure($old / 2) . ' new messages after ' . figure($old) . ' were deleted', unit => ' MB',
		ours => [ $grown / 1048576 ], ceiling => 0.1 * $before / 1048576);
	return;
}

sub count_waits
{
	my ($run, $cluster, $from) = @_;
	open my $log, '<', $cluster->{log} or croak $!;
	seek $log, $from, 0;
	my ($waits, %waits) = 0;
	for (<$log>)
	{
		/still waiting for (.*?) after/ or next;
		$waits++;
		my ($what, $relation) = ($1, $1 =~ /relation (\d+) of database/);
		my $name = $relation ? $cluster->sql("SELECT relname FROM pg_class WHERE oid = $relation") : '';
		$waits{ $name ne '' ? $what =~ s/relation .*/$name/r : $what =~ s/\d+/N/gr }++;
	}
	$run->bar(measure => 'purge', what => 'waits for a lock of more than 100 ms', ours => [$waits], unit => '', ceiling => 0);
	$run->note('purge', 'waits for a lock of more than 100 ms', $_, $waits{$_}) for sort keys %waits;
	return;
}

# Bytes a message by this same measure, of version 1.0 as it was on 2026-11-23 (commit f846778), on one machine with ours. Its keys of
# events were digests alone, so the history has these.
my %first = (burst_wal => 4650, disk => 3480, wal => 18_702);

my @tables = qw(whatsapp_messages whatsapp_queue whatsapp_attempts whatsapp_wamids whatsapp_events whatsapp_event_queue);
my @statuses = qw(sent delivered read);

# WAL by step, a message. between: what happens before each step.
sub life_wal
{
	my ($cluster, $answerer, $count, $between) = @_;
	my ($wal, %wal);
	my $step = sub {
		my ($name, $what) = @_;
		$between->();
		my $before = $cluster->wal_bytes;
		$what->();
		$wal{$name} = ($cluster->wal_bytes - $before) / $count;
	};
	forbid($cluster);
	my $newest = $cluster->sql('SELECT coalesce(max(id), 0) FROM whatsapp_messages');
	$step->(enqueue => sub { enqueue($cluster, $count) });
	$step->(send => sub { drain($cluster, $answerer, $count, queued => 1) });
	my $file = Bench::Webhooks::name_messages($cluster, "m.id > $newest", checkpoint => 0);
	for my $status (@statuses)
	{
		$step->($status => sub { deliver($cluster->{webhook_port}, connections => 64, batch => 1, messages => $file, status => $status) });
	}
	my $read = $cluster->sql("SELECT count(*) FROM whatsapp_messages WHERE id > $newest AND status = 'READ'");
	croak "$read of $count messages are READ" if $read != $count;
	$wal{all} += $wal{$_} for qw(enqueue send), @statuses;
	return \%wal;
}

sub life
{
	my ($run) = @_;
	my $count = $run->size(100_000, 20_000);
	my $some = $run->size(5_000, 1_000);
	my $history = $run->size(1_000_000, 200_000);
	my $answerer = Bench::Answerer->new;
	my $cluster = Bench::Webhooks::webhook_cluster($run, $answerer);
	drain($cluster, $answerer, 1000);
	forbid($cluster);
	$cluster->empty;
	my $disk = sub { return $cluster->sql('SELECT ' . join ' + ', map { "pg_total_relation_size('$_')" } @tables) };
	my $moved = sub { return $cluster->sql("SELECT n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'whatsapp_messages'") };
	my $before = $disk->();
	my $moved_before = $moved->();
	my $burst = life_wal($cluster, $answerer, $count, sub { });
	# the room of what has left the queue is for the next messages, not of these
	$cluster->sql('VACUUM (TRUNCATE) whatsapp_queue');
	my $bytes = ($disk->() - $before) / $count;
	my $title = 'a message from its enqueue to "read"';
	$run->note('life', $title, "WAL in a burst, $_", bytes($burst->{$_})) for qw(enqueue send), @statuses, 'all';
	$run->note('life', $title, 'WAL in a burst, by version 1.0', bytes($first{burst_wal}));
	$run->note('life', $title, "disk, $_", bytes($cluster->sql("SELECT pg_total_relation_size('$_')") / $count)) for @tables;
	# a worker reports its counters once a second at most
	$cluster->sql('SELECT pg_sleep(2)');
	$run->note('life', $title, 'updates of its row that went to another page', figure(($moved->() - $moved_before) / $count));

	$cluster->empty;
	$cluster->sql("INSERT INTO whatsapp_events (received_at, kind, status, occurred_at, message_id, dedupe_key)"
		  . " SELECT at, 'status', 'read', at, -i, @{[key_of('at', 'i')]} FROM generate_series($history, 1, -1) AS i, LATERAL (SELECT now() - i * interval '3 s') AS t (at);"
		  . ' VACUUM (ANALYZE) whatsapp_events');
	my $quiet = life_wal($cluster, $answerer, $some, sub { $cluster->sql('CHECKPOINT') });
	$run->note('life', $title, "WAL beside a history, $_", bytes($quiet->{$_})) for qw(enqueue send), @statuses;
	my $against = 'version 1.0 of 2026-11-23 (a constant)';
	$run->bar(
		measure => 'life', what => "WAL of $title, " . figure($history) . ' events before it, a checkpoint before each step', ours => [ $quiet->{all} ], unit => ' B',
		against => $against, theirs => [ $first{wal} ], at_most => 0.6);
	$run->bar(measure => 'life', what => "disk of $title", ours => [$bytes], unit => ' B', against => $against, theirs => [ $first{disk} ], at_most => 0.6);
	$cluster->drop;
	$answerer->stop;
	return;
}

# SQL: the key that the listener would have given an event of that time, see core/webhook/event_key.cpp.
sub key_of
{
	my ($at, $number) = @_;
	return "(lpad(to_hex((extract(epoch FROM $at)::bigint >> 6) & 16777215), 6, '0') || substr(md5($number\::text), 7))::uuid";
}

1;
