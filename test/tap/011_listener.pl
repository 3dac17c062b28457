# The listener at its edge: limits, refusals, deadlines, addresses that are taken or change, and 200 only after the commit. Raw sockets
# against the real worker.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = PostgreSQL::Test::Utils::tempdir();
chmod 0755, $folder;
append_to_file("$folder/app_secret", "app-secret\n");
append_to_file("$folder/verify_token", "the-token\n");
chmod 0600, "$folder/app_secret", "$folder/verify_token";
my $node = new_cluster('listener', conf => "whatsapp.secret_dir = '$folder'\n");
my $port = $node->{listen};
my $path = '/api/v1/whatsapp/webhook';
my $patience = $PostgreSQL::Test::Utils::timeout_default;

sub tcp { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_[0] || $port) }
sub connected { my $socket = tcp(@_) or die "connect: $!"; return $socket }
sub sign { return 'sha256=' . hmac_sha256_hex($_[0], $_[1] || 'app-secret') }
sub post
{
	my ($body, %options) = @_;
	my $signature = exists $options{signature} ? $options{signature} : sign($body);
	return 'POST ' . ($options{path} || $path) . " HTTP/1.1\r\nHost: h\r\nContent-Length: " . length($body) . "\r\n"
	  . (defined $signature ? "X-Hub-Signature-256: $signature\r\n" : '') . ($options{headers} || '') . "\r\n$body";
}
sub get { return "GET $_[0] HTTP/1.1\r\nHost: h\r\n\r\n" }

# What can be written without the other side reading may be less than all; a refusal may come first.
sub speak
{
	my ($socket, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $end = time + $patience;
	$socket->blocking(0);
	while (length $bytes && time < $end)
	{
		my ($readable, $writable) = map { $_ && @$_ ? 1 : 0 } (IO::Select->select(IO::Select->new($socket), IO::Select->new($socket), undef, 1))[ 0, 1 ];
		last if $readable && !$writable;
		my $sent = $socket->syswrite($bytes, 1 << 16);
		last if !defined $sent && !$!{EAGAIN};
		substr($bytes, 0, $sent || 0) = '';
	}
	return;
}

# One answer: { status, head, body }. status is 'closed' when the connection ended without one.
sub answer
{
	my ($socket, %options) = @_;
	my ($heard, $end) = ('', time + $patience);
	my $select = IO::Select->new($socket);
	$socket->blocking(0);
	while (time < $end)
	{
		if ($heard =~ /\A(HTTP\/1\.1 (\d+).*?\r\n\r\n)(.*)\z/s)
		{
			my ($head, $status, $rest) = ($1, $2, $3);
			my $length = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
			return { status => $status, head => $head, body => $rest } if $options{head_only} || length $rest >= $length;
		}
		next unless $select->can_read(1);
		my $got = $socket->sysread($heard, 1 << 16, length $heard);
		return { status => 'closed', head => '', body => $heard } if defined $got && $got == 0 || !defined $got && !$!{EAGAIN};
	}
	die "no answer, heard: $heard";
}

sub ask { my ($bytes, $socket) = @_; $socket ||= connected(); speak($socket, $bytes); return answer($socket) }
sub quiet { return !IO::Select->new($_[0])->can_read(0) }
# Bytes that the kernel holds, on their way to the listener and at its door.
sub unread
{
	my ($socket) = @_;
	my ($from, $to) = map { sprintf ':%04X', $_ } $socket->sockport, $socket->peerport;
	my @found;
	for (map { [split] } grep { /^\s*\d+:/ } split /\n/, slurp_file('/proc/net/tcp'))
	{
		push @found, hex((split /:/, $_->[4])[0]) if $_->[1] =~ /$from$/ && $_->[2] =~ /$to$/;
		push @found, hex((split /:/, $_->[4])[1]) if $_->[1] =~ /$to$/ && $_->[2] =~ /$from$/;
	}
	return @found == 2 ? @found : 1;
}
sub closes
{
	my ($socket) = @_;
	my $end = time + $patience;
	$socket->blocking(0);
	while (time < $end)
	{
		next unless IO::Select->new($socket)->can_read(1);
		my $got = $socket->sysread(my $ignored, 1 << 16);
		return 1 if defined $got && $got == 0 || !defined $got && !$!{EAGAIN};
	}
	return 0;
}
sub setting
{
	my (%settings) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET whatsapp.$_ = '$settings{$_}'") for keys %settings;
	$node->reload;
	return;
}
sub events { return $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events}) }
sub status_item { return qq({"id":"wamid.$_[0]","status":"read","timestamp":"1795336249","recipient_id":"34612345678"}) }
sub delivery { return '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[' . join(',', map { status_item($_) } @_) . ']}}]}]}' }

