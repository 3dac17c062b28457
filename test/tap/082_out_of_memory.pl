# Memory fails: the n-th allocation of a statement, for each n, and allocations of each worker by chance, alone and in rows. A session gets an
# error, a worker goes on or begins anew; no process dies of it, which would end every session of the server, and no message is lost or sent twice.
#
# A library that is loaded before the C++ one fails on order (failing_new.cpp). PGWA_SEED repeats a run.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use HTTP::Tiny;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{PGWA_SEED} || int(rand(1 << 30));
note "PGWA_SEED=$seed";

my $folder = PostgreSQL::Test::Utils::tempdir();
my $library = "$folder/failing_new.so";
system_or_bail($ENV{CXX} || 'c++', qw(-std=c++17 -O2 -shared -fPIC -o), $library, "$FindBin::RealBin/failing_new.cpp");
my $page = "$folder/order";
append_to_file($page, "\0" x 4096);

my $node = new_cluster('out_of_memory', conf => "whatsapp.clerk_idle_timeout = 1s\nwhatsapp.max_in_flight = 8\nmax_connections = 40\njit = off\n");
my $sandbox = $node->{sandbox};
$node->stop;
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{PGWA_FAILING_NEW} = $page;
	$node->start;
}
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub crashes { return scalar(() = slurp_file($node->logfile) =~ /was terminated by signal/g) }

# --------------------------------------------------------------------------------------------------------------------------------- orders

my $layout = 'l l q q q q q Q a64';
sub write_page { my ($bytes) = @_; open my $file, '+<:raw', $page or die "$page: $!"; syswrite $file, $bytes; close $file; return }
# first: this allocation of the process fails and the next ones (run); chance: one of so many, and up to run after it
sub give_order
{
	my ($title, %how) = @_;
	my @fields = ($how{run} || 1, $how{first} || 0, $how{chance} || 1, 0, 0, 0, $seed++, $title);
	write_page(pack $layout, 0, @fields);
	write_page(pack $layout, 1, @fields);
	return;
}
# the same, given by a line of a script of psql
sub prepare_order
{
	my ($title, %how) = @_;
	append_to_file("$page.next", pack $layout, 1, $how{run}, $how{first}, 1, 0, 0, 0, $seed, $title);
	return "\\! dd if=$page.next of=$page conv=notrunc status=none && rm $page.next";
}
sub lift_order { write_page(pack 'l', 0); my (undef, undef, undef, undef, $seen, $failed) = unpack $layout, slurp_file($page); return wantarray ? ($seen, $failed) : $failed }
sub failures { my @fields = unpack $layout, slurp_file($page); return $fields[5] }

# ------------------------------------------------------------------------------------------------------------------------------- sessions

sql(q{CREATE ROLE starved SUPERUSER LOGIN;
	CREATE TABLE orders (id int PRIMARY KEY, supplier text, po text, total numeric, currency text, phone text);
	SELECT wa_watch('orders', 'supplier', 'po', 'total', 'phone');
	CREATE TABLE deals (id int PRIMARY KEY, phone text, note text);
	SELECT wa_watch('deals', 'deal', ARRAY['new.note'], 'new.phone', on_error => 'reject');
	CREATE TABLE contacts (phone text);
	INSERT INTO contacts VALUES ('+34612345678'), ('612 345 678'), ('no phone at all')});
