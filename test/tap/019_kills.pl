# Death at every step that matters, once by order and then hundreds of times at random: nothing is lost, nothing is sent twice, and no
# death leaves more in doubt than there were slots on the wire.
#
# After each, tables and indexes are as amcheck wants them.
#
# The library is that of `make fault-points`. Two clusters, one for each policy that forbids doubles, take their blows side by side: while
# one restarts, the other works. PGWA_KILLS is the number of random kills, PGWA_SEED repeats a run, and
# PGWA_THOROUGH=1 lets the postmaster die at every point. Commits are not flushed (fsync = off, as
# everywhere in these tests): what a killed process has written is in the kernel's hands, and fsync is about those who lose theirs.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Blows;
use PgWhatsapp;
use JSON::PP;
use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(time);

my $kills = $ENV{PGWA_KILLS} || 150;
my $per_kill = 20;
my $wave = 60;
my $slots = 8;
my $seed = $ENV{PGWA_SEED} || int(rand(1 << 30));
srand($seed);
note "PGWA_SEED=$seed";

my $begun = time;
my @clusters = map { make_cluster($_, $slots) } qw(auto fail);

# --------------------------------------------------------------------------------------------------------------------- each fault point

my @points = split / /, ask($clusters[0], 'SHOW whatsapp.fault_points');
cmp_ok(scalar @points, '>', 20, 'the library has fault points');
my @starting = qw(worker_start epoch_raised epoch_doubted epoch_committed);

my %needs = (
	drain_settled => \&end_sender,
	# what the case before has left may meet the order, too: then nobody may be there any more who would take a message
	(map { $_ => sub { my ($cluster) = @_; wait_for('an inbound message', sub { !-e $cluster->{order} || receive_one($cluster) }) } } qw(intake_acted intake_committed)),
	(map { $_ => sub { my ($cluster) = @_; ask($cluster, 'SELECT wa_request_template_sync()') } } qw(request_claimed request_written request_settled)),
	# warnings begin anew with an amount; what meets the point may be any message of the load, and after the postmaster's death nobody answers
	budget_warned => sub {
		my ($cluster) = @_;
		my $lower = q{SELECT wa_budget_set('month', greatest(0.01, 1.1 * (spent + reserved)), hold => false) FROM whatsapp_budgets WHERE name = 'month'};
		for my $statement ($lower, 'SELECT ' . one_message())
		{
			wait_for('a lower budget, and a message', sub { !-e $cluster->{order} || (try_psql($cluster->{node}, $statement))[0] == 0 });
		}
	},
	# another death is the quicker way to a new life; but it would end the launcher, too
	(map { $_ => sub { $_[0]{plan}{action} eq 'error' ? end_sender($_[0]) : kill_by_hand($_[0], 'sender') } } @starting),
	doubt_resolved => sub {
		my ($cluster) = @_;
		end_load($cluster);
		wait_for('a doubt', sub { unknowns($cluster) == 1 && quiet($cluster) });
		begin_resolving($cluster);
	});
my %sandbox_needs = (
	settle_failure => { times => 1, code => 131016 },
	settle_paused => { times => 1, code => 190 },
	doubt_resolved => { times => 1, cut => 'reset', accept => JSON::PP::false });

# What a backend does in a transaction that does not end: [the statement, where to look, what must stand there].
my $later = q{, send_at => now() + interval '1 hour'};
my %statements = (
	message_enqueued => [ sub { 'SELECT ' . one_message() . ';' }, q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'PO-%s'}, '0' ],
	message_inserted => [ sub { 'SELECT ' . one_message() . ';' }, q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'PO-%s'}, '0' ],
	message_cancelled => [ sub { 'SELECT wa_cancel(' . ask($_[0], 'SELECT ' . one_message($later)) . ');' },
		q{SELECT m.status || ' ' || q.state FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference = 'PO-%s'}, 'PENDING ready' ],
	message_retried => [ sub {
			my ($cluster) = @_;
			my $id = ask($cluster, 'SELECT ' . one_message($later));
			ask($cluster, "SELECT wa_cancel($id)");
			return "SELECT wa_retry($id);";
		}, q{SELECT status FROM whatsapp_messages WHERE reference = 'PO-%s'}, 'CANCELLED' ]);

sub begin_case
{
	my ($cluster, $point, $action) = @_;
	$cluster->{plan} = { point => $point, action => $action, by => '', resume => $point eq 'settle_paused' };
	sandbox_fault($cluster, %{ $sandbox_needs{$point} }) if $sandbox_needs{$point};
	if (my $statement = $statements{$point})
	{
		my $text = $statement->[0]->($cluster);
		$cluster->{reference} = last_message();
		start_load($cluster, 10, 0);
		end_load($cluster);
		give_order($cluster, $point, $action, 1);
		start_client($cluster, $text);
		return;
	}
	give_order($cluster, $point, $action, 1);
	start_load($cluster, 12, 2);
	$needs{$point}->($cluster) if $needs{$point};
	return;
}

sub end_case
{
	my ($cluster) = @_;
	my ($point, $action) = @{ $cluster->{plan} }{qw(point action)};
	my @wrong;
	if (my $statement = $statements{$point})
	{
		# the postmaster's death ends no transaction: then it may stand, or not
		my $found = ask($cluster, sprintf $statement->[1], $cluster->{reference});
		push @wrong, "found '$found' and not '$statement->[2]'" if $found ne $statement->[2] && $action ne 'postmaster';
		send_the_rest($cluster);
		settle($cluster);
	}
	wait_for('the requests to end', sub { ask($cluster, q{SELECT count(*) FROM whatsapp_requests WHERE ended_at IS NULL}) eq '0' }) if $point =~ /^request_(?!made)/;
	push @wrong, disagreements($cluster), damage($cluster->{node});
	ok(!@wrong, "$point: $action, policy $cluster->{policy}") or diag join "\n", @wrong;
	return;
}

