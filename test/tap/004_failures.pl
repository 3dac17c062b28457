# Errors of the platform and of the wire: what is retried, what fails, what pauses, and what each tells people.
use strict;
use warnings;

use FindBin;
use HTTP::Tiny;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir();
sub write_secret { my ($name, $content) = @_; open my $file, '>', "$folder/$name" or die; print $file "$content\n"; close $file; return }
write_secret('access_token', 'sandbox-token');

my $node = new_cluster('failures', conf => <<"CONF");
whatsapp.secret_dir = '$folder'
whatsapp.request_timeout = 3s
whatsapp.unknown_grace = 2s
whatsapp.max_attempts = 3
CONF
my $sandbox = $node->{sandbox};
sub message { my ($reference, $columns) = @_; return $node->safe_psql('postgres', "SELECT $columns FROM whatsapp_messages WHERE reference = '$reference-1'") }
sub wait_message { my ($reference, $columns, $expected) = @_; return wait_sql($node, "SELECT $columns FROM whatsapp_messages WHERE reference = '$reference-1'", $expected) }
sub attempts { my ($reference) = @_; return $node->safe_psql('postgres', "SELECT coalesce(string_agg(concat_ws(':', a.outcome, a.http_status, a.error_code), ' ' ORDER BY a.id), '') FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = '$reference-1'") }

# refused for good: one attempt, the reason and the cure, all that Meta said
my %refused = (131026 => qr/WhatsApp/, 132001 => qr/APPROVED in Meta Business Suite/, 132000 => qr/parameter/i, 131047 => qr/template/i);
for my $code (sort keys %refused)
{
	send_po($node, 1, phone => "+15550$code", prefix => "code$code");
	wait_message("code$code", q{status || ' ' || error_code || ' ' || attempts}, "FAILED $code 1");
	like(message("code$code", 'hint'), $refused{$code}, "$code: a hint");
	like(message("code$code", q{error_details ->> 'fbtrace_id'}), qr/./, "$code: the whole of what was said");
}
is(attempts('code131026'), 'refused:400:131026', 'the attempt is history');
$node->safe_psql('postgres', q{SELECT wa_send_template('+34612345678', 'no_such_template', reference => 'unknown_template-1')});
wait_message('unknown_template', q{status || ' ' || error_code}, 'FAILED 132001');

# transient: retried with a pause, and given up after whatsapp.max_attempts
send_po($node, 1, phone => '+15552000012', prefix => 'twice');
wait_message('twice', 'status', 'READ');
is(attempts('twice'), 'retry:500:131000 retry:500:131000', 'two failures, then success');
is(message('twice', q{concat_ws(' ', attempts, error_code, error_message)}), '3', 'and no error is left on the row');
send_po($node, 1, phone => '+15550131016', prefix => 'always');
wait_message('always', q{status || ' ' || attempts}, 'FAILED 3');
send_po($node, 1, phone => '+15552000013', prefix => 'pair');
wait_message('pair', 'status', 'READ');
is(attempts('pair'), 'throttle:400:131056', 'the pair limit is waited out');

# answers that are no answers
send_po($node, 1, phone => '+15552000003', prefix => 'reset_before');
send_po($node, 1, phone => '+15552000002', prefix => 'reset_after');
send_po($node, 1, phone => '+15552000014', prefix => 'empty_ok');
send_po($node, 1, phone => '+15552000001', prefix => 'no_answer');
wait_message($_, 'status', 'READ') for qw(reset_after empty_ok no_answer);
for my $number ('+15552000006', '+15552000007')
{
	send_po($node, 1, phone => $number, prefix => "gateway$number");
	wait_sql($node, "SELECT count(*) > 0 FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = 'gateway$number-1' AND a.outcome = 'retry' AND a.http_status >= 500 AND a.error_code IS NULL");
	is($node->safe_psql('postgres', "SELECT wa_cancel(id) FROM whatsapp_messages WHERE reference = 'gateway$number-1'"), 't', 'a gateway error is retried until somebody cancels');
}

# a reset before acceptance is tried again once webhooks have flowed without it; it never succeeds here
send_po($node, 1, prefix => 'flow');
wait_sql($node, q{SELECT count(*) > 1 FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = 'reset_before-1' AND a.outcome = 'unknown'});

# policy fail: at most once
$node->append_conf('postgresql.conf', 'whatsapp.unknown_policy = fail');
$node->reload;
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
send_po($node, 1, phone => '+15552000001', prefix => 'fail');
wait_message($_, q{status || ' ' || error_message}, 'FAILED outcome unknown: the request left, no answer and no status webhook came') for qw(fail reset_before);
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
wait_message('fail', q{concat_ws(' ', status, error_message, hint)}, 'READ');
pass('a late read corrects even that');