sub receive_by_sql
{
	my ($wamid) = @_;
	my $body = JSON::PP->new->canonical->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [
		{ field => 'messages', value => { metadata => { phone_number_id => '123456789', display_phone_number => '15550783881' },
			messages => [ { from => '34655555555', id => $wamid, timestamp => '1795336249', type => 'text', text => { body => 'A text that needs more room than a short string' } } ] } },
		{ field => 'message_template_components_update', value => { message_template_id => 123456789012, message_template_name => 'a_name_that_is_longer', message_template_language => 'es-ES',
			message_template_element => 'Hola {{1}}, su pedido llega', message_template_title => 'A title' } },
		{ field => 'user_preferences', value => { metadata => { phone_number_id => '123456789' }, user_preferences => [ { wa_id => '34655555556', category => 'marketing_messages', value => 'stop', timestamp => 1795336249 } ] } } ] } ] });
	return "SELECT wa_webhook_receive(convert_to('$body', 'UTF8'), 'sha256=" . hmac_sha256_hex($body, 'sandbox-app-secret') . "')";
}
my $later = q{send_at => now() + interval '1 hour'};
my %statement = (
	wa_send_po => qq{SELECT wa_send_po('Proveedor ABC', 'PO-1', 1250, '+34612345678', $later)},
	'many of it' => qq{SELECT count(wa_send_po('Proveedor ABC', 'PO-' || i, 1250, '+34612345678', $later)) FROM generate_series(1, 5) AS i},
	wa_send_text => qq{SELECT wa_send_text('+34612345678', 'A text that needs more room than a short string', $later)},
	wa_send_template => qq{SELECT wa_send_template('+34612345678', 'purchase_order_alert', ARRAY['a longer parameter than others', 'b', 'c'], $later)},
	wa_send_media => qq{SELECT wa_send_media('+34612345678', 'image', link => 'https://example.org/a/long/path/to/an/image.jpg', $later)},
	wa_send_location => qq{SELECT wa_send_location('+34612345678', 40.4168, -3.7038, name => 'A place with a rather long name', $later)},
	watch => q{INSERT INTO orders SELECT i, 'Proveedor ABC', 'PO-' || i, 10, 'EUR', '+34612345678' FROM generate_series(1, 3) AS i},
	'watch with expressions' => q{INSERT INTO deals SELECT i, '+34612345678', 'A note that is longer than a short string' FROM generate_series(1, 3) AS i},
	wa_send_bulk => q{SELECT * FROM wa_send_bulk(ARRAY['+34612345678', '+34612345679'], 'a_template_for_many', ARRAY['a longer parameter than others'])},
	wa_template_define => q{SELECT wa_template_define('{"name": "order_ready", "language": "es", "category": "UTILITY", "components": [{"type": "BODY", "text": "Su pedido está listo."}]}')},
	wa_phone_problem => q{SELECT wa_phone_problem('0034 612-345-678 ext 4, which is no number')},
	wa_normalize_phone => q{SELECT wa_normalize_phone('+34 612 345 678'), wa_phone_info('+34612345678'), wa_phone_time_zones('+34612345678')},
	wa_check_phones => q{SELECT count(*) FROM wa_check_phones('contacts', 'phone', 'ES')},
	wa_format_amount => q{SELECT wa_format_amount(1234567.89, 'EUR', 'es_ES')},
	wa_render_template => q{SELECT wa_render_template('Hola {{1}}, su pedido {{2}} llega', ARRAY['Proveedor ABC de Madrid', 'PO-1234567890'])},
	wa_template_check => q{SELECT count(*) FROM wa_template_check('{"name": "a_name_that_is_longer", "language": "es", "category": "UTILITY", "components": [{"type": "BODY", "text": "Hola {{1}}, su pedido llega.", "example": {"body_text": [["Ana"]]}}]}')},
	wa_keyword_key => q{SELECT wa_keyword_key('¡Dar de bája, por favor, a este número!')},
	wa_metrics => q{SELECT length(wa_metrics())},
	wa_report => q{SELECT length(wa_report())},
	wa_rates_import => q{SELECT wa_rates_import(E'Market,Marketing,Utility,Authentication,Service\nSpain,0.07,0.02,0.02,n/a', 'EUR', '2025-07-01')});
my $before = crashes();
for my $name (sort keys %statement)
{
	my ($met, $wrong, $n) = (0, '', 0);
	for my $run (1, 1_000_000)
	{
		for ($n = 1; !$wrong; $n += 1 + int($n / 10))
		{
			# what a library makes while it is loaded nobody can catch; the server asks for that memory before
			my $script = prepare_order(' starved ', first => $n, run => $run);
			my ($code, undef, $err) = try_psql($node, "SELECT wa_normalize_phone('+34612345678');\n$script\nBEGIN; $statement{$name}; ROLLBACK", extra_params => [ '-U', 'starved', '-v', 'VERBOSITY=sqlstate' ]);
			my $failed = lift_order();
			$met += $failed > 0;
			$wrong = "$n, $run, of which $failed failed: $code $err" if $failed ? $code != 0 && $err !~ /ERROR:  53200/ || $code == 2 : $code != 0;
			last if $failed == 0;
		}
	}
	ok($wrong eq '' && $met > 0, "$name: memory that fails is an error, up to allocation $n") or diag $wrong;
	wait_for('the server', sub { (try_psql($node, 'SELECT 1'))[0] == 0 });
}
is(crashes() - $before, 0, 'and no session died of it');

# -------------------------------------------------------------------------------------------------------------------------------- workers

