#!/usr/bin/perl
#
# basics.t: what README.md promises of messages, nodes, magic numbers and the settings.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use IO::Socket::INET;
use SelfTest;
use Test::More;
use Time::HiRes qw(time);

start_receiver();
spew("$dir/templates", $json->encode([ { name => 'from_file', language => 'ca', status => 'APPROVED',
	category => 'UTILITY', components => [ { type => 'BODY', text => 'Bon dia {{1}}, gràcies.' } ] } ]));
start_sandbox('--templates', "$dir/templates", '--phone-number-id', '123456789', '--phone-number-id', '222222222');
like(slurp("$dir/out"), qr/^sandbox: listening on \Q$url\E$/, 'says where it listens');
is(control(GET => 'healthz')->{status}, 'ok', 'healthz');

# --- an accepted template message, its statuses, the book ---

fresh();
my $answer = post(template('+34612345678', biz_opaque_callback_data => 'q:ñ/1'));
is($answer->{status}, 200, 'template accepted');
is_deeply($answer->{json}{contacts}, [ { input => '+34612345678', wa_id => '34612345678' } ], 'contacts');
my $wamid = $answer->{json}{messages}[0]{id};
like($wamid, qr/^wamid\.[A-Za-z0-9+\/]+=*$/, 'wamid');
is($answer->{json}{messages}[0]{message_status}, 'accepted', 'message_status');
is($answer->{headers}{'facebook-api-version'}, 'v25.0', 'version header');
ok(quiet(3), 'three statuses delivered');
my @statuses = statuses();
is(words(@statuses), 'sent delivered read', 'in order');
my %first = %{ $statuses[0] };
is($first{id}, $wamid, 'status names the wamid');
is($first{biz_opaque_callback_data}, 'q:ñ/1', 'status returns the callback data');
is($first{recipient_id}, '34612345678', 'status names the phone');
like($first{recipient_user_id}, qr/^ES\.\d{16}$/, 'status names the user id');
like($json->encode([ $first{timestamp} ]), qr/^\["\d+"\]$/, 'timestamp is a string');
is_deeply($first{pricing}, { billable => JSON::PP::true, pricing_model => 'PMP', type => 'regular',
	category => 'utility' }, 'pricing');
ok(!exists $statuses[2]{pricing}, 'no pricing on read');
my $raw = (received())[0][2];
unlike($raw, qr/[^\x00-\x7f]/, 'webhooks are ASCII');
like($raw, qr/Panader\\u00eda Mu\\u00f1oz/, 'with escapes');
like($raw, qr/"q:\\u00f1\\\/1"/, 'also of the slash');
my ($sent_body) = $raw =~ /\r\n\r\n(.*)\z/s;
my $envelope = $json->decode($sent_body);
is($envelope->{object}, 'whatsapp_business_account', 'envelope: object');
is($envelope->{entry}[0]{id}, '987654321', 'envelope: account');
is($envelope->{entry}[0]{changes}[0]{field}, 'messages', 'envelope: field');
is_deeply($envelope->{entry}[0]{changes}[0]{value}{metadata},
	{ display_phone_number => '34910000001', phone_number_id => '123456789' }, 'envelope: metadata');

my $book = control(GET => 'messages');
is(scalar @$book, 1, 'one message in the book');
my $shown = 'Hola Proveedor ABC, has recibido una nueva orden de compra PO-2024-001 por un total de €1,250.00.';
is($book->[0]{text}, $shown, 'as the phone shows it');
is_deeply([ @{ $book->[0] }{qw(wamid to phone_number_id callback_data type template language copies)} ],
	[ $wamid, '+34612345678', '123456789', 'q:ñ/1', 'template', 'po_notification', 'es', 1 ], 'book entry');
is_deeply($book->[0]{parameters}, [ 'Proveedor ABC', 'PO-2024-001', '€1,250.00' ], 'parameters');
utf8::decode(my $phone = control(GET => 'phone?number=+34612345678'));
is($phone, "$shown\n", 'the phone');
is_deeply(control(GET => 'messages?to=+34600000000'), [], 'the book by recipient');

