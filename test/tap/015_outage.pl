# The platform is down, in each way that there is: it is asked seldom, others go on, and afterwards everything leaves, once.
use strict;
use warnings;

use FindBin;
use List::Util qw(max);
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $slots = 16;
my $before = 6;
# an account has secrets of its own
my $secrets = PostgreSQL::Test::Utils::tempdir();
for my $folder ('.', 'elsewhere', 'nowhere')
{
	mkdir "$secrets/$folder";
	append_to_file("$secrets/$folder/access_token", 'sandbox-token');
	chmod 0600, "$secrets/$folder/access_token";
}
my $node = new_cluster('outage', sandbox => { arguments => [ map { ('--phone-number-id', $_) } 123456789, 201 ] },
	conf => "whatsapp.secret_dir = '$secrets'\nwhatsapp.max_connections = $slots\nwhatsapp.request_timeout = 2s\nwhatsapp.unknown_grace = 2s\nwhatsapp.max_attempts = 3\n");
my $sandbox = $node->{sandbox};
my $other = new_sandbox(webhook => webhook_url($node));
$node->append_conf('postgresql.conf', "whatsapp.account_base_urls = 'http://127.0.0.1:1, $other->{url}/'");
$node->reload;
$node->safe_psql('postgres', qq{
	INSERT INTO whatsapp_accounts (name, api_base_url) VALUES ('elsewhere', '$other->{url}'), ('nowhere', 'http://127.0.0.1:9');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('default', NULL, '123456789'), ('second', NULL, '201'), ('away', 'elsewhere', '123456789'), ('lost', 'nowhere', '123456789')});

sub enqueue { my ($prefix, $sender, $count) = @_; $node->safe_psql('postgres', "SELECT count(wa_send_po('A', '$prefix-' || i, 1, '+3461' || lpad(i::text, 7, '0'), sender => '$sender')) FROM generate_series(1, $count) AS i"); return }
sub all_sent { my ($prefix) = @_; return wait_sql($node, "SELECT string_agg(DISTINCT replace(replace(status, 'DELIVERED', 'SENT'), 'READ', 'SENT'), ' ') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", 'SENT') }
# webhooks flow, as they do where other messages are sent: what they do not name was not accepted
sub flow { send_po($node, 1, prefix => 'FLOW', sender => "'away'"); return 1 }
sub outage { return sandbox_get($sandbox, 'summary')->{outage} }

# a base URL that nobody with the right to do so has allowed: no token goes there, and it is said why
enqueue('LOST', 'lost', 1);
wait_sql($node, q{SELECT paused_reason || '|' || (paused_hint ~ 'whatsapp.account_base_urls') FROM whatsapp_senders WHERE name = 'lost'}, q{the account's base URL is not allowed|true});
is($node->safe_psql('postgres', q{SELECT status || ' ' || attempts FROM whatsapp_messages WHERE reference = 'LOST-1'}), 'PENDING 0', 'its messages wait');

# refuse goes unseen by the sandbox: what was tried is read from the attempts
for my $kind (500, 'reset', 'refuse', 'hang')
{
	my $seen = outage()->{requests};
	my $attempts = $node->safe_psql('postgres', q{SELECT coalesce(max(id), 0) FROM whatsapp_attempts});
	# on the wire when it begins: their answers come when the platform rests already, and open nothing
	sandbox_set($sandbox, delay_ms => 1000);
	enqueue("BEFORE$kind", 'default', $before);
	wait_for('the middle of a burst', sub { sandbox_get($sandbox, 'summary')->{in_flight} == $before });
	sandbox_set($sandbox, outage => $kind, delay_ms => 0);
	enqueue("DOWN$kind", $_, 200) for qw(default second);
	my $tried = sub {
		return outage()->{requests} - $seen unless $kind eq 'refuse';
		return $node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_attempts WHERE id > $attempts AND http_status IS NULL");
	};
	wait_for("$kind: the first failures", sub { $tried->() >= 10 });

	# another platform, meanwhile and with all that it can take
	enqueue("AWAY$kind", 'away', 300);
	all_sent("AWAY$kind");
	cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'DOWN$kind-%' AND status = 'PENDING'"), '==', 400, "$kind: another platform goes on");

	# probes: one at a time and ever more seldom
	my $burst = $tried->();
	my $probed = sub {
		return $tried->() > $burst + 1 if $kind eq 'refuse';
		my $outage = outage();
		my @at = @{ $outage->{at} }[ $seen .. $outage->{requests} - 1 ];
		return @at > 2 && $at[-1] - $at[-2] > 0.9 && $at[-2] - $at[-3] > 0.9;
	};
	wait_for("$kind: two probes, a rest before each", sub { flow() && $probed->() });
	cmp_ok($tried->(), '<=', 10 + $slots + 4, "$kind: few requests in an outage");

	sandbox_set($sandbox, outage => undef);
	wait_for("$kind: the end", sub { flow() && $node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '%$kind-%' AND status = 'PENDING'") eq '0' });
	all_sent("$_$kind") for qw(BEFORE DOWN);
	is($node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'DOWN$kind-%' AND status = 'FAILED'"), '0', "$kind: nothing failed, whatever whatsapp.max_attempts is");
	is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], "$kind: nothing was accepted twice");
}

# a platform that takes requests and is silent has no more than its share of the connections: while they hang, another one goes on
$node->append_conf('postgresql.conf', 'whatsapp.request_timeout = 8s');
$node->reload;
wait_turns($node);
my $known = $node->safe_psql('postgres', q{SELECT coalesce(max(id), 0) FROM whatsapp_attempts});
my $silent = outage()->{requests};
sandbox_set($sandbox, outage => 'hang');
enqueue('SILENT', 'default', 100);
wait_for('requests that hang', sub { outage()->{requests} >= $silent + $slots / 2 });
enqueue('BESIDE', 'away', 50);
all_sent('BESIDE');
is($node->safe_psql('postgres', "SELECT count(*) FROM whatsapp_attempts WHERE id > $known"), '0', 'before any of those that hang has been given up');
sandbox_set($sandbox, outage => undef);
wait_for('the end', sub { flow() && $node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'SILENT-%' AND status = 'PENDING'}) eq '0' });
all_sent('SILENT');

# allowed by a reload: the account's messages leave
my $late = new_sandbox();
$node->safe_psql('postgres', "UPDATE whatsapp_accounts SET api_base_url = '$late->{url}' WHERE name = 'nowhere'");
$node->append_conf('postgresql.conf', "whatsapp.account_base_urls = '$other->{url},$late->{url}'");
$node->reload;
all_sent('LOST');
is($node->safe_psql('postgres', q{SELECT coalesce(paused_reason, 'none') FROM whatsapp_senders WHERE name = 'lost'}), 'none', 'and its pause is over');
is(sandbox_get($late, 'summary')->{accepted}, 1, 'a base URL that is allowed by reload');

# nothing lost, nothing doubled, on all of the platforms
my %rows = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', q{SELECT wamid FROM whatsapp_messages});
my @book = map { @{ sandbox_get($_, 'messages') } } $sandbox, $other, $late;
is_deeply([ grep { !$rows{ $_->{wamid} } } @book ], [], 'all that was accepted is in the table');
is(scalar(@book), scalar(keys %rows), 'all that is in the table was accepted');
is_deeply([ map { @{ sandbox_get($_, 'summary')->{duplicates} } } $sandbox, $other, $late ], [], 'nothing was accepted twice');

$node->stop('fast');
done_testing();
