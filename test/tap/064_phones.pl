# Phones as they are: the library for them is loaded by who asks and by nobody else, and a server without it sends all the same; what is recorded
# as refused can be sent to the right number; the number that Meta makes of ours stands beside it; a load of thousands with a few bad ones.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('phones');
my $sandbox = $node->{sandbox};
sub sql { return $node->safe_psql('postgres', $_[0]) }

# Of a process: the libraries that it has mapped.
sub mapped
{
	my ($pid) = @_;
	open my $maps, '<', "/proc/$pid/maps" or die "maps of $pid: $!";
	my %library;
	while (<$maps>) { $library{$1} = 1 if m{/(lib(?:phonenumber|protobuf)|pg_whatsapp_phone|pg_whatsapp)[^/]*\.so} }
	return join ' ', sort keys %library;
}

# ---------------------------------------------------------------------------------------------------------- the library, and who loads it

my $session = $node->background_psql('postgres');
sub ask { my $answer = $session->query_safe($_[0]); chomp $answer; return $answer }
my $pid = ask('SELECT pg_backend_pid()');
is(ask(q{SELECT wa_send_po('Proveedor ABC', 'first', 1250, '+34612345678') > 0 AND wa_phone_problem('612345678') IS NOT NULL}), 't', 'a message, a hint');
is(mapped($pid), 'pg_whatsapp', 'neither needs the library of the numbering plans');
is(ask(q{SELECT wa_normalize_phone('612 34 56 78', 'ES')}), '+34612345678', 'a number is asked for');
is(mapped($pid), 'libphonenumber libprotobuf pg_whatsapp pg_whatsapp_phone', 'now it is loaded');
$session->quit;
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'first'}, 'READ');
my @workers = split /\n/, sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_whatsapp%'});
is(scalar(grep { mapped($_) ne 'pg_whatsapp' } @workers), 0, 'no worker has it: ' . @workers . ' workers');
is(scalar(grep { /612345678|612 34 56 78/ && !/statement:/ } split /\n/, slurp_file($node->logfile)), 0, 'the library has written no number to the log');

# where the module is not installed, its functions say so, and the rest works
my $without = PostgreSQL::Test::Utils::tempdir();
chomp(my $libdir = `$ENV{PG_CONFIG} --pkglibdir`);
system('cp', "$ENV{PGWA_STAGE}$libdir/pg_whatsapp.so", $without) == 0 or die 'cp';
$node->append_conf('postgresql.conf', "dynamic_library_path = '$without:\$libdir'");
$node->restart;
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('pg_whatsapp sender', 'pg_whatsapp listener')}, '2');
SKIP:
{
	skip 'another installation of the module is in the server\'s own folder', 3 if -e "$libdir/pg_whatsapp_phone.so";
	my ($code, $out, $err) = $node->psql('postgres', q{\set VERBOSITY verbose
SELECT wa_normalize_phone('+34612345678')});
	like($err, qr/ERROR:  58P01: could not access file "pg_whatsapp_phone"/, 'without the module, the error names it');
	send_po($node, 1, prefix => 'without', phone => '+34612345679');
	wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'without-1'}, 'READ');
	pass('and messages are sent');
}
$node->append_conf('postgresql.conf', "dynamic_library_path = '$ENV{PGWA_STAGE}$libdir:\$libdir'");
$node->restart;
wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type IN ('pg_whatsapp sender', 'pg_whatsapp listener')}, '2');

# --------------------------------------------------------------------------------------------------------------- a load with bad numbers

sql(q{CREATE TABLE orders (id integer PRIMARY KEY, supplier text, total numeric, phone text, message bigint);
	INSERT INTO orders SELECT n, 'Proveedor ' || n, n, CASE WHEN n % 500 = 7 THEN '612 34 ' || lpad(n::text, 4, '0') WHEN n % 500 = 8 THEN NULL
	    ELSE '+34613' || lpad(n::text, 6, '0') END FROM generate_series(1, 3000) AS n});
