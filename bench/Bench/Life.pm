# Life.pm — the whole of a message's life, all of it at once, against the sum of its parts: the model of docs/sizing.md, checked.
#
# Each part is measured alone: the processor time of an enqueue, of a drain and of three statuses, and of what the programs of the bench
# need beside them. Then the same numbers of each happen at the same time. The model says how long that takes: no part is done sooner than
# it is alone, and all together not sooner than the cores can do their work.
package Bench::Life;

use strict;
use warnings;

use Carp;
use List::Util qw(max min sum);
use POSIX ();
use Time::HiRes qw(time);

use Bench::Answerer;
use Bench::Cluster;
use Bench::Drain;
use Bench::Numbers;
use Bench::Webhooks;

my @statuses = qw(sent delivered read);
my $next_recipient = 50_000_000;

sub measure
{
	my ($run) = @_;
	my $count = $run->size(40_000, 8_000);
	my $cores = `nproc` + 0;
	my $answerer = Bench::Answerer->new;
	my $cluster = webhook_cluster($run, $answerer);
	drain($cluster, $answerer, 1000);
	my (%parts, @predicted, @measured);
	for (1 .. 3)
	{
		my ($part, $alone) = parts($cluster, $answerer, $count);
		push @{ $parts{$_} }, $part->{$_} for keys %$part;
		push @predicted, max($alone, sum(values %$part) * $count / $cores / 1e6);
		push @measured, together($cluster, $answerer, $count);
	}
	my %names = (
		backend => 'enqueue, 1,000 in a transaction', sender => 'send and settle', listener => 'three statuses, one by one',
		bench => 'the answerer and the sender of webhooks');
	for my $part (qw(backend sender listener bench))
	{
		$run->note('scale-life', 'processor time of a message', $names{$part}, figure(median(@{ $parts{$part} })) . ' us');
	}
	my $what = figure($count) . " messages enqueued, as many sent, three statuses of as many, at once on $cores cores";
	$run->note('scale-life', $what, 'by the model', figure(median(@predicted)) . ' s');
	$run->note('scale-life', $what, 'measured', figure(median(@measured)) . ' s');
	$run->note('scale-life', $what, 'measured beside the model', figure(median(@measured) / median(@predicted)));
	$cluster->drop;
	$answerer->stop;
	return;
}

# In transactions of a size that an import has, for an hour that does not come while this runs.
sub enqueue_for_tomorrow
{
	my ($cluster, $count) = @_;
	my $from = $next_recipient;
	$next_recipient += $count;
	$cluster->sql("DO \$\$ BEGIN FOR n IN 0 .. ($count - 1) / 1000 LOOP"
		  . " PERFORM wa_send_po('Proveedor ABC', 'PO-' || i, '€1,250.00'::text, '+346' || lpad(i::text, 8, '0'), send_at => now() + interval '1 day')"
		  . " FROM generate_series($from + n * 1000, least($from + n * 1000 + 999, $from + $count - 1)) AS i; COMMIT; END LOOP; END \$\$");
	return;
}

sub deliver_all
{
	my ($cluster, $file) = @_;
	deliver($cluster->{webhook_port}, connections => 16, batch => 1, messages => $file, status => $_) for @statuses;
	return;
}

# Processor time in microseconds a message, of each process; and the seconds that the longest part took.
sub parts
{
	my ($cluster, $answerer, $count) = @_;
	my (%part, @seconds);
	forbid($cluster);
	$cluster->empty;
	my $cpu = $cluster->server_cpu;
	my $begin = time;
	enqueue_for_tomorrow($cluster, $count);
	push @seconds, time - $begin;
	$part{backend} = ($cluster->server_cpu - $cpu) / $count * 1e6;

	$cluster->empty;
	enqueue($cluster, $count);
	$cluster->sql('CHECKPOINT');
	my $answers = Bench::Cluster::cpu($answerer->{pid});
	my $drain = drain($cluster, $answerer, $count, queued => 1);
	$part{sender} = $drain->{sender_cpu_us};
	push @seconds, $drain->{seconds};
	$part{bench} = (Bench::Cluster::cpu($answerer->{pid}) - $answers) / $count * 1e6;

	my $file = Bench::Webhooks::name_messages($cluster, 'true');
	$cpu = $cluster->server_cpu;
	my $outside = programs_cpu();
	$begin = time;
	deliver_all($cluster, $file);
	push @seconds, time - $begin;
	$part{listener} = ($cluster->server_cpu - $cpu) / $count * 1e6;
	$part{bench} += (programs_cpu() - $outside) / $count * 1e6;
	return (\%part, max(@seconds));
}

