# Ten libraries of others in the same server, loaded before ours and after it; a role that may not, creating the extension by pgextwlist; and a pooler in
# front, which gives each transaction another session.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $libdir = qx("$ENV{PG_CONFIG}" --pkglibdir));
my @missing = grep { !-f "$libdir/$_.so" } neighbour_libraries(), 'pgextwlist';
plan skip_all => "these are not installed (scripts/deps neighbours): @missing" if @missing;

sub order_and_read
{
	my ($node, $what) = @_;
	my $sandbox = $node->{sandbox};
	$node->safe_psql('postgres', q{
		CREATE TABLE IF NOT EXISTS orders (id serial PRIMARY KEY, supplier text, po text, total numeric, phone text);
		SELECT count(*) FROM (SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone') WHERE NOT EXISTS (SELECT FROM whatsapp_watches)) AS w;
		INSERT INTO orders (supplier, po, total, phone) SELECT 'ABC', 'PO-' || n, n, '+346' || lpad(n::text, 8, '0') FROM generate_series(10, 209) AS n;
		SELECT wa_send_po('ABC', 'PO-own', 10, '+34612345678');
		SELECT wa_send_template('+34612345679', 'order_update', ARRAY['1', '2'], 'en_US')});
	sandbox_post($sandbox, 'inbound', { from => '+34612345678', text => 'Hola' });
	wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '202');
	wait_sql($node, q{SELECT count(*) FROM whatsapp_inbound}, '1');
	$node->safe_psql('postgres', 'CALL wa_sync_templates()');
	is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE attempts <> 1}), '0', "$what: each message left once");
	books_agree($node, $what);
	my $log = slurp_file($node->logfile);
	unlike($log, qr/PANIC|server process .* was terminated|background worker .* exited with exit code [^0]/, "$what: nothing crashed");
	return $log;
}

for my $first (0, 1) {
	my ($libraries, $settings) = neighbour_settings($first ? 'after' : 'before');
	my $name = $first ? 'ours first' : 'ours last';
	my $node = new_cluster('neighbours' . $first, conf => "${settings}pgaudit.log = 'all'\nauto_explain.log_level = log\nshared_preload_libraries = '$libraries'\n");
	$node->safe_psql('postgres', "CREATE EXTENSION $_") for qw(pg_stat_statements pgaudit pg_cron pg_wait_sampling pg_stat_kcache pg_qualstats set_user pldbgapi);
	my $log = order_and_read($node, $name);
	like($log, qr/AUDIT: .*orders/, "$name: pgaudit sees the caller's statements");
	# pgaudit and auto_explain write parameters where they are told to: those of the caller's own statements, and nothing of what workers make of them
	my @of_workers = grep { /pg_whatsapp (?:sender|listener|reader|clerk)/ && /"text":|sandbox-token/ } split /\n/, $log;
	is_deeply(\@of_workers, [], "$name: no message of the workers in the log");
	if ($first) {
		# at the next full minute
		$node->safe_psql('postgres', q{SELECT cron.schedule('order', '* * * * *', $$SELECT wa_send_po('ABC', 'PO-cron', 10, '+34612345677', idempotency_key => 'cron')$$)});
		wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference = 'PO-cron' AND status = 'READ'}, '1');
		pass('a job of pg_cron sends');
	}
	$node->stop('fast');
}

# ---------------------------------------------------------------------------------------------------------------------------------- pgextwlist

my $node;
SKIP: {
	# it looks for the control file where the server was installed, and nowhere else
	chomp(my $sharedir = qx("$ENV{PG_CONFIG}" --sharedir));
	skip 'pg_whatsapp is not installed in the server\'s own folder, where pgextwlist looks', 3 unless -f "$sharedir/extension/pg_whatsapp.control";
	$node = new_cluster('managed', conf => "session_preload_libraries = 'pgextwlist'\nextwlist.extensions = 'pg_whatsapp'\nwhatsapp.databases = 'tenant'\n", no_extension => 1);
	$node->safe_psql('postgres', 'CREATE ROLE tenant LOGIN; CREATE DATABASE tenant OWNER tenant');
	my ($code, undef, $error) = $node->psql('tenant', 'CREATE EXTENSION pg_whatsapp', extra_params => [ '-U', 'tenant' ], on_error_stop => 1);
	is($code, 0, 'a role that is no superuser creates the extension by pgextwlist') or diag($error);
	$node->safe_psql('tenant', q{SELECT wa_grant('tenant', 'admin')});
	$node->safe_psql('tenant', q{SELECT wa_send_po('ABC', 'PO-1', 10, '+34612345678')}, extra_params => [ '-U', 'tenant' ]);
	$node->poll_query_until('tenant', q{SELECT count(*) = 1 FROM whatsapp_messages WHERE status = 'READ'}) or die 'the message';
	pass('and sends');
	(undef, undef, $error) = $node->psql('tenant', q{ALTER SYSTEM SET whatsapp.api_base_url = 'http://127.0.0.1:1'}, extra_params => [ '-U', 'tenant' ]);
	like($error, qr/permission denied|must be superuser/, 'but does not decide where messages go');
	$node->stop('fast');
}

