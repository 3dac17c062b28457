# Clients that would take the listener away from the others: silent connections, bodies that stall, forgeries that cost much, signed
# bodies that are made to cost much, too few descriptors. And deliveries of which one item is bad: the others count.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $accounts = 200;
my $folder = PostgreSQL::Test::Utils::tempdir();
sub write_secret
{
	my ($name, $value) = @_;
	append_to_file("$folder/$name", "$value\n");
	chmod 0600, "$folder/$name";
	return;
}
write_secret(app_secret => 'default-secret');
for my $n (1 .. $accounts)
{
	mkdir "$folder/a$n";
	write_secret("a$n/app_secret" => "secret-$n");
}
my $node = new_cluster('hostile_clients', conf => "whatsapp.secret_dir = '$folder'\n");
my $patience = $PostgreSQL::Test::Utils::timeout_default;
my $path = '/api/v1/whatsapp/webhook';

sub connected { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $node->{listen}) || die "connect: $!" }
sub head
{
	my ($body, $secret, $length) = @_;
	return "POST $path HTTP/1.1\r\nHost: h\r\nContent-Length: " . ($length || length $body) . "\r\nX-Hub-Signature-256: sha256=" . hmac_sha256_hex($body, $secret || 'default-secret') . "\r\n\r\n";
}
sub speak
{
	my ($socket, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	$socket->blocking(1);
	while (length $bytes)
	{
		my $sent = $socket->syswrite($bytes) or last;
		substr($bytes, 0, $sent) = '';
	}
	return $socket;
}
sub hear
{
	my ($socket) = @_;
	my ($heard, $end) = ('', time + $patience);
	$socket->blocking(0);
	while (time < $end)
	{
		return $1 if $heard =~ /\AHTTP\/1\.1 (\d+).*?\r\n\r\n/s;
		next unless IO::Select->new($socket)->can_read(1);
		my $got = $socket->sysread($heard, 1 << 16, length $heard);
		return 'closed' if defined $got && $got == 0 || !defined $got && !$!{EAGAIN};
	}
	return 'silent';
}
sub post { my ($body, $secret) = @_; return hear(speak(connected(), head($body, $secret) . $body)) }
sub status_item { return qq({"id":"wamid.$_[0]","status":"read","timestamp":"1795336249","recipient_id":"34612345678"}) }
sub envelope { my ($value, $id) = @_; return qq({"object":"whatsapp_business_account","entry":[{"id":"@{[ $id || 1 ]}","changes":[{"field":"messages","value":$value}]}]}) }
sub delivery { return envelope('{"statuses":[' . join(',', map { status_item($_) } @_) . ']}') }
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub has { my ($wamid) = @_; return sql(qq{SELECT count(*) FROM whatsapp_events WHERE wamid = 'wamid.$wamid'}) }
sub listener { return sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp listener'}) }
# Processor time in seconds, which does not depend on who else runs; and the most memory that it ever had, in kB.
sub cpu { my @fields = split / /, (slurp_file('/proc/' . listener() . '/stat') =~ s/\A.*\) //sr); return ($fields[11] + $fields[12]) / 100 }
sub peak { return slurp_file('/proc/' . listener() . '/status') =~ /^VmHWM:\s*(\d+) kB/m ? $1 : die 'no VmHWM' }

is(post(delivery('FIRST')), 200, 'a delivery');

# more connections than there are places, and all are silent
my @silent = map { connected() } 1 .. 520;
is(post(delivery('AMONG-SILENT')), 200, 'a delivery is taken while 520 connections are silent');
is(scalar(grep { IO::Select->new($_)->can_read(0) } @silent[ 100 .. 519 ]), 0, 'of which only the oldest have given way');
ok(IO::Select->new($silent[0])->can_read($patience), 'the first of them, too');
@silent = ();

# bodies that fill the memory for all bodies, and never end
my $large = 'l' x (2 << 20);
my @stalled = map { speak(connected(), head($large, 'default-secret', 3 << 20) . $large) } 1 .. 33;
is(post(delivery('AMONG-STALLED')), 200, 'a small delivery is taken while 33 large ones stall');
my $long = envelope('{"statuses":[' . status_item('LARGE') . '],"x":["' . join('","', ('x' x 60_000) x 48) . '"]}');
cmp_ok(length $long, '>', 2_800_000, 'a large delivery');
# 503 with Retry-After while the stalled ones are still being read
wait_for('a large delivery', sub { post($long) eq '200' });
is(has('LARGE'), 1, 'and stored');
@stalled = ();

# a forgery of 3 MB costs a few digests, however many secrets there are
sql("INSERT INTO whatsapp_accounts (name, business_account_id) SELECT 'a' || n, (1000 + n)::text FROM generate_series(1, $accounts) AS n");
wait_for('the accounts', sub { post(delivery('KNOWN'), "secret-$accounts") eq '200' });
my $forged = 'f' x (3 << 20);
my $before = cpu();
is(post($forged, 'nobody'), 401, 'a forgery of 3 MB') for 1 .. 4;
my $cost = cpu() - $before;
cmp_ok($cost, '<', 2, "four of them cost $cost s");
is(post(envelope('{"statuses":[' . status_item("OWN-$_") . '],"x":["' . join('","', ('x' x 60_000) x 40) . '"]}', 1000 + $_), "secret-$_"), 200, "a large delivery of account $_ is taken by the path of all") for 1, 77, $accounts;
is(post(delivery("SMALL-$_"), "secret-$_"), 200, "a small one that names nobody, too ($_)") for 3, 123;
is(post(envelope('{"statuses":[' . status_item('STRANGER') . ']}', 1077), 'nobody'), 401, 'a name alone opens nothing');
my @forgeries = map { speak(connected(), head($forged, 'nobody') . substr $forged, 1) } 1 .. 15;
speak($_, 'f') for @forgeries;
is(post(delivery('AMONG-FORGED')), 200, 'a delivery among forgeries');
cmp_ok(scalar(grep { !IO::Select->new($_)->can_read(0) } @forgeries), '>', 0, 'is not kept waiting for all of them');
is(join(',', map { hear($_) } @forgeries), join(',', (401) x 15), 'which are refused in the end');
@forgeries = ();

# signed, and made to cost much
my $memory = peak();
my $contact = '{"wa_id":"34612345678","profile":{"name":"A"},"x":["' . join('","', ('x' x 60_000) x 6, 'x' x 40_000) . '"]}';
my $shared = envelope(qq({"contacts":[$contact],"messages":[) . join(',', map { qq({"id":"wamid.C$_","from":"34612345678","type":"text","text":{"body":"a"}}) } 1 .. 400) . ']}');
cmp_ok(length $shared, '>', 400_000, '400 messages that share a contact of 400 kB');
is(post($shared), 200, 'are taken');
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'wamid.C%' AND contact ->> 'wa_id' = '34612345678'}), 400, 'each with what is known of him');
cmp_ok(peak() - $memory, '<', 60_000, 'and their memory grows with the bytes');
my $time = '[' . join(',', (0) x 40_000) . ']';
my $timed = '{"entry":[{"id":"1","time":["' . join('","', ('1' x 60_000) x 6) . '"],"changes":[' . join(',', map { qq({"field":"security","value":{"n":$_}}) } 1 .. 400) . ']},{"id":"1","time":' . $time . ',"changes":[' . join(',', map { qq({"field":"security","value":{"n":$_}}) } 401 .. 800) . ']}]}';
$before = cpu();
is(post($timed), 200, '800 changes that share times of 400 kB');
$cost = cpu() - $before;
cmp_ok($cost, '<', 3, "cost $cost s");
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE field = 'security'}), 800, 'and each of them counts');

