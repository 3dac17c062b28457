# Blows.pm — clusters that are killed, by order of a fault point or by hand, and what must be true of them afterwards; for 019_kills.pl.
#
# A cluster here is a hash: node, policy, plan (the blow that it is to take), kills, most (in doubt at once, of one epoch), and what its
# clients know to be committed. Nothing keeps a connection: it would die with the server.
package Blows;

use strict;
use warnings;

use Exporter 'import';
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use List::Util qw(max);
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time usleep);

our @EXPORT = qw(make_cluster ask sandbox_fault disagreements one_message last_message start_load start_client end_load receive_one give_order
  end_sender kill_by_hand take_blows quiet unknowns set_grace begin_resolving settle);

my $orders = 0;
my $calls = 0;
my $inbound = 0;

sub make_cluster
{
	my ($policy, $slots) = @_;
	my $node = new_cluster("kills_$policy", stage => $ENV{PGWA_FAULT_STAGE}, conf => <<"CONF");
whatsapp.max_connections = $slots
whatsapp.unknown_policy = $policy
whatsapp.unknown_grace = 1h
whatsapp.account_currency = 'USD'
whatsapp.account_time_zone = 'Europe/Madrid'
CONF
	sandbox_set($node->{sandbox}, delay_ms => 15, batch => 20, retry_longest_ms => 200);
	my $cluster = { node => $node, policy => $policy, order => $node->data_dir . '/pg_whatsapp.fault', kills => 0, most => 0, acknowledged => {}, received => {} };
	wait_for('the workers', sub { back($cluster) });
	ask($cluster, q{INSERT INTO whatsapp_templates (name, language, status, category) VALUES ('po_notification', 'es', 'APPROVED', 'UTILITY')});
	ask($cluster, q{SELECT wa_budget_set('month', 1000000, hold => false), wa_budget_set('day', 1000000, period => 'day')});
	return $cluster;
}

# ------------------------------------------------------------------------------------------------------------------------------ asking

# An answer, from whichever life of the cluster gives one.
sub ask
{
	my ($cluster, $query) = @_;
	my $answer;
	wait_for("an answer to: $query", sub {
		my ($code, $out, $error) = try_psql($cluster->{node}, $query);
		die "$query: $error" if $code != 0 && $code != 2;
		$answer = $out;
		$code == 0;
	});
	return $answer;
}

# All workers are there, and none of them is of the life that has ended. What is in doubt is counted by the epoch that marked it.
sub back
{
	my ($cluster) = @_;
	my ($code, $out) = try_psql($cluster->{node}, q{
		SELECT coalesce(max(pid) FILTER (WHERE backend_type = 'pg_whatsapp sender'), 0),
		       coalesce(max(pid) FILTER (WHERE backend_type = 'pg_whatsapp listener'), 0),
		       coalesce(max(pid) FILTER (WHERE backend_type = 'pg_whatsapp reader'), 0),
		       (SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM whatsapp_queue WHERE state IN ('sending', 'unknown') GROUP BY epoch) AS marked)
		FROM pg_stat_activity});
	return 0 if $code != 0;
	my ($sender, $listener, $reader, $marked) = split /\|/, $out;
	return 0 unless $sender && $listener && $reader && $sender != ($cluster->{ended} || 0);
	$cluster->{most} = max($cluster->{most}, $marked);
	@$cluster{qw(sender listener reader ended)} = ($sender, $listener, $reader, 0);
	return 1;
}

sub sandbox_fault
{
	my ($cluster, %fault) = @_;
	my $answer = HTTP::Tiny->new->post("$cluster->{node}{sandbox}{url}/_sandbox/faults", { content => encode_json(\%fault) });
	die "fault: $answer->{content}" unless $answer->{success};
	return;
}

