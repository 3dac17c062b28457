# What a user's trigger sees when a worker runs it: the planner's settings and time-outs of the database, not those of the worker. One that
# hangs is cancelled, and the others go on.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('user_code', conf => "whatsapp.trigger_timeout = '500ms'\nautovacuum = off\n");
my $url = webhook_url($node);

sub sql { return $node->safe_psql('postgres', $_[0]) }

# One that this database has and no worker: each would be seen if it were the worker's.
my %database = (lock_timeout => '7s', statement_timeout => '9s', enable_seqscan => 'on', enable_bitmapscan => 'on', enable_hashjoin => 'on',
	enable_mergejoin => 'on', plan_cache_mode => 'auto', jit => 'on', row_security => 'on');
# The server would end the worker: that one stays the worker's.
my %workers_own = sql('SHOW server_version_num') >= 170000 ? (transaction_timeout => '0') : ();
sql("ALTER DATABASE postgres SET $_ = '$database{$_}'") for sort keys %database;
sql("ALTER DATABASE postgres SET $_ = '8s'") for keys %workers_own;
%database = (%database, %workers_own);
my $names = join ', ', map { "'$_'" } sort keys %database;
sql(qq{
	CREATE TABLE suppliers (id integer, name text);
	INSERT INTO suppliers SELECT i, 'Proveedor ' || i FROM generate_series(1, 2000) AS i;
	CREATE TABLE invoices (supplier integer, total numeric);
	INSERT INTO invoices SELECT i % 2000 + 1, i FROM generate_series(1, 5000) AS i;
	ANALYZE suppliers, invoices;
	CREATE TABLE seen (worker text, event text, name text, value text);
	CREATE TABLE plans (worker text, line text);
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS \$\$
	DECLARE
		own text := (SELECT backend_type FROM pg_stat_activity WHERE pid = pg_backend_pid());
		line text;
	BEGIN
		INSERT INTO public.seen SELECT own, TG_OP, s.name, current_setting(s.name) FROM unnest(ARRAY[$names]) AS s (name);
		FOR line IN EXPLAIN SELECT count(*) FROM public.suppliers AS s JOIN public.invoices AS i ON i.supplier = s.id LOOP
			INSERT INTO public.plans VALUES (own, line);
		END LOOP;
		RETURN NEW;
	END \$\$});
# new sessions of workers see what the database says now
$node->restart;
wait_for('both workers', sub { PgWhatsapp::workers($node) == 2 });
sql(q{
	CREATE TRIGGER look AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION look();
	CREATE TRIGGER look AFTER INSERT ON whatsapp_inbound FOR EACH ROW EXECUTE FUNCTION look()});

sub inbound
{
	my $body = '{"object":"whatsapp_business_account","entry":[{"id":"987654321","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",'
	  . '"metadata":{"display_phone_number":"15550783881","phone_number_id":"123456789"},"contacts":[{"profile":{"name":"Ana"},"wa_id":"34600111222"}],'
	  . '"messages":[{"from":"34600111222","id":"wamid.IN' . $_[0] . '","timestamp":"' . time . '","type":"text","text":{"body":"hola"}}]}}]}]}';
	my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
	is((curl('-X', 'POST', '--data-binary', $body, '-H', 'Content-Type: application/json', '-H', $signature, $url))[0], 200, 'an inbound message is taken');
	return;
}

# a status that came before the sender has written the answer would leave it nothing to write
sandbox_set($node->{sandbox}, webhooks_paused => \1);
send_po($node, 3, prefix => 'SEEN');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'SENT'}, '3');
sandbox_set($node->{sandbox}, webhooks_paused => \0);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE status = 'READ'}, '3');
inbound(1);
wait_sql($node, 'SELECT count(*) FROM whatsapp_inbound', '1');

my @workers = map { "pg_whatsapp $_" } qw(listener reader sender);
is(sql('SELECT string_agg(DISTINCT worker, q ORDER BY worker) FROM seen, (VALUES (chr(124))) AS v (q)'), join('|', @workers), 'each worker has run the trigger');
for my $worker (@workers)
{
	my $values = sql("SELECT string_agg(DISTINCT name || '=' || value, ' ' ORDER BY name || '=' || value) FROM seen WHERE worker = '$worker'");
	is($values, join(' ', map { "$_=$database{$_}" } sort keys %database), "$worker: the trigger sees the database's own settings");
	is(sql("SELECT count(*) > 0 FROM plans WHERE worker = '$worker' AND line LIKE '%Hash Join%'"), 't', "$worker: the trigger's join is planned as anywhere else");
}

# Of the worker's own plans, and when the trigger is over: 025_plans looks at these. Here the settings of the session are as they were.
sql(q{DROP TRIGGER look ON whatsapp_messages;
	CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.reference = 'HANG-1' AND NEW.status = 'SENT' THEN PERFORM pg_sleep(600); END IF; RETURN NEW; END $$;
	CREATE TRIGGER hang AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION hang()});
my $log = -s $node->logfile;
send_po($node, 1, prefix => 'HANG');
wait_for('the trigger to be cancelled', sub { slurp_file($node->logfile, $log) =~ /canceling statement due to/ });
send_po($node, 5, prefix => 'NEXT');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'NEXT-%' AND status = 'READ'}, '5');
pass('others go on beside a trigger that hangs');
sql('DROP TRIGGER hang ON whatsapp_messages');
wait_sql($node, q{SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE reference = 'HANG-1'}, 't');
pass('and its message is settled by the webhooks when the trigger is gone');

# one that waits for a row that a session holds: the same
sub others_go_on { my ($prefix) = @_; send_po($node, 5, prefix => $prefix); return wait_sql($node, qq{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$prefix-%' AND status = 'READ'}, '5') }
sql(q{CREATE TABLE ledger (id integer PRIMARY KEY, seen integer); INSERT INTO ledger VALUES (1, 0);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.reference = 'HELD-1' THEN UPDATE public.ledger SET seen = seen + 1; END IF; RETURN NEW; END $$;
	CREATE TRIGGER note AFTER UPDATE OF status ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION note()});
my $holder = $node->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('BEGIN; UPDATE ledger SET seen = 0');
$log = -s $node->logfile;
send_po($node, 1, prefix => 'HELD');
wait_for('the trigger to be cancelled', sub { slurp_file($node->logfile, $log) =~ /canceling statement due to/ });
others_go_on('BESIDE');
pass('others are sent and read beside a trigger that waits for a row');
$holder->query_safe('COMMIT');
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'HELD-1'}, 'READ');
sql('DROP TRIGGER note ON whatsapp_messages');

# and so does a message that a session holds: its answer waits, and its statuses, with those of nobody else
my $sandbox = $node->{sandbox};
sandbox_set($sandbox, delay_ms => 1000);
$log = -s $node->logfile;
send_po($node, 1, prefix => 'LOCKED');
wait_for('a request on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 1 });
$holder->query_safe(q{BEGIN; SELECT FROM whatsapp_messages WHERE reference = 'LOCKED-1' FOR UPDATE});
sandbox_set($sandbox, delay_ms => 0);
wait_for('a sender that gives up waiting', sub { slurp_file($node->logfile, $log) =~ /WhatsApp sender: canceling statement due to lock timeout/ });
others_go_on('ALONGSIDE');
pass('others are sent and read beside a message that somebody holds');
is(sql(q{SELECT status FROM whatsapp_messages WHERE reference = 'LOCKED-1'}), 'PENDING', 'which is as it was');
$holder->query_safe('COMMIT');
$holder->quit;
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'LOCKED-1'}, 'READ');

books_agree($node, 'user code');
$node->stop('fast');
done_testing();