my ($code, $out, $err) = $node->psql('postgres', q{UPDATE orders SET message = wa_send_po(supplier, 'order ' || id, total, phone)});
like($err, qr/DETAIL:  The number has spaces\. The message is for \S*007, with reference "order 7"\./, 'one bad number: the error says which');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'order %'}), '0', 'and the statement has done nothing');
sql(q{UPDATE orders SET message = wa_send_po(supplier, 'order ' || id, total, phone, on_error => 'record')});
wait_sql($node, q{SELECT string_agg(n || ' ' || status, ', ' ORDER BY status) FROM (SELECT m.status, count(*) AS n FROM orders AS o JOIN whatsapp_messages AS m ON m.id = o.message GROUP BY 1) AS s},
	'12 FAILED, 2988 READ');
is(sql(q{SELECT string_agg(DISTINCT error_message, ', ' ORDER BY error_message) FROM whatsapp_messages WHERE status = 'FAILED'}),
	'phone must not be null, phone number is not in E.164 format: the number has spaces.', 'recorded: each has its reason');
is(sql(q{SELECT count(*) FROM whatsapp_queue}), '0', 'the others are sent');

# mended: the number that is meant, and the message that was refused
is(sql(q{SELECT count(*) || ' ' || count(suggestion) FROM wa_check_phones('orders', 'phone', 'ES')}), '6 6', 'the rows that are wrong, and what is meant');
is(sql(q{WITH mended AS (UPDATE orders AS o SET phone = c.suggestion FROM wa_check_phones('orders', 'phone', 'ES') AS c WHERE o.id = (c.key ->> 'id')::integer RETURNING o.*)
	SELECT bool_and(wa_retry(message, phone)) FROM mended}), 't', 'each refused message is sent again, to the number that was meant');
wait_sql($node, q{SELECT count(*) FROM orders AS o JOIN whatsapp_messages AS m ON m.id = o.message AND m.recipient_phone = o.phone WHERE m.status = 'READ'}, '2994');
is(sql(q{SELECT (SELECT sum(failed) FROM whatsapp_day_counts) = (SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED')}), 't', 'counts are whole');

# ---------------------------------------------------------------------------------------------------- Brazil, Mexico, Argentina: two forms

my %meta = ('+5511961234567' => '551161234567', '+525512345678' => '5215512345678', '+541123456789' => '5491123456789', '+34612345670' => '34612345670');
for my $phone (sort keys %meta)
{
	send_po($node, 1, prefix => "form $phone", phone => $phone);
	wait_sql($node, qq{SELECT status FROM whatsapp_messages WHERE reference = 'form $phone-1'}, 'READ');
	is(sql(qq{SELECT recipient_phone || ' ' || wa_id FROM whatsapp_messages WHERE reference = 'form $phone-1'}), "$phone $meta{$phone}", "$phone stays, Meta's form is beside it");
	sandbox_post($sandbox, 'inbound', { from => $meta{$phone}, text => 'Hola' });
	wait_sql($node, qq{SELECT wa_window_open('$phone')}, 't');
	is(sql(qq{SELECT wa_window_open('+$meta{$phone}')}), 't', "a message from $meta{$phone} opens the window of both");
	sandbox_post($sandbox, 'inbound', { from => $meta{$phone}, text => 'STOP' });
	wait_sql($node, qq{SELECT count(*) FROM whatsapp_opt_outs WHERE contact = wa_contact_key('$phone') AND opted_out}, '1');
	for my $form ($phone, "+$meta{$phone}")
	{
		is(sql(qq{SELECT wa_send_po('Proveedor ABC', 'after STOP', 1, '$form', on_error => 'record') > 0}), 't', "STOP counts for $form");
	}
}
is(sql(q{SELECT string_agg(DISTINCT status || ' ' || split_part(error_message, ':', 1), ', ') FROM whatsapp_messages WHERE reference = 'after STOP'}),
	'FAILED recipient has opted out', 'and is recorded as the reason');
is(sql(q{SELECT count(*) FROM wa_check_phones('whatsapp_messages', 'recipient_phone') WHERE phone LIKE '+5%'}), '0', 'neither form is a bad number');

$node->stop;
done_testing();