sql(q{DELETE FROM whatsapp_queue; DELETE FROM whatsapp_messages});
my ($sent, $heard) = (0, 0);
my %load = (
	sender => sub { send_po($node, 20, prefix => 'S' . $sent); $sent += 20 },
	listener => sub {
		send_po($node, 10, prefix => 'L' . $sent);
		$sent += 10;
		hear() for 1 .. 3;
	},
	reader => sub { hear_by_sql() for 1 .. 3; hear() for 1 .. 5 },
	clerk => sub { sql('SELECT wa_request_template_sync(); SELECT wa_request_number_sync()') });
# as Meta does, until it is taken
sub hear
{
	$heard++;
	my $id = "wamid.HEARD$heard";
	wait_for("an answer to $id", sub {
		HTTP::Tiny->new->post("$sandbox->{url}/_sandbox/inbound", { content => encode_json({ from => '+34655555555', text => 'Si', id => $id }) })->{status} == 200;
	});
	return;
}
sub hear_by_sql { $heard++; return sql(receive_by_sql("wamid.HEARD$heard")) }
sub all_done
{
	return sql(q{SELECT (SELECT count(*) FROM whatsapp_messages WHERE status = 'READ') || ' ' || (SELECT count(*) FROM whatsapp_queue) || ' ' ||
		(SELECT count(*) FROM whatsapp_inbound WHERE wamid LIKE 'wamid.HEARD%') || ' ' || (SELECT count(*) FROM whatsapp_event_queue) || ' ' ||
		(SELECT count(*) FROM whatsapp_requests WHERE ended_at IS NULL)}) eq "$sent 0 $heard 0 0";
}
for my $worker (qw(sender listener reader clerk))
{
	my $crashed = crashes();
	my $failed = 0;
	# what the clerk asks again waits for the longer the more often it has failed
	for my $how ($worker eq 'clerk' ? ([ 60, 1 ], [ 8, 40 ]) : ([ 300, 1 ], [ 30, 20 ], [ 8, 1 ], [ 2, 4 ]))
	{
		my ($chance, $run) = @$how;
		give_order("pg_whatsapp $worker", chance => $chance, run => $run);
		my $most = $worker eq q{sender} ? 300 : 40;
		# what the listener refuses is brought again, so its load is made by the sandbox beside
		$load{$worker}->() unless $worker =~ /listener|reader/;
		$load{reader}->() if $worker eq 'reader';
		if ($worker eq 'listener')
		{
			send_po($node, 10, prefix => 'X' . $sent);
			$sent += 10;
			hear_by_sql() for 1 .. 3;
		}
		eval { local $PostgreSQL::Test::Utils::timeout_default = 5; wait_for('failures', sub { failures() >= $most || all_done() }) };
		$failed += lift_order();
		$load{listener}->() if $worker eq 'listener';
		my $done = eval { wait_for('everything', \&all_done) };
		ok($done, "$worker, one of $chance, $run in a row: everything is done in the end") or diag statuses($node), ' ',
		  sql(q{SELECT string_agg(concat_ws('|', state, due_at, attempts, last_error), E'\n') FROM whatsapp_queue}), sql(q{SELECT string_agg(r::text, E'\n') FROM whatsapp_requests AS r WHERE ended_at IS NULL});
	}
	cmp_ok($failed, '>', 5, "$worker: allocations have failed");
	is(crashes() - $crashed, 0, "$worker: it did not die of it");
	is(sql(q{SELECT string_agg(kind || ': ' || error_message, ', ') FROM whatsapp_requests WHERE state = 'failed'}), '', "$worker: no request failed for want of memory");
	is(sql(q{SELECT count(*) FROM whatsapp_events WHERE kind IN ('malformed', 'refused', 'foreign')}), '0', "$worker: no delivery was called bad");
	is(sql(q{SELECT count(*) FROM whatsapp_deliveries}), '0', "$worker: and none waits still");
	books_agree($node, $worker);
}

# ----------------------------------------------------------------------------------------------------------------------------- their starts

for my $worker (qw(sender listener))
{
	my $crashed = crashes();
	for my $first (1, 4, 16)
	{
		give_order("pg_whatsapp $worker", first => $first, run => 3);
		my $pid = sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp $worker'");
		wait_for("allocation $first of a new $worker", sub { failures() > 0 });
		lift_order();
	}
	$load{$worker}->();
	ok(eval { wait_for('everything', \&all_done) }, "$worker: it begins when there is memory again");
	is(crashes() - $crashed, 0, "$worker: none has died");
}
books_agree($node, 'at the end');
$node->stop;
done_testing();
