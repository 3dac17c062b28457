# What stands in deploy/ is taken by those whom it is for: manifests are valid and keep the rules, each fault that is planted is found, the content of
# an extension image brings all that the server does not have.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
use IO::Uncompress::Unzip;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path("$FindBin::RealBin/../..");

# ---------------------------------------------------------------------------------------------------------------------------- the extension image

my $image = PostgreSQL::Test::Utils::tempdir() . '/image';
my ($out, $err) = run_command([ "$top/scripts/package", 'extension-image', $image, $ENV{PGWA_STAGE} ]);
ok(-s "$image/lib/pg_whatsapp.so" && -s "$image/share/extension/pg_whatsapp.control" && -s "$image/licenses/pg_whatsapp/copyright", 'an extension image has its files')
  or diag "$out\n$err";
chomp(my $bindir = `pg_config --bindir`);
my %of_server = map { $_ => 1 } `ldd $bindir/postgres` =~ /^\s*(\S+) =>/mg;
my %found = `LD_LIBRARY_PATH=$image/system ldd $image/lib/*.so` =~ /^\s*(\S+) => (\S+)/mg;
cmp_ok(scalar(keys %found), '>', 20, 'the library needs others');
is_deeply([ sort grep { !$of_server{$_} && $found{$_} !~ m{^\Q$image\E/system/} } keys %found ], [], 'all that the server does not have is in the image');
ok(!-e "$image/system/libc.so.6", 'and no second C library');

# ------------------------------------------------------------------------------------------------------------------ what manifests tell the server

# As the container of the pod is started, with its secret and its configuration where they are mounted; then with the parameters of the operator's.
{
	my $node = new_cluster('manifests', no_extension => 1);
	$node->safe_psql('postgres', 'CREATE DATABASE shop');
	$node->safe_psql('shop', 'CREATE EXTENSION pg_whatsapp');
	$node->stop;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	mkdir "$folder/$_" for qw(whatsapp config);
	my %variable = (access_token => 'ACCESS_TOKEN', app_secret => 'APP_SECRET', verify_token => 'WEBHOOK_VERIFY_TOKEN', phone_number_id => 'PHONE_NUMBER_ID',
		business_account_id => 'BUSINESS_ACCOUNT_ID');
	append_to_file("$folder/whatsapp/$_", $ENV{"WHATSAPP_$variable{$_}"}) for keys %variable;
	chmod 0440, glob "$folder/whatsapp/*";
	local %ENV = map { /^WHATSAPP_/ ? () : ($_ => $ENV{$_}) } keys %ENV;
	# what is another one here: where things are installed, the folder of the socket, and Meta
	my @here = grep { !/^shared_preload/ } split /\n/, staged_settings($ENV{PG_CONFIG}, $ENV{PGWA_STAGE});
	push @here, "listen_addresses = ''", "unix_socket_directories = '" . $node->host . "'", 'port = ' . $node->port, "whatsapp.api_base_url = '$node->{sandbox}{url}'";

	my $sends = sub {
		my ($what, $file, $reference, @arguments) = @_;
		append_to_file($file, join "\n", '', @here, '');
		my $log = "$folder/$reference.log";
		my @pg_ctl = ('pg_ctl', '-w', '-D', $node->data_dir);
		command_ok([ @pg_ctl, '-l', $log, '-o', join(' ', @arguments), 'start' ], "$what: a server starts with it");
		$node->safe_psql('shop', "SELECT wa_send_po('Proveedor ABC', '$reference', 1, '$po_phone')");
		ok($node->poll_query_until('shop', "SELECT status = 'READ' FROM whatsapp_messages WHERE reference = '$reference'"), 'it sends, and hears of it') or diag slurp_file($log);
		unlike(slurp_file($log), qr/configuration parameter|ERROR|FATAL/, 'and knows each setting');
		command_ok([ @pg_ctl, '-m', 'fast', 'stop' ], 'it stops');
		return;
	};

	my $pod = slurp_file("$top/deploy/kubernetes/notification-deployment.yaml");
	my %mount = $pod =~ /\{name: (\w+), mountPath: ([^,}]+)/g;
	my ($configuration) = $pod =~ /^  postgresql\.conf: \|\n((?: {4}.*\n)+)/m;
	my ($program, @arguments) = ($pod =~ /^ *args: \[(.*)\]$/m)[0] =~ /"([^"]*)"/g;
	is($program, 'postgres', 'the pod starts a server');
	my %here = ($mount{config} => "$folder/config", $mount{whatsapp} => "$folder/whatsapp", '/projected/whatsapp' => "$folder/whatsapp", '0.0.0.0:8008' => "127.0.0.1:$node->{listen}");
	my $moved = sub { my ($text) = @_; $text =~ s/\Q$_\E/$here{$_}/g for keys %here; return $text };
	append_to_file("$folder/config/postgresql.conf", $moved->($configuration =~ s/^ {4}//gmr));
	$sends->('Kubernetes', "$folder/config/postgresql.conf", 'POD', map { $moved->($_) } @arguments);

	my ($parameters) = slurp_file("$top/deploy/cloudnativepg/cluster.yaml") =~ /^    parameters:\n((?: {6}.*\n)+)/m;
	my %parameter = $parameters =~ /^ {6}([\w.]+): "?([^"\n]+)"?$/mg;
	cmp_ok(scalar(keys %parameter), '>', 3, 'the operator has parameters');
	unlink $node->data_dir . '/postgresql.conf';
	$sends->('CloudNativePG', $node->data_dir . '/postgresql.conf', 'OPERATOR', '-c', 'shared_preload_libraries=pg_whatsapp',
		map { ('-c', "$_=" . $moved->($parameter{$_})) } sort keys %parameter);
}