# one bad item takes no other with it
sub several
{
	my ($name, $bad) = @_;
	return sprintf '{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[%s]}}]},'
	  . '{"id":"2","changes":[{"field":"messages","value":{"contacts":[{"wa_id":"34612345678","profile":{"name":%s}}],"messages":[{"id":"wamid.M-%s","from":"34612345678","timestamp":"1795336249","type":"text","text":{"body":"Hola"},"x":%s}]}}]}]}',
	  status_item($name), $bad, $name, $bad;
}
my %bad = (EMOJI => '"Ana \ud83d"', NUMBER => '1e200000', LATIN => qq("Jos\xe9"), NEWLINE => qq("a\nb"), NUL => '"a\u0000b"', DEEP => '[' x 40 . ']' x 40, LONG => '"' . 'x' x 70_000 . '"');
for my $name (sort keys %bad)
{
	is(post(several($name, $bad{$name})), 200, "a delivery with $name");
	is(has($name) . has("M-$name"), '11', 'both of its items count');
}
wait_sql($node, q{SELECT count(*) FROM whatsapp_inbound WHERE text = 'Hola'}, scalar keys %bad);
is(sql(q{SELECT count(*) FROM whatsapp_inbound WHERE profile_name = 'Ana ' || U&'\FFFD'}), 1, 'half an emoji is one character');
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE kind = 'malformed' AND body IS NOT NULL}), 2, 'what was cut is kept whole beside it');
my $web = several('WEB', $bad{EMOJI});
$node->safe_psql('postgres', sprintf q{SELECT wa_webhook_receive(decode('%s', 'hex'), 'sha256=%s')}, unpack('H*', $web), hmac_sha256_hex($web, 'default-secret'));
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid IN ('wamid.WEB', 'wamid.M-WEB')}, 2);

# the button of the dashboard
my $sample = '{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"16505551111","phone_number_id":"123456123"},"messages":[{"from":"16315551181","id":"ABGGFlA5Fpa","timestamp":"1504902988","type":"text","text":{"body":"STOP"}}]}}';
is(post($sample), 200, 'a bare change, as the dashboard posts it');
is(sql(q{SELECT count(*) || ' ' || max(field) FROM whatsapp_events WHERE kind = 'test'}), '1 messages', 'is a test');
wait_for('the log', sub { slurp_file($node->logfile) =~ /a test of the WhatsApp webhook arrived from the app's dashboard/ });
is(sql(q{SELECT count(*) FROM whatsapp_opt_outs}), 0, 'and nothing is done about it');

# descriptors: those of the server's files are kept back
system_or_bail('prlimit', '--pid', listener(), '--nofile=120:120');
$node->safe_psql('postgres', q{ALTER SYSTEM SET whatsapp.listen_idle_timeout = '60s'});
$node->reload;
wait_for('the listener to have read it', sub { post(delivery('RELOADED')) eq '200' });
my @many = map { connected() } 1 .. 300;
sleep_secrets();
is(post(delivery("FEW-$_")), 200, "a delivery while descriptors are few ($_)") for 1 .. 3;
unlike(slurp_file($node->logfile), qr/Too many open files/, 'and no file was refused for want of one');

$node->stop('fast');
done_testing();

# Until secrets are old enough to be read again: they are read at the next request then.
sub sleep_secrets
{
	my $end = time + 1.5;
	wait_for('secrets to be stale', sub { time > $end });
	return;
}