post(template('+34612345678', biz_opaque_callback_data => 'q:ñ/1'), number => '222222222');
my $summary = summary();
is_deeply([ @$summary{qw(accepted distinct_callback_data refused requests)} ], [ 2, 1, 0, 2 ], 'summary');
is_deeply($summary->{duplicates}, ['q:ñ/1'], 'duplicates');
is(control(GET => 'messages?offset=1&limit=1')->[0]{copies}, 2, 'copies');

# --- refusals ---

fresh();
is(refuses('unknown token', post(template('+34612345678'), token => 'x'), 401, 190)->{error_subcode}, 467, '… 467');
is(refuses('expired token', post(template('+34612345678'), token => 'expired-token'), 401, 190)->{error_subcode}, 463, '… 463');
is(refuses('unknown number', post(template('+34612345678'), number => '1'), 400, 100)->{error_subcode}, 33, '… 33');
refuses('not JSON',            post('{"messaging'), 400, 100);
refuses('no product',          post({ to => '+34612345678' }), 400, 100, qr/messaging_product/);
refuses('other product',       post({ %{ template('+34612345678') }, messaging_product => 'x' }), 400, 100);
refuses('no recipient',        post(template(undef)), 400, 100, qr/parameter to is required/);
refuses('implausible number',  post(template('12ab')), 400, 131009);
refuses('sender as recipient', post(template('+34910000001')), 400, 131021);
refuses('unknown template',    post(template('+34612345678', name => 'x')), 404, 132001, qr/template name \(x\) does not exist in es/);
refuses('other language',      post(template('+34612345678', language => 'es_ES')), 404, 132001);
refuses('pending template',    post(template('+34612345678', name => 'po_pending', values => [ 'a', 'b' ])), 404, 132001);
refuses('rejected template',   post(template('+34612345678', name => 'po_rejected', values => [ 'a', 'b' ])), 404, 132001);
refuses('paused template',     post(template('+34612345678', name => 'po_paused', values => [ 'a', 'b' ])), 400, 132015);
refuses('disabled template',   post(template('+34612345678', name => 'po_disabled', values => [ 'a', 'b' ])), 400, 132016);
refuses('parameter count', post(template('+34612345678', values => [ 'a', 'b' ])), 400, 132000,
	qr/body: number of localizable_params \(2\) does not match the expected number of params \(3\)/);
for my $bad ("a\nb", "a\tb", 'a     b') {
	refuses('forbidden white space', post(template('+34612345678', values => [ $bad, 'b', 'c' ])), 400, 132018);
	refuses('… before v23', post(template('+34612345678', values => [ $bad, 'b', 'c' ]), version => 'v22.0'), 400, 100);
}
is(post(template('+34612345678', values => [ 'a    b', 'b', 'c' ]))->{status}, 200, 'four spaces are allowed');
refuses('empty parameter', post(template('+34612345678', values => [ '', 'b', 'c' ])), 400, 131008);
refuses('no such type', post({ %{ text('+34612345678', 'x') }, type => 'smoke' }), 400, 100);
refuses('no content', post({ messaging_product => 'whatsapp', to => '+34612345678', type => 'text' }), 400, 131008);
refuses('empty text', post(text('+34612345678', '')), 400, 100);
refuses('long text', post(text('+34612345678', 'ñ' x 4097)), 400, 100);
refuses('long callback data', post(template('+34612345678', biz_opaque_callback_data => 'x' x 513)), 400, 100);
is(post(template('+34612345678', biz_opaque_callback_data => 'ñ' x 512))->{status}, 200, '512 characters are allowed');
refuses('text outside the window', post(text('+34612345678', 'Hola')), 400, 131047);
settings(open_window => '+34612345678');
is(post(text('+34612345678', 'ñ' x 4096))->{status}, 200, 'text inside the window');
refuses('a member that no message has', post({ %{ text('+34612345678', 'x') }, fallback => {} }), 400, 100);
is(post({ messaging_product => 'whatsapp', to => '+34612345678', type => 'image', image => { id => '1', caption => 'foto' } })->{status}, 200, 'image');
refuses('… of others stays closed', post(text('+34612345679', 'Hola')), 400, 131047);