# The accepted messages: [id, wamid], oldest first.
sub book
{
	my ($cluster) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->get("$cluster->{node}{sandbox}{url}/_sandbox/book");
	die "book: $answer->{status}" unless $answer->{success};
	return map { [ /"callback_data":"[0-9a-f]{16}\.(\d+)\.\d+"/, /"wamid":"([^"]+)"/ ] } split /\n/, $answer->{content};
}

# What does not agree between the sandbox's book, the table and the clients' memory of what was committed; nothing if all is well.
sub disagreements
{
	my ($cluster) = @_;
	my (@wrong, %booked);
	for (book($cluster))
	{
		my ($id, $wamid) = @$_;
		push @wrong, "message $id was accepted twice" if $booked{$id};
		$booked{$id} = $wamid;
	}
	my %known;
	for (split /\n/, ask($cluster, q{
		SELECT m.id, CASE WHEN q.due_at > now() + interval '30 min' THEN 'LATER' ELSE m.status END, coalesce(m.wamid, ''), coalesce(m.error_message, '')
		FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id}))
	{
		my ($id, $status, $wamid, $error) = split /\|/, $_, 4;
		$known{$id} = 1;
		my $ours = $booked{$id} || '';
		push @wrong, "message $id is $status with wamid '$wamid', and was accepted as '$ours'" if $wamid ne $ours;
		my $explained = $status eq 'READ' ? $ours : $status =~ /^(?:CANCELLED|LATER)$/ ? !$ours
		  : $status eq 'FAILED' && $cluster->{policy} eq 'fail' && $error =~ /^outcome unknown: / ? !$ours : 0;
		push @wrong, "message $id is $status: '$error', accepted: '$ours'" unless $explained;
	}
	push @wrong, map { "message $_ was accepted and is not in the table" } grep { !$known{$_} } keys %booked;
	push @wrong, map { "message $_ was committed and is not in the table" } grep { !$known{$_} } keys %{ $cluster->{acknowledged} };
	my %inbound = map { $_ => 1 } split /\n/, ask($cluster, 'SELECT wamid FROM whatsapp_inbound');
	push @wrong, map { "inbound message $_ was answered 200 and is not in the table" } grep { !$inbound{$_} } keys %{ $cluster->{received} };
	my $lost = ask($cluster, lost_money());
	push @wrong, $lost if $lost ne '';
	my $open = ask($cluster, q{SELECT count(*) FROM whatsapp_messages AS m WHERE m.status = 'READ'
		AND (SELECT count(*) FILTER (WHERE c.state = 'settled') FROM whatsapp_charges AS c WHERE c.message_id = m.id) <> 1});
	push @wrong, "$open messages were delivered and not charged once" if $open > 0;
	return @wrong > 10 ? (@wrong[0 .. 9], 'and ' . (@wrong - 10) . ' more') : @wrong;
}

# -------------------------------------------------------------------------------------------------------------------------------- load

sub one_message
{
	my ($more) = @_;
	$calls++;
	return sprintf q{wa_send_po('Proveedor ABC', 'PO-%d', 1250, '+3461%07d'%s)}, $calls, $calls, $more || '';
}

# Its number, in its reference and in its phone.
sub last_message { return $calls }

# Many messages in one transaction, some in their own, one that is called off and taken up again; from a client of its own.
sub start_load
{
	my ($cluster, $bulk, $singles, @more) = @_;
	my $base = $calls;
	$calls += $bulk;
	my @script = (
		"SELECT wa_send_po('Proveedor ABC', 'PO-' || i, 1250, '+3461' || lpad(i::text, 7, '0')) FROM generate_series($base + 1, $base + $bulk) AS i;",
		q{SELECT 'pid ' || pg_backend_pid();},
		map { "SELECT $_;" } map { one_message() } 1 .. $singles);
	push @script, 'SELECT ' . one_message(q{, send_at => now() + interval '1 hour'}) . ' AS id \gset', 'SELECT wa_cancel(:id);', 'SELECT wa_retry(:id);', @more
	  if $singles > 0;
	start_client($cluster, @script);
	return;
}