# ---------------------------------------------------------------------------------------------------------------------------------- systemd

SKIP: {
	skip 'no systemd-analyze', 1 unless grep { -x "$_/systemd-analyze" } split /:/, $ENV{PATH};
	my $units = PostgreSQL::Test::Utils::tempdir();
	mkdir "$units/probe.service.d";
	append_to_file("$units/probe.service", "[Service]\nExecStart=/bin/true\n");
	copy("$top/deploy/systemd/whatsapp.conf", "$units/probe.service.d/");
	my ($said, $complaints) = run_command([ 'systemd-analyze', 'verify', '--man=no', "$units/probe.service" ]);
	unlike("$said$complaints", qr/whatsapp\.conf|probe\.service.*(?:Unknown|Failed to parse)/, 'systemd knows all that the drop-in says');
}

# ---------------------------------------------------------------------------------------------------------------------------------- for PGXN

{
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my ($said, $complaints) = run_command([ "$top/scripts/package", 'pgxn', $folder ]);
	my ($archive) = glob "$folder/*.zip";
	my $unzip = IO::Uncompress::Unzip->new($archive) or die "$said\n$complaints";
	my %content;
	do { $content{ $unzip->getHeaderInfo->{Name} } = do { local $/; <$unzip> } } while ($unzip->nextStream == 1);
	my ($root) = $archive =~ m{([^/]+)\.zip$};
	is_deeply([ grep { !m{^\Q$root\E/} } keys %content ], [], 'the archive for PGXN has one folder of its own');
	my $meta = decode_json($content{"$root/META.json"});
	is("$meta->{name}-$meta->{version}", $root, 'which bears the name and the version of META.json');
	is_deeply([ grep { !defined $meta->{$_} } qw(name abstract version maintainer license provides meta-spec) ], [], 'where nothing is missing that PGXN wants');
	like($content{"$root/$meta->{provides}{pg_whatsapp}{file}"}, qr/CREATE FUNCTION wa_send_po\(/, 'the install script that it names is there');
	is($content{"$root/$meta->{provides}{pg_whatsapp}{docfile}"}, slurp_file("$top/README.md"), 'and the documentation');
	like($content{"$root/Makefile"}, qr/PGXS/, 'and what it is built by');
}

# ------------------------------------------------------------------------------------------------------------------------------- manual page

{
	my $page = slurp_file("$top/scripts/pg_whatsapp_templates.1") =~ s/\\//gr;
	my ($help) = run_command([ "$top/scripts/templates", '--help' ]);
	my %named = map { $_ => 1 } $help =~ /templates (\w+) DIR/g, $help =~ /(--?\w+) /g, $help =~ /\b(PG[A-Z]+|wa_\w+)/g;
	cmp_ok(scalar(keys %named), '>', 10, 'the help of templates names its commands');
	is_deeply([ sort grep { $page !~ /\Q$_\E\b/ } keys %named ], [], 'and the manual page has them, too');
	is_deeply([ map { $page =~ /^\.B $_$/m ? () : $_ } $help =~ /(?<=[:;] )(\d) /g ], [], 'with each exit status');
}

# --------------------------------------------------------------------------------------------------------------------------------- manifests

SKIP: {
	my ($version) = (`node --version 2>&1` || '') =~ /^v(\d+)/;
	skip 'manifests are validated by node 20', 1 unless $version && $version >= 20;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	copy("$top/test/deploy/$_", $folder) or die "$_: $!" for qw(package.json validate.mjs);
	local $ENV{HOME} = $folder;
	system("cd '$folder' && npm install --ignore-scripts --no-package-lock --no-audit --no-fund >npm.log 2>&1") == 0 or skip 'npm could not install the schemas', 1;
	my @files = (glob("$top/deploy/kubernetes/*.yaml"), glob("$top/deploy/cloudnativepg/*.yaml"));
	my @planted = (
		[ qr/readOnlyRootFilesystem: true/, 'readOnlyRootFilesystem: false', qr/root file system can be written to/ ],
		[ qr/runAsNonRoot: true/, 'runAsNonRoot: false', qr/may run as root/ ],
		[ qr/replicas: 1/, 'replicas: 2', qr/more than one writer/ ],
		[ qr/livenessProbe:/, 'livenesProbe:', qr/livenesProbe|no livenessProbe/ ],
		[ qr/POSTGRES_PASSWORD_FILE/, 'WHATSAPP_ACCESS_TOKEN', qr/a secret is in the environment/ ],
		[ qr/secretName: whatsapp, defaultMode: 288/, 'secretName: whatsapp, defaultMode: 420', qr/others can read the secret/ ],
		[ qr/containerPort: 8008/, 'containerPort: webhook', qr/containerPort/ ],
		[ qr/ld_library_path: \[system\]/, 'ld_library_path: system', qr/ld_library_path must be array/ ],
		[ qr/projectedVolumeTemplate:/, 'projectedVolumesTemplate:', qr/projectedVolumesTemplate/ ],
		[ qr/kind: Database/, 'kind: Databse', qr/no such kind/ ],
		[ qr/name: whatsapp, mountPath/, 'name: whatsap, mountPath', qr/whatsap is mounted and is no volume/ ],
		[ qr/configMap: \{name: notification-config\}/, 'configMap: {name: notification}', qr/no ConfigMap notification/ ],
		[ qr/targetPort: webhook/, 'targetPort: webhooks', qr/no pod of it has a port webhooks/ ],
		[ qr/selector: \{app: notification-service\}/, 'selector: {app: notification}', qr/matches no pod/ ],
		[ qr/service:\n +name: notification-webhook/, "service:\n                name: webhook", qr/no Service webhook/ ],
		[ qr/cluster:\n    name: shop/, "cluster:\n    name: shops", qr/no Cluster shops/ ]);
	my @arguments = @files;
	for my $fault (@planted)
	{
		my ($pattern, $instead) = @$fault;
		my ($file) = grep { slurp_file($_) =~ $pattern } @files;
		push @arguments, '--', "$folder/planted_" . @arguments . '.yaml';
		append_to_file($arguments[-1], slurp_file($file) =~ s/$pattern/$instead/r);
	}
	my ($said, $complaints) = run_command([ 'node', "$folder/validate.mjs", "$top/test/deploy/crd", @arguments ]);
	my @found = split /(?<=objects)\n/, $said;
	is(shift @found, scalar(map { slurp_file($_) =~ /^kind:/mg } @files) . ' objects', 'every manifest is valid') or diag $complaints;
	like(shift @found // '', $_->[2], "found: $_->[1]") for @planted;
}

done_testing();
