# One message of each type reaches the API as it was meant; what has no template waits for an open 24-hour window, judged at its turn.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('message_types');
my $sandbox = $node->{sandbox};
my $phone = '+34612345678';
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub outcome { my ($id) = @_; return sql("SELECT concat_ws('|', status, attempts, error_code, error_message) FROM whatsapp_messages WHERE id = $id") }
sub wait_status { my ($id, $status) = @_; return wait_sql($node, "SELECT status FROM whatsapp_messages WHERE id = $id", $status) }
sub write_to_us
{
	my ($from) = @_;
	my ($status) = sandbox_post($sandbox, 'inbound', { from => $from, text => 'Hola' });
	is($status, 200, "$from writes to us");
	wait_sql($node, "SELECT wa_window_open('$from')");
	return;
}

# Nobody has written: nothing leaves.
my $closed = sql("SELECT wa_send_text('$phone', 'Hola')");
wait_status($closed, 'FAILED');
is(outcome($closed), 'FAILED|1|the 24-hour window of the recipient is closed', 'a text to somebody who has not written is refused');
like(sql("SELECT hint FROM whatsapp_messages WHERE id = $closed"), qr/^Send a template/, 'and says what to do');
is(scalar @{ sandbox_get($sandbox, 'messages') }, 0, 'nothing has left');

# With an open window: one of each type.
write_to_us($phone);
my @calls = (
	[ text => q{wa_send_text(%s, 'Mañana a las 9')}, 'Mañana a las 9' ],
	[ image => q{wa_send_media(%s, 'image', link => 'https://example.org/a.png', caption => 'Así es')}, '[image] Así es' ],
	[ video => q{wa_send_media(%s, 'video', media_id => '1')}, '[video]' ],
	[ audio => q{wa_send_media(%s, 'audio', media_id => '1', voice => true)}, '[audio]' ],
	[ document => q{wa_send_media(%s, 'document', media_id => '1', caption => 'PO', filename => 'po.pdf')}, '[document] PO' ],
	[ sticker => q{wa_send_media(%s, 'sticker', media_id => '1')}, '[sticker]' ],
	[ location => q{wa_send_location(%s, 40.4, -3.7, 'Almacén')}, '[location] Almacén' ],
	[ contacts => q{wa_send_contacts(%s, '[{"name": {"formatted_name": "Ana", "first_name": "Ana"}}]')}, '[contacts]' ],
	[ interactive => q{wa_send_interactive(%s, '{"type": "cta_url", "body": {"text": "Mira"}, "action": {"name": "cta_url", "parameters": {"display_text": "Abrir", "url": "https://example.org"}}}')}, 'Mira' ],
	(map { [ interactive => "wa_send_interactive(%s, '" . sprintf($_, '"body": {"text": "Mira"}') . "')", 'Mira' ] }
		'{"type": "button", %s, "header": {"type": "document", "document": {"id": "1", "filename": "po.pdf"}}, "footer": {"text": "ABC"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "y", "title": "Yes"}}]}}',
		'{"type": "list", %s, "action": {"button": "Open", "sections": [{"title": "A", "rows": [{"id": "1", "title": "One", "description": "First"}]}, {"title": "B", "rows": [{"id": "2", "title": "Two"}]}]}}',
		'{"type": "flow", %s, "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_id": "1", "flow_cta": "Begin", "mode": "published", "flow_token": "t", "flow_action": "navigate", "flow_action_payload": {"screen": "A"}}}}',
		'{"type": "location_request_message", %s, "action": {"name": "send_location"}}',
		'{"type": "address_message", %s, "action": {"name": "address_message", "parameters": {"country": "IN"}}}',
		'{"type": "product", %s, "action": {"catalog_id": "1", "product_retailer_id": "a"}}',
		'{"type": "product_list", %s, "header": {"type": "text", "text": "Head"}, "action": {"catalog_id": "1", "sections": [{"title": "A", "product_items": [{"product_retailer_id": "a"}]}]}}',
		'{"type": "catalog_message", %s, "action": {"name": "catalog_message"}}',
		'{"type": "carousel", %s, "action": {"cards": [{"card_index": 0, "type": "cta_url", "header": {"type": "image", "image": {"link": "https://example.org/a.png"}}, "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.org/a"}}}, {"card_index": 1, "type": "cta_url", "header": {"type": "image", "image": {"id": "2"}}, "body": {"text": "B"}, "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://example.org/b"}}}]}}',
		'{"type": "carousel", %s, "action": {"cards": [{"card_index": 0, "type": "product", "action": {"catalog_id": "1", "product_retailer_id": "a"}}, {"card_index": 1, "type": "product", "action": {"catalog_id": "1", "product_retailer_id": "b"}}]}}',
		'{"type": "voice_call", %s, "action": {"name": "voice_call", "parameters": {"display_text": "Call"}}}',
		'{"type": "call_permission_request", %s, "action": {"name": "call_permission_request"}}',
		'{"type": "request_contact_info", %s, "action": {"name": "request_contact_info"}}'),
	[ reaction => q{wa_send_reaction(%s, 'wamid.ABC', '👍')}, '[reaction] 👍' ],
	[ template => q{wa_send_template(%s, 'po_named', named_parameters => '{"supplier": "ABC", "po_number": "PO-1", "total": "€1"}')}, undef ],
	[ template => q{wa_send_template(%s, 'po_document', ARRAY['ABC', 'PO-1'], header => '{"document": {"id": "1", "filename": "po.pdf"}}', buttons => '[{"url": "PO-1"}]')}, undef ],
	[ template => q{wa_send_template(%s, 'spring_offer', header => '"ABC"')}, undef ],
	[ template => q{wa_send_template(%s, 'summer', header => '{"image": {"id": "1"}}', buttons => '[{"coupon_code": "SAVE20"}, {"url": "a"}]', offer_ends_at => now() + interval '1 day')}, undef ],
	[ template => q{wa_send_template(%s, 'cards', cards => '[{"header": {"image": {"id": "1"}}, "parameters": ["A"], "buttons": [{"payload": "a"}, {"url": "a"}]}, {"header": {"image": {"id": "2"}}, "parameters": ["B"], "buttons": [{"payload": "b"}, {"url": "b"}]}]')}, undef ],
	[ template => q{wa_send_template(%s, 'products', cards => '[{"header": {"product": {"product_retailer_id": "a", "catalog_id": "1"}}}, {"header": {"product": {"product_retailer_id": "b", "catalog_id": "1"}}}, {"header": {"product": {"product_retailer_id": "c", "catalog_id": "1"}}}]')}, undef ],
	[ template => q{wa_send_template(%s, 'place', header => '{"location": {"latitude": 40.4, "longitude": -3.7, "name": "A", "address": "B"}}', buttons => '[{"payload": "yes"}, {"flow": {"flow_token": "t"}}, {"catalog": {"thumbnail_product_retailer_id": "a"}}, {"mpm": {"thumbnail_product_retailer_id": "a", "sections": [{"title": "A", "product_items": [{"product_retailer_id": "a"}]}]}}, {"voice_call": 60}]')}, undef ],
	[ text => q{wa_send(%s, 'text', '{"body": "Por su nombre"}', reply_to => 'wamid.ABC')}, 'Por su nombre' ]);
