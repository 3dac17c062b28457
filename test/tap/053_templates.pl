# Templates as code against the sandbox: planned, applied once, approved, rejected with a reason, edited within Meta's limits, recategorised; from
# files by scripts/templates; and the sandbox's own review refuses what the rules refuse.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('templates', conf => "whatsapp.clerk_idle_timeout = 30s\n");
my $sandbox = $node->{sandbox};
my $json = JSON::PP->new->canonical;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub planned { return sql("SELECT string_agg(action || ' ' || name || coalesce(': ' || blocked, ''), '; ' ORDER BY name) FROM wa_template_plan() WHERE action <> 'unmanaged'") }
sub calls { return scalar grep { $_->{method} ne 'GET' } grep { $_->{edge} eq 'message_templates' || $_->{edge} eq '' } sandbox_lines($sandbox, 'calls') }
sub ended { wait_sql($node, q{SELECT count(*) = 0 FROM whatsapp_requests WHERE ended_at IS NULL}) }
sub sync { sql('CALL wa_sync_templates()') }

sub definition
{
	my ($name, %more) = @_;
	return { name => $name, language => 'es', category => 'UTILITY',
		components => [ { type => 'BODY', text => 'Hola {{1}}, su pedido ya viene.', example => { body_text => [ ['Ana'] ] } } ], %more };
}
sub define { my ($definition) = @_; sql("SELECT wa_template_define(\$d\$" . $json->encode($definition) . "\$d\$)") }

# planned and applied: one request, and none the second time
sync();
define(definition('order_ready'));
is(planned(), 'create order_ready', 'planned');
is(sql('SELECT count(*) FROM wa_template_apply()'), '1', 'applied');
is(sql('SELECT count(*) FROM wa_template_apply()'), '0', 'once');
ended();
is(planned(), 'unchanged order_ready', 'made, and nothing is left to do');
is(calls(), 1, 'by one call');
is(sql('SELECT count(*) FROM wa_template_apply()'), '0', 'applied again: nothing is asked');

# approved by a webhook; edited once in 24 hours, before Meta has to say so
sandbox_post($sandbox, 'templates', { name => 'order_ready', language => 'es', status => 'APPROVED' });
wait_sql($node, q{SELECT status = 'APPROVED' FROM whatsapp_templates WHERE name = 'order_ready'});
is(planned(), 'unchanged order_ready', 'approved');
my $changed = definition('order_ready');
$changed->{components}[0]{text} = 'Hola {{1}}, su pedido le espera.';
define($changed);
is(planned(), 'edit order_ready', 'changed here');
sql('SELECT wa_template_apply()');
ended();
is(planned(), 'unchanged order_ready', 'edited');
sandbox_post($sandbox, 'templates', { name => 'order_ready', language => 'es', status => 'APPROVED' });
wait_sql($node, q{SELECT status = 'APPROVED' FROM whatsapp_templates WHERE name = 'order_ready'});
define(definition('order_ready'));
is(planned(), 'edit order_ready: an approved template can be edited once in 24 hours', 'a second edit waits');
is(sql('SELECT count(*) FROM wa_template_apply()'), '0', 'and is not asked for');
is(calls(), 2, 'two calls in all');
define($changed);

# changed at Meta: text, category
sandbox_post($sandbox, 'templates', { name => 'order_ready', language => 'es', components => [ { type => 'BODY', text => 'Otro texto.' } ] });
sync();
is(planned(), 'drifted order_ready: an approved template can be edited once in 24 hours', 'drifted');
sandbox_post($sandbox, 'templates', { %$changed, category => 'MARKETING' });
sync();
is(planned(), 'recategorised order_ready', 'recategorised');

# rejected, with the reason
define(definition('order_note'));
sql('SELECT wa_template_apply()');
ended();
sandbox_post($sandbox, 'templates', { name => 'order_note', language => 'es', status => 'REJECTED', rejected_reason => 'PROMOTIONAL' });
sync();
is(sql(q{SELECT status || ' ' || rejected_reason FROM whatsapp_templates WHERE name = 'order_note'}), 'REJECTED PROMOTIONAL', 'rejected, with the reason');

# how long Meta tries to deliver a message, and one-time codes, of which Meta lists an address and texts of its own
my $timed = definition('timed', message_send_ttl_seconds => 600);
my $code = { name => 'code', language => 'es', category => 'AUTHENTICATION', components => [ { type => 'BODY', add_security_recommendation => JSON::PP::true }, { type => 'FOOTER', code_expiration_minutes => 10 },
	{ type => 'BUTTONS', buttons => [ { type => 'OTP', otp_type => 'ONE_TAP', supported_apps => [ { package_name => 'org.example', signature_hash => '12345678901' } ] } ] } ] };