# a doubt whose row somebody has locked, to delete it say, keeps no other one waiting
$node->safe_psql('postgres', q{SELECT wa_send_po('A', 'doubt-' || i, 1, '+34612345678', send_at => now() + interval '1 day') FROM generate_series(1, 2) AS i;
	UPDATE whatsapp_queue AS q SET state = 'unknown', unknown_at = now() + interval '5 s' FROM whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference LIKE 'doubt-%'});
my $holder = $node->background_psql('postgres');
$holder->query_safe(q{BEGIN; SELECT 1 FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id WHERE m.reference = 'doubt-1' AND q.state = 'unknown' FOR UPDATE OF q});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'doubt-2'}, 'FAILED');
is(message('doubt', 'status'), 'PENDING', 'that of a row that is locked waits');
$holder->query_safe('ROLLBACK');
wait_message('doubt', 'status', 'FAILED');

# nor does one whose message somebody has locked: not a doubt, and nothing that expires
$node->safe_psql('postgres', q{SELECT wa_send_po('A', 'lock-' || i, 1, '+34612345678', send_at => now() + interval '1 day') FROM generate_series(1, 3) AS i;
	SELECT wa_send_po('A', 'expiring-' || i, 1, '+34612345678', send_at => now() + interval '1 day') FROM generate_series(1, 2) AS i});
$holder->query_safe(q{BEGIN; SELECT 1 FROM whatsapp_messages WHERE reference IN ('lock-1', 'expiring-1') FOR UPDATE});
$node->safe_psql('postgres', q{UPDATE whatsapp_queue AS q SET state = 'unknown', unknown_at = now() FROM whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference LIKE 'lock-%';
	UPDATE whatsapp_queue AS q SET due_at = now() - interval '1 hour', expires_at = now() - interval '10 min', paced = true FROM whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference LIKE 'expiring-%'});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'expiring-2'}, 'FAILED');
wait_sql($node, q{SELECT string_agg(status, ' ') FROM whatsapp_messages WHERE reference IN ('lock-2', 'lock-3')}, 'FAILED FAILED');
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.status = 'PENDING' AND m.reference IN ('lock-1', 'expiring-1')}), '2', 'those that are locked wait, with their rows in the queue');
$holder->query_safe('ROLLBACK');
wait_message($_, 'status', 'FAILED') for qw(lock expiring);

# and nothing that is locked keeps a sender from beginning
$node->safe_psql('postgres', q{SELECT wa_send_po('A', 'begin-' || i, 1, '+34612345678', send_at => now() + interval '1 day') FROM generate_series(1, 3) AS i;
	UPDATE whatsapp_queue AS q SET state = CASE m.reference WHEN 'begin-1' THEN 'sending' WHEN 'begin-2' THEN 'unknown' ELSE 'ready' END, unknown_at = CASE m.reference WHEN 'begin-2' THEN now() END, crashes = 3 FROM whatsapp_messages AS m WHERE m.id = q.message_id AND m.reference LIKE 'begin-%'});
$holder->query_safe(q{BEGIN; SELECT 1 FROM whatsapp_queue AS q JOIN whatsapp_messages AS m ON m.id = q.message_id WHERE m.reference LIKE 'begin-%' FOR UPDATE OF q});
my $log_before = -s $node->logfile;
my $sender_before = sender_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($sender_before)");
send_po($node, 1, prefix => 'beside_locks');
wait_message('beside_locks', 'status', 'READ');
isnt(sender_pid($node), $sender_before, 'another sender');
unlike(slurp_file($node->logfile, $log_before), qr/lock timeout/, 'it waited for nobody');
$holder->query_safe('ROLLBACK');
$holder->quit;
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'begin-2'}, 'FAILED');
is($node->safe_psql('postgres', q{SELECT status FROM whatsapp_messages WHERE reference = 'begin-3'}), 'PENDING', 'what only a beginning sender looks for is met by the next one');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . sender_pid($node) . ')');
wait_sql($node, q{SELECT error_message ~ 'three times' FROM whatsapp_messages WHERE reference = 'begin-3'}, 't');
wait_message('begin', 'status', 'FAILED');

# a proxy's page says nothing about the message, whatever its status is: it is tried again, and more often than whatsapp.max_attempts
sub fault { my (@faults) = @_; my ($status, $said) = sandbox_post($sandbox, 'faults', \@faults); die $said if $status != 200; return }
fault({ to => '+34612000407', times => 3, status => 407, body => 'html' });
send_po($node, 1, phone => '+34612000407', prefix => 'proxy');
wait_message('proxy', 'status', 'READ');
is(attempts('proxy'), 'retry:407 retry:407 retry:407', "a proxy's page is no verdict on the message");

