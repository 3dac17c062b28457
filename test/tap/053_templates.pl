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

# the sandbox's review, which knows our rules by the documentation only, agrees about what is wrong
my @wrong = (
	[ body => text => '{{1}}, su pedido ya ha llegado.' ], [ body => text => 'Su pedido ha llegado, {{1}}' ], [ body => text => 'Hola {{2}}, su pedido ya viene.' ],
	[ body => text => 'Hola {{1}}' . ' x' x 600 ], [ body => text => 'Hola {{ 1 }}, su pedido ya viene.' ], [ body => text => 'Es {{1}}.' ], [ body => example => undef ],
	[ add => { type => 'FOOTER', text => 'Hasta pronto {{1}}' } ], [ add => { type => 'FOOTER', text => 'x' x 61 } ],
	[ add => { type => 'HEADER', format => 'TEXT', text => '*Hola*' } ], [ add => { type => 'HEADER', format => 'IMAGE' } ],
	[ add => { type => 'BUTTONS', buttons => [] } ], [ add => { type => 'BUTTONS', buttons => [ map { { type => 'QUICK_REPLY', text => "B $_" } } 1 .. 11 ] } ],
	[ add => { type => 'BUTTONS', buttons => [ { type => 'URL', text => 'Ver', url => 'https://example.org/{{1}}/a', example => ['x'] } ] } ],
	[ add => { type => 'BUTTONS', buttons => [ { type => 'QUICK_REPLY', text => 'A' }, { type => 'URL', text => 'B', url => 'https://example.org' }, { type => 'QUICK_REPLY', text => 'C' } ] } ],
	[ add => { type => 'BUTTONS', buttons => [ { type => 'OTP', otp_type => 'COPY_CODE' } ] } ], [ add => { type => 'BANNER' } ],
	[ add => { type => 'CAROUSEL', cards => [] } ], [ top => category => 'AUTHENTICATION' ], [ top => category => 'NONE' ], [ top => name => 'Wrong-Name' ],
	[ top => parameter_format => 'NAMED' ], [ top => message_send_ttl_seconds => 1 ]);
my ($place, @differ) = (0);
for my $wrong (@wrong) {
	my $definition = definition('wrong_' . $place++);
	my ($where, $name, $value) = @$wrong;
	if ($where eq 'add') { push @{ $definition->{components} }, $name }
	elsif ($where eq 'top') { $definition->{$name} = $value }
	elsif (defined $value) { $definition->{components}[0]{$name} = $value }
	else { delete $definition->{components}[0]{$name} }
	my $rules = sql("SELECT string_agg(rule, ' ') FROM wa_template_check(\$d\$" . $json->encode($definition) . "\$d\$)");
	my $answer = curl('-X', 'POST', '-H', 'Authorization: Bearer sandbox-token', '--data-binary', $json->encode($definition), "$sandbox->{url}/v25.0/987654321/message_templates");
	push @differ, "$place: " . ($rules || 'no rule') . ": $answer" if !$rules || $answer !~ /"error"/;
}
is_deeply(\@differ, [], 'the sandbox refuses each definition that the rules refuse');

$node->stop('fast');
done_testing();