# what waits for its hour, or was called off, is sent after all
sub send_the_rest
{
	my ($cluster) = @_;
	ask($cluster, q{SELECT count(wa_cancel(message_id)) FROM whatsapp_queue WHERE due_at > now() + interval '30 min'});
	return ask($cluster, q{SELECT count(wa_retry(id)) FROM whatsapp_messages WHERE status = 'CANCELLED' OR error_message LIKE 'parked: %'});
}

# The postmaster's death takes the longest, and is the same to a worker wherever it stands: at a third of the points, others with each seed.
my $turn = $seed % 3;
my @cases = map { my $point = $_; map { [ $point, $_ ] } qw(error kill), $ENV{PGWA_POINTS} || $ENV{PGWA_THOROUGH} || $turn++ % 3 == 0 ? 'postmaster' : () }
  $ENV{PGWA_POINTS} ? split(/ /, $ENV{PGWA_POINTS}) : @points;
while (my @now = splice @cases, 0, scalar @clusters)
{
	my @struck = @clusters[0 .. $#now];
	begin_case($struck[$_], @{ $now[$_] }) for 0 .. $#now;
	take_blows(@struck);
	settle(@struck);
	for my $cluster (grep { $_->{plan}{point} eq 'doubt_resolved' } @struck)
	{
		# the life after had the short grace from its start, and maybe no webhook in it: then "auto" gives up, too
		set_grace($cluster, undef);
		next if $cluster->{policy} ne 'auto';
		ask($cluster, q{SELECT count(wa_retry(id)) FROM whatsapp_messages WHERE status = 'FAILED'});
		settle($cluster);
	}
	end_case($_) for @struck;
	note sprintf '%.1f s after %s', time - $begun, join ', ', map { "@$_" } @now;
}

# ------------------------------------------------------------------------------------------------------------------------ random deaths

# Met within a round of any load; those of a start, of the end of a sender and of rare answers are left out or have a plan of their own.
my %rare = map { $_ => 1 } @starting, qw(drain_settled settle_paused doubt_resolved budget_warned ledger_folded request_claimed request_written request_settled);
my @often = grep { !$rare{$_} } @points;

sub random_plan
{
	my $chance = rand;
	my %plan = (point => '', action => '', by => '');
	if ($chance < 0.56)
	{
		@plan{qw(point action)} = ($often[ rand @often ], rand() < 0.1 ? 'postmaster' : rand() < 0.1 ? 'abort' : 'kill');
		$plan{passage} = 1 + int rand($plan{point} =~ /^message_/ ? 12 : 3);
		$plan{until} = time + 1.5;
	}
	elsif ($chance < 0.62) { @plan{qw(point action passage first)} = ($starting[ rand @starting ], 'kill', 1, 'sender') }
	elsif ($chance < 0.76) { $plan{by} = 'sender' }
	elsif ($chance < 0.82) { $plan{by} = 'listener' }
	elsif ($chance < 0.85) { $plan{by} = 'reader' }
	elsif ($chance < 0.92) { $plan{by} = 'backend' }
	elsif ($chance < 0.96) { $plan{by} = 'postmaster' }
	else                   { $plan{by} = 'immediate' }
	return \%plan;
}

sub begin_blow
{
	my ($cluster) = @_;
	my $plan = $cluster->{plan} = random_plan();
	sandbox_fault($cluster, skip => int(rand(20)), times => 1, code => 131016);
	give_order($cluster, @$plan{qw(point action passage)}) if $plan->{point};
	start_load($cluster, $per_kill + 2, 8, $plan->{by} eq 'backend' ? 'SELECT pg_sleep(600);' : ());
	receive_one($cluster);
	kill_by_hand($cluster, $plan->{first}) if $plan->{first};
	return;
}

sub messages { my ($cluster) = @_; return ask($cluster, 'SELECT count(*) FROM whatsapp_messages') }
sub sent { return sum map { messages($_) - $_->{before} } @clusters }
sub killed { return sum map { $_->{kills} } @clusters }

$_->{kills} = 0, $_->{before} = messages($_) for @clusters;
my $rounds = 0;
# a death may undo a client's messages: then there are more of both
while (killed() < $kills || sent() < $per_kill * $kills)
{
	begin_blow($_) for @clusters;
	take_blows(@clusters);
	next if ++$rounds % ($wave / @clusters);
	# what was doubted and is sent again meets its kills in the next wave
	settle(@clusters);
	tables_intact($_->{node}, "policy $_->{policy}, after $_->{kills} kills") for @clusters;
	note sprintf '%.1f s after %d kills', time - $begun, killed();
}
settle(@clusters);
cmp_ok(killed(), '>=', $kills, sprintf '%d kills over %d messages', killed(), sent());
for my $cluster (@clusters)
{
	my $again = send_the_rest($cluster);
	settle($cluster);
	my @wrong = (disagreements($cluster), damage($cluster->{node}));
	ok(!@wrong, "policy $cluster->{policy}: $cluster->{kills} kills, nothing lost, nothing doubled") or diag join "\n", @wrong;
	cmp_ok($cluster->{most}, '<=', $slots, 'and no kill left more in doubt than there were slots on the wire');
	note "$cluster->{policy}: " . statuses($cluster->{node}) . "; most in doubt $cluster->{most}; taken up again $again";
	$cluster->{node}->stop('fast');
}
note sprintf '%.1f s in all', time - $begun;
done_testing();
