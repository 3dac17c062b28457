# docs/operating.md as it stands: each of its blocks is run on a cluster that was set up as docs/setup.md says, in the order of a long day, and what each
# runbook promises is seen. Other are only the folders, the ports, the service command, and what somebody pastes.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use HTTP::Tiny;
use IPC::Run ();
use JSON::PP;
use lib $FindBin::RealBin;
use Pages;
use PgWhatsapp;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $root = "$FindBin::RealBin/../..";
my $folder = PostgreSQL::Test::Utils::tempdir();
# an install of our own, which is taken away in the end
system_or_bail('cp', '-a', $ENV{PGWA_STAGE}, "$folder/stage");
my $node = new_cluster('runbooks', no_extension => 1, stage => "$folder/stage", environment => { map { $_ => '' } qw(WHATSAPP_ACCESS_TOKEN WHATSAPP_PHONE_NUMBER_ID
	WHATSAPP_BUSINESS_ACCOUNT_ID WHATSAPP_WEBHOOK_VERIFY_TOKEN WHATSAPP_APP_SECRET) }, conf => "max_worker_processes = 30\n");
my $sandbox = $node->{sandbox};
my $metrics = PostgreSQL::Test::Cluster::get_free_port();
my $user = getpwuid $>;
my $group = getgrgid $);

# ------------------------------------------------------------------------------------------------------------------- what is here instead

my %here = ('/etc/pg_whatsapp' => "$folder/secrets", '/etc/postgresql/15/main/conf.d' => $node->data_dir . '/conf.d', '-o postgres -g postgres' => "-o $user -g $group",
	'127.0.0.1:8008' => "127.0.0.1:$node->{listen}", '127.0.0.1:9188' => "127.0.0.1:$metrics", '/var/log/postgresql/postgresql-15-main.log' => $node->logfile,
	'make install' => "make install DESTDIR='$folder/stage'", 'make uninstall' => "make uninstall DESTDIR='$folder/stage'", 'shop.dump' => "$folder/shop.dump", '/etc/prometheus' => "$folder/prometheus", '\watch 2' => ';');
