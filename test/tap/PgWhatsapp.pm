# PgWhatsapp.pm — a whole cluster with the extension and a sandbox beside it, for the tests of this folder.
#
# The environment says where the staged install (PGWA_STAGE) and the sandbox program (PGWA_SANDBOX) are; scripts/test sets both.
# Nothing here waits by time: every wait polls a condition and fails with what it saw.
package PgWhatsapp;

use strict;
use warnings;

use Carp;
use Exporter 'import';
use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use Test::More;
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Statements;

our @EXPORT = qw(new_cluster initdb_options install_path staged_settings neighbour_settings neighbour_libraries new_sandbox sandbox_get sandbox_lines sandbox_set sandbox_post copy_database wait_for wait_sql statuses books_agree lost_money damage tables_intact
  correlation sender_pid wait_turns wait_restart try_psql webhook_url curl send_po most_within seconds_until $po_phone);

our $po_phone = '+34612345678';

my %secrets = (
	WHATSAPP_ACCESS_TOKEN => 'sandbox-token',
	WHATSAPP_PHONE_NUMBER_ID => '123456789',
	WHATSAPP_BUSINESS_ACCOUNT_ID => '987654321',
	WHATSAPP_WEBHOOK_VERIFY_TOKEN => 'random-secret',
	WHATSAPP_APP_SECRET => 'sandbox-app-secret');

# Until the block is true. The deadline is for a loaded machine, not a duration that anything is expected to take.
sub wait_for
{
	my ($what, $condition) = @_;
	my $end = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $end)
	{
		return 1 if $condition->();
		usleep(10_000);
	}
	croak "gave up waiting: $what";
}

sub wait_sql
{
	my ($node, $query, $expected) = @_;
	$expected = 't' unless defined $expected;
	my $last = '';
	eval { wait_for('', sub { $last = $node->safe_psql('postgres', $query); $last eq $expected }) };
	return 1 if $last eq $expected;
	croak "gave up waiting: $query is '$last', not '$expected'; messages " . statuses($node) . '; queue '
	  . $node->safe_psql('postgres', q{SELECT coalesce(string_agg(state || '=' || n, ' '), 'empty') FROM (SELECT state, count(*) AS n FROM whatsapp_queue GROUP BY 1) AS q});
}

# A database is copied while nobody uses it; the launcher of pg_cron, where it is loaded, comes back a second after it was sent away.
sub copy_database
{
	my ($node, $from, $to) = @_;
	$node->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_cron launcher';\nCREATE DATABASE $to TEMPLATE $from");
	return;
}

# How long until it is done, less what to say it and to ask for it takes on this machine.
sub seconds_until
{
	my ($node, $command, $query) = @_;
	my $begin = time;
	$node->safe_psql('postgres', 'SELECT 1');
	wait_sql($node, 'SELECT true');
	my $asking = time - $begin;
	$begin = time;
	$command->();
	wait_sql($node, $query);
	return time - $begin - $asking;
}

# A sandbox on a free port; it dies with this process. The control interface has a port of its own, which no outage touches.
# tls => 1: the API over HTTP/2 and TLS, too, as the member tls_url; arguments => [...]: more of its options.
sub new_sandbox
{
	my (%options) = @_;
	my $program = $ENV{PGWA_SANDBOX} or BAIL_OUT('PGWA_SANDBOX is not set: run scripts/test');
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my @ports = ('port', 'control-port', $options{tls} ? 'tls-port' : ());
	my @command = ($program, '--exit-with-parent', '--status-delay-ms', '5');
	push @command, "--$_", '0', "--$_-file", "$folder/$_" for @ports;
	push @command, '--webhook', $options{webhook} if $options{webhook};
	push @command, '--ca-file', "$folder/ca.pem" if $options{tls};
	push @command, @{ $options{arguments} || [] };
	my $log = "$folder/log";
	my $process = IPC::Run::start(\@command, '<', \undef, '>', $log, '2>&1');
	my %port;
	for my $name (@ports)
	{
		wait_for("the sandbox: $name", sub { -s "$folder/$name" && ($port{$name} = slurp_file("$folder/$name")) });
		chomp $port{$name};
	}
	my $sandbox = { process => $process, port => $port{port}, url => "http://127.0.0.1:$port{port}", log => $log,
		control => "http://127.0.0.1:$port{'control-port'}" };
	@$sandbox{ 'tls_url', 'ca_file' } = ("https://localhost:$port{'tls-port'}", "$folder/ca.pem") if $options{tls};
	return $sandbox;
}

