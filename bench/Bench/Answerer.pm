# Answerer.pm — the program of that name, running on free ports of the loopback.
package Bench::Answerer;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(usleep);

my %running;

sub new
{
	my ($class, %options) = @_;
	my $folder = $ENV{PGWA_BENCH_FOLDER};
	my $self = bless { certificate => "$folder/certificate.pem", http => HTTP::Tiny->new(timeout => 300) }, $class;
	certify($folder);
	my $port_file = "$folder/tmp/answerer.$$." . scalar keys %running;
	unlink $port_file;
	my @command = ('build/bench/answerer', '--port-file', $port_file, '--certificate', "$folder/certificate.pem", '--key', "$folder/key.pem",
		'--delay-ms', $options{delay_ms} || 0, $options{kernel_times} ? ('--kernel-times', 'yes') : ());
	my $pid = fork // croak $!;
	exec @command or die "cannot run $command[0]: $!" if $pid == 0;
	$running{$pid} = 1;
	for (1 .. 500)
	{
		last if -s $port_file;
		usleep(10_000);
	}
	open my $file, '<', $port_file or croak 'the answerer did not start';
	@$self{qw(port tls_port)} = split ' ', <$file>;
	$self->{pid} = $pid;
	$self->{url} = "http://127.0.0.1:$self->{port}";
	$self->{tls_url} = "https://127.0.0.1:$self->{tls_port}";
	return $self;
}

sub certify
{
	my ($folder) = @_;
	return if -s "$folder/certificate.pem";
	my $command = 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=127.0.0.1'
	  . " -addext subjectAltName=IP:127.0.0.1 -keyout $folder/key.pem -out $folder/certificate.pem";
	system("$command >/dev/null 2>&1") == 0 or croak 'openssl made no certificate';
	return;
}

sub stop_all
{
	for my $pid (keys %running)
	{
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	%running = ();
	return;
}

END
{
	my $status = $?;
	stop_all();
	$? = $status;
}

sub ask
{
	my ($self, $path) = @_;
	my $answer = $self->{http}->get("$self->{url}/_answerer/$path");
	croak "the answerer: $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return $answer->{content};
}

sub stats { my ($self) = @_; return decode_json($self->ask('stats')) }
sub reset { my ($self) = @_; return decode_json($self->ask('reset')) }
sub delay { my ($self, $ms) = @_; return decode_json($self->ask("delay/$ms")) }

# Returns when so many requests have come since the reset; asks once, and costs nothing meanwhile.
sub await { my ($self, $requests) = @_; return decode_json($self->ask("wait/$requests")) }

# [microseconds since 1970, digits of the recipient], in the order of arrival.
sub arrivals
{
	my ($self) = @_;
	return map { [ split / / ] } split /\n/, $self->ask('arrivals');
}

sub stop
{
	my ($self) = @_;
	delete $running{ $self->{pid} };
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

1;