mkdir "$folder/$_" for qw(bin paste prometheus);
append_to_file("$folder/bin/sudo", qq{#!/bin/sh\nwhile [ "\$1" = -u ]; do shift 2; done\nexec "\$@"\n});
append_to_file("$folder/bin/systemctl", qq{#!/bin/sh\necho "\$*" >'$folder/reloaded'\n});
chmod 0755, "$folder/bin/$_" for qw(sudo systemctl);
$ENV{PATH} = "$folder/bin:$ENV{PATH}";
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;

# Lines to a shell in the source's folder, which the service command interrupts. What is pasted into put_secret stands in a file, or comes by a pipe.
sub shell_command { my ($lines) = @_; return [ 'bash', '-e', '-c', "cd '$root'\n" . adapt($lines, %here) =~ s{^put_secret ([\w/]+)(?=\s|\z)}{put_secret $1 <$folder/paste/$1}mgr ] }
sub run_shell
{
	my ($block) = @_;
	my $shown = '';
	for my $part (split /^(sudo pg_ctlcluster 15 main \w+)$/m, $block)
	{
		if ($part =~ /main restart$/) { $node->restart; next }
		my $out = '';
		IPC::Run::run(shell_command($part), '<', \undef, '>', \$out, '2>&1') or die "$part\nfails: $out";
		$shown .= $out;
	}
	return $shown;
}
sub paste { my ($name, $secret) = @_; unlink "$folder/paste/$name"; append_to_file("$folder/paste/$name", "$secret\n"); return }
sub sql { return $node->safe_psql('shop', $_[0]) }
sub run_sql { my ($block, $database) = @_; my ($out, $bad) = run_block($node, $database // 'shop', adapt($block, %here)); die "$block\nfails: $bad" if $bad; return $out }
sub run_text { my ($block) = @_; return $block->{language} eq 'sh' ? run_shell($block->{text}) : run_sql($block->{text}) }
sub wait_shop
{
	my ($query, $wanted, $database) = @_;
	$wanted //= 't';
	my $last = '';
	return 1 if eval { wait_for('', sub { $last = (try_psql_in($database // 'shop', $query))[1] // ''; $last eq $wanted }) };
	die "gave up waiting: $query is '$last', not '$wanted'\n";
}
sub try_psql_in { my ($database, $query) = @_; my @answer = eval { $node->psql($database, $query) }; return @answer ? @answer : (2, '', '') }
sub wait_status { my ($reference, $status) = @_; return wait_shop("SELECT count(*) > 0 AND bool_and(status = '$status') FROM whatsapp_messages WHERE reference LIKE '$reference'") }
sub paused { return sql(q{SELECT coalesce(string_agg(paused_reason, '; '), '') FROM whatsapp_senders}) }
sub workers { my ($database) = @_; return $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg\\_whatsapp %' AND datname = '$database'") }
sub is_logged { my ($block, $log) = @_; $log //= slurp_file($node->logfile); like($log, qr/\Q$_\E/, $_) for split /\n/, $block->{text}; return }

# ------------------------------------------------------------------------------------------------------ the blocks of the page, by heading

my %section = sections(page('docs/operating.md'));
my %blocks = map { $_ => [ blocks($section{$_}) ] } keys %section;
sub take { my ($heading) = @_; return shift @{ $blocks{$heading} // [] } // die "no block is left below \"$heading\"\n" }
sub walk { my ($heading) = @_; return run_text(take($heading)) }
# what stands between backticks in the text around
sub said_there { my ($heading, $code) = @_; die "\"$heading\" does not say: $code\n" if index($section{$heading}, "`$code`") < 0; return $code }

# --------------------------------------------------------------------------------------------------------------- set up as setup.md says

my %setup = map { $_->[0] => [ blocks($_->[1], qw(sh sql)) ] } do { my %s = sections(page('docs/setup.md')); map { [ $_, $s{$_} ] } keys %s };
mkdir $node->data_dir . '/conf.d';
$node->append_conf('postgresql.conf', "include_dir = 'conf.d'\n");
$node->adjust_conf('postgresql.conf', $_) for qw(shared_preload_libraries whatsapp.listen);
paste('access_token', 'sandbox-token');
paste('app_secret', 'sandbox-app-secret');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
run_text($setup{Credentials}[0]);
run_text($setup{Settings}[0]);
run_text($setup{'The extension'}[0]);
run_text($setup{Roles}[0]);
sql(q{CREATE ROLE shop LOGIN; GRANT whatsapp_sender TO shop; INSERT INTO whatsapp_accounts (name) VALUES ('north');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('north', 'north', '223456789');
	CREATE TABLE purchase_orders (supplier text, po_number text, total numeric, phone text); GRANT INSERT ON purchase_orders TO shop; CREATE SEQUENCE flow;
	SELECT wa_watch('purchase_orders', 'supplier', 'po_number', 'total', 'phone')});
wait_shop(q{SELECT bool_and(alive) FROM whatsapp_stat_workers});
sub order { my ($reference, $count) = @_; return sql("SELECT count(wa_send_po('Proveedor ABC', '$reference-' || i, 1250, '+3461' || lpad(i::text, 7, '0'))) FROM generate_series(1, $count) AS i") }
order('FIRST', 3);
wait_status('FIRST-%', 'READ');
pass('set up as setup.md says');

# --------------------------------------------------------------------------------------------------------- stop everything, and go on

my $stop = 'Stop everything, and go on';
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
order('BEFORE', 3);
wait_status('BEFORE-%', 'SENT');
walk($stop);
wait_shop('SHOW whatsapp.enabled', 'off');
order('MEANWHILE', 3);
wait_shop(q{SELECT count(*) FROM whatsapp_stat_queue WHERE state = 'sending'}, '0');
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
ok(eval { wait_status('BEFORE-%', 'READ') }, 'switched off: webhooks are taken');
is(sql(q{SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages WHERE reference LIKE 'MEANWHILE-%'}), 'PENDING', 'and nothing leaves');
walk($stop);
ok(eval { wait_status('MEANWHILE-%', 'READ') }, 'on again: what waited goes out');
my ($off, $on) = map { $_->[0] } statements(take($stop)->{text});
run_sql($off);
order('ONE', 2);
order('NEXT', 1);
wait_shop(q{SELECT oldest_due IS NOT NULL FROM whatsapp_stat_queue WHERE sender = 'default'});
is(sql(q{SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages WHERE reference LIKE 'ONE-%'}), 'PENDING', 'one sender is off');
run_sql($on);
ok(eval { wait_status('ONE-%', 'READ') }, 'and on');
is(walk($stop), "f\nf", 'wa_resume() of senders that do not pause');
sandbox_set($sandbox, token => 'of-tomorrow');
order('PAUSED', 1);
wait_for('a pause', sub { paused() ne '' });
sandbox_set($sandbox, token => 'sandbox-token');
my $until = sql(q{SELECT extract(epoch FROM paused_until) FROM whatsapp_senders WHERE name = 'default'});
run_sql(said_there($stop, 'SELECT pg_reload_conf()'));
ok(eval { wait_status('PAUSED-%', 'READ') } && time < $until, 'a reload makes senders that pause try at once');

# --------------------------------------------------------------------------------------------------------------------- stop a flood

my $flood = 'Stop a flood';
sql(q{UPDATE whatsapp_senders SET messages_per_second = 50 WHERE name = 'default'});
is(($node->psql('shop', q{INSERT INTO purchase_orders SELECT 'Proveedor ABC', 'FLOOD-' || i, 1, '+3462' || lpad(i::text, 7, '0') FROM generate_series(1, 3000) AS i},
		extra_params => [ '-U', 'shop' ]))[0], 0, 'three thousand orders by mistake');
wait_shop(q{SELECT count(*) > 5 FROM whatsapp_messages WHERE reference LIKE 'FLOOD-%' AND status = 'READ'});
walk($flood);
like(walk($flood), qr/^shop\|po_notification\|[^|]*\|ready\|2\d\d\d\|/, 'who did what');
is(run_sql(said_there($flood, q{SELECT wa_unwatch('purchase_orders')})), 't', 'the source is stopped');
wait_shop(q{SELECT count(*) FROM whatsapp_stat_queue WHERE state = 'sending'}, '0');
my $cancelled = walk($flood);
cmp_ok($cancelled, '>', 2000, "cancelled: $cancelled");
is(sql(q{SELECT count(*) FROM whatsapp_queue}), '0', 'none of them waits');
my @left = split /\n/, walk($flood);
is(scalar(@left) + $cancelled, 3000, 'the others are listed');
order('AFTER', 2);
wait_status('AFTER-%', 'READ');
is(scalar(grep { $_->{to} =~ /^\+?3462/ } @{ sandbox_get($sandbox, 'messages') }), scalar @left, 'and no more of them has left');
run_sql(said_there($flood, q{UPDATE whatsapp_senders SET messages_per_second = 1 WHERE name = 'default'}));
sql(q{UPDATE whatsapp_senders SET messages_per_second = NULL});

# ------------------------------------------------------------------------------------------------------- the token, while messages flow

append_to_file("$folder/flow.sql", q{SELECT wa_send_po('Proveedor ABC', 'FLOW-' || i, 1250, '+3463' || lpad(i::text, 7, '0')) FROM nextval('flow') AS i \watch 0.02} . "\n");
my $flow = IPC::Run::start([ 'psql', '-X', '-q', '-f', "$folder/flow.sql", '-d', $node->connstr('shop') ], '<', \undef, '>', "$folder/flow.log", '2>&1');
sub read_ones { return sql(q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'FLOW-%' AND status = 'READ'}) }
sub goes_on
{
	my ($title) = @_;
	my $before = read_ones();
	ok(eval { wait_for($title, sub { paused() ne '' || read_ones() >= $before + 20 }) } && paused() eq '', $title) or diag paused();
	return;
}
goes_on('messages flow');
my $summary = sandbox_get($sandbox, 'summary');
# the step is begun, nothing is pasted yet
sub slowly
{
	my ($block, $name, $secret, $meanwhile) = @_;
	unlink "$folder/paste/$name";
	mkfifo("$folder/paste/$name", 0600) or die $!;
	my $out = '';
	my $step = IPC::Run::start(shell_command($block->{text}), '<', \undef, '>', \$out, '2>&1');
	open my $pipe, '>', "$folder/paste/$name" or die $!;
	goes_on($meanwhile);
	print $pipe "$secret\n";
	close $pipe;
	ok($step->finish, "$name is in its place") or diag $out;
	return;
}
sandbox_set($sandbox, token => [ 'sandbox-token', 'of-tomorrow' ]);
slowly(take('Rotate the token'), 'access_token', 'of-tomorrow', 'the token is being pasted: messages go on');
my $pasted = time;
wait_for('the second in which it comes into use', sub { time > $pasted + 1.1 });
sandbox_set($sandbox, token => 'of-tomorrow');
goes_on('the old token is revoked: messages go on');
is(walk('Rotate the token'), '', 'no sender pauses');
like(run_sql(said_there('Rotate the token', q{SELECT wa_send_test('+34612345678');})), qr/^\d+$/, 'a message to oneself');
ok(eval { wait_status('wa_send_test', 'READ') }, 'goes to SENT, and on');
is(sandbox_get($sandbox, 'summary')->{refused}, $summary->{refused}, 'and no message was refused meanwhile');
# one that had expired before
sandbox_set($sandbox, token => 'of-next-week');
wait_for('a pause', sub { paused() ne '' });
paste('access_token', 'of-next-week');
run_text((blocks($section{'Rotate the token'}, 'sh'))[0]);
ok(eval { wait_for('the end of the pause', sub { paused() eq '' }) }, 'a new file ends the pause by itself');
goes_on('messages flow again');

# --------------------------------------------------------------------------------------------------------------------- the app secret

my $rotate = 'Rotate the app secret';
sub signed { my ($secret) = @_; my $body = '{"object":"whatsapp_business_account","entry":[]}'; return (curl('-X', 'POST', '-H', 'Content-Type: application/json', '-H', 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, $secret), '--data-binary', $body, webhook_url($node)))[0] }
walk($rotate);
my $last = run_sql(said_there($rotate, 'SELECT max(received_at) FROM whatsapp_events;'));
goes_on('webhooks signed with the old secret');
my $refused = sandbox_get($sandbox, 'summary')->{webhooks}{failed_attempts};
sandbox_set($sandbox, app_secret => 'of-this-year');
wait_for('one that is refused', sub { sandbox_get($sandbox, 'summary')->{webhooks}{failed_attempts} > $refused });
paste('app_secret', 'of-this-year');
walk($rotate);
goes_on('webhooks signed with the new one');
is(signed('sandbox-app-secret'), 200, 'the old one counts, too');
isnt(run_sql(said_there($rotate, 'SELECT max(received_at) FROM whatsapp_events;')), $last, 'webhooks come');
$flow->signal('TERM');
$flow->finish;
ok(eval { wait_status('FLOW-%', 'READ') }, 'no message and no webhook is lost') or diag statuses_of('FLOW-%');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'and none was sent twice');
run_shell(said_there($rotate, 'sudo rm /etc/pg_whatsapp/app_secret_previous'));
ok(eval { wait_for('the old secret', sub { signed('sandbox-app-secret') == 401 }) }, 'until it is removed');
my @files = grep { !/^total/ } split /\n/, walk($rotate);
is_deeply([ grep { !/^-rw------- 1 \Q$user\E / } @files ], [], 'every file: -rw------- and postgres') or diag join "\n", @files;
sub statuses_of { my ($reference) = @_; return sql("SELECT string_agg(status || ' ' || n, ', ') FROM (SELECT status, count(*) AS n FROM whatsapp_messages WHERE reference LIKE '$reference' GROUP BY 1) AS s") }

my $shown = walk('Change the verify token');
my ($token) = $shown =~ /^([0-9a-f]{64})$/m;
ok(eval { wait_for('the new token', sub { join(' ', curl(webhook_url($node) . "?hub.mode=subscribe&hub.verify_token=$token&hub.challenge=test123")) eq '200 test123' }) }, 'the new verify token');
is((curl(webhook_url($node) . '?hub.mode=subscribe&hub.verify_token=random-secret&hub.challenge=test123'))[0], 403, 'and no other');

# ------------------------------------------------------------------------------------------- copies: a dump, a test copy, a base backup

run_sql((blocks($section{$stop}, 'sql'))[0]->{text});
order('OLD', 2);
sql(q{UPDATE whatsapp_messages SET created_at = created_at - interval '2 hours' WHERE reference LIKE 'OLD-%'});
order('NEW', 2);
my $dump = 'Restore a dump';
walk($dump);
walk($dump);
walk('Make a test copy');
$node->backup('kept');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'kept');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'kept', has_streaming => 1);
$_->append_conf('postgresql.conf', "whatsapp.listen = ''\n") for $restored, $standby;
$restored->start;
wait_for('the restored cluster', sub { $restored->safe_psql('shop', 'SELECT count(*) FROM whatsapp_held') eq '4' });
is_logged(take('Restore a base backup, or to a point in time'), slurp_file($restored->logfile));
$restored->stop('immediate');
$standby->start;
$node->wait_for_catchup($standby);
$standby->safe_psql('shop', 'SELECT 1');
is($standby->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg\_whatsapp %'}), '0', 'a standby does not send');
run_sql((blocks($section{$stop}, 'sql'))[1]->{text});
$node->wait_for_catchup($standby);
$node->stop('immediate');
said_there('Failover', 'sudo pg_ctlcluster 15 main promote');
$standby->promote;
ok(eval { wait_for('the sender of the standby', sub { slurp_file($standby->logfile) =~ /begins in 60 s/ }) }, 'promoted, it waits for webhooks');
is_logged(take('Failover'), slurp_file($standby->logfile));
$standby->stop('immediate');

$node->start;
wait_status('NEW-%', 'READ');
$node->safe_psql('postgres', q{ALTER SYSTEM SET whatsapp.databases = 'shop, shop_restored, shop_test'});
$node->restart;
for my $copy (qw(shop_restored shop_test)) { wait_for("the workers of $copy", sub { workers($copy) >= 3 }); wait_shop('SELECT count(*) FROM whatsapp_held', '4', $copy) }
is_logged(take($dump));
is(run_sql(take($dump)->{text}, 'shop_restored') =~ s/\A(?:.*\|.*\n)+//r, "2\n2\n2", 'a restored dump: four are held, two are cancelled, two are let go');
ok(eval { wait_shop(q{SELECT string_agg(status, ' ' ORDER BY id) FROM whatsapp_messages WHERE reference ~ '^(OLD|NEW)-'}, 'CANCELLED CANCELLED SENT SENT', 'shop_restored') }, 'and sent');
my $accepted = sandbox_get($sandbox, 'summary')->{accepted};
is(run_sql(take('Make a test copy')->{text}, 'shop_test'), "4\n0", 'a test copy: four are discarded');
append_to_file($node->data_dir . '/conf.d/whatsapp.conf', take('Make a test copy')->{text});
$node->reload;
wait_shop(q{SELECT current_setting('whatsapp.allowed_recipients') <> ''});
run_sql(q{SELECT wa_send_po('A', 'TEST-1', 1, '+34612345678'), wa_send_po('A', 'TEST-2', 1, '+34600111222'), wa_send_po('A', 'TEST-3', 1, '+34600559999')}, 'shop_test');
ok(eval { wait_shop(q{SELECT string_agg(reference || ' ' || (status <> 'FAILED'), ', ' ORDER BY id) FROM whatsapp_messages WHERE reference LIKE 'TEST-%' AND status <> 'PENDING'},
	'TEST-1 false, TEST-2 true, TEST-3 true', 'shop_test') }, 'which then sends to its own phones alone');
is(sandbox_get($sandbox, 'summary')->{accepted}, $accepted + 2, 'nobody else got a message');

# ------------------------------------------------------------------------------------------------------------ upgrades, and every day

is(walk('After a crash or a long gap'), '', 'nothing is in doubt');
my $upgrade = 'Upgrade PostgreSQL 15 to 17';
# of these, only what needs no other version of the server: scripts/matrix does all
like(run_shell(take($upgrade)->{text} =~ s/^PG_MAJOR=17 scripts\/deps/$& --list/mr =~ s/^make (?=clean|PG_CONFIG)/echo /mgr =~ s/^sudo make install PG_CONFIG.*\n//mr), qr/^postgresql-server-dev-17$/m, 'what the new version needs');
my $commands = take($upgrade)->{text};
SKIP: { my @unknown = grep { !-x "/usr/bin/$_" } $commands =~ /sudo (pg_\w+)/g; skip 'not a Debian', 1 unless -x '/usr/bin/pg_lsclusters'; is_deeply(\@unknown, [], 'the commands of Debian are there') }
is(walk($upgrade) =~ s/^(\S+)\|\1$/same/mr, "0\nsame", 'after it: nothing is held, extension and library are of one version');
$node->safe_psql('postgres', q{CREATE DATABASE older});
$node->safe_psql('older', q{CREATE EXTENSION pg_whatsapp VERSION '1.0'});
walk('Upgrade the extension');
is(run_sql(take('Upgrade the extension')->{text}, 'older') =~ s/^1\.0\|\d.*$/due/r, 'due', 'the update is due');
run_sql(said_there('Upgrade the extension', 'ALTER EXTENSION pg_whatsapp UPDATE') . ';', 'older');
is(run_sql((blocks($section{'Upgrade the extension'}, 'sql'))[0]->{text}, 'older') =~ s/^(\S+)\|\1$/same/r, 'same', 'and done');
is(walk('Upgrade the extension') =~ tr/\n//, 3, 'each of the four roles has its level again');
wait_shop(q{SELECT bool_and(alive) FROM whatsapp_stat_workers});

walk('Prometheus');
ok(eval { wait_for('the door', sub { (HTTP::Tiny->new->get("http://127.0.0.1:$metrics/metrics")->{content} // '') =~ /^whatsapp_/m }) }, 'Prometheus finds its page');
# as the package leaves it; the service is none here
SKIP:
{
	my $copied = take('Prometheus');
	skip 'prometheus is not installed: scripts/deps metrics', 2 unless `sh -c 'command -v promtool'` =~ /\S/;
	like(run_shell($copied->{text}), qr/SUCCESS: 1 rule files found.*alerts\.yml\b.*SUCCESS/s, 'the files of Prometheus, copied to their places, are taken by it');
	is(slurp_file("$folder/reloaded"), "reload prometheus\n", 'and it is told to read them');
}
walk($_) for 'Watching', 'Watching', 'Key metrics', 'Many messages fail', 'Many people opt out';
my @asked = grep { !/…/ } map { /`(SELECT [^`]+ FROM [^`]+)`/g } map { s/^```.*?^```$//msgr } values %section;
my @failing = grep { ($node->psql('shop', "SET default_transaction_read_only = on; $_;"))[0] != 0 } @asked;
ok(@asked > 10 && !@failing, scalar(@asked) . ' queries between its lines run') or diag join "\n", @failing;
ok(walk('The log') =~ /WhatsApp sender has ended/, 'the log is found by its word');
is_logged(take('The log'));

my $old = sql(q{UPDATE whatsapp_messages SET created_at = now() - interval '800 days' WHERE reference LIKE 'FIRST-%'; SELECT count(*) FROM whatsapp_messages});
walk('Old rows');
ok(eval { wait_shop('SELECT count(*) FROM whatsapp_messages', $old - 3) }, 'messages that are too old are gone');
walk('Old rows');
sql(q{UPDATE whatsapp_messages SET created_at = date_trunc('month', now()) - interval '3 days' WHERE id IN (SELECT id FROM whatsapp_messages ORDER BY id LIMIT 2)});
walk('Old rows');
# in the first two hours of a month, the messages called OLD are of the month before, too
is(sql(q{SELECT count(*) FILTER (WHERE created_at = date_trunc('month', now()) - interval '3 days') || ' ' || count(DISTINCT tableoid) FROM archive.whatsapp_messages}), '2 1',
	'the month before is in the archive, in a partition of its own');
like(walk('Forget a person'), qr/\d/, 'a person is forgotten');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE recipient_phone = '+34612345678'}), '0', 'and known no more');
walk('Indexes of your own');
is(sql(q{SELECT count(*) FROM pg_index WHERE indrelid = 'whatsapp_messages'::regclass AND indisvalid}), '6', 'indexes of our own');

# --------------------------------------------------------------------------------------------------------------------------- removal

my $remove = 'Remove the extension';
sql(q{SELECT wa_watch('purchase_orders', 'supplier', 'po_number', 'total', 'phone')});
walk($remove);
like(($node->psql('shop', 'DROP EXTENSION pg_whatsapp'))[2], qr/purchase_orders/, 'while a table is watched, DROP EXTENSION names it');
walk($remove);
wait_for('the workers of shop to go', sub { workers('shop') == 0 });
pass('the workers of that database are gone');
cmp_ok(sql('SELECT count(*) FROM whatsapp_archive'), '>', 20, 'the archive stays');
is(sql('SELECT count(*) FROM purchase_orders'), '3000', 'and the table that was watched');
$node->safe_psql($_, 'DROP EXTENSION pg_whatsapp') for qw(shop_restored shop_test older);
walk($remove);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'pg\_whatsapp%'}), '0', 'no worker of ours');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_whatsapp'}), '0', 'no extension');
my $rest = `find '$folder/stage' -name '*whatsapp*' ! -type d`;
is($rest, '', 'no file of it');
ok(!-e "$folder/secrets", 'no secret');
is_deeply({ map { $_ => scalar @{ $blocks{$_} } } grep { @{ $blocks{$_} } } keys %blocks }, {}, 'no block of the page was passed over');
$node->stop('fast');
done_testing();