# Of all that this process has started and that has ended.
sub programs_cpu
{
	my (undef, undef, $user, $system) = times;
	return $user + $system;
}

# Seconds until everything is done.
sub together
{
	my ($cluster, $answerer, $count) = @_;
	forbid($cluster);
	$cluster->empty;
	enqueue($cluster, $count);
	drain($cluster, $answerer, $count, queued => 1);
	my $file = Bench::Webhooks::name_messages($cluster, 'true');
	forbid($cluster);
	enqueue($cluster, $count);
	$cluster->sql('CHECKPOINT');
	$answerer->reset;

	my $clock = 'SELECT extract(epoch FROM clock_timestamp())';
	my $begin = $cluster->sql($clock);
	my @children = (in_child(sub { enqueue_for_tomorrow($cluster, $count) }), in_child(sub { deliver_all($cluster, $file) }));
	allow($cluster);
	$answerer->await($count);
	$cluster->sql('DO $$ BEGIN WHILE EXISTS (SELECT FROM whatsapp_queue WHERE due_at <= now()) LOOP PERFORM pg_sleep(0.002); END LOOP; END $$');
	for my $child (@children)
	{
		waitpid $child, 0;
		croak 'a part of the load failed' if $? != 0;
	}
	return $cluster->sql($clock) - $begin;
}

my @databases = qw(postgres second third fourth);

# The next step after one sender is busy: several databases of one server, each with a sender of its own.
sub databases
{
	my ($run) = @_;
	my $count = $run->size(60_000);
	my $cores = `nproc` + 0;
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster(
		'whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.databases' => join(', ', @databases), max_worker_processes => 20,
		'whatsapp.max_in_flight' => 100, 'whatsapp.max_connections' => 100);
	$cluster->sql("CREATE DATABASE $_") for @databases[1 .. $#databases];
	$cluster->sql('CREATE EXTENSION pg_whatsapp', database => $_) for @databases[1 .. $#databases];
	drain($cluster, $answerer, 1000);
	my ($alone, $work);
	for my $senders (1, 2, 4)
	{
		my (@rates, @work);
		for (1 .. 3)
		{
			my $result = drain_databases($cluster, $answerer, $count, @databases[0 .. $senders - 1]);
			push @rates, $result->{rate};
			push @work, $result->{work};
		}
		# what one sender does and costs says what several will
		($alone, $work) = (median(@rates), median(@work)) if $senders == 1;
		$run->point('scale-databases', $senders, measured => median(@rates), 'by the model' => min($senders * $alone, $cores / $work));
	}
	$cluster->drop;
	$answerer->stop;
	return;
}

# {rate, seconds of work of the senders and of the answerer by message}
sub drain_databases
{
	my ($cluster, $answerer, $count, @names) = @_;
	forbid($cluster);
	for my $name (@names)
	{
		$cluster->sql('TRUNCATE whatsapp_messages, whatsapp_queue, whatsapp_attempts, whatsapp_events, whatsapp_wamids', database => $name);
		$cluster->sql("SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, '€1,250.00'::text, '+346' || lpad(i::text, 8, '0')))"
			  . " FROM generate_series($next_recipient, $next_recipient + $count / @{[scalar @names]} - 1) AS i", database => $name);
		$next_recipient += $count;
	}
	$cluster->sql('CHECKPOINT');
	my @senders = split /\n/, $cluster->sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'});
	my $cpu = sub { sum map { Bench::Cluster::cpu($_) } @_ };
	my ($before, $answers) = ($cpu->(@senders), $cpu->($answerer->{pid}));
	my $begin = allow($cluster);
	my $end = 0;
	for my $name (@names)
	{
		$end = max($end, $cluster->sql('DO $$ BEGIN WHILE EXISTS (SELECT FROM whatsapp_queue) LOOP PERFORM pg_sleep(0.002); END LOOP; END $$;'
			  . ' SELECT extract(epoch FROM clock_timestamp())', database => $name));
	}
	return {
		rate => $count / ($end - $begin),
		work => ($cpu->(@senders) - $before + $cpu->($answerer->{pid}) - $answers) / $count };
}

sub in_child
{
	my ($what) = @_;
	my $pid = fork // croak $!;
	return $pid if $pid;
	my $done = eval { $what->(); 1 };
	print STDERR $@ unless $done;
	POSIX::_exit($done ? 0 : 1);
}

1;
