# Webhooks under load while processes are killed: whatever was answered 200 is there, and sending all of it again leaves each exactly
# once. The same delivery a thousand times, in any order, leaves what it left the first time.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use lib $FindBin::RealBin;
use List::Util qw(shuffle);
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $messages = 700;
my $connections = 16;
my $node = new_cluster('webhook_load', conf => "whatsapp.enabled = off\n");
my $json = JSON::PP->new->canonical;
# messages as they are once they are sent
$node->safe_psql('postgres', qq{
	INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference, recipient_phone, sent_at)
	SELECT 'default', 'template', 'SENT', 'wamid.' || i, i, '+34612345678', now() FROM generate_series(1, $messages) AS i;
	INSERT INTO whatsapp_wamids (hash, message_id) SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages});

sub request
{
	my (@statuses) = @_;
	my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '1', changes => [ { field => 'messages',
		value => { metadata => { phone_number_id => '123456789' }, statuses => \@statuses } } ] } ] });
	return "POST /api/v1/whatsapp/webhook HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: " . length($body)
	  . "\r\nX-Hub-Signature-256: sha256=" . hmac_sha256_hex($body, 'sandbox-app-secret') . "\r\n\r\n$body";
}
sub status { my ($i, $word, $time) = @_; return { id => "wamid.$i", status => $word, timestamp => $time, recipient_id => '34612345678' } }

# Posts all of these over some connections, one at a time on each; what was not answered 200 goes again, until all were. at: what to do
# after so many answers. Returns the keys of those that were answered 200, in the order of their answers.
sub post_all
{
	my ($requests, %at) = @_;
	my @waiting = shuffle(sort keys %$requests);
	my $select = IO::Select->new;
	my (%on, @answered);
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	my $give_back = sub {
		my ($socket) = @_;
		push @waiting, $on{$socket}{key};
		delete $on{$socket};
		$select->remove($socket);
		close $socket;
	};
	my $give = sub {
		my ($socket) = @_;
		local $SIG{PIPE} = 'IGNORE';
		$on{$socket} = { key => shift @waiting, heard => '' };
		$select->add($socket);
		my $request = $requests->{ $on{$socket}{key} };
		$give_back->($socket) if ($socket->syswrite($request) || 0) != length $request;
	};
	while (@waiting || %on)
	{
		die 'the load does not end: ' . @waiting . ' wait, ' . @answered . ' answered' if time > $end;
		while (@waiting && keys %on < $connections)
		{
			my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $node->{listen});
			last unless $socket;
			$give->($socket);
		}
		for my $socket ($select->can_read(0.02))
		{
			my $state = $on{$socket};
			if (!$socket->sysread($state->{heard}, 1 << 16, length $state->{heard}))
			{
				$give_back->($socket);
				next;
			}
			next unless $state->{heard} =~ /\AHTTP\/1\.1 (\d+).*\r\n\r\n/s;
			if ($1 != 200)
			{
				$give_back->($socket);
				next;
			}
			push @answered, $state->{key};
			my $action = delete $at{ scalar @answered };
			$action->([@answered]) if $action;
			delete $on{$socket};
			$select->remove($socket);
			$give->($socket) if @waiting;
		}
	}
	die 'too few answers for everything that was to happen' if %at;
	return @answered;
}

sub events { return map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q{SELECT coalesce(e.wamid, m.wamid) || ' ' || e.status FROM whatsapp_events AS e LEFT JOIN whatsapp_messages AS m ON m.id = e.message_id}) }
sub picture { return $node->safe_psql('postgres', q{SELECT count(*) || ' ' || md5(string_agg(m::text, ',' ORDER BY id)) || ' ' || (SELECT count(*) FROM whatsapp_events) || ' ' || (SELECT count(*) FROM whatsapp_queue) FROM whatsapp_messages AS m}) }

my %requests;
for my $i (1 .. $messages)
{
	$requests{"wamid.$i delivered"} = request(status($i, 'delivered', 1895336300));
	$requests{"wamid.$i read"} = request(status($i, 'read', 1895336310)) if $i % 2;
	$requests{"wamid.$i failed"} = request({ %{ status($i, 'failed', 1895336305) }, errors => [ { code => 131026, title => 'Message undeliverable' } ] }) if $i % 3 == 0;
}

# kill -9, and look whether what was answered is there
my $kills = 0;
my @missing;
my $looked = sub {
	my ($answered) = @_;
	my %there = events();
	push @missing, grep { !$there{$_} } @$answered;
	$kills++;
};
my $kill_listener = sub {
	my ($answered) = @_;
	my $sender = sender_pid($node);
	kill 'KILL', $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener'});
	wait_restart($node, $sender);
	$looked->($answered);
};
my $kill_postmaster = sub {
	my ($answered) = @_;
	my @pids = split /\n/, $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()});
	push @pids, (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	$node->kill9;
	wait_for('all processes to go', sub { !grep { kill 0, $_ } @pids });
	$node->start;
	$looked->($answered);
};
my @answered = post_all(\%requests, 100 => $kill_listener, 300 => $kill_listener, 500 => $kill_postmaster, 700 => $kill_listener);
is($kills, 4, 'killed under load: the listener three times, the postmaster once');
is_deeply(\@missing, [], 'after each kill, whatever was answered 200 is there');
tables_intact($node, 'after the kills');
is(scalar @answered, scalar keys %requests, 'all were answered in the end');
my %there = events();
is_deeply([ grep { !$there{$_} } @answered ], [], 'and are there');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events}), scalar keys %requests, 'each exactly once, though some came again');
my $courses = q{SELECT count(*) FROM whatsapp_messages WHERE status = CASE WHEN reference::int % 2 = 1 THEN 'READ' ELSE 'DELIVERED' END
	AND error_code IS NULL AND extract(epoch FROM delivered_at) = 1895336300};
is($node->safe_psql('postgres', $courses), $messages, 'whatever the order, every message is where its statuses say');

my $picture = picture();
post_all(\%requests);
is(picture(), $picture, 'all of it again changes nothing');

# one delivery of many items, a thousand times and shuffled
my @items = map { my $i = $_; (status($i, 'sent', 1895336400), status($i, 'delivered', 1895336401), status($i, 'read', 1895336402)) } 1 .. 10;
post_all({ once => request(@items) });
my $once = picture();
isnt($once, $picture, 'a new delivery changes something');
my %replays = map { $_ => request(shuffle(@items)) } 1 .. 1000;
is(scalar(post_all(\%replays)), 1000, 'the same delivery a thousand times, shuffled');
is(picture(), $once, 'leaves what it left the first time');

$node->stop('fast');
done_testing();