my $text = { type => 'BODY', text => 'Novedades.' };
my @image = map { { components => [ { type => 'HEADER', format => 'IMAGE' }, { type => 'BODY', text => 'Pan de {{1}}.' },
	{ type => 'BUTTONS', buttons => [ { type => 'QUICK_REPLY', text => 'Sí' }, { type => 'URL', text => 'Ver', url => 'https://example.org/{{1}}' } ] } ] } } 1 .. 2;
my @product = map { { components => [ { type => 'HEADER', format => 'PRODUCT' }, { type => 'BUTTONS', buttons => [ { type => 'SPM', text => 'View' } ] } ] } } 1 .. 2;
sandbox_post($sandbox, 'templates', [
	{ name => 'summer', language => 'es', category => 'MARKETING', components => [ { type => 'HEADER', format => 'IMAGE' }, { type => 'LIMITED_TIME_OFFER', limited_time_offer => { text => 'Hoy', has_expiration => JSON::PP::true } }, $text,
		{ type => 'BUTTONS', buttons => [ { type => 'COPY_CODE', text => 'Copiar' }, { type => 'URL', text => 'Ver', url => 'https://example.org/{{1}}' } ] } ] },
	{ name => 'cards', language => 'es', category => 'MARKETING', components => [ $text, { type => 'CAROUSEL', cards => \@image } ] },
	{ name => 'products', language => 'es', category => 'MARKETING', components => [ $text, { type => 'CAROUSEL', cards => \@product } ] },
	{ name => 'place', language => 'es', components => [ { type => 'HEADER', format => 'LOCATION' }, $text, { type => 'BUTTONS', buttons => [ { type => 'QUICK_REPLY', text => 'Sí' }, { type => 'FLOW', text => 'Empezar', flow_id => '1' },
		{ type => 'CATALOG', text => 'View catalog' }, { type => 'MPM', text => 'View items' }, { type => 'VOICE_CALL', text => 'Llamar' } ] } ] } ]);