sub sandbox_get
{
	my ($sandbox, $path) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->get("$sandbox->{control}/_sandbox/$path");
	croak "sandbox: $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return decode_json($answer->{content});
}

# Of the books with a document per line.
sub sandbox_lines
{
	my ($sandbox, $path) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->get("$sandbox->{control}/_sandbox/$path");
	croak "sandbox: $path: $answer->{status} $answer->{content}" unless $answer->{success};
	return map { decode_json($_) } split /\n/, $answer->{content};
}

# (status, body) of a call; the content is sent as JSON unless it is a string.
sub sandbox_post
{
	my ($sandbox, $path, $content) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->post("$sandbox->{control}/_sandbox/$path", { content => ref $content ? encode_json($content) : $content || '' });
	return ($answer->{status}, $answer->{content});
}

sub sandbox_set
{
	my ($sandbox, %settings) = @_;
	my ($status, $content) = sandbox_post($sandbox, 'settings', encode_json(\%settings));
	croak "sandbox settings: $status $content" if $status != 200;
	return;
}

# What a server of that pg_config needs to use an install in a folder of its own, as scripts/environment knows it.
sub staged_settings
{
	my ($pg_config, $stage) = @_;
	my ($libdir, $sharedir, $version) = map { my $answer = `$pg_config --$_`; chomp $answer; $answer } qw(pkglibdir sharedir version);
	my $destination = $version =~ /PostgreSQL (\d+)/ && $1 >= 18 ? "extension_control_path = '$stage$sharedir:\$system'" : "extension_destdir = '$stage'";
	my ($libraries, $others) = $ENV{PGWA_NEIGHBOURS} && $pg_config eq $ENV{PG_CONFIG} ? neighbour_settings($ENV{PGWA_NEIGHBOURS}) : ('pg_whatsapp', '');
	return "$destination\ndynamic_library_path = '$stage$libdir:\$libdir'\n${others}shared_preload_libraries = '$libraries'";
}

# Libraries of others in the same server, before ours or after it: the value of shared_preload_libraries, and their settings.
sub neighbour_settings
{
	my ($place) = @_;
	my $folder = "$FindBin::RealBin/../neighbours";
	my @libraries = neighbour_libraries();
	return (join(', ', $place eq 'before' ? (@libraries, 'pg_whatsapp') : ('pg_whatsapp', @libraries)), slurp_file("$folder/postgresql.conf"));
}

# In the order that they want among themselves.
sub neighbour_libraries { return split /\n/, slurp_file("$FindBin::RealBin/../neighbours/libraries") }

# PGWA_LOCALE: of another locale than C. Messages are in English.
sub initdb_options { return ('--encoding=UTF8', '--locale=' . ($ENV{PGWA_LOCALE} || 'C.UTF-8'), '--lc-messages=C') }

# As PostgreSQL::Test::Cluster wants it.
sub install_path { my ($pg_config) = @_; return $pg_config =~ s{/bin/pg_config$}{}r }