my @named = map { { type => 'text', parameter_name => $_, text => uc $_ } } qw(total supplier po_number);
is(post(template('+34600000001', name => 'po_named', values => \@named))->{status}, 200, 'named parameters');
is(control(GET => 'messages?to=34600000001')->[0]{text},
	'Hola SUPPLIER, la orden de compra PO_NUMBER suma TOTAL en total.', '… by their names');
delete $named[0]{parameter_name};
refuses('… need their names', post(template('+34600000001', name => 'po_named', values => \@named)), 400, 100);
refuses('missing header', post(template('+34600000002', name => 'po_document', values => [ 'a', 'b' ])), 400, 132012,
	qr/expected DOCUMENT, received UNKNOWN/);
my $header = { type => 'header', parameters => [ { type => 'document', document => { id => '1' } } ] };
my $button = { type => 'button', sub_type => 'url', index => '0', parameters => [ { type => 'text', text => 'x' } ] };
refuses('missing button', post(template('+34600000002', name => 'po_document', values => [ 'a', 'b' ],
	components => [$header])), 400, 131008, qr/Button at index 0/);
is(post(template('+34600000002', name => 'po_document', values => [ 'a', 'b' ], components => [ $header, $button ]))->{status},
	200, 'header, body and button');
is(post(template('+34600000003', name => 'order_update', language => 'en_US', values => [ 'a', 'b' ]))->{status}, 200, 'en_US');
is(post(template('+34600000003', name => 'from_file', language => 'ca', values => ['Ana']))->{status}, 200, '--templates');
my $by_user = template('x', values => [ 'a', 'b', 'c' ]);
delete $by_user->{to};
$by_user->{recipient} = 'ES.1349000';
is_deeply(post($by_user)->{json}{contacts}, [ { input => 'ES.1349000', user_id => 'ES.1349000' } ], 'by user id');
is_deeply(post({ messaging_product => 'whatsapp', status => 'read', message_id => 'wamid.x' })->{json},
	{ success => JSON::PP::true }, 'mark as read');

# --- nodes ---

is(get('123456789')->{display_phone_number}, '+34 910 00 00 01', 'phone number node');
is_deeply(get('123456789?fields=throughput,status'), { status => 'CONNECTED', id => '123456789',
	throughput => { level => 'STANDARD' } }, '… with fields');
is(get('987654321')->{currency}, 'EUR', 'account node');
is(scalar @{ get('987654321/phone_numbers')->{data} }, 2, 'phone numbers');
is(get('5')->{error}{error_subcode}, 33, 'unknown node');
is(get('123456789', 'x')->{error}{code}, 190, 'nodes need a token');
my ($page, @names) = (get('987654321/message_templates?limit=5'));
while (1) {
	push @names, map { $_->{name} } @{ $page->{data} };
	last if !$page->{paging}{next};
	$page = get("987654321/message_templates?limit=5&after=$page->{paging}{cursors}{after}");
}
ok(@names == 12 && (grep { $_ eq 'from_file' } @names), 'templates, page by page') or diag("@names");
is(get('987654321/message_templates?after=x')->{error}{code}, 131059, 'bad cursor');
is(scalar @{ get('987654321/message_templates?status=PAUSED')->{data} }, 1, 'templates by status');
ok(get('debug_token?input_token=sandbox-token', '1|sandbox-app-secret')->{data}{is_valid}, 'debug_token');
is(get('debug_token?input_token=expired-token')->{data}{error}{subcode}, 463, '… of an expired one');

# --- magic numbers ---

