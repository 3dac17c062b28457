# A DBA's first day: what is off, wrong or refused says so where the DBA looks, with the cure. Row by row of what reports told of.
use strict;
use warnings;

use Encode qw(decode_utf8);
use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $secrets = PostgreSQL::Test::Utils::tempdir();
my $node = new_cluster('first', conf => "whatsapp.databases = 'postgres, shop'\nwhatsapp.secret_dir = '$secrets'\nlog_line_prefix = '%m [%p] %b|'\nmax_worker_processes = 20\n");
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql($_[1] // 'postgres', $_[0]) }
# what psql shows: answers, notices, errors
sub told { return join "\n", ($node->psql($_[1] // 'postgres', $_[0]))[ 1, 2 ] }
sub set_up { my ($name, $value) = @_; sql("ALTER SYSTEM SET $name = $value; SELECT pg_reload_conf()"); wait_sql($node, "SELECT setting FROM pg_settings WHERE name = '$name'", $value =~ s/^'|'$//gr) }
sub reason { my ($reference) = @_; return sql(qq{SELECT detail FROM wa_diagnose((SELECT id FROM whatsapp_messages WHERE reference = '$reference')) WHERE event ~ '^now'}) }
my $send = sub { my ($reference) = @_; return "SELECT wa_send_po('Proveedor ABC', '$reference', 1250, '+34612345678') IS NOT NULL" };

# 5.1: nobody sends, and that is said at the call and beside the message
sql('CREATE DATABASE unlisted');
like(told('CREATE EXTENSION pg_whatsapp', 'unlisted'), qr/WARNING:  no WhatsApp message is sent from this database yet\nDETAIL:  Database "unlisted" is not in whatsapp\.databases\./, '5.1 CREATE EXTENSION in a database that is not listed');
like(told($send->('A'), 'unlisted'), qr/WARNING:  WhatsApp messages are queued but nobody sends them\nDETAIL:  Database "unlisted"/, '5.1 and the call');
like(sql(q{SELECT detail FROM wa_diagnose(1) WHERE event ~ '^now'}, 'unlisted'), qr/is not in whatsapp\.databases/, '5.1 and the message');
set_up('whatsapp.enabled', 'off');
like(told($send->('OFF')), qr/DETAIL:  The setting whatsapp\.enabled is off\./, '5.1 switched off: the call');
like(reason('OFF'), qr/whatsapp\.enabled is off.*ALTER SYSTEM/, '5.1 and the message');
set_up('whatsapp.enabled', 'on');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'OFF'}, 'READ');

# 5.3: the default sender is a row
is(sql(q{WITH u AS (UPDATE whatsapp_senders SET enabled = false WHERE name = 'default' RETURNING 1) SELECT count(*) FROM u}), '1', '5.3 the default sender is a row');
like(told($send->('DISABLED')), qr/DETAIL:  Sender "default" is disabled\./, '5.1 sender disabled: the call');
like(reason('DISABLED'), qr/Sender default is disabled.*UPDATE whatsapp_senders/, '5.1 and the message');
sql(q{UPDATE whatsapp_senders SET enabled = true});

# 5.2: wrong number id, wrong token, no token: why, and what to do, by one query for the message
for my $trouble ([ 'phone_number_id', '999', qr/phone number id|number|100/i ], [ 'access_token', 'wrong-token', qr/token/i ], [ 'access_token', "\n", qr/access_token/ ])
{
	my ($name, $value, $wanted) = @$trouble;
	append_to_file("$secrets/$name", $value);
	chmod 0600, "$secrets/$name";
	# a file that has changed is in use within a second: what leaves before is READ
	my ($number, $why) = (0, '');
	ok(eval { wait_for('a reason', sub {
		sql($send->("TROUBLE-$name-" . length($value) . '-' . ++$number));
		$why = reason("TROUBLE-$name-" . length($value) . "-$number");
		return $why =~ $wanted && $why =~ /wa_resume/;
	}) }, "5.2 $name: " . ($why =~ s/ pauses until.*?: /: /r));
	unlink "$secrets/$name";
	sql('SELECT wa_resume()');
	ok(eval { wait_sql($node, q{SELECT bool_and(status = 'READ') FROM whatsapp_messages WHERE reference LIKE 'TROUBLE-%'}) }, '5.2 and it goes on');
}

# 5.4: a role that watches sees the workers, one that operates may look at what is held and opt people out
sql(q{CREATE ROLE watcher LOGIN; CREATE ROLE helper LOGIN; SELECT wa_grant('watcher', 'monitor'), wa_grant('helper', 'operator')});
is(told(q{SET ROLE watcher; SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg\_whatsapp %' AND state IS NOT NULL AND datname = 'postgres'}) =~ /^3/ ? 'all' : 'less', 'all', '5.4 monitor sees the workers');
is(told(q{SET ROLE watcher; SELECT count(*) FROM whatsapp_held}), "0\n", '5.4 and what is held');
is(told(q{SET ROLE helper; SELECT wa_opt_out('+34600999999')}), "t\n", '5.4 operator opts somebody out');

# 5.5: a refused message: a reason, and the way to the right phone
sql(q{CREATE TABLE orders (supplier text, po text, total numeric, phone text); SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone'); INSERT INTO orders VALUES ('A', 'BAD', 1, '612345678')});
my $bad = sql(q{SELECT id FROM whatsapp_messages WHERE reference = 'BAD'});
like(told("SELECT wa_retry($bad)"), qr/NOTICE:  message \d+ is not sent again\nDETAIL:  .*phone/s, '5.5 wa_retry() says why not');
like(told("SELECT wa_retry($bad, phone => '+34612345678')"), qr/^t/, '5.5 and sends it to the right phone');
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $bad", 'READ');

# 5.9: a watch that cannot be made says what to do, without a line of our SQL
sql('CREATE VIEW orders_view AS SELECT * FROM orders; CREATE TABLE people (phone text)');
like(told(q{SELECT wa_watch('orders_view', 'supplier', 'po', 'total', 'phone')}), qr/ERROR:  cannot watch "orders_view" because it is not a table/, '5.9 a view');
like(told(q{SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone')}), qr/ERROR:  table "orders" is watched already\nHINT:  Call wa_unwatch/, '5.9 a table that is watched already');
like(told(q{SELECT wa_watch('people', 'supplier', 'po', 'total', 'phone')}), qr/ERROR:  column "supplier"[^\n]*does not exist/, '5.9 a column that is not there');
unlike(told(q{SELECT wa_watch('people', 'supplier', 'po', 'total', 'phone')}) . told(q{SELECT wa_watch('orders_view', 'supplier', 'po', 'total', 'phone')}), qr/CONTEXT|CREATE TRIGGER|\$1/, '5.9 and no SQL of ours');

# 5.10a: a dump by the role that the documentation names; 5.10: columns of others are warned of
sql(q{CREATE ROLE keeper LOGIN; GRANT pg_read_all_data TO keeper});
$node->command_ok([ 'pg_dump', '-U', 'keeper', '-f', "$secrets/dump.sql", 'postgres' ], '5.10a a dump by a member of pg_read_all_data');
sql('ALTER TABLE whatsapp_messages ADD COLUMN mine text');
like(sql(q{SELECT seen || ' ' || to_do FROM wa_diagnose() WHERE problem = 'A dump cannot be restored'}), qr/^Columns that are not the extension's: whatsapp_messages\.mine\. .*table of your own/, '5.10 a column of yours is warned of');
sql('ALTER TABLE whatsapp_messages DROP COLUMN mine');
is(sql(q{SELECT count(*) FROM wa_diagnose() WHERE problem = 'A dump cannot be restored'}), '0', '5.10 and no other');
like(slurp_file("$FindBin::RealBin/../../docs/operating.md"), qr/### What a dump leaves out.*triggers.*indexes.*columns \| missing, and the rows of that table are not restored at all/s, '5.10 what a dump leaves out stands in the documentation');

# 5.11: in a schema of its own, as documented
sql('CREATE DATABASE shop');
my ($schema) = slurp_file("$FindBin::RealBin/../../docs/setup.md") =~ /```sql\n(CREATE SCHEMA whatsapp;.*?)```/s;
is(told($schema, 'shop'), "\n", '5.11 a schema of its own, as documented');
is(sql(q{SELECT wa_send_po('A', 'SCHEMA', 1, '+34612345678') IS NOT NULL}, 'shop'), 't', '5.11 and the search path finds it');
ok(eval { wait_for('the sender of shop', sub { sql(q{SELECT status FROM whatsapp_messages}, 'shop') eq 'SENT' }) }, '5.11 and it is sent');

# 5.12: for a terminal
is(sql(q{SELECT count(*) FROM whatsapp_stat_latency WHERE scale(p50) > 3 OR scale(p99) > 3}), '0', '5.12 latencies have three decimals at most');
is(sql(q{SELECT count(*) FROM whatsapp_top WHERE length(what) > 30 OR length(now) > 130}), '0', '5.12 whatsapp_top fits a screen');
sql(q{SELECT wa_send_po('A', repeat('long ', 30), 1, '+34612345678', on_error => 'record'), wa_send_po('A', 'BAD-PHONE', 1, 'my number is +34612345678', on_error => 'record')});
for my $query ('wa_help()', q{wa_help('wa_send_template')}, q{wa_help('whatsapp_messages')}, 'whatsapp_latest LIMIT 20', 'whatsapp_status')
{
	my $shown = decode_utf8(($node->psql('postgres', "SELECT * FROM $query", extra_params => [ '-P', 'format=aligned', '-P', 'tuples_only=off' ]))[1]);
	my ($width) = sort { $b <=> $a } map { length } split /\n/, $shown;
	ok($shown =~ /^ +\w+ +\|/ && $width <= 120, "5.12 $query is $width columns wide");
}

# 5.13: a test server messages nobody but its own phones; and what waits is discarded by one line
set_up('whatsapp.allowed_recipients', "'+34600111222'");
sql($send->('NOT-ALLOWED'));
ok(eval { wait_sql($node, q{SELECT status || ' ' || error_message FROM whatsapp_messages WHERE reference = 'NOT-ALLOWED'}, 'FAILED the recipient is not in whatsapp.allowed_recipients') }, '5.13 whatsapp.allowed_recipients');
sql(q{ALTER SYSTEM RESET whatsapp.allowed_recipients; SELECT pg_reload_conf()});
sql('UPDATE whatsapp_senders SET enabled = false');
sql(q{SELECT count(wa_send_po('A', 'WAITS-' || i, 1, '+34612345678')) FROM generate_series(1, 5) AS i});
my ($discard) = slurp_file("$FindBin::RealBin/../../docs/operating.md") =~ /(SELECT count\(\*\) FILTER \(WHERE wa_cancel\(id\)\) AS discarded FROM whatsapp_held;)/;
copy_database($node, 'postgres', 'copied');
sql(q{ALTER SYSTEM SET whatsapp.databases = 'postgres, shop, copied'});
wait_for('the workers again', sub { (try_psql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp sender' AND datname = 'postgres'}))[1] eq '1' });
$node->restart;
ok(eval { wait_for('the hold', sub { sql('SELECT count(*) FROM whatsapp_held', 'copied') eq '5' }) }, '5.13 what a copy would send is held') or diag told('SELECT * FROM whatsapp_held', 'copied');
is(sql($discard, 'copied'), '5', '5.13 and discarded by one line');

# 5.14: the indexes that support needs may be added, as documented
my ($indexes) = slurp_file("$FindBin::RealBin/../../docs/operating.md") =~ /```sql\n(CREATE INDEX CONCURRENTLY.*?)```/s;
is(told($_), "\n", "5.14 $_") for split /\n/, $indexes;
sql('UPDATE whatsapp_senders SET enabled = true');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'WAITS-%' AND status = 'READ'}, '5');
tables_intact($node, '5.14 with them');

# 5.7: a stop is quiet; what was held names its database
like(slurp_file($node->logfile), qr/WARNING:  pending WhatsApp messages are held: this database was restored or copied\n.*DETAIL:  Database "copied"\./, '5.7 the hold names its database');
my $from = -s $node->logfile;
$node->stop('fast');
my $stop = slurp_file($node->logfile, $from);
# psql may have ended before its server process has
unlike($stop =~ s/^.*\] client backend\|.*\n//mgr, qr/FATAL|ERROR|WARNING/, '5.7 a stop is quiet');
is(scalar(my @ended = $stop =~ /LOG:  WhatsApp sender has ended/g), 3, '5.7 and each sender says that it has ended');
like($stop, qr/CONTEXT:  WhatsApp sender of database "$_"/, "5.7 that of $_") for qw(postgres shop copied);
done_testing();