# A started cluster with the extension in postgres, sending to a sandbox of its own, whose webhooks come back.
sub new_cluster
{
	my ($name, %options) = @_;
	my $stage = $options{stage} || $ENV{PGWA_STAGE} or BAIL_OUT('PGWA_STAGE is not set: run scripts/test');
	my $listen = PostgreSQL::Test::Cluster::get_free_port();
	my $sandbox = new_sandbox(webhook => "http://127.0.0.1:$listen/api/v1/whatsapp/webhook", %{ $options{sandbox} || {} });
	# of another version: pg_config => its program, stage => the install for it
	my $pg_config = $options{pg_config} || $ENV{PG_CONFIG};
	my $node = PostgreSQL::Test::Cluster->new($name, $options{pg_config} ? (install_path => install_path($pg_config)) : ());
	$node->{sandbox} = $sandbox;
	$node->{listen} = $listen;
	# for good: a restart by the test must find the secrets again
	%ENV = (%ENV, %secrets, %{ $options{environment} || {} });
	$node->init(allows_streaming => 1, extra => [ initdb_options() ]);
	# the modules of 18 and newer set it for every version, and older servers do not know it
	$node->adjust_conf('postgresql.conf', 'autovacuum_worker_slots') if $options{pg_config};
	my $settings = staged_settings($pg_config, $stage);
	$node->append_conf('postgresql.conf', <<"CONF");
$settings
whatsapp.api_base_url = '$sandbox->{url}'
whatsapp.listen = '127.0.0.1:$listen'
whatsapp.messages_per_second = 0
whatsapp.pair_interval = 0
whatsapp.sync_interval = 0
restart_after_crash = on
log_min_messages = info
max_prepared_transactions = 5
CONF
	$node->append_conf('postgresql.conf', "whatsapp.api_base_url = '$sandbox->{tls_url}'\nwhatsapp.ca_file = '$sandbox->{ca_file}'\n")
	  if $sandbox->{tls_url};
	$node->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$node->start;
	unless ($options{no_extension})
	{
		$node->safe_psql('postgres', 'CREATE EXTENSION pg_whatsapp');
		wait_for('both workers', sub { workers($node) == 2 });
	}
	return $node;
}

sub workers
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('pg_whatsapp sender', 'pg_whatsapp listener')});
}

sub sender_pid
{
	my ($node) = @_;
	my $pid;
	wait_for('a sender', sub {
		($pid) = ($node->psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'}))[1];
		$pid;
	});
	return $pid;
}

# What goes to Meta with a message as biz_opaque_callback_data; $nonce: of an older life.
sub correlation
{
	my ($node, $id, $nonce) = @_;
	$nonce = $nonce ? "'$nonce'" : '(SELECT nonce FROM whatsapp_instances WHERE released_at IS NULL)';
	return $node->safe_psql('postgres', "SELECT concat_ws('.', $nonce, id, (extract(epoch FROM created_at - '2000-01-01 00:00:00+00') * 1000000)::bigint) FROM whatsapp_messages WHERE id = $id");
}

# The sender has looked at its queue twice since: once may have begun before.
sub wait_turns
{
	my ($node) = @_;
	my $scans = q{SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'whatsapp_queue'};
	for (1 .. 2)
	{
		my $before = $node->safe_psql('postgres', $scans);
		wait_for('a turn of the sender', sub { $node->safe_psql('postgres', $scans) > $before });
	}
	return;
}

# After a crash: connections are taken again and a new sender is there.
# (status, output, errors) of psql at a moment when the server may be gone: then psql ends before it has read its input, which is no
# reason for the test to end.
sub try_psql
{
	my ($node, $query, @options) = @_;
	my @answer = eval { $node->psql('postgres', $query, @options) };
	return @answer ? @answer : (2, '', 'psql: ' . ($@ || 'no answer'));
}

sub wait_restart
{
	my ($node, $old_pid) = @_;
	wait_for('the cluster to restart', sub {
		my ($code, $pid) = try_psql($node, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender'});
		defined $code && $code == 0 && $pid && $pid != $old_pid;
	});
	return;
}

sub webhook_url
{
	my ($node) = @_;
	return "http://127.0.0.1:$node->{listen}/api/v1/whatsapp/webhook";
}

# (status, body) of a request by curl with these arguments.
sub curl
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ 'curl', '-s', '-w', "\n%{http_code}", @arguments ], '>', \$out, '2>', \$err);
	$out =~ s/\n?(\d{3})\z//;
	return ($1, $out);
}