# the token that was sent is hidden, whatever it looks like
fault({ to => '+34612000190', times => 1, code => 131026, message => 'not with sandbox-token, please' });
send_po($node, 1, phone => '+34612000190', prefix => 'echo');
wait_message('echo', q{status || ' ' || (error_message ~ '^not with ., please')}, 'FAILED true');
is(message('echo', q{position('sandbox-token' IN concat(error_message, hint, error_details))}), '0', 'nor does it stand in the details');

# a wait of years is one of a quarter of an hour, which can be seen and ended
fault({ to => '+34612000429', times => 1, status => 429, body => 'html', headers => { 'Retry-After' => '99999999999999999999999' } });
send_po($node, 1, phone => '+34612000429', prefix => 'years');
wait_sql($node, q{SELECT paused_until BETWEEN now() + interval '13 min' AND now() + interval '15 min' AND paused_hint ~ 'Retry-After' FROM whatsapp_senders WHERE name = 'default'}, 't');
is(message('years', q{status || ' ' || attempts}), 'PENDING 0', 'the message has its attempt back');
$node->safe_psql('postgres', q{SELECT wa_resume()});
wait_message('years', 'status', 'READ');

# the token is revoked: the sender pauses, no attempt is burnt, the API is left in peace; a new token ends it
sandbox_set($sandbox, token => 'second-token');
send_po($node, 20, prefix => 'revoked');
wait_sql($node, q{SELECT count(*) FROM whatsapp_senders WHERE name = 'default' AND paused_until > now() AND paused_reason <> '' AND paused_hint ~ 'permanent system user token'}, '1');
wait_sql($node, q{SELECT string_agg(DISTINCT concat_ws(' ', m.status, m.attempts, q.state, q.attempts), ', ') FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.reference LIKE 'revoked%'}, 'PENDING 0 ready 0');
pass('messages keep their attempts');
my $requests = sandbox_get($sandbox, 'summary')->{requests};
wait_turns($node);
is(sandbox_get($sandbox, 'summary')->{requests}, $requests, 'a paused sender is silent');
write_secret('access_token', 'second-token');
# the file is read again within a second; a probe that was earlier pauses again, so it is resumed until it holds
wait_for('the new token', sub { $node->safe_psql('postgres', q{SELECT wa_resume()});
	$node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'revoked%' AND status = 'READ'}) == 20 });

# by itself: a reload reads the secrets again and probes at once, with one message before the rest
sandbox_set($sandbox, token => 'third-token');
send_po($node, 20, prefix => 'probe');
wait_sql($node, q{SELECT count(*) FROM whatsapp_senders WHERE paused_until > now()}, '1');
write_secret('access_token', 'third-token');
$node->reload;
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'probe%' AND status = 'READ'}, '20');
is($node->safe_psql('postgres', q{SELECT paused_until IS NULL AND paused_reason IS NULL AND pauses = 0 FROM whatsapp_senders WHERE name = 'default'}), 't', 'success ends the pause');

# a secret that others may write is not used
chmod 0666, "$folder/access_token";
wait_turns($node);
send_po($node, 1, prefix => 'writable');
wait_sql($node, q{SELECT paused_reason FROM whatsapp_senders WHERE name = 'default'}, 'secret file "access_token" can be written by others than its owner');
chmod 0600, "$folder/access_token";
$node->reload;
wait_message('writable', 'status', 'READ');

# several senders: one that is paused does not hold up the other; an account of its own has its own secrets
mkdir "$folder/second";
write_secret('second/access_token', 'expired-token');
$node->safe_psql('postgres', q{
	INSERT INTO whatsapp_accounts (name, api_version) VALUES ('second', 'v24.0');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('bilbao', 'second', '123456789')});
$node->safe_psql('postgres', q{SELECT count(wa_send_po('A', 'bilbao-' || i, 1, '+34612345678', sender => 'bilbao')) FROM generate_series(1, 300) AS i});
wait_sql($node, q{SELECT paused_until > now() FROM whatsapp_senders WHERE name = 'bilbao'});
send_po($node, 1, prefix => 'other');
wait_message('other', 'status', 'READ');
write_secret('second/access_token', 'third-token');
$node->reload;
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'bilbao%' AND status = 'READ'}, '300');

