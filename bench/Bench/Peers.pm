# Peers.pm — queues beside the database, in node: the same request to the same answerer.
package Bench::Peers;

use strict;
use warnings;

use Carp;
use IPC::Open2;
use JSON::PP;

# name as it stands in the table => program and mode
my %drains = (
	'graphile-worker, batched, no answer kept' => [ 'graphile.mjs', 'batched' ],
	'graphile-worker, batched, answers stored' => [ 'graphile.mjs', 'stored' ],
	'pg-boss, answers stored' => [ 'pgboss.mjs', 'stored' ]);

sub there { return -d "$ENV{PGWA_BENCH_FOLDER}/peers/node_modules" }
sub drains { return there() ? sort keys %drains : () }

sub command
{
	my ($cluster, $answerer, $program, $jobs, $concurrency, $mode) = @_;
	$cluster->sql('DROP DATABASE IF EXISTS peers WITH (FORCE)');
	$cluster->sql('CREATE DATABASE peers');
	$cluster->sql('CHECKPOINT');
	$answerer->reset;
	return (
		'node', "$ENV{PGWA_BENCH_FOLDER}/peers/$program",
		$cluster->{folder}, 'peers', "$answerer->{url}/v25.0/123456789/messages", $jobs, $concurrency, $mode);
}

sub drain
{
	my ($cluster, $answerer, $peer, $jobs, $concurrency) = @_;
	my ($program, $mode) = @{ $drains{$peer} };
	my @command = command($cluster, $answerer, $program, $jobs, $concurrency, $mode);
	my $said = `@command 2>$ENV{TMPDIR}/peer.log`;
	croak "@command failed, see $ENV{TMPDIR}/peer.log" if $? != 0;
	my ($line) = $said =~ /^(\{.*\})$/m;
	my $result = decode_json($line);
	my $requests = $answerer->stats->{requests};
	croak "$peer: $requests requests for $jobs jobs" if $requests < $jobs;
	return $result;
}

# graphile-worker at work in the database peers; what is returned ends it when it is called.
sub serve
{
	my ($cluster, $answerer) = @_;
	my @command = command($cluster, $answerer, 'graphile.mjs', 0, 10, 'serve');
	my $pid = open2(my $out, my $in, "@command 2>$ENV{TMPDIR}/peer.log");
	my $line = <$out> // '';
	croak "@command did not start, see $ENV{TMPDIR}/peer.log" if $line !~ /^ready/;
	return sub { close $in; waitpid $pid, 0 };
}

1;