# each refusal has its own status
is(ask(get('/healthz'))->{body}, "ok\n", '/healthz');
my $head = connected();
speak($head, "HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n");
is(answer($head, head_only => 1)->{status}, 200, 'HEAD /healthz');
like(ask("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")->{head}, qr/\AHTTP\/1\.1 405 .*^Allow: GET, HEAD\r/ms, '405 says what is allowed');
like(ask("PUT $path HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")->{head}, qr/\AHTTP\/1\.1 405 .*^Allow: GET, POST\r/ms, 'for the webhook, too');
is(ask(get($_))->{status}, 404, "404 for $_") for '/', '/api/v1/whatsapp', "$path/", "$path/nobody", "${path}s", "$path/../healthz", '/api/v1/whatsapp%2Fwebhook',
  '/api/v1/whatsapp/%77ebhook', "$path%00/x", '/%68ealthz';
like(ask(post('{}', path => $_))->{body}, qr{ \Q$path\E,}, "which names the right path, for $_") for "$path/", '/api/v1/whatsapp/%77ebhook';
unlike(ask(get("/elsewhere?hub.verify_token=the-token"))->{body}, qr/token/, 'and nothing of the request');
is(ask(post('{}', signature => undef))->{status}, 401, '401 without a signature');
is(ask(post('{}', signature => sign('{ }')))->{status}, 401, '401 with that of another body');
is(ask(post('{}', headers => 'X-Hub-Signature-256: ' . sign('{}') . "\r\n"))->{status}, 401, '401 with two');
is(ask(get("$path?hub.mode=subscribe&hub.verify_token=the-token&hub.challenge=17"))->{body}, '17', 'the handshake');
is(ask(get("$path?hub%2Emode=subscribe&hub.verify_token=the%2dtoken&hub.challenge=a%20b"))->{body}, 'a b', 'names and values are URL-decoded');
is(ask(get("$path?$_"))->{status}, 403, "403 for $_")
  for 'hub.mode=subscribe&hub.verify_token=the-tokem&hub.challenge=17', 'hub_mode=subscribe&hub_verify_token=the-token&hub_challenge=17',
  'hub.mode=subscribe&hub.verify_token=the-token&hub.verify_token=the-token&hub.challenge=17', 'hub.mode=Subscribe&hub.verify_token=the-token&hub.challenge=17';
is(events(), '0', 'nothing of this is stored');

# sizes are exact
my $full = 'x' x (3 << 20);
is(ask(post($full))->{status}, 200, 'a body of 3 MB is taken');
is(ask(post("${full}x"))->{status}, 413, '3 MB and a byte are not');
is(ask("POST $path HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: " . sign($full) . "\r\n\r\n"
	  . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $full, $full))->{status}, 200, 'the same in one chunk');
is(ask("POST $path HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" . sprintf("%x\r\n%sx\r\n0\r\n\r\n", 1 + length $full, $full))->{status}, 413, 'and a byte more');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || max(octet_length(body)) FROM whatsapp_events}), '1 3145728', 'it is kept whole, and once');
is(ask("GET /healthz HTTP/1.1\r\nHost: h\r\nX: " . 'y' x 10_000 . "\r\n\r\n")->{status}, 431, 'headers beyond 8 kB');
is(ask("GET /healthz HTTP/1.1\r\nHost: h\r\n" . join('', map { "X-$_: y\r\n" } 1 .. 120) . "\r\n")->{status}, 431, 'or more than 100');