# a server that is not there: nothing left, so it is tried again until it is, and no attempt limit counts
my $closed = PostgreSQL::Test::Cluster::get_free_port();
$node->append_conf('postgresql.conf', "whatsapp.api_base_url = 'http://127.0.0.1:$closed'");
$node->reload;
send_po($node, 1, prefix => 'unreachable');
wait_sql($node, q{SELECT count(*) > 1 FROM whatsapp_attempts AS a JOIN whatsapp_messages AS m ON m.id = a.message_id WHERE m.reference = 'unreachable-1' AND a.outcome = 'retry' AND a.http_status IS NULL});
$node->append_conf('postgresql.conf', "whatsapp.api_base_url = '$sandbox->{url}'");
$node->reload;
wait_message('unreachable', 'status', 'READ');

# answers that cannot be written because of somebody's lock are written when it goes, and nothing is sent twice meanwhile
my $blocker = $node->background_psql('postgres');
sandbox_set($sandbox, delay_ms => 1000, webhooks_paused => JSON::PP::true);
send_po($node, 5, prefix => 'blocked');
wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 5 });
$blocker->query_safe(q{BEGIN; LOCK TABLE whatsapp_messages IN EXCLUSIVE MODE});
wait_for('the sender to be refused', sub { slurp_file($node->logfile) =~ /ERROR:  WhatsApp sender: canceling statement due to lock timeout/ });
is($node->safe_psql('postgres', q{SELECT count(*) FROM whatsapp_queue WHERE state = 'sending'}), '5', 'blocked: the queue still says sending');
$blocker->query_safe(q{COMMIT});
$blocker->quit;
sandbox_set($sandbox, delay_ms => 0, webhooks_paused => JSON::PP::false);
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE reference LIKE 'blocked%' AND status = 'READ'}, '5');

books_agree($node, 'before a message is sent again on purpose');

# an answer that comes after a webhook had told of the failure, and after wa_retry(), says nothing about the new attempt
$node->append_conf('postgresql.conf', "whatsapp.request_timeout = 20s");
$node->reload;
# and to another number, whose messages would not wait for those to the first one
for ([ 'late', '', 'FAILED' ], [ 'moved', ", '+34655000111'", 'READ' ])
{
	my ($name, $to, $end) = @$_;
	sandbox_set($sandbox, delay_ms => 5000, webhooks_paused => JSON::PP::true);
	send_po($node, 1, prefix => $name, phone => '+15551131026');
	wait_for('the request on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 1 });
	my $late = (grep { $_->{parameters}[1] eq "$name-1" } @{ sandbox_get($sandbox, 'messages') })[0];
	my $failed = encode_json({ object => 'whatsapp_business_account', entry => [ { id => '1', changes => [ { field => 'messages', value => {
		metadata => { phone_number_id => '123456789' }, statuses => [ { id => $late->{wamid}, status => 'failed', timestamp => '1895336250', recipient_id => '15551131026',
		biz_opaque_callback_data => $late->{callback_data}, errors => [ { code => 131026, title => 'Message undeliverable' } ] } ] } } ] } ] });
	is((HTTP::Tiny->new->post("$sandbox->{url}/_sandbox/webhook", { content => $failed }))->{status}, 200, 'a failure by webhook, before the answer');
	wait_message($name, 'status', 'FAILED');
	$node->safe_psql('postgres', "SELECT wa_retry(id$to) FROM whatsapp_messages WHERE reference = '$name-1'");
	wait_turns($node);
	is(scalar(grep { $_->{parameters}[1] eq "$name-1" } @{ sandbox_get($sandbox, 'messages') }), 1, 'the new attempt waits for the old one to end');
	wait_for('the late answer', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 0 });
	sandbox_set($sandbox, delay_ms => 0, webhooks_paused => JSON::PP::false);
	wait_message($name, "status || ' ' || (wamid <> '$late->{wamid}')", "$end true");
	pass('the late answer left the new attempt alone');
	is(scalar(grep { $_->{parameters}[1] eq "$name-1" } @{ sandbox_get($sandbox, 'messages') }), 2, 'which was sent');
}
send_po($node, 1, prefix => 'behind', phone => '+34655000111');
wait_message('behind', 'status', 'READ');
pass('and its number has the next one');

# where a token may not travel
my ($code, $out, $err) = $node->psql('postgres', q{ALTER SYSTEM SET whatsapp.api_base_url = 'http://graph.example.org'});
like($err, qr/invalid value for parameter "whatsapp.api_base_url"/, 'plain http to another machine is refused');

# too old to be sent
$node->safe_psql('postgres', q{UPDATE whatsapp_senders SET enabled = false WHERE name = 'default'});
send_po($node, 1, prefix => 'old');
$node->safe_psql('postgres', q{UPDATE whatsapp_queue SET expires_at = now(); UPDATE whatsapp_senders SET enabled = true});
wait_message('old', q{status || ' ' || error_message}, 'FAILED expired: the message was not sent within its time');

$node->stop('fast');
done_testing();
