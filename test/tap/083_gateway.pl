# A gateway between us and the platform that speaks TLS and HTTP/1.1 alone: no more messages are marked as sending than it has connections for,
# since the others would wait for one until their time is over.
use strict;
use warnings;

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

my $folder = PostgreSQL::Test::Utils::tempdir();
my $port = PostgreSQL::Test::Cluster::get_free_port();
system_or_bail($openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
	'-keyout', "$folder/key", '-out', "$folder/certificate");
my $node = new_cluster('gateway', conf => <<"CONF");
whatsapp.api_base_url = 'https://localhost:$port'
whatsapp.ca_file = '$folder/certificate'
whatsapp.max_connections = 3
whatsapp.max_in_flight = 60
CONF
my $sandbox = $node->{sandbox};
my $temporary = join '', map { "${_}_temp_path $folder/$_;\n" } qw(client_body proxy fastcgi uwsgi scgi);
append_to_file("$folder/nginx.conf", "daemon off;\nmaster_process off;\npid $folder/pid;\nerror_log $folder/error.log;\nevents {}\nhttp {\naccess_log off;\n$temporary"
	  . "server { listen 127.0.0.1:$port ssl; ssl_certificate $folder/certificate; ssl_certificate_key $folder/key; location / { proxy_pass $sandbox->{url}; } }\n}\n");
my $gateway = IPC::Run::start([ $nginx, '-c', "$folder/nginx.conf", '-p', $folder, '-e', "$folder/error.log" ], '<', \undef, '>', "$folder/out", '2>&1');
END { $gateway->kill_kill if $gateway }
wait_for('the gateway', sub { (curl('-k', "https://127.0.0.1:$port/"))[0] > 0 });

sub slots { my ($slots) = $node->safe_psql('postgres', 'SELECT wa_metrics()') =~ /^whatsapp_request_slots\{[^}]*\} (\d+)/m; return $slots }
send_po($node, 1, prefix => 'FIRST');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '1');
wait_for('the slots of HTTP/1.1', sub { slots() == 3 });
pass('after its first answer a gateway is known by what it speaks');
sandbox_set($sandbox, delay_ms => 500);
send_po($node, 30, prefix => 'MANY');
my $most = 0;
wait_for('all of them', sub {
	my ($sending, $sent) = split /\|/, $node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE q.state = 'sending'), count(*) FILTER (WHERE m.status = 'READ') FROM whatsapp_messages AS m LEFT JOIN whatsapp_queue AS q ON q.message_id = m.id});
	$most = $sending if $sending > $most;
	$sent == 31;
});
is($most, 3, 'no more are marked as sending than there are connections');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT a.outcome, ' ') FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference LIKE 'MANY-%'}), '', 'and none had to be tried again');
books_agree($node, 'gateway');
$node->stop;
done_testing();
