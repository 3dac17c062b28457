# HTTP/2 and TLS as the platform speaks them: many streams in few connections, each way in which they end, and certificates that are wrong.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('http2', sandbox => { tls => 1 }, conf => <<'CONF');
whatsapp.max_connections = 3
whatsapp.max_in_flight = 150
whatsapp.unknown_grace = 2s
CONF
my $sandbox = $node->{sandbox};

sub enqueue { my ($prefix, $count) = @_; $node->safe_psql('postgres', "SELECT count(wa_send_po('A', '$prefix-' || i, 1, '+3461' || lpad(i::text, 7, '0'))) FROM generate_series(1, $count) AS i"); return }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT string_agg(DISTINCT replace(replace(status, 'DELIVERED', 'SENT'), 'READ', 'SENT'), ' ') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", 'SENT') }
sub attempts { my ($prefix) = @_; return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT a.outcome, ' ' ORDER BY a.outcome) FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference LIKE '$prefix-%'") }
# With the circuit open after what was before (newer versions of libcurl take some of it worse), probes would meet the faults one by one.
my $calm = 0;
sub calm { $calm++; enqueue("CALM$calm", 1); return all_sent("CALM$calm") }
sub fault { my (@faults) = @_; calm(); my ($status, $said) = sandbox_post($sandbox, 'faults', \@faults); die $said if $status != 200; return }
sub in_flight { my ($least) = @_; return wait_for("$least requests on the wire", sub { sandbox_get($sandbox, 'summary')->{in_flight} >= $least }) }
sub configure { my (%settings) = @_; $node->append_conf('postgresql.conf', "whatsapp.$_ = '$settings{$_}'") for sort keys %settings; $node->reload; return }

# many streams, few connections
sandbox_set($sandbox, delay_ms => 100);
enqueue('MANY', 1000);
all_sent('MANY');
my $summary = sandbox_get($sandbox, 'summary');
is($summary->{requests_by_http2}, 1000, 'every request by HTTP/2');
is($summary->{requests_by_tls}, 1000, 'and TLS');
cmp_ok($summary->{http2}{connections_opened}, '<=', 3, 'in few connections');
cmp_ok($summary->{http2}{max_streams}, '>', 20, 'of many streams each');
cmp_ok($summary->{max_in_flight}, '<=', 150, 'and never more than whatsapp.max_in_flight');

sandbox_set($sandbox, delay_ms => 1000);
# the platform wants no more requests in a connection: what it has is answered, the rest takes another one
for my $round (1 .. 3)
{
	enqueue("GOAWAY$round", 300);
	in_flight(10);
	is((sandbox_post($sandbox, 'goaway'))[0], 200, 'GOAWAY');
	all_sent("GOAWAY$round");
}
sandbox_set($sandbox, delay_ms => 100);
fault({ cut => 'goaway', times => 5, skip => 10 });
enqueue('LASTONE', 100);
all_sent('LASTONE');
sandbox_set($sandbox, delay_ms => 0);

# streams that end without an answer, accepted or not: nobody knows, until webhooks tell
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
fault({ cut => 'stream', accept => \1, times => 10 });
enqueue('RESET', 30);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'RESET-%' AND status <> 'PENDING'}, '20');
wait_for('the attempts without an answer', sub { attempts('RESET') ne '' });
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
all_sent('RESET');
is(attempts('RESET'), 'unknown', 'a stream that was reset leaves it open whether the message was accepted');
is(scalar(grep { $_->{parameters}[1] =~ /^RESET/ } @{ sandbox_get($sandbox, 'messages') }), 30, 'the webhook tells that it was: it is not sent again');
fault({ cut => 'stream', times => 10 }, { cut => 'refused_stream', times => 10 });
enqueue('REFUSED', 60);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'REFUSED-%' AND status <> 'PENDING'}, '40');
wait_for('webhooks that flow', sub { send_po($node, 1, prefix => 'FLOW'); $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'REFUSED-%' AND status = 'PENDING'}) eq '0' });
all_sent('REFUSED');
is(scalar(grep { $_->{parameters}[1] =~ /^REFUSED/ } @{ sandbox_get($sandbox, 'messages') }), 60, 'those that were not accepted are sent again once webhooks have flowed without them');