# what two parsers could read differently
for my $headers ("Content-Length: 2\r\nContent-Length: 2", "Content-Length: 2\r\nContent-Length: 44", "Content-Length: 2\r\nTransfer-Encoding: chunked",
	"Transfer-Encoding: chunked\r\nContent-Length: 2", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 'Content-Length : 2', 'Content-Length: +2', "Host: other\r\nContent-Length: 2",
	"Transfer-Encoding:\r\n chunked", "Content-Length:\r\n\t2", "X: a\r\n b\r\nContent-Length: 2", "Content-Length: 2\0", "Content-Length: 2\0Transfer-Encoding: chunked", "X: a\0b\r\nContent-Length: 2", "X: a\nContent-Length: 2")
{
	my $socket = connected();
	my $got = ask("POST $path HTTP/1.1\r\nHost: h\r\n$headers\r\n\r\n{}GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", $socket);
	is($got->{status}, 400, 'refused: ' . $headers =~ s/\r\n/, /gr =~ s/[^ -~]/?/gr);
	unlike($got->{body}, qr/ok\n/, 'and nothing behind it is read as a request');
	ok(closes($socket), 'the connection is closed');
}

# the database would not take it
my $session = $node->background_psql('postgres');
$session->query_safe(q{BEGIN; LOCK TABLE whatsapp_events});
like(ask(post(delivery('LOCKED')))->{head}, qr/\AHTTP\/1\.1 503 .*^Retry-After: \d+\r/ms, '503 and Retry-After while a table is locked');
$session->query_safe(q{COMMIT});
is(ask(post(delivery('LOCKED')))->{status}, 200, '200 when it is not');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events WHERE wamid = 'wamid.LOCKED'}), '1', 'and stored once');

# Somebody else stores an item at the same time: the listener waits for him, and then leaves it out, and no other.
my $digest = q{encode(sha256('s:wamid.RACE:read:1795336249'), 'hex')};
my $key = qq{(lpad(to_hex((1795336249 >> 6) & 16777215), 6, '0') || substring($digest FROM 7 FOR 26))::uuid};
$session->query_safe(qq{BEGIN; INSERT INTO whatsapp_events (kind, wamid, dedupe_key) VALUES ('status', 'wamid.RACE', $key)});
my $racer = connected();
my $both = post(delivery('RACE', 'RACE2', 'RACE3'));
my $spoken = time;
speak($racer, $both);
my $waits = q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener' AND wait_event_type = 'Lock'};
wait_for('the listener to wait, half a second at most', sub { $node->safe_psql('postgres', $waits) || !quiet($racer) });
$session->query_safe(q{COMMIT});
my $held = time - $spoken;
my $raced = answer($racer)->{status};
$raced = ask($both)->{status} if $raced == 503;
undef $racer;
is($raced, 200, 'an item that is stored by somebody else meanwhile');
is($node->safe_psql('postgres', q{SELECT string_agg(wamid || ' ' || count, ',' ORDER BY wamid) FROM (SELECT wamid, count(*) FROM whatsapp_events WHERE wamid LIKE 'wamid.RACE%' GROUP BY wamid) AS e}),
	'wamid.RACE 1,wamid.RACE2 1,wamid.RACE3 1', 'is stored once, and so are its neighbours');
SKIP:
{
	skip 'held longer than it waits: they are stored one by one', 1 if $held > 0.4;
	is($node->safe_psql('postgres', q{SELECT count(DISTINCT xmin::text) FROM whatsapp_events WHERE wamid ~ 'RACE[23]'}), '1', 'all at once');
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_events WHERE position('RACE'::bytea IN body) > 0}), '0', 'and nothing was lost or put aside');

