# Foreign witnesses: clients of the Cloud API that others wrote build the same messages, which are ours to the last member, or the
# difference stands here with its reason; and they talk to the sandbox.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my ($node_version) = (`node --version 2>&1` || '') =~ /^v(\d+)/;
plan skip_all => 'the clients need node 20' unless $node_version && $node_version >= 20;
my $folder = PostgreSQL::Test::Utils::tempdir();
my $source = abs_path("$FindBin::RealBin/../witness");
copy("$source/$_", $folder) or die "$_: $!" for qw(package.json witness.mjs);
$ENV{HOME} = $folder;
system("cd '$folder' && npm install --ignore-scripts --no-package-lock --no-audit --no-fund >npm.log 2>&1") == 0
  or plan skip_all => 'npm could not install the clients';

my $node = new_cluster('witnesses');
my $to = q{'+34612345678'};
my $quoted = 'wamid.HBgLMzQ2MTIzNDU2NzgVAgARGBI5';
my $interactive = sub { "wa_send_interactive($to, '$_[0]')" };
my %ours = (
	text => "wa_send_text($to, 'Hola, mañana')",
	text_preview => "wa_send_text($to, 'Mira https://example.org', preview_url => true)",
	text_reply => "wa_send_text($to, 'Hola, mañana', reply_to => '$quoted')",
	image_link => "wa_send_media($to, 'image', link => 'https://example.org/a.png', caption => 'Así')",
	image_id => "wa_send_media($to, 'image', media_id => '1234')",
	video => "wa_send_media($to, 'video', media_id => '1234', caption => 'Así')",
	audio => "wa_send_media($to, 'audio', media_id => '1234')",
	voice => "wa_send_media($to, 'audio', media_id => '1234', voice => true)",
	document => "wa_send_media($to, 'document', media_id => '1234', caption => 'El pedido', filename => 'po.pdf')",
	sticker => "wa_send_media($to, 'sticker', media_id => '1234')",
	location => "wa_send_location($to, 40.4168, -3.7038, 'Almacén', 'Calle 1')",
	contacts => qq{wa_send_contacts($to, '[{"name": {"formatted_name": "Ana Gil", "first_name": "Ana", "last_name": "Gil"},
		"phones": [{"phone": "+34600111222", "type": "Mobile", "wa_id": "34600111222"}], "emails": [{"email": "ana\@example.org", "type": "Work"}],
		"org": {"company": "ABC"}}]')},
	reaction => "wa_send_reaction($to, '$quoted', '👍')",
	reaction_back => "wa_send_reaction($to, '$quoted', '')",
	buttons => $interactive->('{"type": "button", "header": {"type": "text", "text": "Pedido"}, "body": {"text": "¿Sí?"}, "footer": {"text": "ABC"},
		"action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Sí"}}, {"type": "reply", "reply": {"id": "no", "title": "No"}}]}}'),
	list => $interactive->('{"type": "list", "body": {"text": "¿Sí?"}, "action": {"button": "Abrir",
		"sections": [{"title": "Uno", "rows": [{"id": "r1", "title": "Fila", "description": "La primera"}]}]}}'),
	cta_url => $interactive->('{"type": "cta_url", "body": {"text": "¿Sí?"}, "action": {"name": "cta_url",
		"parameters": {"display_text": "Abrir", "url": "https://example.org/po"}}}'),
	flow => $interactive->('{"type": "flow", "body": {"text": "¿Sí?"}, "action": {"name": "flow", "parameters": {"flow_message_version": "3", "flow_token": "t",
		"flow_id": "1", "flow_cta": "Abrir", "mode": "published", "flow_action": "navigate", "flow_action_payload": {"screen": "A"}}}}'),
	location_request => $interactive->('{"type": "location_request_message", "body": {"text": "¿Sí?"}, "action": {"name": "send_location"}}'),
	product => $interactive->('{"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "a"}}'),
	product_list => $interactive->('{"type": "product_list", "header": {"type": "text", "text": "Pedido"}, "body": {"text": "¿Sí?"},
		"action": {"catalog_id": "1", "sections": [{"title": "Uno", "product_items": [{"product_retailer_id": "a"}]}]}}'),
	catalog => $interactive->('{"type": "catalog_message", "body": {"text": "¿Sí?"}, "action": {"name": "catalog_message",
		"parameters": {"thumbnail_product_retailer_id": "a"}}}'),
	contact_request => $interactive->('{"type": "request_contact_info", "body": {"text": "¿Sí?"}, "action": {"name": "request_contact_info"}}'),
	carousel => $interactive->('{"type": "carousel", "body": {"text": "¿Sí?"}, "action": {"cards": ['
		  . join(', ', map { my $i = $_ eq 'a' ? 0 : 1; qq({"card_index": $i, "type": "cta_url", "header": {"type": "image", "image": {"link": "https://example.org/$_.png"}},
			"body": {"text": "$_"}, "action": {"name": "cta_url", "parameters": {"display_text": "Abrir", "url": "https://example.org/$_"}}}) } qw(a b)) . ']}}'),
	template_plain => "wa_send_template($to, 'hello_world', language => 'en_US')",
	template_body => "wa_send_template($to, 'po_notification', ARRAY['ABC', 'PO-1', '€1,250.00'])",
	template_named => qq{wa_send_template($to, 'po_named', named_parameters => '{"supplier": "ABC", "po_number": "PO-1", "total": "€1"}')},
	template_document => qq{wa_send_template($to, 'po_document', ARRAY['ABC', 'PO-1'], header => '{"document": {"id": "1234", "filename": "po.pdf"}}',
		buttons => '[{"url": "PO-1"}]')},
	template_code => qq{wa_send_template($to, 'login_code', ARRAY['123456'], buttons => '[{"url": "123456"}]')},
	template_buttons => qq{wa_send_template($to, 'reminder', buttons => '[{"payload": "yes"}, null, {"coupon_code": "SAVE20"},
		{"flow": {"flow_token": "t", "flow_action_data": {"a": 1}}}]')},
	template_offer => "wa_send_template($to, 'offer', offer_ends_at => to_timestamp(1800000000))",
	template_cards => qq{wa_send_template($to, 'cards', cards => '[{"header": {"image": {"id": "1"}}, "parameters": ["A"], "buttons": [{"url": "a"}]},
		{"header": {"image": {"id": "2"}}, "parameters": ["B"], "buttons": [{"url": "b"}]}]')});

# Where a client differs from the reference, and why ours stays.
my %reasons = (
	'whatsapp-api-js contacts' => 'it sends the list as a JSON string inside of JSON',
	'@whatsapp-cloudapi/client flow' => 'it leaves the mode out, which is published then, too');
# What means the same is made the same: the language policy that the API ignores, and the place of a button as a number.
sub plain
{
	my ($value) = @_;
	return [ map { plain($_) } @$value ] if ref $value eq 'ARRAY';
	return $value unless ref $value eq 'HASH';
	my %copy = map { $_ => plain($value->{$_}) } keys %$value;
	delete $copy{policy} if exists $copy{policy} && $copy{policy} eq 'deterministic';
	$copy{index} = "$copy{index}" if exists $copy{index};
	# the order of named parameters means nothing
	$copy{parameters} = [ sort { $a->{parameter_name} cmp $b->{parameter_name} } @{ $copy{parameters} } ]
	  if ref $copy{parameters} eq 'ARRAY' && @{ $copy{parameters} } && ref $copy{parameters}[0] && exists $copy{parameters}[0]{parameter_name};
	return \%copy;
}
my $json = JSON::PP->new->canonical->allow_nonref;
my $utf8 = JSON::PP->new->utf8;

# the sandbox opens a window for whoever has written
sandbox_post($node->{sandbox}, 'inbound', { from => '+34612345678', text => 'Hola' });
wait_sql($node, q{SELECT wa_window_open('+34612345678')});
my %bodies = map {
	my $id = $node->safe_psql('postgres', "SELECT $ours{$_}");
	$_ => $utf8->decode($node->safe_psql('postgres', "SELECT payload FROM whatsapp_messages WHERE id = $id"));
} sort keys %ours;
my @lines = split /\n/, `cd '$folder' && node witness.mjs '$node->{sandbox}{url}' sandbox-app-secret 2>errors.log`;
is($?, 0, 'the clients have run') or diag slurp_file("$folder/errors.log");

my (%seen, %answered);
for my $line (map { $utf8->decode($_) } @lines)
{
	my ($client, $message) = @$line{qw(client message)};
	if (exists $line->{signature})
	{
		# this one needs a newer node for it
		next if $client eq 'whatsapp-api-js' && $node_version < 22;
		ok($line->{signature}, "$client accepts a signature of the app secret");
		next;
	}
	my $body = $line->{body};
	is(delete $body->{messaging_product}, 'whatsapp', "$client $message has the envelope");
	is(delete $body->{to}, '+34612345678', "$client $message: to whom");
	delete $body->{recipient_type};
	my $same = $json->encode(plain($body)) eq $json->encode(plain($bodies{$message}));
	if (my $reason = $reasons{"$client $message"})
	{
		ok(!$same, "$client $message differs: $reason");
	}
	else
	{
		is($json->encode(plain($bodies{$message})), $json->encode(plain($body)), "$client $message is ours");
		# templates that the sandbox does not have are refused for that
		like($line->{status} . ' ' . $line->{said}, $message =~ /^template_(?:buttons|offer|cards)$/ ? qr/132001|^400/ : qr/^200 /,
			"$client $message: the sandbox answers");
	}
	$seen{$message}++;
}
is(join(' ', grep { !$seen{$_} } sort keys %ours), '', 'each message has a witness');
cmp_ok(scalar keys %seen, '>=', 25, 'at least 25 messages');

$node->stop;
done_testing();