# connections that end in the middle of many streams
sandbox_set($sandbox, delay_ms => 1500, webhooks_paused => \1);
enqueue('CUT', 200);
in_flight(20);
is((sandbox_post($sandbox, 'disconnect'))[0], 200, 'every connection is cut');
wait_sql($node, q{SELECT count(*) > 0 FROM whatsapp_queue WHERE state = 'unknown'});
sandbox_set($sandbox, delay_ms => 0, webhooks_paused => \0);
wait_for('webhooks that flow', sub { send_po($node, 1, prefix => 'FLOW'); $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'CUT-%' AND status = 'PENDING'}) eq '0' });
all_sent('CUT');
is(scalar(grep { $_->{parameters}[1] =~ /^CUT/ } @{ sandbox_get($sandbox, 'messages') }), 200, 'each of them was accepted once');

# certificates: not a byte leaves, it is said why, and a reload of the right file is enough
my $troubles = 0;
sub trouble
{
	my ($prefix, $pattern, $what) = @_;
	# a recipient of its own: none waits behind the one before
	send_po($node, 1, prefix => $prefix, phone => '+346200000' . sprintf '%02d', ++$troubles);
	wait_sql($node, "SELECT count(*) > 0 FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = '$prefix-1'");
	my $said = $node->safe_psql('postgres', "SELECT a.outcome || ': ' || a.error_message FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = '$prefix-1' ORDER BY a.id LIMIT 1");
	like($said, qr/^retry: the request was not sent: .*(?:$pattern)/i, "$what: $said");
	like($node->safe_psql('postgres', "SELECT hint FROM whatsapp_messages WHERE reference = '$prefix-1'"), qr/TLS certificates/, "$what: a hint");
	return;
}
my $foreign = new_sandbox(tls => 1);
my $elsewhere = new_sandbox(tls => 1, arguments => [ '--tls-name', 'graph.example.org' ]);
my $expired = new_sandbox(tls => 1, arguments => ['--tls-expired']);
configure(ca_file => $foreign->{ca_file});
trouble('FOREIGN', 'SSL connect error|certificate', 'an authority of the same name');
configure(ca_file => '');
trouble('UNKNOWN', 'certificate', 'an unknown authority');
configure(ca_file => $sandbox->{ca_file});
all_sent($_) for qw(FOREIGN UNKNOWN);
configure(ca_file => $elsewhere->{ca_file}, api_base_url => $elsewhere->{tls_url});
trouble('ELSEWHERE', 'localhost', 'a certificate for another name');
configure(ca_file => $expired->{ca_file}, api_base_url => $expired->{tls_url});
trouble('EXPIRED', 'expired', 'a certificate of yesterday');
configure(ca_file => '/does/not/exist', api_base_url => $sandbox->{tls_url});
trouble('NOFILE', 'CA|trust anchors', 'no such file of authorities');
is(sandbox_get($_, 'summary')->{requests}, 0, 'no request reached it') for $foreign, $elsewhere, $expired;
configure(ca_file => $sandbox->{ca_file});
all_sent($_) for qw(ELSEWHERE EXPIRED NOFILE);

# the token goes nowhere but to the URL that is set, and over plain http nowhere but to this machine
for my $url ('http://graph.example.org', 'http://127.0.0.1.example.org', 'http://localhost@example.org', 'http://127.0.0.1:80@example.org', 'ftp://127.0.0.1')
{
	my ($code, $out, $err) = $node->psql('postgres', "ALTER SYSTEM SET whatsapp.api_base_url = '$url'");
	like($err, qr/invalid value for parameter "whatsapp.api_base_url"/, "$url is refused");
	($code, $out, $err) = $node->psql('postgres', "ALTER SYSTEM SET whatsapp.account_base_urls = 'https://graph.facebook.com, $url'");
	like($err, qr/invalid value for parameter "whatsapp.account_base_urls"/, "$url is refused for accounts, too");
}
$node->safe_psql('postgres', q{INSERT INTO whatsapp_accounts (name, api_base_url) VALUES ('plain', 'http://graph.example.org'); INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('plain', 'plain', '123456789');
	SELECT wa_send_po('A', 'PLAIN-1', 1, '+34610000001', sender => 'plain')});
wait_sql($node, q{SELECT paused_reason FROM whatsapp_senders WHERE name = 'plain'}, q{the account's base URL is not allowed});
fault({ status => 302, body => 'empty', headers => { Location => "$foreign->{url}/v25.0/123456789/messages" }, times => 1 });
enqueue('MOVED', 1);
wait_sql($node, q{SELECT paused_until > now() FROM whatsapp_senders WHERE name = 'default'});
is(sandbox_get($foreign, 'summary')->{requests}, 0, 'a redirection is not followed');
$node->safe_psql('postgres', 'SELECT wa_resume()');
all_sent('MOVED');

books_agree($node, 'HTTP/2');
$node->stop('fast');
done_testing();