# Somebody else changes a message at the same time: both changes stay.
$session->query_safe(q{INSERT INTO whatsapp_messages (sender, message_type, status, wamid) VALUES ('default', 'template', 'SENT', 'wamid.HELD'), ('default', 'template', 'SENT', 'wamid.FREE');
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages; BEGIN; UPDATE whatsapp_messages SET reference = 'ours' WHERE wamid = 'wamid.HELD'});
$racer = connected();
$both = post(delivery('HELD', 'FREE'));
speak($racer, $both);
wait_for('the listener to wait for a row', sub { $node->safe_psql('postgres', $waits) || !quiet($racer) });
$session->query_safe(q{COMMIT});
$raced = answer($racer)->{status};
$raced = ask($both)->{status} if $raced == 503;
undef $racer;
is($raced, 200, 'a message that somebody else changes meanwhile');
is($node->safe_psql('postgres', q{SELECT string_agg(concat_ws(' ', wamid, status, reference), ',' ORDER BY wamid) FROM whatsapp_messages}), 'wamid.FREE READ,wamid.HELD READ ours', 'has both changes');

# A commit that waits: for a standby that does not exist. What arrives meanwhile is committed together.
$node->safe_psql('postgres', q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
$node->reload;
wait_sql($node, q{SHOW synchronous_standby_names}, 'nobody');
my $first = connected();
speak($first, post(delivery('GROUP0')));
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener' AND wait_event = 'SyncRep'}, '1');
my @group = map { connected() } 1 .. 20;
speak($group[ $_ - 1 ], post(delivery("GROUP$_"))) for 1 .. 20;
is(scalar(grep { !quiet($_) } $first, @group), 0, 'no 200 before the commit is through');
$session->query_safe(q{SET synchronous_commit = local});
$session->query_safe(q{ALTER SYSTEM RESET synchronous_standby_names});
$node->reload;
is_deeply([ map { answer($_)->{status} } $first, @group ], [ (200) x 21 ], 'then everyone has his');
is($node->safe_psql('postgres', q{SELECT count(*) || ' ' || count(DISTINCT xmin::text) FROM whatsapp_events WHERE wamid LIKE 'wamid.GROUP%'}), '21 2', 'those that came meanwhile share a commit');
$session->quit;

# limits change with a reload, and an established connection stays
my $kept = connected();
is(ask(get('/healthz'), $kept)->{status}, 200, 'a connection that is kept');
setting(listen_max_body => '1kB', listen_request_timeout => '500ms');
wait_for('the new limit', sub { ask(post('x' x 1025))->{status} == 413 });
is(ask(post('x' x 1024), $kept)->{status}, 200, 'the limit holds for a connection from before, which lives on');
my @drip = map { connected() } 1 .. 20;
my $start = time;
for my $i (0 .. length(my $bytes = "POST $path HTTP/1.1\r\nHost: h\r\n"))
{
	local $SIG{PIPE} = 'IGNORE';
	$_->syswrite(substr $bytes, $i, 1) for @drip;
	last if IO::Select->new(@drip)->can_read(0.05);
}
is(scalar(grep { closes($_) } @drip), 20, 'requests that drip are closed');
cmp_ok(time - $start, '>=', 0.4, 'after their time, not before');
setting(listen_max_body => '3MB', listen_request_timeout => '20s', listen_max_buffered => '1MB');

# all bodies together
wait_for('the new limit', sub { ask(post('x' x (2 << 20)))->{status} == 503 });
like(ask(post('y' x (2 << 20)))->{head}, qr/^Retry-After: \d+\r/m, '503 and Retry-After when a body is too large for all together');
my $hog = connected();
my $hog_request = post('h' x 900_000);
speak($hog, substr $hog_request, 0, -1);
wait_for('the large one to be read', sub { !grep { $_ } unread($hog) });
is(ask(post(delivery('SMALL')), $kept)->{status}, 200, 'a small one has room beside one that stalls');
ok(quiet($hog), 'which has its own still');
is(ask(post('y' x 500_000))->{status}, 200, 'where there is no room, the one that stalls gives way');
is(answer($hog)->{status}, 503, 'and is told to come again');

# a full house
undef $_ for $hog, $head, $first, @group, @drip;
setting(listen_max_buffered => '64MB', listen_max_connections => '3');
wait_for('the new limit', sub {
	my @crowd = map { connected() } 1 .. 4;
	ask(get('/healthz'), $_) for @crowd;
	return IO::Select->new($crowd[0])->can_read(1);
});
# whatever of the crowd the listener still counts has been idle for longer than these
my @seated = map { connected() } 1 .. 3;
is_deeply([ map { ask(get('/healthz'), $_)->{status} } @seated ], [ 200, 200, 200 ], 'three have a seat');
$kept = pop @seated;
my $newcomer = connected();
is(ask(get('/healthz'), $newcomer)->{status}, 200, 'a newcomer is served');
ok(closes($seated[0]), 'in a full house the one who has been idle for the longest time leaves');
is(ask(get('/healthz'), $kept)->{status}, 200, 'and no other');
setting(listen_max_connections => '512');

# another address: who is connected stays, newcomers use the new one
my $socket_folder = PostgreSQL::Test::Utils::tempdir_short();
my $socket_path = "$socket_folder/webhook";
sub unix { return IO::Socket::UNIX->new(Peer => $socket_path) }
setting(listen => $socket_path);
wait_for('the unix socket', sub { unix() });
is(sprintf('%o', (stat $socket_path)[2] & 07777), '660', 'a unix socket is for its owner and group');
is(ask(post(delivery('UNIX')), unix())->{status}, 200, 'it takes deliveries');
ok(!tcp(), 'nobody listens on the port any more');
is(ask(post(delivery('KEPT')), $kept)->{status}, 200, 'the connection from before lives on');

# back to a port that somebody else has meanwhile
my $squatter = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port, ReuseAddr => 1) or die "listen: $!";
my $lasting = unix();
is(ask(get('/healthz'), $lasting)->{status}, 200, 'a connection over the unix socket');
my $offset = -s $node->logfile;
sub complaints { return scalar(() = substr(slurp_file($node->logfile), $offset) =~ /could not listen for WhatsApp webhooks on/g) }
setting(listen => "127.0.0.1:$port");
wait_for('the complaint', sub { complaints() });
is(ask(post(delivery('LASTING')), $lasting)->{status}, 200, 'who is connected is served meanwhile');
is(ask(post(delivery('KEPT2')), $kept)->{status}, 200, 'over TCP, too');
ok(!-e $socket_path, 'the socket file is gone');
my $turns = sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener'}) };
is($turns->(), '1', 'the worker lives');
close $squatter;
wait_for('the port', sub { my $socket = tcp(); $socket && ask(get('/healthz'), $socket)->{status} == 200 });
is(complaints(), 1, 'a taken port is said once');
is(ask(post(delivery('LASTING2')), $lasting)->{status}, 200, 'and the old connections are there still');

