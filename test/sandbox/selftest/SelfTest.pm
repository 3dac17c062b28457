# SelfTest.pm: a sandbox and a webhook receiver, and how the self-tests talk to them.
#
# Needs Perl's core modules only. It waits by polling, never by sleeping for a guessed time.
package SelfTest;

use strict;
use warnings;
use utf8;
use Digest::SHA qw(hmac_sha256_hex);
use Exporter qw(import);
use File::Temp qw(tempdir);
use FindBin;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw($dir $json $http $url $control_url start_receiver start_sandbox stop_sandbox slurp spew until_true received statuses words control
	lines settings summary fresh quiet template text post get refuses faults);

my $program = $ENV{SANDBOX} || "$FindBin::Bin/../../../build/sandbox/sandbox";
our $dir  = tempdir(CLEANUP => 1);
our $json = JSON::PP->new->utf8->canonical;
our $http = HTTP::Tiny->new(timeout => 15, keep_alive => 0);
our ($url, $control_url);
my ($sandbox, $receiver);
binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);

END {
	my $status = $?;
	kill 'TERM', grep { $_ } $sandbox, $receiver;
	waitpid $_, 0 for grep { $_ } $sandbox, $receiver;
	$? = $status;
}

sub slurp
{
	my ($file) = @_;
	open my $handle, '<:raw', $file or return '';
	local $/;
	return scalar <$handle> // '';
}

sub spew
{
	my ($file, $text) = @_;
	open my $handle, '>:raw', "$file.new" or die "$file: $!";
	print $handle $text;
	close $handle;
	rename "$file.new", $file or die "$file: $!";
}

# Polls until the code returns something true, for 10 seconds at most.
sub until_true
{
	my ($code) = @_;
	my $end = time + 10;
	while (time < $end) {
		my $value = $code->();
		return $value if $value;
		sleep 0.01;
	}
	return;
}

# --- the receiver: writes each request to a log and answers as the file "mode" says ---

sub answer_for
{
	my ($request, $count) = @_;
	my $mode = slurp("$dir/mode");
	return if $mode eq 'stall_first' && $$count++ == 0;
	return [$mode, ''] if $mode =~ /^\d+$/;
	if ($request =~ /^GET \S*hub\.challenge=(\d+)\S*hub\.verify_token=(\S+) /) {
		my ($challenge, $token) = ($1, $2);
		$token =~ s/%([0-9A-F]{2})/chr hex $1/ge;
		return $token eq 'random-secret' ? [200, $challenge] : [403, ''];
	}
	my ($body) = $request =~ /\r\n\r\n(.*)\z/s;
	my ($signature) = $request =~ /^X-Hub-Signature-256: sha256=([0-9a-f]{64})\r$/mi;
	return [defined $signature && $signature eq hmac_sha256_hex($body, 'sandbox-app-secret') ? 200 : 403, ''];
}