# From somebody's phone. True once it was answered 200; only then nobody will bring it again.
sub receive_one
{
	my ($cluster) = @_;
	my $id = 'wamid.INBOUND' . ++$inbound;
	my $answer = HTTP::Tiny->new->post("$cluster->{node}{sandbox}{url}/_sandbox/inbound",
		{ content => encode_json({ from => '+34655555555', text => 'Si', id => $id }) });
	$cluster->{received}{$id} = 1 if $answer->{status} == 200;
	return $answer->{status} == 200;
}

# By files and not by pipes, whose ends a server that is started meanwhile would inherit.
sub start_client
{
	my ($cluster, @script) = @_;
	my $path = "$cluster->{node}{_basedir}/client";
	unlink "$path.sql", "$path.out";
	append_to_file("$path.sql", join("\n", @script, ''));
	$cluster->{load} = { out => "$path.out", process => IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $cluster->{node}->connstr('postgres'), '-f', "$path.sql" ], '<', '/dev/null', '>', "$path.out", '2>', "$path.err") };
	return;
}

# Of the backend, once its first statement has been committed.
sub load_pid
{
	my ($cluster) = @_;
	my $load = $cluster->{load} or return;
	my $out = $load->{out};
	return -s $out && slurp_file($out) =~ /^pid (\d+)$/m ? $1 : undef;
}

sub end_load
{
	my ($cluster) = @_;
	my $load = delete $cluster->{load} or return;
	$load->{process}->finish;
	$cluster->{acknowledged}{$_} = 1 for slurp_file($load->{out}) =~ /^(\d+)$/mg;
	return;
}

# -------------------------------------------------------------------------------------------------------------------------------- blows

sub give_order
{
	my ($cluster, $point, $action, $passage) = @_;
	$orders++;
	append_to_file("$cluster->{order}.new", "$point $action $passage $orders\n");
	rename "$cluster->{order}.new", $cluster->{order} or die "$cluster->{order}: $!";
	return;
}

sub end_sender
{
	my ($cluster) = @_;
	return ask($cluster, "SELECT pg_terminate_backend($cluster->{sender})");
}

my %by_hand = (
	sender => sub { kill 'KILL', $_[0]{sender} },
	listener => sub { kill 'KILL', $_[0]{listener} },
	reader => sub { kill 'KILL', $_[0]{reader} },
	backend => sub { kill 'KILL', load_pid($_[0]) },
	postmaster => sub { $_[0]{node}->kill9; 1 },
	immediate => sub { $_[0]{node}->stop('immediate'); 1 });

# A worker may have left by itself since it was looked up (it begins once more after an error): then it is the next one's turn. Or it has met the order
# that was to be met after its death.
sub kill_by_hand
{
	my ($cluster, $whom) = @_;
	wait_for("the $whom to be killed", sub { $by_hand{$whom}->($cluster) || ($cluster->{plan}{point} && !-e $cluster->{order}) || (back($cluster), 0)[1] });
	return;
}

# True once the plan's blow has fallen. A random order that nobody has met is taken back, and the sender is killed instead.
sub struck
{
	my ($cluster) = @_;
	my $plan = $cluster->{plan};
	my $pid = load_pid($cluster);
	return 1 if $plan->{struck};
	if ($plan->{point})
	{
		return $plan->{struck} = 1 if !-e $cluster->{order};
		return 0 if !$plan->{until} || time < $plan->{until};
		return $plan->{struck} = 1 if !unlink $cluster->{order};
		@$plan{qw(point action by until)} = ('', '', 'sender', 0);
	}
	return 0 unless $pid;
	$plan->{at} ||= time + rand($plan->{by} eq 'backend' ? 0.01 : 0.1);
	return 0 if time < $plan->{at};
	kill_by_hand($cluster, $plan->{by});
	return $plan->{struck} = 1;
}