# no address at all, and one that is none
setting(listen => '');
wait_for('the door to be shut', sub { !tcp() });
is(ask(post(delivery('SHUT')), $kept)->{status}, 200, 'no address: who is connected stays');
my (undef, undef, $refusal) = $node->psql('postgres', q{ALTER SYSTEM SET whatsapp.listen = 'localhost'});
like($refusal, qr/invalid value for parameter "whatsapp.listen"/, 'an address that is none is refused');
setting(listen => "[::1]:$port");
SKIP:
{
	skip 'no IPv6 here', 1 unless IO::Socket::INET->can('new') && eval { require IO::Socket::IP; IO::Socket::IP->new(Listen => 1, LocalHost => '::1', LocalPort => 0) };
	wait_for('IPv6', sub { IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port) });
	is(ask(post(delivery('SIX')), IO::Socket::IP->new(PeerHost => '::1', PeerPort => $port))->{status}, 200, 'IPv6');
}
setting(listen => "127.0.0.1:$port");
wait_for('the port', sub { tcp() });

# the log tells of forgeries, at most once a minute, and never with a value
my $log = substr slurp_file($node->logfile), 0;
like($log, qr/WhatsApp webhook requests were refused: \d+/, 'refusals are logged');
cmp_ok(scalar(() = $log =~ /WhatsApp webhook requests were refused/g), '<=', 1 + (time - $^T) / 60, 'not one by one');
unlike($log, qr/the-token|the-tokem|app-secret|sha256=/, 'and without values');

$node->stop('fast');
done_testing();