sub receive
{
	my ($listener) = @_;
	my $select = IO::Select->new($listener);
	my (%buffer, $stalled);
	while (1) {
		for my $socket ($select->can_read) {
			if ($socket == $listener) {
				$select->add(scalar $listener->accept);
				next;
			}
			if (!sysread $socket, $buffer{$socket}, 65536, length($buffer{$socket} // '')) {
				delete $buffer{$socket};
				$select->remove($socket);
				close $socket;
				next;
			}
			my ($head) = $buffer{$socket} =~ /\A(.*?\r\n\r\n)/s or next;
			my $size = $head =~ /^Content-Length: (\d+)/mi ? $1 : 0;
			next if length($buffer{$socket}) < length($head) + $size;
			my $request = $buffer{$socket};
			$buffer{$socket} = '';
			my $answer = answer_for($request, \$stalled) or next;
			my ($status, $text) = @$answer;
			open my $log, '>>:raw', "$dir/log" or die $!;
			syswrite $log, $json->encode([$status, time, unpack 'H*', $request]) . "\n";
			close $log;
			syswrite $socket, "HTTP/1.1 $status X\r\nContent-Length: " . length($text) . "\r\n\r\n$text";
		}
	}
	return;
}

# Requests that the receiver got since the log was cleared: [status, time, raw request]. A line that is being written has no end yet.
sub received
{
	my @lines = map { $json->decode($_) } slurp("$dir/log") =~ /^(.*)\n/mg;
	$_->[2] = pack 'H*', $_->[2] for @lines;
	return @lines;
}

# Every status that was answered 200, in order of arrival.
sub statuses
{
	my @found;
	for my $line (grep { $_->[0] == 200 && $_->[2] =~ /^POST/ } received()) {
		my ($body) = $line->[2] =~ /\r\n\r\n(.*)\z/s;
		for my $entry (@{ $json->decode($body)->{entry} }) {
			push @found, map { @{ $_->{value}{statuses} // [] } } @{ $entry->{changes} };
		}
	}
	return @found;
}

sub words { return join ' ', map { $_->{status} } @_ }

# --- talking to the sandbox ---

sub control
{
	my ($method, $what, $body) = @_;
	my $answer = $http->request($method, ($control_url // $url) . "/_sandbox/$what",
		defined $body ? { content => ref $body ? $json->encode($body) : $body } : {});
	return ($answer->{headers}{'content-type'} // '') =~ /\/json/ ? $json->decode($answer->{content}) : $answer->{content};
}

# The documents of an answer of JSON lines.
sub lines
{
	my ($what) = @_;
	return map { $json->decode($_) } split /\n/, control(GET => $what);
}

sub settings { return control(POST => 'settings', {@_}) }
sub faults   { return control(POST => 'faults',   [@_]) }
sub summary  { return control(GET  => 'summary') }

sub fresh
{
	control(POST => 'reset?settings=1');
	settings(webhook_url => $receiver ? slurp("$dir/receiver") : undef, status_delay_ms => 5, @_);
	spew("$dir/mode", '');
	spew("$dir/log",  '');
	return;
}

sub quiet
{
	my ($count) = @_;
	return until_true(sub { my $w = summary()->{webhooks}; $w->{queued} == 0 && $w->{delivered} >= $count });
}

sub template
{
	my ($to, %change) = @_;
	my @values = @{ delete $change{values} // [ 'Proveedor ABC', 'PO-2024-001', '€1,250.00' ] };
	my $name = delete $change{name} // 'po_notification';
	my $code = delete $change{language} // 'es';
	my $more = delete $change{components} // [];
	my @body = map { ref $_ ? $_ : { type => 'text', text => $_ } } @values;
	return {
		messaging_product => 'whatsapp', to => $to, type => 'template',
		template => { name => $name, language => { code => $code },
			components => [ @$more, @body ? { type => 'body', parameters => \@body } : () ] },
		%change };
}

sub text
{
	my ($to, $body) = @_;
	return { messaging_product => 'whatsapp', to => $to, type => 'text', text => { body => $body } };
}

sub post
{
	my ($body, %with) = @_;
	my $version = $with{version} // 'v25.0';
	my $number  = $with{number}  // '123456789';
	my $token   = $with{token}   // 'sandbox-token';
	my $client = $with{timeout} ? HTTP::Tiny->new(timeout => $with{timeout}, keep_alive => 0) : $http;
	my $answer = $client->request('POST', "$url/$version/$number/messages", {
		headers => { Authorization => "Bearer $token", 'Content-Type' => 'application/json' },
		content => ref $body ? $json->encode($body) : $body });
	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}

sub get
{
	my ($path, $token) = @_;
	my $answer = $http->get("$url/v25.0/$path", { headers => { Authorization => 'Bearer ' . ($token // 'sandbox-token') } });
	return { status => $answer->{status}, %{ $json->decode($answer->{content}) } };
}

# One refusal: HTTP status, code, and what "details" or "message" must contain.
sub refuses
{
	my ($name, $answer, $status, $code, $like) = @_;
	my $error = $answer->{json}{error} // {};
	my $said = join ' | ', $error->{message} // '', $error->{error_data}{details} // '';
	my $fits = $answer->{status} == $status && ($error->{code} // -1) == $code && $error->{fbtrace_id}
		&& $error->{type} && (!defined $like || $said =~ $like);
	ok($fits, $name) or diag("got $answer->{status} $answer->{content}");
	return $error;
}

sub start_receiver
{
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128, ReuseAddr => 1) or die $!;
	spew("$dir/receiver", 'http://127.0.0.1:' . $listener->sockport . '/api/v1/whatsapp/webhook');
	spew("$dir/log", '');
	$receiver = fork // die $!;
	if (!$receiver) { undef $sandbox; $SIG{TERM} = 'DEFAULT'; receive($listener) }
	close $listener;
	return;
}

sub start_sandbox
{
	my (@options) = @_;
	unlink glob("$dir/port $dir/control_port");
	$sandbox = fork // die $!;
	if (!$sandbox) {
		open STDOUT, '>', "$dir/out" or die $!;
		exec $program, '--port-file', "$dir/port", '--control-port', '0', '--control-port-file', "$dir/control_port",
			'--exit-with-parent', @options or die "$program: $!";
	}
	until_true(sub { -e "$dir/port" && -e "$dir/control_port" }) or BAIL_OUT('the sandbox does not start');
	$url = 'http://127.0.0.1:' . (slurp("$dir/port") =~ s/\s//gr);
	$control_url = 'http://127.0.0.1:' . (slurp("$dir/control_port") =~ s/\s//gr);
	return $sandbox;
}

# Its exit status.
sub stop_sandbox
{
	my ($signal) = @_;
	kill $signal // 'TERM', $sandbox;
	waitpid $sandbox, 0;
	undef $sandbox;
	return $?;
}

1;
