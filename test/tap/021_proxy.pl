# The sample of a proxy: nginx with TLS in front of the listener, over TCP and over a unix socket; Caddy's configuration is valid.
# Packages: scripts/deps proxy.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use IPC::Run ();
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

sub program { my ($name) = @_; return (grep { -x $_ } map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin', '/usr/local/sbin')[0] }
my $nginx = program('nginx');
my $openssl = program('openssl');
plan skip_all => 'nginx and openssl are not installed: scripts/deps proxy' unless $nginx && $openssl;

my $deploy = "$FindBin::RealBin/../../deploy";
my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_cluster('proxy');
my $https = PostgreSQL::Test::Cluster::get_free_port();
my $socket = PostgreSQL::Test::Utils::tempdir_short() . '/webhook';
system_or_bail($openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=your-domain.com', '-addext',
	'subjectAltName=DNS:your-domain.com', '-keyout', "$folder/key", '-out', "$folder/certificate");

# The sample with what is marked changed, and each change must find its place.
sub sample
{
	my ($name, %changes) = @_;
	my $text = slurp_file("$deploy/$name");
	for my $from (sort keys %changes)
	{
		$text =~ s/\Q$from\E/$changes{$from}/g or die "$name has no: $from";
	}
	return $text;
}
my %changes = ('listen 443 ssl' => "listen 127.0.0.1:$https ssl", '/etc/ssl/your-domain.com.pem' => "$folder/certificate",
	'/etc/ssl/your-domain.com.key' => "$folder/key", '/var/log/nginx/whatsapp.log' => "$folder/access.log",
	'/var/log/nginx/whatsapp-error.log' => "$folder/whatsapp-error.log");

sub write_conf
{
	my (@samples) = @_;
	unlink "$folder/nginx.conf";
	my $temporary = join '', map { "${_}_temp_path $folder/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
	append_to_file("$folder/nginx.conf", "daemon off;\nmaster_process off;\npid $folder/pid;\nerror_log $folder/error.log;\nevents {}\nhttp {\naccess_log off;\n$temporary" . join("\n", @samples) . "}\n");
	return [ $nginx, '-c', "$folder/nginx.conf", '-p', $folder, '-e', "$folder/error.log" ];
}

my $running;
sub start_nginx
{
	my ($is_up, @samples) = @_;
	my $command = write_conf(@samples);
	my ($out, $err) = ('', '');
	ok(IPC::Run::run([ @$command, '-t' ], '>', \$out, '2>', \$err), 'nginx -t') or diag($err);
	$running = IPC::Run::start($command, '<', \undef, '>', "$folder/out", '2>&1');
	wait_for('nginx', $is_up);
	return;
}
sub stop_nginx
{
	return unless $running;
	$running->signal('TERM');
	$running->finish;
	undef $running;
	return;
}
END { stop_nginx() }
sub run_nginx { return start_nginx(sub { request('/')->[0] eq '404' }, @_) }
sub request
{
	my ($path, @arguments) = @_;
	return [ curl('--cacert', "$folder/certificate", '--resolve', "your-domain.com:$https:127.0.0.1", @arguments, "https://your-domain.com:$https$path") ];
}
my $path = '/api/v1/whatsapp/webhook';
sub deliver
{
	my ($body, $to) = @_;
	my $file = "$folder/body";
	unlink $file;
	append_to_file($file, $body);
	return request($to || $path, '-X', 'POST', '--data-binary', "\@$file", '-H', 'Content-Type: application/json', '-H', 'Expect:', '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret'))->[0];
}
sub delivery { my ($wamid) = @_; return qq({"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"statuses":[{"id":"$wamid","status":"read","timestamp":"1795336249","recipient_id":"34612345678"}]}}]}]}) }
sub has { my ($wamid) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_events WHERE wamid = '$wamid'") }

for my $way ('TCP', 'a unix socket')
{
	if ($way eq 'TCP')
	{
		run_nginx(sample('nginx.conf', %changes, '127.0.0.1:8008' => "127.0.0.1:$node->{listen}"));
	}
	else
	{
		$node->safe_psql('postgres', "ALTER SYSTEM SET whatsapp.listen = '$socket'");
		$node->reload;
		wait_for('the socket', sub { -S $socket });
		run_nginx(sample('nginx.conf', %changes, 'server 127.0.0.1:8008;' => '', '# server unix:/run/whatsapp/webhook' => "server unix:$socket"));
	}
	is_deeply(request("$path?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123"), [ 200, 'test123' ], "the handshake over TLS and $way");
	is(request("$path?hub.mode=subscribe&hub.verify_token=random&hub.challenge=test123")->[0], 403, 'a wrong token');
	is(deliver(delivery("wamid.$way")), 200, 'a delivery');
	is(has("wamid.$way"), '1', 'is stored');
	is(deliver('x' x (3 << 20)), 200, '3 MB pass');
	is(deliver('x' x ((3 << 20) + 1)), 413, 'a byte more does not');
	is(request($path, '-X', 'POST', '-d', '{}')->[0], 401, 'no signature');
	is(request($path, '-X', 'DELETE')->[0], 403, 'another method');
	is(request($path, '-I')->[0], 405, 'HEAD, by which docs/go-live.md looks at the certificate, reaches the listener');
	is(request($_)->[0], 404, "$_ does not pass") for '/healthz', '/', "$path/", "$path/a/b", '/api/v1/whatsapp/webhookx';
	is(deliver(delivery('NOBODY'), "$path/nobody"), 404, 'an account that is not there');
	my $lock = $node->background_psql('postgres');
	$lock->query_safe('BEGIN; LOCK TABLE whatsapp_events');
	is(deliver(delivery("wamid.$way.LOCKED")), 503, '503 goes through');
	$lock->query_safe('COMMIT');
	$lock->quit;
	stop_nginx();
}
# a listener that is down: the token of the handshake is in no log
my $nobody = PostgreSQL::Test::Cluster::get_free_port();
run_nginx(sample('nginx.conf', %changes, '127.0.0.1:8008' => "127.0.0.1:$nobody"));
is(request("$path?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123")->[0], 502, 'a listener that is down');
stop_nginx();
run_nginx(sample('nginx.conf', %changes, 'server 127.0.0.1:8008;' => '', '# server unix:/run/whatsapp/webhook' => "server unix:$folder/nobody"));
is(request("$path?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123")->[0], 502, 'a socket that is not there');
stop_nginx();
unlike(join('', map { -e "$folder/$_" ? slurp_file("$folder/$_") : '' } 'error.log', 'whatsapp-error.log', 'out'), qr/random-secret/, 'and the token is in no log of errors');

like(slurp_file("$folder/access.log"), qr{ GET $path 200 }, 'requests are logged');
unlike(slurp_file("$folder/access.log"), qr/random-secret|hub\./, 'without the token');

# in PostgREST's place stands a server that says what it was asked
my ($plain, $rest) = map { PostgreSQL::Test::Cluster::get_free_port() } 1 .. 2;
start_nginx(sub { (curl("http://127.0.0.1:$plain/"))[0] eq '404' }, sample('nginx-postgrest.conf', '/var/log/nginx/whatsapp-error.log' => "$folder/whatsapp-error.log", '127.0.0.1:8009' => "127.0.0.1:$plain", '127.0.0.1:3000' => "127.0.0.1:$rest"),
	qq(server { listen 127.0.0.1:$rest; location / { return 200 "\$request_method \$request_uri \$content_type"; } }));
is_deeply([ curl("http://127.0.0.1:$plain$path?hub.mode=subscribe&hub.challenge=17&hub.verify_token=a%20b") ],
	[ 200, 'GET /rpc/whatsapp_verify?mode=subscribe&token=a%20b&challenge=17 application/octet-stream' ], 'PostgREST: the handshake becomes a call');
is_deeply([ curl("http://127.0.0.1:$plain$path?x=1") ], [ 200, 'GET /rpc/whatsapp_verify?mode=&token=&challenge= application/octet-stream' ], 'without parameters, too');
is_deeply([ curl('-d', '{}', '-H', 'Content-Type: application/json', "http://127.0.0.1:$plain$path") ], [ 200, 'POST /rpc/whatsapp_receive application/octet-stream' ], 'a delivery becomes one of raw bytes');
stop_nginx();
my ($out, $err) = ('', '');

SKIP:
{
	my $caddy = program('caddy') or skip 'caddy is not installed: scripts/deps proxy', 6;
	local $ENV{HOME} = $folder;
	ok(IPC::Run::run([ $caddy, 'validate', '--adapter', 'caddyfile', '--config', "$deploy/Caddyfile" ], '>', \$out, '2>', \$err), 'the sample for Caddy is valid') or diag($err);
	# the status that Caddy gives, before a listener at that address
	my $status_by = sub {
		my ($listener, @arguments) = @_;
		my $door = PostgreSQL::Test::Cluster::get_free_port();
		my $file = "$folder/Caddyfile.$door";
		append_to_file($file, sample('Caddyfile', 'your-domain.com {' => "http://127.0.0.1:$door {", '127.0.0.1:8008' => $listener) =~ s/^\{\n/{\n\tadmin off\n/mr);
		my $process = IPC::Run::start([ $caddy, 'run', '--adapter', 'caddyfile', '--config', $file ], '<', \undef, '>>', "$folder/caddy.log", '2>&1');
		wait_for('caddy', sub { (curl("http://127.0.0.1:$door/"))[0] eq '404' });
		my ($status) = curl(@arguments, "http://127.0.0.1:$door$path?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123");
		$process->kill_kill;
		return $status;
	};
	is($status_by->("127.0.0.1:$nobody"), 502, 'Caddy, and a listener that is down');
	is($status_by->("unix/$socket"), 200, 'one that is there');
	is($status_by->("unix/$socket", '-I'), 405, 'which HEAD reaches');
	is($status_by->("unix/$socket", '-X', 'DELETE'), 404, 'and another method does not');
	unlike(slurp_file("$folder/caddy.log"), qr/random-secret/, 'and the token is in no log');
}
$node->stop('fast');
done_testing();
