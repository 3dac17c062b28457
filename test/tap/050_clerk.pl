# The clerk: requests to Meta's API that are no message. Templates are read, made and deleted, files carried; an answer that is lost is found
# out by looking, a limit is a rest, and a copy of the database asks for nothing.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('clerk', conf => "whatsapp.clerk_idle_timeout = 2s\n");
my $sandbox = $node->{sandbox};
my $json = JSON::PP->new->canonical->utf8;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub clerks { return sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk'}) }
sub calls { my ($method, $edge) = @_; return scalar grep { $_->{method} eq $method && $_->{edge} eq $edge } sandbox_lines($sandbox, 'calls') }
sub all_calls { return scalar(my @calls = sandbox_lines($sandbox, 'calls')) }
sub of_request { my ($id, $columns) = @_; return sql("SELECT concat_ws('|', $columns) FROM whatsapp_requests WHERE id = $id") }
sub wait_request { my ($id, $state) = @_; return wait_sql($node, "SELECT state FROM whatsapp_requests WHERE id = $id", $state) }
# by a row, as add_request() makes it; the reader finds it
sub ask { my ($kind, $request) = @_; return sql("INSERT INTO whatsapp_requests (kind, request) VALUES ('$kind', '" . $json->encode($request) . "') RETURNING id") }
sub definition { my ($name) = @_; return { name => $name, language => 'es', category => 'UTILITY', components => [ { type => 'BODY', text => "Hola {{1}}, su pedido $name llega.", example => { body_text => [ ['Ana'] ] } } ] } }
sub fault { my (%fault) = @_; my ($status, $content) = sandbox_post($sandbox, 'faults', { edge => 'message_templates', %fault }); die $content if $status != 200; return }
sub error_of { my ($query, %options) = @_; my (undef, undef, $error) = $node->psql('postgres', $query, %options); return $error }

# ----------------------------------------------------------------------------------------------------------------------------- templates

sandbox_post($sandbox, 'templates', [ map { definition("bulk_$_") } 1 .. 589 ]);
sandbox_set($sandbox, most_on_page => 25);
sql(q{CALL wa_sync_templates()});
is(sql(q{SELECT concat_ws(' ', count(*), count(synced_at), count(template_id), count(gone_at)) FROM whatsapp_templates}), '600 600 600 0', '600 templates on pages of 25');
is(calls('GET', 'message_templates'), 24, 'by 24 calls');
is(sql(q{SELECT result FROM whatsapp_requests}), '{"gone": 0, "templates": 600}', 'and the request tells how many');
curl('-X', 'DELETE', '-H', 'Authorization: Bearer sandbox-token', "$sandbox->{url}/v25.0/987654321/message_templates?name=bulk_2");
sql(q{CALL wa_sync_templates()});
is(sql(q{SELECT string_agg(name || ' ' || status, ', ') FROM whatsapp_templates WHERE gone_at IS NOT NULL}), 'bulk_2 DELETED', 'one that has gone at Meta is marked');

my $id = ask('create_template', definition('made'));
wait_request($id, 'done');
is(sql(q{SELECT concat_ws(' ', status, category, template_id IS NOT NULL, jsonb_array_length(components)) FROM whatsapp_templates WHERE name = 'made'}), 'PENDING UTILITY t 1', 'a template is made');
wait_request($id = ask('create_template', definition('made')), 'failed');
is(of_request($id, 'error_code, http_status, attempts, error_message IS NOT NULL, hint IS NOT NULL'), '2388024|400|1|t|t', 'a refusal is final, and says why');
sandbox_post($sandbox, 'templates', [ { name => 'made', language => 'es', status => 'APPROVED' } ]);
my $template_id = sql(q{SELECT template_id FROM whatsapp_templates WHERE name = 'made'});
wait_request(ask('edit_template', { template_id => $template_id, components => [ { type => 'BODY', text => 'Otro' } ] }), 'done');
is(sql(q{SELECT components #>> '{0,text}' FROM whatsapp_templates WHERE name = 'made'}), 'Otro', 'edited');
wait_request(ask('delete_template', { name => 'made' }), 'done');
is(sql(q{SELECT status FROM whatsapp_templates WHERE name = 'made'}), 'DELETED', 'deleted');

# ---------------------------------------------------------------------------------------------------------------------- answers that are lost

my $posts = calls('POST', 'message_templates');
fault(cut => 'reset', accept => JSON::PP::true);
wait_request($id = ask('create_template', definition('lost')), 'done');
is(of_request($id, q{attempts, looks, result ->> 'status', error_message IS NULL}), '1|1|PENDING|t', 'a create whose answer was lost is found by a look');
is(calls('POST', 'message_templates') - $posts, 1, 'and not asked for twice');
fault(cut => 'reset', accept => JSON::PP::false);
wait_request($id = ask('delete_template', { name => 'bulk_3' }), 'unknown');
is(of_request($id, 'attempts, error_message IS NOT NULL'), '1|t', 'one that never arrived is in doubt, too');
sql("DELETE FROM whatsapp_requests WHERE id = $id");

my $sender = sender_pid($node);
fault(delay_ms => 60000, accept => JSON::PP::true);
$id = ask('create_template', definition('killed'));
wait_for('the call', sub { calls('POST', 'message_templates') - $posts >= 2 });
kill 'KILL', sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk'});
wait_restart($node, $sender);
wait_request($id, 'done');
is(of_request($id, 'attempts, looks'), '1|1', 'nor is one whose clerk was killed while it waited');
is((grep { $_->{name} eq 'killed' } @{ $json->decode((curl('-H', 'Authorization: Bearer sandbox-token', "$sandbox->{url}/v25.0/987654321/message_templates?name=killed"))[1])->{data} }) + 0, 1, 'Meta has it once');

# --------------------------------------------------------------------------------------------------------------------------------- limits

sandbox_set($sandbox, graph_calls_per_hour => all_calls() + 5);
$id = sql(q{SELECT wa_request_template_sync()});
wait_sql($node, "SELECT error_code FROM whatsapp_requests WHERE id = $id", '80007');
is(of_request($id, q{state, attempts, due_at > now() + interval '10 min'}), 'waiting|0|t', 'at the limit a request waits as long as Meta says, and that is no attempt');
my $before = all_calls();
my $number = sql(q{SELECT wa_request_number_sync()});
wait_for('the clerk to rest', sub { sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk' AND wait_event_type IS NULL}) eq '0' });
is(of_request($number, 'state'), 'waiting', 'nor is another one of the account asked');
is(all_calls(), $before, 'no call was made meanwhile');
sandbox_set($sandbox, graph_calls_per_hour => 0);
sql(q{SELECT pg_reload_conf(); UPDATE whatsapp_requests SET due_at = now() WHERE ended_at IS NULL});
wait_request($_, 'done') for $id, $number;
is(sql(q{SELECT concat_ws('|', phone_number_id, quality, throughput_level, messaging_limit, name_status) FROM whatsapp_numbers}), '123456789|GREEN|STANDARD|TIER_2K|APPROVED', 'the numbers');
is(sql(q{SELECT concat_ws('|', business_account_id, currency, country) FROM whatsapp_business_accounts}), '987654321|EUR|ES', 'and their account');

# whether Meta lets them send
is(sql(q{SELECT health ->> 'can_send_message' FROM whatsapp_numbers}), 'AVAILABLE', 'and Meta lets them send');
sandbox_set($sandbox, health => 'BLOCKED');
sql('CALL wa_sync_numbers()');
is(sql(q{SELECT count(*) FROM wa_diagnose() WHERE problem = 'Meta says that it cannot send all' AND severity = 'critical'
	AND seen ~ 'is BLOCKED: (PHONE_NUMBER|WABA) BLOCKED There is no valid payment method\\.\\.$' AND to_do ~ '^Add one in WhatsApp Manager\\. As of '}), '2', 'or says why not, and what to do');
sandbox_set($sandbox, health => 'AVAILABLE');
sql('CALL wa_sync_numbers()');
is(sql(q{SELECT count(*) FROM wa_diagnose() WHERE problem ~ 'cannot send all'}), '0', 'until it does again');

# ---------------------------------------------------------------------------------------------------------------------------------- files

sub uploads { return calls('POST', 'media') }
my $upload = q{SELECT wa_upload_media('%PDF-1.4 of an order', 'application/pdf', 'order "1".pdf')};
my $file = sql($upload);
wait_sql($node, "SELECT state FROM whatsapp_media WHERE id = $file", 'ready');
is(sql("SELECT concat_ws('|', media_id IS NOT NULL, expires_at > now() + interval '28 days') FROM whatsapp_media WHERE id = $file"), 't|t', 'a file is uploaded, and Meta keeps it for a while');
is(sql($upload) . ' ' . uploads(), "$file 1", 'the same bytes once');
# a message that names a file leaves when Meta has it
sandbox_set($sandbox, open_window => '*');
sql(q{INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) VALUES ('34612345678', 'default', now())});
fault(edge => 'media', delay_ms => 60000, accept => JSON::PP::false, code => 100);
my $late = sql(q{SELECT wa_upload_media('%PDF-1.4 late', 'application/pdf')});
my $message = sql("SELECT wa_send_media('+34612345678', 'document', media => $late)");
is(sql("SELECT status FROM whatsapp_messages WHERE id = $message"), 'PENDING', 'a message waits for its file');
$sender = sender_pid($node);
kill 'KILL', sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk'});
wait_restart($node, $sender);
wait_sql($node, "SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE id = $message");
is(sql("SELECT payload #>> '{document,id}' = media_id FROM whatsapp_messages AS m, whatsapp_media AS f WHERE m.id = $message AND f.id = $late"), 't', 'and names it by the id that Meta gave');
fault(edge => 'media', code => 100);
$message = sql(q{SELECT wa_send_media('+34612345678', 'document', media => wa_upload_media('%PDF-1.4 refused', 'application/pdf'))});
wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $message", 'FAILED');
like(sql("SELECT error_message FROM whatsapp_messages WHERE id = $message"), qr/its file could not be uploaded/, 'and fails when that cannot be uploaded');
like(error_of("SELECT wa_retry($message)"), qr/the upload of file \d+ failed/, 'it is not sent again without its file');
sql(q{SELECT wa_upload_media('%PDF-1.4 refused', 'application/pdf')});
is(sql("SELECT wa_retry($message)"), 't', 'but once that is uploaded after all');
wait_sql($node, "SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE id = $message");
# Meta keeps a file for 30 days: a retry after that uploads it again, also when another message has done so before
sandbox_set($sandbox, open_window => '*');
sql(q{INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) SELECT '3461234567' || n, 'default', now() FROM generate_series(1, 3) AS n});
fault(edge => 'messages', code => 131053, times => 3);
my @lapsed = map { sql(qq{SELECT wa_send_media('+3461234567$_', 'document', media => $file)}) } 1 .. 3;
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE status = 'FAILED' AND id IN (" . join(', ', @lapsed) . ')', 3);
my $lapsed_id = sql("UPDATE whatsapp_media SET expires_at = now() - interval '1 day' WHERE id = $file RETURNING media_id");
my $uploads_before = uploads();
sql("SELECT wa_retry($lapsed[0]), wa_retry($lapsed[1])");
wait_sql($node, "SELECT count(*) FROM whatsapp_messages WHERE status IN ('SENT', 'DELIVERED', 'READ') AND id IN ($lapsed[0], $lapsed[1])", 2);
sql("SELECT wa_retry($lapsed[2])");
wait_sql($node, "SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE id = $lapsed[2]");
is(uploads() - $uploads_before, 1, 'a file that has lapsed at Meta is uploaded again, once, when its messages are retried');
is(sql("SELECT count(*) FROM whatsapp_messages AS m, whatsapp_media AS f WHERE f.id = $file AND m.payload #>> '{document,id}' = f.media_id AND m.id IN (" . join(', ', @lapsed) . ')'), 3, 'and they name it by its new id');
is(sql("SELECT lapsed_media_ids = ARRAY['$lapsed_id'] FROM whatsapp_media WHERE id = $file"), 't', 'the old one is remembered');

# a document in the header of an order's template
sandbox_post($sandbox, 'templates', { name => 'po_notification', language => 'es', category => 'UTILITY', components => [ { type => 'HEADER', format => 'DOCUMENT' },
	{ type => 'BODY', text => 'Hola {{1}}, has recibido una nueva orden de compra {{2}} por un total de {{3}}.' } ] });
sql('CALL wa_sync_templates()');
my $order = sql(q{SELECT wa_send_po('Proveedor ABC', 'PO-2024-077', '€1,250.00'::text, '+34612345678', document => wa_upload_media('%PDF-1.4 PO-77', 'application/pdf'))});
wait_sql($node, "SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE id = $order");
is(sql(qq{SELECT concat_ws('|', m.payload #>> '{template,components,0,type}', m.payload #>> '{template,components,0,parameters,0,document,id}' = f.media_id,
	m.payload #>> '{template,components,0,parameters,0,document,filename}', m.payload #>> '{template,components,1,parameters,2,text}')
	FROM whatsapp_messages AS m, whatsapp_media AS f WHERE m.id = $order AND f.id = (SELECT max(id) FROM whatsapp_media WHERE origin = 'upload')}),
	'header|t|PO-2024-077.pdf|€1,250.00', 'an order goes with its document');

fault(edge => 'media', cut => 'reset', accept => JSON::PP::true);
my $uploads = uploads();
my $image = sql(q{SELECT wa_upload_media('\x89504e470d0a1a0a0000', 'image/png')});
wait_sql($node, "SELECT state FROM whatsapp_media WHERE id = $image", 'ready');
is(uploads() - $uploads, 2, 'an upload may be repeated');

sandbox_post($sandbox, 'media', { id => "M$_", mime_type => 'image/png', content => 'bytes of a picture' }) for 1 .. 3;
my $digest = sql(q{SELECT encode(sha256('bytes of a picture'), 'base64')});
sql(qq{INSERT INTO whatsapp_inbound (received_at, occurred_at, sender, wamid, message_type, media_id, sha256, opens_window, event_id, raw)
	SELECT now(), now(), 'default', 'wamid.' || n, 'image', 'M' || n, CASE n WHEN 2 THEN encode(sha256('other'), 'base64') ELSE '$digest' END, true, 1, '{}' FROM generate_series(1, 3) AS n});
sub inbound { return sql("SELECT id FROM whatsapp_inbound WHERE wamid = 'wamid.$_[0]'") }
sql('CALL wa_download_media(' . inbound(1) . ')');
is(sql(q{SELECT concat_ws('|', state, convert_from(content, 'UTF8'), mime_type, size) FROM whatsapp_media WHERE inbound_id = } . inbound(1)), 'ready|bytes of a picture|image/png|18', 'the file of an inbound message is fetched');
like(error_of('CALL wa_download_media(' . inbound(2) . ')'), qr/the file is another one than Meta has announced/, 'but not another one than the webhook told');
my $port = $sandbox->{port};
sandbox_set($sandbox, media_host => "http://localhost:$port");
like(error_of('CALL wa_download_media(' . inbound(3) . ')'), qr/the file lies on a host that is not allowed/, 'and from no host that nobody has named');
is(sql(q{SELECT state || ' ' || (content IS NULL) FROM whatsapp_media WHERE inbound_id = } . inbound(3)), 'failed true', 'nothing is kept of it');
sql(qq{ALTER SYSTEM SET whatsapp.media_hosts = 'localhost:$port'});
sql(q{ALTER SYSTEM SET whatsapp.max_media_size = '1kB'; SELECT pg_reload_conf()});
sandbox_set($sandbox, media_url_seconds => -1);
$id = sql('SELECT wa_request_media_download(' . inbound(3) . ')');
wait_sql($node, "SELECT attempts > 0 AND http_status = 404 FROM whatsapp_requests WHERE id = $id");
sandbox_set($sandbox, media_url_seconds => 300);
wait_request($id, 'done');
pass('an address that has lapsed is asked for again, from a host that is named');
sandbox_post($sandbox, 'media', { id => 'M1', mime_type => 'image/png', content => 'x' x 1025 });
sql(q{UPDATE whatsapp_media SET state = 'failed' WHERE inbound_id = } . inbound(1));
like(error_of('CALL wa_download_media(' . inbound(1) . ')'), qr/the file is larger than whatsapp.max_media_size/, 'a large file is not fetched');
$id = sql('SELECT wa_mark_read(' . inbound(1) . ', typing => true)');
wait_request($id, 'done');
pass('an inbound message is marked as read');

# ------------------------------------------------------------------------------------------------------------------- who may, and when none may

sql(q{CREATE ROLE shop LOGIN; GRANT EXECUTE ON PROCEDURE wa_sync_numbers(text, interval) TO shop});
is(error_of('CALL wa_sync_numbers()', extra_params => [ '-U', 'shop' ]), '', 'a role that may call a procedure needs no other right');
is(sql(q{SELECT requested_by || ' ' || state FROM whatsapp_requests ORDER BY id DESC LIMIT 1}), 'shop done', 'and is known');
like(error_of('CALL wa_sync_templates()', extra_params => [ '-U', 'shop' ]), qr/permission denied for procedure wa_sync_templates/, 'another procedure is not open to it');

wait_for('the clerk to end', sub { clerks() eq '0' });
sql(q{CALL wa_sync_numbers()});
is(clerks(), '1', 'an idle clerk ends, and another one begins when there is something to do');

sql(q{INSERT INTO whatsapp_instances (nonce, system_identifier, database_oid, table_oid) VALUES ('0123456789abcdef', '1', 1, 1)});
$before = all_calls();
like(error_of(q{CALL wa_sync_numbers(timeout => '3s')}), qr/did not end in time\nDETAIL:  Row \d+ of whatsapp_requests is waiting/, 'a copy of the database asks for nothing');
is(all_calls(), $before, 'no call');
sql(q{SELECT wa_release()});
wait_sql($node, q{SELECT count(*) FROM whatsapp_requests WHERE ended_at IS NULL}, '0');
pass('until it is released');

sql(q{ALTER SYSTEM SET whatsapp.clerk = off; SELECT pg_reload_conf()});
wait_for('the clerk to go', sub { clerks() eq '0' });
like(error_of(q{CALL wa_sync_numbers()}), qr/requests to the WhatsApp API are switched off\nDETAIL:  The setting whatsapp.clerk is off/, 'switched off');
sql(q{ALTER SYSTEM RESET whatsapp.clerk; SELECT pg_reload_conf()});

# ------------------------------------------------------------------------------------------------------------------------------- by itself

sql(q{DELETE FROM whatsapp_requests; ALTER SYSTEM SET whatsapp.sync_interval = '1d'; SELECT pg_reload_conf()});
wait_for('the setting', sub { sql('SHOW whatsapp.sync_interval') eq '1d' });
sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp reader'});
wait_sql($node, q{SELECT string_agg(kind || ' ' || state, ', ' ORDER BY id) FROM whatsapp_requests}, 'sync_templates done, sync_numbers done, probe done');
pass('templates and numbers are read after a start, and what the token may');
sandbox_post($sandbox, 'templates', [ { name => 'po_paused', language => 'es', status => 'APPROVED' } ]);
wait_sql($node, q{SELECT count(*) FROM whatsapp_requests WHERE kind = 'sync_templates' AND state = 'waiting' AND due_at > created_at}, '1');
pass('and templates after a webhook about one');

# the reader looks once a minute whether what it knows is too old
sql(q{DELETE FROM whatsapp_requests WHERE state = 'waiting'; UPDATE whatsapp_requests SET created_at = created_at - interval '25 hours'});
wait_sql($node, q{SELECT string_agg(kind || ' ' || state, ', ' ORDER BY id) FROM whatsapp_requests WHERE created_at > now() - interval '1 hour'}, 'sync_templates done, sync_numbers done, probe done');
pass('and both again a day later');

is(sql(q{SELECT count(*) FROM whatsapp_requests AS r WHERE r::text LIKE '%sandbox-token%'}), '0', 'no token in a row');
tables_intact($node, 'clerk killed');
$node->stop('fast');
# what this test itself says is logged by the server that PostgreSQL's modules make
my $log = slurp_file($node->logfile) =~ s/LOG:  statement: .*\n(?:\t.*\n)*//gr;
unlike($log, qr/sandbox-token|bytes of a picture|an order/, 'no token and nothing of a file in the log');
done_testing();