# "READ=3 FAILED=1", in the order of a message's life.
sub statuses
{
	my ($node) = @_;
	return $node->safe_psql('postgres', q{SELECT coalesce(string_agg(status || '=' || messages, ' '), '') FROM whatsapp_status WHERE messages > 0});
}

sub send_po
{
	my ($node, $count, %options) = @_;
	my $phone = $options{phone} ? "'$options{phone}'" : q{'+3461' || lpad(i::text, 7, '0')};
	my $prefix = $options{prefix} || 'PO';
	my $sender = $options{sender} ? ", sender => $options{sender}" : '';
	$node->safe_psql('postgres',
		"SELECT count(wa_send_po('Proveedor ABC', '$prefix-' || i, 1250, $phone$sender)) FROM generate_series(1, $count) AS i");
	return;
}

# The most of these times (in seconds) in any window of that length.
sub most_within
{
	my ($seconds, @at) = @_;
	my ($most, $start) = (0, 0);
	@at = sort { $a <=> $b } @at;
	for my $end (0 .. $#at)
	{
		$start++ while $at[$end] - $at[$start] >= $seconds;
		$most = $end - $start + 1 if $most < $end - $start + 1;
	}
	return $most;
}

# A query that returns nothing as long as no money is lost: of each period of a budget, reserved + settled + released = authorised, and the ledger is
# what the charges of the messages add up to.
sub lost_money
{
	my $sums = join ', ', map { "sum($_)::numeric(30,8)" } qw(authorised reserved settled released messages unpriced);
	return qq{
		SELECT string_agg(format('budget %s: the ledger has %s, the charges %s', p.budget, l.sums, c.sums), '; ') FROM whatsapp_budget_periods AS p
		LEFT JOIN (SELECT period, ROW($sums)::text AS sums, sum(authorised) = sum(reserved) + sum(settled) + sum(released) AS whole
		           FROM whatsapp_budget_ledger GROUP BY period) AS l ON l.period = p.id
		LEFT JOIN (SELECT q.period, ROW($sums)::text AS sums FROM whatsapp_charges AS k CROSS JOIN unnest(k.periods) AS q (period)
		           CROSS JOIN whatsapp_charge_parts(k.state, k.amount, k.charged) AS s GROUP BY q.period) AS c ON c.period = p.id
		WHERE l.sums IS DISTINCT FROM c.sums OR NOT l.whole};
}

# Every message that the sandbox accepted stands in the table with its wamid, none was accepted twice, and every message that the table
# calls sent was accepted.
sub books_agree
{
	my ($node, $title) = @_;
	my $summary = sandbox_get($node->{sandbox}, 'summary');
	my @book = map { $_->{wamid} } @{ sandbox_get($node->{sandbox}, 'messages') };
	my %rows = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q{SELECT wamid FROM whatsapp_messages WHERE wamid IS NOT NULL});
	my @unknown = grep { !$rows{$_} } @book;
	my %book = map { $_ => 1 } @book;
	my @invented = grep { !$book{$_} } keys %rows;
	is_deeply([ $summary->{duplicates}, \@unknown, \@invented ], [ [], [], [] ], "$title: the sandbox's books and the table agree");
	return $summary;
}

# What amcheck finds wrong with our tables and indexes, and with rows that an index lacks: nothing, if all is well. Some packagers keep amcheck
# apart; then nobody can say.
sub damage
{
	my ($node) = @_;
	return () unless $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'});
	my $output = '';
	my @command = ('pg_amcheck', '--install-missing', '--heapallindexed', '--schema=public', $node->connstr('postgres'));
	return IPC::Run::run(\@command, '<', '/dev/null', '>', \$output, '2>&1') ? () : "pg_amcheck: $output";
}

sub tables_intact
{
	my ($node, $title) = @_;
	my @damage = damage($node);
	ok(!@damage, "$title: tables and indexes are intact") or diag @damage;
	return;
}

1;
