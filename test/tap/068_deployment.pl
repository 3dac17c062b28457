# What stands in deploy/ is taken by those whom it is for: manifests are valid and keep the rules, each fault that is planted is found, the content of
# an extension image brings all that the server does not have.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
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

# ------------------------------------------------------------------------------------------------------------------------------- manual page

{
	my $page = slurp_file("$top/debian/pg_whatsapp_templates.1") =~ s/\\//gr;
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
	my $faults_of = sub { my ($said) = run_command([ 'node', "$folder/validate.mjs", "$top/test/deploy/crd", @_ ]); return $said };
	is($faults_of->(@files), scalar(map { slurp_file($_) =~ /^kind:/mg } @files) . ' objects', 'every manifest is valid');

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
		[ qr/kind: Database/, 'kind: Databse', qr/no such kind/ ]);
	my $number = 0;
	for my $fault (@planted)
	{
		my ($pattern, $instead, $told) = @$fault;
		my ($file) = grep { slurp_file($_) =~ $pattern } @files;
		my $changed = "$folder/planted_" . ++$number . '.yaml';
		append_to_file($changed, slurp_file($file) =~ s/$pattern/$instead/r);
		like($faults_of->($changed), $told, "found: $instead");
	}
}

done_testing();