fresh();
for my $case ([ 131056, 400 ], [ 131026, 400 ], [ 130429, 400 ], [ 131000, 500 ], [ 2, 503 ], [ 368, 403 ],
	[ 131208, 429 ], [ 132001, 404 ], [ 190, 401 ], [ 0, 401 ], [ 999999, 400 ]) {
	my ($code, $status) = @$case;
	refuses("refused with $code", post(template(sprintf '+15550%06d', $code)), $status, $code);
}
is(summary()->{accepted}, 0, '… and not booked');
is(post(template('+15551131026'))->{status}, 200, 'accepted, fails later');
ok(quiet(1), '… by webhook');
my ($failed) = statuses();
is($failed->{status}, 'failed', '… status failed');
is($failed->{errors}[0]{code}, 131026, '… with the code');
ok($failed->{errors}[0]{title} && $failed->{errors}[0]{error_data}{details}, '… title and details');

fresh();
is(post(template('+15552000001'), timeout => 0.3)->{status}, 599, 'no answer');
ok(quiet(3), '… but webhooks');
ok(until_true(sub { summary()->{connections} <= 1 }), '… and no connection is left');
is(post(template('+15552000002'))->{status}, 599, 'reset after acceptance');
is(summary()->{accepted}, 2, '… booked');
is(post(template('+15552000003'))->{status}, 599, 'reset before acceptance');
is(summary()->{accepted}, 2, '… not booked');
my $begin = time;
is(post(template('+15552000004'))->{status}, 200, 'slow');
ok(time - $begin >= 1.9, '… by two seconds');
is(post(template('+15552000005'))->{json}{messages}[0]{message_status}, 'held_for_quality_assessment', 'held');
like(post(template('+15552000006'))->{content}, qr/<html>/, 'HTML');
is(post(template('+15552000007'))->{status}, 500, 'empty 500');
is(post(template('+15552000007'))->{content}, '', '… really empty');
for my $case ([ 8, 'read delivered sent' ], [ 9, 'sent sent delivered delivered read read' ], [ 15, 'sent' ]) {
	fresh();
	post(template(sprintf '+1555200%04d', $case->[0]));
	quiet(scalar split / /, $case->[1]);
	is(words(statuses()), $case->[1], "statuses: $case->[1]");
}
fresh();
$answer = post(template('+15552000010'));
is($answer->{status}, 200, 'webhook before the answer');
is((statuses())[0]{id}, $answer->{json}{messages}[0]{id}, '… it was there first');
fresh();
post(template('+15552000011'));
quiet(3);
ok(!exists((statuses())[0]{recipient_id}), 'no phone in the status');
like((statuses())[0]{recipient_user_id}, qr/^US\./, '… but the user id');
is(join(' ', map { post(template('+15552000012', biz_opaque_callback_data => 'a'))->{status} } 1 .. 4),
	'500 500 200 500', 'fails twice');
refuses('pair limit once', post(template('+15552000013')), 400, 131056);
is(post(template('+15552000013'))->{status}, 200, '… then accepted');
ok(!exists post(template('+15552000014'))->{json}{messages}, 'no messages[]');

# --- webhooks: refused, stalled, batched, duplicated, shuffled, paused, verified ---

fresh();
spew("$dir/mode", 503);
post(template('+34612345678'));
ok(until_true(sub { summary()->{webhooks}{failed_attempts} >= 5 }), 'refused webhooks are repeated');
is(summary()->{webhooks}{delivered}, 0, '… and count as undelivered');
spew("$dir/mode", '');
ok(quiet(3), '… until they are taken');

fresh(webhook_timeout_ms => 60000);
spew("$dir/mode", 'stall_first');
post(template('+15552000015', biz_opaque_callback_data => "n$_")) for 1 .. 20;
ok(until_true(sub { summary()->{webhooks}{delivered} == 19 }), 'a stalled webhook does not block the others');

fresh(webhooks_paused => JSON::PP::true, batch => 50, status_delay_ms => 0);
post(template('+15552000015', biz_opaque_callback_data => "n$_")) for 1 .. 120;
is(summary()->{webhooks}{queued}, 120, 'paused webhooks are queued');
settings(webhooks_paused => JSON::PP::false);
ok(quiet(120), '… and delivered later');
is(scalar(received()), 3, '… in batches');
is(summary()->{webhooks}{deliveries}, 3, '… as counted');

fresh(duplicate => 3);
post(template('+15552000015'));
ok(quiet(3), 'each webhook three times');
is(words(statuses()), 'sent sent sent', '… the same');