define($_) for $timed, $code;
sql('SELECT wa_template_apply()');
ended();
sandbox_post($sandbox, 'templates', { name => $_, language => 'es', status => 'APPROVED' }) for qw(timed code);
sync();
sub planned_of { return sql(qq{SELECT action || coalesce(' ' || differences::text, '') FROM wa_template_plan() WHERE name = '$_[0]'}) }
is(planned_of('timed') . ' ' . planned_of('code'), 'unchanged unchanged', 'made as they are wanted');
is(sql(q{SELECT message_send_ttl_seconds FROM whatsapp_templates WHERE name = 'timed'}), '600', 'the time is read back');
define({ %$timed, message_send_ttl_seconds => 900 });
is(planned_of('timed'), 'edit [{"live": 600, "wanted": 900, "component": "message_send_ttl_seconds"}]', 'another time is an edit');
$code->{components}[2]{buttons}[0]{supported_apps}[0]{package_name} = 'org.example.app';
define($code);
like(planned_of('code'), qr/^edit .*"component": "components"/, 'and so is another app');
sql('SELECT wa_template_apply()');
ended();
sync();
is(planned_of('timed') . ' ' . planned_of('code'), 'unchanged unchanged', 'edited');
is(sql(q{SELECT message_send_ttl_seconds FROM whatsapp_templates WHERE name = 'timed'}), '900', 'at Meta');
sandbox_post($sandbox, 'templates', { name => 'timed', language => 'es', message_send_ttl_seconds => 60 });
sync();
like(planned_of('timed'), qr/^drifted /, 'changed there, it has drifted');
sandbox_post($sandbox, 'templates', { name => 'timed', language => 'es', message_send_ttl_seconds => 1e30 });
sync();
is(sql(q{SELECT coalesce(message_send_ttl_seconds::text, 'not known') FROM whatsapp_templates WHERE name = 'timed'}), 'not known', 'a time that is none does not stop its page');
sql(q{SELECT wa_template_remove('timed'), wa_template_remove('code')});
sql('SELECT wa_template_apply()');
ended();

# a message is held against what Meta has
is($node->psql('postgres', q{SELECT wa_send_template('+34600000001', 'order_ready', ARRAY['Ana', 'x'])}), 3, 'too many parameters are refused');
is(sql(q{SELECT wa_send_template('+34600000001', 'order_ready', ARRAY['Ana']) IS NOT NULL}), 't', 'the right ones are not');
wait_sql($node, q{SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages ORDER BY id DESC LIMIT 1});

# from files
my $folder = PostgreSQL::Test::Utils::tempdir();
my $script = "$FindBin::RealBin/../../scripts/templates";
sub file { my ($name, $definition) = @_; open my $handle, '>', "$folder/$name.json" or die $!; print $handle $json->encode($definition); close $handle }
sub run_script
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
	my $out = qx($script @_ 2>&1);
	return ($? >> 8) . " $out";
}
file('ready', $changed);
file('bill', definition('bill@1'));
like(run_script('plan', $folder), qr/\A2 .*\+ create bill_v1 es\n.*- delete order_note es\n.*\? recategorised order_ready es\n/s, 'files: planned');
is(planned(), 'unchanged order_note; recategorised order_ready', 'and nothing is changed by it');
like(run_script('apply', $folder), qr/request \d+: create bill_v1 es\nrequest \d+: delete order_note es/, 'files: applied');
ended();
like(run_script('plan', $folder), qr/\A0 .*= unchanged bill_v1 es/s, 'files: nothing is left to do');
is(sql(q{SELECT status FROM whatsapp_templates WHERE name = 'order_note'}), 'DELETED', 'a file that is gone');
file('bad', definition('bad', category => 'NONE'));
like(run_script('check', $folder), qr/\A1 bad\.json: category: category_unknown: /, 'files: a rule that is broken');
like(run_script('apply', $folder), qr/\A1 bad\.json/, 'is not applied');