# From the blow to the next life.
sub recover
{
	my ($cluster) = @_;
	my $plan = $cluster->{plan};
	my $node = $cluster->{node};
	my $dead = $plan->{action} eq 'postmaster' || $plan->{by} =~ /^(?:postmaster|immediate)$/;
	$cluster->{ended} = $cluster->{sender} unless $plan->{action} eq 'error';
	if ($dead)
	{
		# a process that nobody has buried yet counts as alive to the next postmaster, too
		my $file = $node->data_dir . '/postmaster.pid';
		my @dying = (@$cluster{qw(sender listener reader)}, -s $file ? slurp_file($file) =~ /\A(\d+)/ : ());
		wait_for('the workers to notice', sub { !kill 0, @dying });
	}
	end_load($cluster);
	wait_for('a start', sub { $node->{_pid} = undef; $node->start(fail_ok => 1) }) if $dead;
	$cluster->{kills} += ($plan->{action} ne 'error') + ($plan->{first} ? 1 : 0);
	return;
}

sub take_blows
{
	my (@struck) = @_;
	wait_for('the blows: ' . join(', ', map { join ' ', %{ $_->{plan} } } @struck), sub { 0 == grep { !struck($_) } @struck });
	recover($_) for @struck;
	my %waiting = map { $_->{policy} => $_ } @struck;
	wait_for('the next life', sub {
		delete $waiting{ $_->{policy} } for grep { back($_) } values %waiting;
		usleep(20_000) if %waiting;
		!%waiting;
	});
	return;
}

# ----------------------------------------------------------------------------------------------------------------------------- settling

# Nothing is left to do but for what is in doubt, and every message that was accepted is READ: whatever is in doubt was not accepted.
sub quiet
{
	my ($cluster) = @_;
	my $resume = $cluster->{plan}{resume} ? q{SELECT 1 WHERE wa_resume('default') IS NULL;} : '';
	my ($busy, $read) = split /\|/, ask($cluster, qq{$resume
		SELECT count(*) FILTER (WHERE state IN ('ready', 'sending') AND due_at < now() + interval '30 min') + (SELECT count(*) FROM whatsapp_event_queue),
		       (SELECT count(*) FROM whatsapp_messages WHERE status = 'READ') FROM whatsapp_queue});
	return 0 if $busy > 0;
	my $summary = sandbox_get($cluster->{node}{sandbox}, 'summary');
	return $summary->{in_flight} == 0 && $read == $summary->{distinct_callback_data};
}

sub unknowns { my ($cluster) = @_; return ask($cluster, q{SELECT count(*) FROM whatsapp_queue WHERE state = 'unknown'}) }

sub set_grace
{
	my ($cluster, $value) = @_;
	ask($cluster, $value ? "ALTER SYSTEM SET whatsapp.unknown_grace = '$value'" : 'ALTER SYSTEM RESET whatsapp.unknown_grace');
	ask($cluster, 'SELECT pg_reload_conf()');
	return;
}

# The grace is shortened only now that no webhook is missing, and after others have come: however slow the machine is, it is longer than
# the webhooks' delay.
sub begin_resolving
{
	my ($cluster) = @_;
	start_load($cluster, 2, 0);
	end_load($cluster);
	wait_for('webhooks after the doubt', sub { quiet($cluster) });
	set_grace($cluster, '1s');
	return;
}

sub settle
{
	my (@settling) = @_;
	for my $cluster (@settling)
	{
		wait_for('everything but doubts', sub { quiet($cluster) });
	}
	my @doubtful = grep { unknowns($_) > 0 } @settling;
	begin_resolving($_) for @doubtful;
	for my $cluster (@doubtful)
	{
		wait_for('the end of doubt', sub { unknowns($cluster) == 0 && quiet($cluster) });
		set_grace($cluster, undef);
	}
	return;
}

1;