# ---------------------------------------------------------------------------------------------------------------------------------- pgbouncer

SKIP: {
	my ($pgbouncer) = grep { -x } '/usr/sbin/pgbouncer';
	skip 'pgbouncer is not installed', 6 unless $pgbouncer;
	$node = new_cluster('pooled', sandbox => { arguments => [ map { ('--phone-number-id', $_) } 123456789, 223456789 ] });
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $user = getpwuid $<;
	append_to_file("$folder/users", "\"$user\" \"\"\n");
	append_to_file("$folder/pgbouncer.ini", "[databases]\n* = host=" . $node->host . ' port=' . $node->port . "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = $port\n"
		. "auth_type = trust\nauth_file = $folder/users\npool_mode = transaction\ndefault_pool_size = 3\nlogfile = $folder/log\npidfile = $folder/pid\nunix_socket_dir =\nadmin_users = $user\n"
		. "ignore_startup_parameters = extra_float_digits\n");
	system("$pgbouncer -d -q $folder/pgbouncer.ini") == 0 or die 'pgbouncer';
	my $through = sub {
		my ($sql) = @_;
		my $out = '';
		run_log([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', "host=127.0.0.1 port=$port dbname=postgres user=$user", '-c', $sql ], '>', \$out);
		chomp $out;
		return $out;
	};
	wait_for('the pooler', sub { $through->('SELECT 1') eq '1' });
	$node->safe_psql('postgres', q{CREATE TABLE orders (id serial PRIMARY KEY, supplier text, po text, total numeric, phone text);
		SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');
		INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('north', '223456789')});
	append_to_file("$folder/work.sql", <<'SQL');
\set n random(10000000, 99999999)
BEGIN;
INSERT INTO orders (supplier, po, total, phone) VALUES ('ABC', 'PO-' || :client_id || '-' || :n, 10, '+346' || :n);
SELECT wa_send_po('ABC', 'CALL-' || :client_id || '-' || :n, 10, '+346' || :n);
COMMIT;
BEGIN;
SET LOCAL whatsapp.default_sender = 'north';
SELECT wa_send_po('ABC', 'NORTH-' || :client_id || '-' || :n, 10, '+346' || :n);
COMMIT;
SQL
	run_log([ 'pgbench', '-n', '-f', "$folder/work.sql", '-c', '12', '-t', '25', '-h', '127.0.0.1', '-p', $port, '-U', $user, 'postgres' ]) or die 'pgbench';
	wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '900');
	is($node->safe_psql('postgres', q{SELECT string_agg(split_part(reference, '-', 1) || ' ' || sender || ' ' || count, ', ' ORDER BY reference) FROM
		(SELECT min(reference) AS reference, sender, count(*) FROM whatsapp_messages GROUP BY split_part(reference, '-', 1), sender) AS c}),
		'CALL default 300, NORTH north 300, PO default 300', 'through pgbouncer in transaction mode: each message by its sender, settings of one transaction reach no other');
	books_agree($node, 'pooled');
	is($through->(q{SELECT count(*) FROM whatsapp_stat_queue WHERE messages > 0}), '0', 'views can be read through it');
	my $cancelled = $through->(q{SELECT wa_cancel(wa_send_po('ABC', 'LATER', 10, '+34612345678', send_at => now() + interval '1 hour'))});
	is($cancelled, 't', 'a message is enqueued and cancelled');
	is($through->('CALL wa_sync_templates()'), '', 'a procedure that waits for Meta commits in the middle, in one session');
	kill 'INT', slurp_file("$folder/pid") + 0;
	$node->stop('fast');
}

done_testing();
