# Peers.pm — queues beside the database, in node: the same request to the same answerer.
package Bench::Peers;

use strict;
use warnings;

use Carp;
use JSON::PP;

# name as it stands in the table => program and mode
my %drains = (
	'graphile-worker, batched, no answer kept' => [ 'graphile.mjs', 'batched' ],
	'graphile-worker, batched, answers stored' => [ 'graphile.mjs', 'stored' ],
	'pg-boss, answers stored' => [ 'pgboss.mjs', 'stored' ]);

sub there { return -d "$ENV{PGWA_BENCH_FOLDER}/peers/node_modules" }
sub drains { return there() ? sort keys %drains : () }

sub drain
{
	my ($cluster, $answerer, $peer, $jobs, $concurrency) = @_;
	my ($program, $mode) = @{ $drains{$peer} };
	$cluster->sql('DROP DATABASE IF EXISTS peers');
	$cluster->sql('CREATE DATABASE peers');
	$cluster->sql('CHECKPOINT');
	$answerer->reset;
	my @command = (
		'node', "$ENV{PGWA_BENCH_FOLDER}/peers/$program",
		$cluster->{folder}, 'peers', "$answerer->{url}/v25.0/123456789/messages", $jobs, $concurrency, $mode);
	my $said = `@command 2>$ENV{TMPDIR}/peer.log`;
	croak "@command failed, see $ENV{TMPDIR}/peer.log" if $? != 0;
	my ($line) = $said =~ /^(\{.*\})$/m;
	my $result = decode_json($line);
	my $requests = $answerer->stats->{requests};
	croak "$peer: $requests requests for $jobs jobs" if $requests < $jobs;
	return $result;
}

1;