fresh(shuffle => JSON::PP::true, status_delay_ms => 10, batch => 10);
my @shuffled = map { post(template('+34612345678', biz_opaque_callback_data => "n$_")) } 1 .. 20;
ok(quiet(60), 'shuffled: nothing is lost');
my %orders;
push @{ $orders{ $_->{id} } }, $_->{status} for statuses();
ok((grep { "@$_" ne 'sent delivered read' } values %orders), '… but the order is');

fresh(read => JSON::PP::false);
post(template('+34612345678'));
quiet(2);
is(words(statuses()), 'sent delivered', 'unread');

fresh();
is_deeply(control(POST => 'verify'), { status => 200, verified => JSON::PP::true }, 'handshake');
is_deeply(control(POST => 'verify?token=x'), { status => 403, verified => JSON::PP::false }, '… with a wrong token');
is($http->post("$url/_sandbox/webhook", { content => '{"entry":[]}' })->{status}, 200, 'webhook by hand');
is($http->post("$url/_sandbox/webhook?signature=wrong", { content => '{}' })->{status}, 403, '… wrongly signed');
is($http->post("$url/_sandbox/webhook?signature=none", { content => '{}' })->{status}, 403, '… not signed');
is(control(POST => 'inbound', { from => '+34655555555', text => 'Sí' })->{status}, 200, 'inbound message');
like((received())[-1][2], qr/"body":"S\\u00ed"/, '… is delivered');
is(post(text('+34655555555', 'Gracias'))->{status}, 200, '… and opens the window');
spew("$dir/log", '');
control(POST => 'templates', { name => 'po_paused', language => 'es', status => 'APPROVED' });
ok(until_true(sub { (received())[0] }), 'a template that changes its status');
like((received())[0][2], qr/"field":"message_template_status_update"/, '… is reported');
is(post(template('+34612345678', name => 'po_paused', values => [ 'a', 'b' ]))->{status}, 200, '… and can be sent');

# --- settings and limits ---

fresh(reject_all => 131016);
refuses('everything refused', post(template('+34612345678')), 500, 131016);
settings(reject_all => undef, token => 'other');
refuses('token replaced', post(template('+34612345678')), 401, 190);
is(post(template('+34612345678'), token => 'other')->{status}, 200, '… by the other');
like(settings(colour => 1)->{error}, qr/colour: no such setting/, 'unknown setting');
like(settings(delay_ms => -1)->{error}, qr/delay_ms/, 'bad setting');
is_deeply(summary()->{refused_by_code}, { 131016 => 1, 190 => 1 }, 'refusals by code');
fresh(throughput => 5);
is(join(' ', map { post(template('+34612345678'))->{status} } 1 .. 7), '200 200 200 200 200 400 400', 'throughput limit');
fresh(pair_limit => JSON::PP::true);
is(scalar(grep { post(template('+34612345678'))->{status} == 200 } 1 .. 50), 45, 'pair limit');
fresh();
is_deeply([ @{ summary() }{qw(accepted refused requests)} ], [ 0, 0, 0 ], 'reset');

# --- many delayed answers at once ---

fresh(delay_ms => 300, webhook_url => undef);
my $content = $json->encode(template('+34612345678'));
my @sockets;
$begin = time;
for (1 .. 200) {
	my $socket = IO::Socket::INET->new($url =~ s{http://}{}r) or die $!;
	syswrite $socket, "POST /v25.0/123456789/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sandbox-token\r\n"
		. 'Content-Length: ' . length($content) . "\r\n\r\n$content";
	push @sockets, $socket;
}
my $good = grep { sysread $_, my $line, 4096; $line =~ /^HTTP\/1.1 200/ } @sockets;
is($good, 200, '200 delayed answers');
ok(time - $begin < 5, '… at the same time');
is(summary()->{max_in_flight}, 200, '… as the summary says');
@sockets = ();

# --- the end ---

post(template('+15552000001'), timeout => 0.2);
is(stop_sandbox(), 0, 'SIGTERM: exit 0');
done_testing();