# files that templates show in review: uploaded first, and named by the handle that Meta gave
my $shown = definition('shown');
unshift @{ $shown->{components} }, { type => 'HEADER', format => 'IMAGE', example => { header_handle => ['sample:logo.png'] } };
define($shown);
is(sql(q{SELECT blocked FROM wa_template_plan() WHERE name = 'shown'}), 'sample logo.png has not been given: see wa_template_sample()', 'a template that lacks its sample waits');
sandbox_post($sandbox, 'faults', { edge => 'uploads', code => 100 });
my $lost = sql(q{SELECT wa_template_sample('logo.png', '\x89504e470d0a1a0a', 'image/png')});
wait_sql($node, "SELECT state FROM whatsapp_requests WHERE id = $lost", 'failed');
like(sql(q{SELECT blocked FROM wa_template_plan() WHERE name = 'shown'}), qr/^sample logo\.png could not be uploaded: ./, 'and says why its upload failed');
my $uploaded = sql(q{SELECT wa_template_sample('logo.png', '\x89504e470d0a1a0a', 'image/png')});
wait_sql($node, "SELECT state FROM whatsapp_requests WHERE id = $uploaded", 'done');
is(sql(q{SELECT coalesce(wa_template_sample('logo.png', '\x89504e470d0a1a0a', 'image/png')::text, 'known')}), 'known', 'the same bytes are uploaded once');
is(sql(q{SELECT coalesce(blocked, 'free') FROM wa_template_plan() WHERE name = 'shown'}), 'free', 'uploaded, it waits no more');
sql('SELECT wa_template_apply()');
ended();
my ($handle) = sql(q{SELECT handle FROM whatsapp_template_samples WHERE name = 'logo.png'});
is(sql(q{SELECT r.state || ' ' || (r.request #>> '{components,0,example,header_handle,0}') FROM whatsapp_requests AS r WHERE r.kind = 'create_template' AND r.request ->> 'name' = 'shown'}), "done $handle", 'made, with the handle');
is(sql(q{SELECT action FROM wa_template_plan() WHERE name = 'shown'}), 'unchanged', 'and nothing is left to do');
like(scalar(sandbox_lines($sandbox, 'calls')) && join(' ', map { "$_->{method} $_->{edge}" } grep { $_->{id} =~ /^(debug_token|1{15}|upload:)/ } sandbox_lines($sandbox, 'calls')), qr/POST uploads POST $/, 'by the calls of a resumable upload');
my $error = ($node->psql('postgres', q{SELECT wa_template_sample('a b', 'x', 'image/png')}))[2];
like($error, qr/the name of a sample must be/, 'a name that is none');
append_to_file("$folder/photo.jpg", 'JPEG');
unlink "$folder/bad.json";
my $with_photo = definition('with_photo');
unshift @{ $with_photo->{components} }, { type => 'HEADER', format => 'IMAGE', example => { header_handle => ['sample:photo.jpg'] } };
file('with_photo', $with_photo);
like(run_script('apply', $folder), qr/\A2 request \d+: upload photo\.jpg\n.*waits: sample photo\.jpg is being uploaded, request \d+/s, 'files: a sample is uploaded first');
wait_sql($node, q{SELECT handle IS NOT NULL FROM whatsapp_template_samples WHERE name = 'photo.jpg'});
like(run_script('apply', $folder), qr/\A0 .*request \d+: create with_photo es/s, 'and the template then');
ended();
is(sql(q{SELECT state FROM whatsapp_requests WHERE kind = 'create_template' AND request ->> 'name' = 'with_photo'}), 'done', 'made');

# the sandbox's review, which knows the rules by the documentation only, agrees about each of ours: what breaks it is refused by both
sub with_components { my (@more) = @_; return definition('wrong', components => [ { type => 'BODY', text => 'Su pedido ya viene.' }, @more ]) }
sub with_body { my ($text, @examples) = @_; return definition('wrong', components => [ { type => 'BODY', text => $text, @examples ? (example => { body_text => [ \@examples ] }) : () } ]) }
sub with_named
{
	my ($text, @examples) = @_;
	return definition('wrong', parameter_format => 'NAMED', components => [ { type => 'BODY', text => $text, example => { body_text_named_params => [ map { { param_name => $_, example => 'x' } } @examples ] } } ]);
}
sub with_header { my ($format, @more) = @_; return with_components({ type => 'HEADER', format => $format, @more }) }
sub with_buttons { my (@buttons) = @_; return with_components({ type => 'BUTTONS', buttons => \@buttons }) }
sub with_code { my ($button, @more) = @_; return definition('wrong', category => 'AUTHENTICATION', components => [ { type => 'BODY' }, $button ? { type => 'BUTTONS', buttons => [ { type => 'OTP', otp_type => 'COPY_CODE', %$button } ] } : (), @more ]) }
sub with_cards { my (@cards) = @_; return with_components({ type => 'CAROUSEL', cards => [ map { { components => $_ } } @cards ] }) }
sub with_offer { my ($text, @more) = @_; return with_components({ type => 'LIMITED_TIME_OFFER', limited_time_offer => { text => $text, has_expiration => JSON::PP::true } }, @more) }
my $quick = { type => 'QUICK_REPLY', text => 'A' };
my $address = { type => 'URL', text => 'Ver', url => 'https://example.org' };
my $app = { package_name => 'org.example', signature_hash => '12345678901' };
my $picture = { type => 'HEADER', format => 'IMAGE', example => { header_handle => [$handle] } };
my $by_address = { type => 'BUTTONS', buttons => [$address] };
my %wrong = (
	wrong_type => with_body(7), missing_member => definition('wrong', components => [ { type => 'BODY' } ]), name_invalid => definition('Wrong-Name'), name_too_long => definition('x' x 513),
	language_invalid => definition('wrong', language => 'pt-BR'), category_unknown => definition('wrong', category => 'NONE'), parameter_format_unknown => definition('wrong', parameter_format => 'X'),
	ttl_out_of_range => definition('wrong', message_send_ttl_seconds => 1), component_unknown => with_components({ type => 'BANNER' }), component_repeated => with_components({ type => 'BODY', text => 'Y algo.' }),
	body_missing => definition('wrong', components => [ { type => 'FOOTER', text => 'x' } ]), text_empty => with_body(' '), header_too_long => with_header('TEXT', text => 'x' x 61), body_too_long => with_body('x' x 1025),
	footer_too_long => with_components({ type => 'FOOTER', text => 'x' x 61 }),
	offer_body_too_long => definition('wrong', components => [ { type => 'BODY', text => 'x' x 601 }, { type => 'LIMITED_TIME_OFFER', limited_time_offer => { text => 'x' } } ]),
	product_body_too_long => definition('wrong', components => [ { type => 'HEADER', format => 'PRODUCT' }, { type => 'BODY', text => 'x' x 161 } ]),
	card_body_too_long => with_cards(([ $picture, { type => 'BODY', text => 'x' x 161 } ]) x 2), header_format_unknown => with_header('AUDIO'), header_text_not_allowed => with_header('LOCATION', text => 'x'),
	header_too_many_placeholders => with_header('TEXT', text => 'A {{1}} de {{2}}', example => { header_text => [ 'a', 'b' ] }), header_markdown => with_header('TEXT', text => 'El *pedido*'),
	header_example_missing => with_header('IMAGE'), location_category => { %{ with_header('LOCATION') }, category => 'SERVICE' }, footer_has_placeholder => with_components({ type => 'FOOTER', text => 'Adiós {{1}}' }),
	placeholder_malformed => with_body('Hola {{ 1 }}, su pedido ya viene.', 'x'), placeholder_special_character => with_named('Hola {{total$}}, su pedido ya viene.', 'total$'),
	placeholder_gap => with_body('Hola {{2}}, su pedido ya viene.', 'x'), placeholder_at_start => with_body('{{1}}, su pedido ya viene.', 'x'), placeholder_at_end => with_body('Ya viene su pedido {{1}}', 'x'),
	placeholders_adjacent => with_body('Hola {{1}} {{2}}, su pedido ya viene hoy.', 'x', 'y'), placeholders_mixed => with_named('Hola {{a}}, su pedido {{1}} ya viene hoy mismo.', 'a'),
	placeholder_format => with_body('Hola {{a}}, su pedido ya viene.', 'x'), placeholder_ratio => with_body('Es {{1}}.', 'x'), example_missing => with_body('Hola {{1}}, su pedido ya viene.'),
	example_count => with_body('Hola {{1}}, su pedido ya viene.', 'x', 'y'), example_name => with_named('Hola {{a}}, su pedido ya viene.', 'b'), example_empty => with_body('Hola {{1}}, su pedido ya viene.', ''),
	too_many_buttons => with_buttons(($quick) x 11), no_buttons => with_buttons(), button_unknown => with_buttons({ type => 'FAX', text => 'x' }), button_order => with_buttons($quick, $address, $quick),
	button_text_too_long => with_buttons({ %$quick, text => 'x' x 26 }), button_text_fixed => with_buttons({ type => 'CATALOG', text => 'Ver' }), too_many_url_buttons => with_buttons(($address) x 3),
	too_many_phone_buttons => with_buttons(({ type => 'PHONE_NUMBER', text => 'x', phone_number => '+34612345678' }) x 2), too_many_copy_code_buttons => with_buttons(({ type => 'COPY_CODE', example => 'x' }) x 2),
	url_invalid => with_buttons({ %$address, url => 'tel:1' }), url_too_long => with_buttons({ %$address, url => 'https://' . 'x' x 1993 }),
	url_placeholder_not_at_end => with_buttons({ %$address, url => 'https://example.org/{{1}}/a', example => ['x'] }), url_example_missing => with_buttons({ %$address, url => 'https://example.org/{{1}}' }),
	phone_number_invalid => with_buttons({ type => 'PHONE_NUMBER', text => 'x', phone_number => '+34 612' }), phone_number_too_long => with_buttons({ type => 'PHONE_NUMBER', text => 'x', phone_number => '1' x 21 }),
	copy_code_too_long => with_buttons({ type => 'COPY_CODE', example => 'x' x 21 }), flow_missing => with_buttons({ type => 'FLOW', text => 'x' }),
	otp_component_not_allowed => with_code({}, { type => 'HEADER', format => 'TEXT', text => 'x' }), otp_body_not_allowed => definition('wrong', category => 'AUTHENTICATION', components => [ { type => 'BODY', text => 'x' }, { type => 'BUTTONS', buttons => [ { type => 'OTP', otp_type => 'COPY_CODE' } ] } ]),
	otp_footer_not_allowed => with_code({}, { type => 'FOOTER', code_expiration_minutes => 1, text => 'x' }), otp_expiration_out_of_range => with_code({}, { type => 'FOOTER', code_expiration_minutes => 91 }), otp_button_count => with_code(undef),
	otp_button_not_allowed => with_buttons({ type => 'OTP', otp_type => 'COPY_CODE' }), otp_type_unknown => with_code({ otp_type => 'MAGIC' }), otp_apps_missing => with_code({ otp_type => 'ONE_TAP' }),
	otp_too_many_apps => with_code({ otp_type => 'ONE_TAP', supported_apps => [ ($app) x 6 ] }), otp_package_name_too_long => with_code({ otp_type => 'ONE_TAP', supported_apps => [ { %$app, package_name => 'x' x 225 } ] }),
	otp_signature_hash => with_code({ otp_type => 'ONE_TAP', supported_apps => [ { %$app, signature_hash => 'x' } ] }), otp_terms_not_accepted => with_code({ otp_type => 'ZERO_TAP', supported_apps => [$app] }),
	offer_text_too_long => with_offer('x' x 17), offer_header => with_offer('x', { type => 'HEADER', format => 'TEXT', text => 'x' }), offer_footer_not_allowed => with_offer('x', { type => 'FOOTER', text => 'x' }),
	offer_button_not_allowed => with_offer('x', { type => 'BUTTONS', buttons => [$quick] }), card_count => with_cards([ $picture, $by_address ]),
	card_component_not_allowed => with_cards(([ $picture, { type => 'FOOTER', text => 'x' } ]) x 2), card_header => with_cards(([ { type => 'HEADER', format => 'DOCUMENT', example => { header_handle => [$handle] } } ]) x 2),
	card_too_many_buttons => with_cards(([ $picture, { type => 'BUTTONS', buttons => [ ($quick) x 3 ] } ]) x 2), card_layout_differs => with_cards([ $picture, $by_address ], [ $picture, { type => 'BUTTONS', buttons => [$quick] } ]));
my @differ;
for my $rule (sort keys %wrong) {
	my $definition = $json->encode($wrong{$rule});
	my $rules = sql("SELECT string_agg(rule, ' ') FROM wa_template_check(\$d\$$definition\$d\$)");
	my $answer = curl('-X', 'POST', '-H', 'Authorization: Bearer sandbox-token', '--data-binary', $definition, "$sandbox->{url}/v25.0/987654321/message_templates");
	push @differ, "$rule: " . ($rules || 'no rule') . ": $answer" if $rules !~ /\b$rule\b/ || $answer !~ /"error"/;
}
is_deeply(\@differ, [], 'the sandbox refuses what breaks a rule');
is(sql("SELECT string_agg(rule, ' ' ORDER BY rule) FROM wa_template_rules() WHERE rule <> ALL (string_to_array('@{[ sort keys %wrong ]}', ' '))"), 'unknown_member', 'of each rule but one: Meta passes over members that it does not know');

$node->stop('fast');
done_testing();
