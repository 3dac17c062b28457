# Cluster.pm — a private PostgreSQL server with the extension, and what a benchmark asks of it.
#
# Nobody listens on TCP; the socket lies in the folder. All settings that are not PostgreSQL's own defaults stand in server_settings().
package Bench::Cluster;

use strict;
use warnings;

use Carp;
use Time::HiRes qw(time usleep);

our %secrets = (
	WHATSAPP_ACCESS_TOKEN => 'sandbox-token',
	WHATSAPP_PHONE_NUMBER_ID => '123456789',
	WHATSAPP_BUSINESS_ACCOUNT_ID => '987654321',
	WHATSAPP_WEBHOOK_VERIFY_TOKEN => 'random-secret',
	WHATSAPP_APP_SECRET => 'sandbox-app-secret');

my $count = 0;
my %running;

# A quarter of the memory as PostgreSQL's manual advises, and no checkpoint within a repetition. fsync and synchronous_commit stay on.
sub server_settings
{
	my ($memory_mb) = @_;
	return (
		shared_buffers => int($memory_mb / 4 > 4096 ? 4096 : $memory_mb / 4) . 'MB',
		max_wal_size => '16GB',
		min_wal_size => '2GB',
		checkpoint_timeout => '30min',
		max_connections => 120,
		maintenance_work_mem => '512MB',
		log_min_messages => 'warning');
}

sub new
{
	my ($class, %options) = @_;
	my $folder = "$ENV{PGWA_BENCH_FOLDER}/cluster" . ++$count;
	my $self = bless { folder => $folder, log => "$folder/log", before => {} }, $class;
	system('rm', '-rf', $folder);
	mkdir $folder or croak "cannot make $folder: $!";
	my @init = ('initdb', '-D', "$folder/data", '-U', 'postgres', '-A', 'trust', '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync');
	system("@init >$folder/initdb.log 2>&1") == 0 or croak "initdb failed, see $folder/initdb.log";
	my %settings = (server_settings($options{memory_mb}), 'whatsapp.messages_per_second' => 0, 'whatsapp.sync_interval' => 0, client_min_messages => 'error', %{ $options{settings} || {} });
	open my $conf, '>>', "$folder/data/postgresql.conf" or croak $!;
	print $conf "include '$ENV{PGWA_BENCH_FOLDER}/staged.conf'\nlisten_addresses = ''\nunix_socket_directories = '$folder'\n";
	print $conf "$_ = '$settings{$_}'\n" for sort keys %settings;
	close $conf;
	# what initdb did not flush would be written in the middle of a measure
	system('sync', '-f', $folder);
	$self->start;
	$self->sql('CREATE EXTENSION pg_whatsapp') unless $options{no_extension};
	return $self;
}

sub start
{
	my ($self, %options) = @_;
	local %ENV = (%ENV, %secrets);
	my $extra = $options{settings} ? "-o '$options{settings}'" : '';
	system("pg_ctl -s -w -t 120 -D $self->{folder}/data -l $self->{log} $extra start") == 0
	  or croak "the server did not start, see $self->{log}";
	$running{ $self->{folder} } = 1;
	return;
}

sub stop
{
	my ($self, $mode) = @_;
	return unless delete $running{ $self->{folder} };
	system('pg_ctl', '-s', '-w', '-t', '300', '-D', "$self->{folder}/data", '-m', $mode || 'fast', 'stop');
	return;
}

sub drop
{
	my ($self) = @_;
	$self->stop('immediate');
	system('rm', '-rf', $self->{folder});
	return;
}

# Whatever still runs, for instance after a measure that failed.
sub stop_all
{
	system('pg_ctl', '-s', '-D', "$_/data", '-m', 'immediate', 'stop') for keys %running;
	%running = ();
	return;
}

END
{
	my $status = $?;
	stop_all();
	$? = $status;
}

sub uri
{
	my ($self, $database) = @_;
	return "postgresql:///$database?host=$self->{folder}&user=postgres";
}

# The answer of the last statement, by psql; each call is a session of its own.
sub sql
{
	my ($self, $query, %options) = @_;
	my $file = "$ENV{TMPDIR}/query.$$";
	open my $out, '>', $file or croak $!;
	print $out $query;
	close $out;
	my $answer = `psql -XAtq -v ON_ERROR_STOP=1 -h $self->{folder} -U postgres -d @{[$options{database} || 'postgres']} -f $file 2>&1`;
	croak "$query: $answer" if $? != 0;
	chomp $answer;
	return $answer;
}

# Settings of the running server, and their taking effect.
sub set
{
	my ($self, %settings) = @_;
	$self->sql(join "\n", (map { "ALTER SYSTEM SET $_ = '$settings{$_}';" } sort keys %settings), 'SELECT pg_reload_conf();');
	return;
}

sub sender
{
	my ($self) = @_;
	for (1 .. 200)
	{
		my $pid = $self->sql(q{SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'});
		return $pid if $pid;
		usleep(50_000);
	}
	croak "no sender came, see $self->{log}";
}

# Empty tables, so that repetitions do not inherit dead rows; and a checkpoint, so that each writes its own full pages.
sub empty
{
	my ($self) = @_;
	$self->sql('TRUNCATE whatsapp_messages, whatsapp_queue, whatsapp_attempts, whatsapp_events, whatsapp_charges; CHECKPOINT');
	return;
}

sub wal_bytes
{
	my ($self) = @_;
	return $self->sql(q{SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')});
}

# Seconds of processor time of a process alone, and of the whole server with all that it has been.
sub cpu
{
	my ($pid, $with_children) = @_;
	open my $stat, '<', "/proc/$pid/stat" or return 0;
	# it may end between the two
	my $line = <$stat> // return 0;
	$line =~ s/.*\) //;
	my @fields = split / /, $line;
	my $ticks = $fields[11] + $fields[12] + ($with_children ? $fields[13] + $fields[14] : 0);
	return $ticks / 100;
}

sub server_cpu
{
	my ($self) = @_;
	open my $file, '<', "$self->{folder}/data/postmaster.pid" or croak $!;
	my $postmaster = <$file> + 0;
	my $total = cpu($postmaster, 1);
	open my $children, '<', "/proc/$postmaster/task/$postmaster/children" or return $total;
	$total += cpu($_, 1) for split ' ', <$children> // '';
	return $total;
}

# Bytes of a process's own. What it alone has touched of shared memory counts as private to the kernel, too, and is not its own.
sub private_bytes
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/smaps" or return 0;
	my ($total, $shared) = (0, 0);
	while (<$file>)
	{
		if (/^[0-9a-f]+-[0-9a-f]+ ...(.) /) { $shared = $1 eq 's' }
		elsif (!$shared && /^Private_(?:Clean|Dirty|Hugetlb):\s+(\d+) kB/) { $total += $1 * 1024 }
	}
	return $total;
}

1;