my @ids = map { sql('SELECT ' . sprintf($_->[1], "'$phone'")) } @calls;
wait_status($_, 'READ') for @ids;
my @book = @{ sandbox_get($sandbox, 'messages') };
is(scalar @book, scalar @calls, 'each message has left once');
my %book = map { $_->{callback_data} =~ /\.(\d+)\.\d+$/ ? ($1 => $_) : () } @book;
for my $i (0 .. $#calls)
{
	my ($type, $call, $text) = @{ $calls[$i] };
	utf8::decode($text) if defined $text;
	is($book{ $ids[$i] }{type}, $type, "$type is taken by the API as such");
	is($book{ $ids[$i] }{text}, $text, "$type: what the recipient sees") if defined $text;
}
books_agree($node, 'one of each type');

# A window that closes while the message waits: it is the turn that counts, not the call.
sql(q{INSERT INTO whatsapp_senders (name, enabled) VALUES ('default', false)});
my $late = sql("SELECT wa_send_text('$phone', 'Tarde')");
sql(q{UPDATE whatsapp_windows SET last_inbound_at = now() - interval '25 hours'});
sql(q{UPDATE whatsapp_senders SET enabled = true WHERE name = 'default'});
wait_status($late, 'FAILED');
is(outcome($late), 'FAILED|1|the 24-hour window of the recipient is closed', 'a window that has closed meanwhile');

# With a template to fall back on, that leaves instead; while the window is open it stays at home.
my $with_fallback = q{fallback_template => 'po_notification', fallback_parameters => ARRAY['ABC', 'PO-9', '9']};
my $instead = sql("SELECT wa_send_text('$phone', 'Tarde, y con \"fallback\"', $with_fallback)");
wait_status($instead, 'READ');
is(sql("SELECT concat_ws('|', message_type, template_name, template_language, payload::jsonb ? 'fallback', attempts) FROM whatsapp_messages WHERE id = $instead"),
	'template|po_notification|es|f|1', 'a closed window: the message is its fallback template');
write_to_us($phone);
my $open = sql("SELECT wa_send_text('$phone', 'Abierto', $with_fallback)");
wait_status($open, 'READ');
# the sandbox refuses a member that it does not know
is(sql("SELECT message_type FROM whatsapp_messages WHERE id = $open"), 'text', 'an open window: the text itself');
like(($node->psql('postgres', "SELECT wa_send_text('$phone', 'x', fallback_template => 'po_notification', fallback_parameters => ARRAY[E'a\nb'])"))[2], qr/contains a newline/, 'a fallback is checked at the call');

# Meta may tell of it late, by a webhook: then the template leaves, too, and what is told again changes nothing.
sandbox_post($sandbox, 'faults', { to => $phone, statuses => [ 'sent', 'failed' ], failed_code => 131047 });
my $told = sql("SELECT wa_send_text('$phone', 'Se cierra', $with_fallback)");
wait_status($told, 'READ');
is(sql("SELECT concat_ws('|', message_type, template_name, error_code) FROM whatsapp_messages WHERE id = $told"), 'template|po_notification', 'a window that a webhook says was closed: the fallback template');
is(join(' ', map { $_->{type} } grep { ($_->{callback_data} // '') =~ /\.$told\.\d+$/ } @{ sandbox_get($sandbox, 'messages') }), 'text template', 'after the text');
sandbox_post($sandbox, 'faults', { to => $phone, statuses => [ 'sent', 'failed' ], failed_code => 131047 });
$told = sql("SELECT wa_send_text('$phone', 'Sin otra cosa')");
wait_status($told, 'FAILED');
is(sql("SELECT error_code FROM whatsapp_messages WHERE id = $told"), '131047', 'without one it has failed');

# A person who hides the number has a user id.
my $user_id = 'ES.13491208655302741918';
my $by_id = sql("SELECT wa_send_template('$user_id', 'po_notification', ARRAY['ABC', 'PO-10', '10'])");
wait_status($by_id, 'READ');
my ($to_user) = grep { ($_->{callback_data} // '') =~ /\.$by_id\.\d+$/ } @{ sandbox_get($sandbox, 'messages') };
is($to_user->{to}, $user_id, 'a message to a user id');
is(sql("SELECT concat_ws('|', wa_id, user_id) FROM whatsapp_messages WHERE id = $by_id"), $user_id, 'has no phone');
like(($node->psql('postgres', q{SELECT wa_send_text('es.1349', 'x')}))[2], qr/business-scoped user id is malformed/, 'a malformed one is refused as such');
like(($node->psql('postgres', "SELECT wa_send_code('$user_id', '123456', 'login_code')"))[2], qr/one-time code cannot go to a business-scoped user id/, 'one-time codes go to phones alone');

# A one-time code is gone from the tables once it has left, whichever function has sent it.
sql('CALL wa_sync_templates()');
my @codes = map { sql("SELECT $_") } (
	"wa_send_template('$phone', 'login_code', ARRAY['COD-90210'], buttons => '[{\"url\": \"COD-90210\"}]')",
	"wa_send('$phone', 'template', '{\"name\": \"login_code\", \"language\": {\"code\": \"es\"}, \"components\": [{\"type\": \"body\", \"parameters\": [{\"type\": \"text\", \"text\": \"COD-90210\"}]}, {\"type\": \"button\", \"sub_type\": \"url\", \"index\": 0, \"parameters\": [{\"type\": \"text\", \"text\": \"COD-90210\"}]}]}')",
	"wa_send_code('$phone', 'COD-90210', 'login_code')");
wait_status($_, 'READ') for @codes;
wait_sql($node, 'SELECT count(*) FROM whatsapp_codes', 0);
is(sql('SELECT count(*) FROM whatsapp_messages WHERE payload IS NULL AND id IN (' . join(', ', @codes) . ')'), '3', 'one-time codes are erased');
my ($dumped) = run_command([ 'pg_dump', '-p', $node->port, '-h', $node->host, 'postgres' ]);
unlike($dumped, qr/COD-90210/, 'from every table');
like(($node->psql('postgres', "SELECT wa_send_template('$user_id', 'login_code', ARRAY['1'], buttons => '[{\"url\": \"1\"}]')"))[2], qr/one-time code cannot go to a business-scoped user id/, 'and go to phones alone, by whichever function');
like(($node->psql('postgres', "SELECT wa_send_template('$phone', 'login_code', ARRAY['1'], buttons => '[{\"url\": \"2\"}]')"))[2], qr/The one-time code in the button is another one than in the body/, 'the same in body and button');

# A test server sends to those alone whom it may send to.
sql(q{ALTER SYSTEM SET whatsapp.allowed_recipients = '+34999*, ES.*'; SELECT pg_reload_conf()});
wait_sql($node, 'SHOW whatsapp.allowed_recipients', '+34999*, ES.*');
wait_turns($node);
my %allowed = map { $_ => sql("SELECT wa_send_template('$_', 'po_notification', ARRAY['ABC', 'PO-11', '11'])") } '+34999111222', '+34688888888';
wait_status($allowed{'+34999111222'}, 'READ');
wait_status($allowed{'+34688888888'}, 'FAILED');
is(outcome($allowed{'+34688888888'}), 'FAILED|1|the recipient is not in whatsapp.allowed_recipients', 'nobody else gets a message');
sql(q{ALTER SYSTEM RESET whatsapp.allowed_recipients; SELECT pg_reload_conf()});
wait_sql($node, 'SHOW whatsapp.allowed_recipients', '');
wait_turns($node);
is(sql("SELECT wa_retry($allowed{'+34688888888'})"), 't', 'until it may');
wait_status($allowed{'+34688888888'}, 'READ');

# A window to another sender's number is none; a template needs none.
write_to_us($phone);
sql(q{INSERT INTO whatsapp_senders (name, phone_number_id) VALUES ('second', '223456789')});
my $second = sql("SELECT wa_send_text('$phone', 'De otro', sender => 'second')");
wait_status($second, 'FAILED');
my $template = sql("SELECT wa_send_po('ABC', 'PO-2', 10, '+34655555555')");
wait_status($template, 'READ');

# Where webhooks go elsewhere, Meta is the judge.
$node->append_conf('postgresql.conf', 'whatsapp.check_windows = off');
$node->reload;
wait_sql($node, 'SHOW whatsapp.check_windows', 'off');
wait_turns($node);
my $judged = sql(q{SELECT wa_send_text('+34677777777', 'Hola')});
wait_status($judged, 'FAILED');
like(outcome($judged), qr/^FAILED\|1\|131047\|/, 'with check_windows off the answer of the API decides');
$judged = sql("SELECT wa_send_text('+34677777778', 'Hola', $with_fallback)");
wait_status($judged, 'READ');
is(sql("SELECT concat_ws('|', message_type, attempts) FROM whatsapp_messages WHERE id = $judged"), 'template|2', 'and then the template leaves');

# The old window is written to again: the message that failed for it is sent by wa_retry().
is(sql("SELECT wa_retry($late)"), 't', 'retried');
wait_status($late, 'READ');

$node->stop;
done_testing();
