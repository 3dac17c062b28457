# Alteration.pm — something that a DBA does to the tables of the extension while messages leave and webhooks come, and what has to be true of it.
#
# Messages are enqueued before it, during it and after it was undone, and somebody writes to us. Nothing that was committed may be lost, nothing
# may be sent twice, and the server may not restart. A harmless one holds up nobody. One that makes the work impossible is told in the log, and
# all goes on by itself when it is undone.
package Alteration;

use strict;
use warnings;

use Exporter 'import';
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(begin_alterations alter_harmlessly alter_fatally each_table own_tables first_columns end_alterations);

my ($node, $sandbox, $started);
my $serial = 0;
my @tables;

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub begin_alterations
{
	($node) = @_;
	$sandbox = $node->{sandbox};
	$started = sql('SELECT pg_postmaster_start_time()');
	@tables = split /\n/, sql(q{SELECT c.relname FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
		JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extname = 'pg_whatsapp' AND c.relkind = 'r' ORDER BY 1});
	return;
}

sub own_tables { return @tables }

# SQL for each table, from a template with @T in it, or from a function of the table; an empty one is left out.
sub each_table
{
	my ($template, @some) = @_;
	my @statements = map { my $table = $_; ref $template ? $template->($table) : $template =~ s/\@T/$table/gr } @some ? @some : @tables;
	return join ";\n", grep { $_ } @statements;
}

# The first column of each table for which the condition on pg_attribute AS a holds, without those that a view, a trigger or a function names.
sub first_columns
{
	my ($condition) = @_;
	return map { split /\|/ } split /\n/, sql(qq{SELECT DISTINCT ON (c.relname) c.relname, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
		WHERE c.oid = ANY ('{@{[ join ',', @tables ]}}'::regclass[]) AND a.attnum > 0 AND NOT a.attisdropped AND ($condition)
		AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
			AND d.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass)) ORDER BY c.relname, a.attnum});
}

# Enqueues one by one, and returns the ids of those that were committed.
sub enqueue
{
	my ($prefix, $count) = @_;
	my $key = sub { $_[0] % 2 ? ", idempotency_key => '$prefix-$_[0]'" : '' };
	my $phone = sub { sprintf '+3461%03d%04d', $serial, $_[0] + 100 * ord(substr $prefix, -1) };
	my ($code, $out) = $node->psql('postgres', join("\n", map { "SELECT wa_send_po('A', '$prefix-$_', 1, '" . $phone->($_) . "'" . $key->($_) . ');' } 1 .. $count), on_error_stop => 0);
	return grep { /^\d+$/ } split /\n/, $out;
}

# True when it was stored; what was not is sent again, as by Meta.
sub write_to_us
{
	my ($prefix) = @_;
	my ($status, $body) = sandbox_post($sandbox, 'inbound', { from => '+34655555555', text => 'hola', id => "wamid.$prefix" });
	return $status == 200;
}

# All that was committed is READ, and the message to us is there.
sub wait_for_all
{
	my ($title, $prefix, @ids) = @_;
	my $list = join ',', @ids;
	my $state = '';
	my $query = qq{SELECT concat_ws(' ', (SELECT count(*) FROM whatsapp_messages WHERE id IN ($list) AND status = 'READ' AND wamid IS NOT NULL),
		(SELECT count(*) FROM whatsapp_queue), (SELECT count(*) FROM whatsapp_inbound WHERE wamid = 'wamid.$prefix'), (SELECT count(*) FROM whatsapp_event_queue))};
	my $done = eval {
		wait_for('', sub {
			# what was put off may be tried at once, as the documentation says
			(undef, $state) = $node->psql('postgres', "UPDATE whatsapp_event_queue SET due_at = now() WHERE due_at > now(); $query");
			$state eq scalar(@ids) . ' 0 1 0' });
	};
	is($state, scalar(@ids) . ' 0 1 0', "$title: all is sent, read and answered") or diag statuses($node), "\n",
	  sql("SELECT string_agg(concat_ws(' ', q.state, m.reference, m.status), ', ') FROM whatsapp_queue AS q LEFT JOIN whatsapp_messages AS m ON m.id = q.message_id"), "\n",
	  sql("SELECT string_agg(concat_ws(' ', id, reference, status, error_message), ', ') FROM whatsapp_messages WHERE id IN ($list) AND status <> 'READ'"), "\n",
	  sql("SELECT string_agg(concat_ws(' ', event_id, attempts, error_code, error_message), ', ') FROM whatsapp_event_queue");
	return;
}

sub check_books
{
	my ($title) = @_;
	is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], "$title: nothing is sent twice");
	return;
}

sub before
{
	my $prefix = 'ALTER-' . ++$serial;
	sandbox_set($sandbox, delay_ms => 250);
	my @ids = enqueue("$prefix-A", 4);
	wait_for('requests on the wire', sub {
		sandbox_get($sandbox, 'summary')->{in_flight} > 0 || sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$prefix-%' AND status <> 'PENDING'") });
	return ($prefix, @ids);
}

# do and undo: SQL, or functions. more: what is to be true meanwhile.
sub run_step { my ($step) = @_; ref $step ? $step->() : sql($step) if defined $step; return }

sub alter_harmlessly
{
	my ($title, $do, $undo, $more) = @_;
	my ($prefix, @ids) = before();
	run_step($do);
	sandbox_set($sandbox, delay_ms => 0);
	push @ids, enqueue("$prefix-B", 4);
	is(scalar @ids, 8, "$title: messages are taken");
	my $stored = write_to_us($prefix);
	wait_for('a webhook to be taken', sub { $stored ||= write_to_us($prefix) });
	wait_for_all($title, $prefix, @ids);
	$more->($prefix) if $more;
	run_step($undo);
	check_books($title);
	return;
}

# told: what a worker has to say in the log meanwhile (log_line_prefix begins with %b); or anybody, where only those who enqueue can notice.
sub alter_fatally
{
	my ($title, $do, $undo, $told, $anybody) = @_;
	$told = qr/^pg_whatsapp \w+\|[^\n]*?$told/m unless $anybody;
	my ($prefix, @ids) = before();
	my $from = -s $node->logfile;
	run_step($do);
	sandbox_set($sandbox, delay_ms => 0);
	push @ids, enqueue("$prefix-B", 4);
	my $stored = write_to_us($prefix);
	my $said = eval { wait_for('', sub { slurp_file($node->logfile, $from) =~ $told }) };
	ok($said, "$title: the log says what is wrong") or diag substr slurp_file($node->logfile, $from), -4000;
	run_step($undo);
	push @ids, enqueue("$prefix-C", 2);
	wait_for('a webhook to be taken', sub { $stored ||= write_to_us($prefix) });
	wait_for_all($title, $prefix, @ids);
	check_books($title);
	return;
}

sub end_alterations
{
	is(sql('SELECT pg_postmaster_start_time()'), $started, 'the server has not restarted');
	my $log = slurp_file($node->logfile);
	unlike($log, qr/was terminated by signal|PANIC:|server process .* exit code 2/, 'and nothing has crashed');
	return;
}

1;
