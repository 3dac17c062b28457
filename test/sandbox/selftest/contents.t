#!/usr/bin/perl
#
# contents.t: the limits of each type of message, the components of a template message, and what
# becomes of definitions of templates: review, edits, deletion, texts of one-time codes.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use SelfTest;
use Test::More;

start_sandbox();
fresh();
settings(open_window => '*');
my $to = '+34612345678';
my ($true, $false) = (JSON::PP::true, JSON::PP::false);

sub answer_to { my ($type, $content, %more) = @_; return post({ messaging_product => 'whatsapp', to => $to, type => $type, $type => $content, %more }) }
sub takes { my ($name, $type, $content, %more) = @_; my $answer = answer_to($type, $content, %more); is($answer->{status}, 200, $name) or diag($answer->{content}); return }
sub denies { my ($name, $code, $type, $content, %more) = @_; refuses($name, answer_to($type, $content, %more), 400, $code); return }

# --- media, places, people, reactions ---

takes('image by link', image => { link => 'https://example.org/a.png', caption => 'ñ' x 1024 });
takes('document', document => { id => '1', filename => 'a.pdf' });
takes('voice', audio => { id => '1', voice => $true });
takes('sticker', sticker => { id => '1' });
denies('two sources', 100, image => { id => '1', link => 'https://example.org/a.png' });
denies('a long caption', 100, image => { id => '1', caption => 'ñ' x 1025 });
denies('a caption of audio', 100, audio => { id => '1', caption => 'x' });
denies('the name of an image', 100, image => { id => '1', filename => 'a.png' });
denies('a link without TLS', 131009, video => { link => 'http://example.org/a.mp4' });
takes('location', location => { latitude => 40.4, longitude => '-3.7', name => 'A' });
denies('beyond the pole', 131009, location => { latitude => 91, longitude => 0 });
denies('half a place', 131008, location => { latitude => 1 });
my $person = { name => { formatted_name => 'Ana', first_name => 'Ana' } };
takes('257 people', contacts => [ ($person) x 257 ]);
denies('258 people', 131009, contacts => [ ($person) x 258 ]);
denies('a formatted name alone', 131008, contacts => [ { name => { formatted_name => 'Ana' } } ]);
denies('no name', 131008, contacts => [ { phones => [] } ]);
takes('reaction', reaction => { message_id => 'wamid.1', emoji => '' });
denies('a reaction to nothing', 131008, reaction => { emoji => 'x' });
denies('a reaction that is a reply', 131009, reaction => { message_id => 'wamid.1', emoji => 'x' }, context => { message_id => 'wamid.2' });
denies('a member that a text lacks', 100, text => { body => 'x', caption => 'y' });

# --- interactive ---

my $reply = sub { my ($id, $title, $type) = @_; return { type => $type // 'reply', ($type // 'reply') => { id => "$id", title => $title } } };
my $row = sub { return { id => "$_[0]", title => $_[1] // 'T' } };
my $card = sub { my ($i, %more) = @_; return { card_index => $i, type => 'cta_url', header => { type => 'image', image => { id => '1' } },
	action => { name => 'cta_url', parameters => { display_text => 'Open', url => 'https://example.org' } }, %more } };
my $product = sub { return { card_index => $_[0], type => 'product', action => { catalog_id => '1', product_retailer_id => 'a' } } };
my %action = (
	button => { buttons => [ map { $reply->($_, $_) } 'a' .. 'c' ] },
	list => { button => 'Open', sections => [ { title => 'A', rows => [ map { $row->($_) } 1 .. 5 ] }, { title => 'B', rows => [ map { $row->($_) } 6 .. 10 ] } ] },
	cta_url => { name => 'cta_url', parameters => { display_text => 'Open', url => 'https://example.org' } },
	flow => { name => 'flow', parameters => { flow_message_version => '3', flow_name => 'f', flow_cta => 'Begin', mode => 'draft', flow_action => 'data_exchange' } },
	location_request_message => { name => 'send_location' },
	address_message => { name => 'address_message', parameters => { country => 'IN' } },
	product => { catalog_id => '1', product_retailer_id => 'a' },
	product_list => { catalog_id => '1', sections => [ { product_items => [ ({ product_retailer_id => 'a' }) x 30 ] } ] },
	catalog_message => { name => 'catalog_message' },
	carousel => { cards => [ map { $card->($_) } 0 .. 9 ] },
	voice_call => { name => 'voice_call' },
	call_permission_request => { name => 'call_permission_request' },
	request_contact_info => { name => 'request_contact_info' });
sub interactive
{
	my ($type, %change) = @_;
	my $whole = { type => $type, body => { text => 'x' }, action => $action{$type}, $type eq 'product_list' ? (header => { type => 'text', text => 'H' }) : (), %change };
	delete @$whole{ grep { !defined $whole->{$_} } keys %$whole };
	return $whole;
}
takes("interactive: $_", interactive => interactive($_)) for sort keys %action;
takes('interactive: products as cards', interactive => interactive('carousel', action => { cards => [ map { $product->($_) } 0 .. 1 ] }));
takes('interactive: replies in cards', interactive => interactive('carousel', action => { cards => [ map { $card->($_, action => { buttons => [ $reply->($_, "T$_", 'quick_reply') ] }) } 0 .. 1 ] }));
for my $case (
	[ 'no such type', 131009, type => 'buttons' ], [ 'no action', 131008, button => action => undef ], [ 'no body', 131008, button => body => undef ],
	[ 'a long body', 131009, button => body => { text => 'ñ' x 1025 } ], [ 'a long footer', 131009, button => footer => { text => 'ñ' x 61 } ],
	[ 'a long header', 131009, button => header => { type => 'text', text => 'ñ' x 61 } ], [ 'a header of audio', 131009, button => header => { type => 'audio', audio => { id => '1' } } ],
	[ 'four buttons', 131009, button => action => { buttons => [ map { $reply->($_, $_) } 'a' .. 'd' ] } ],
	[ 'two titles alike', 131009, button => action => { buttons => [ $reply->('a', 'T'), $reply->('b', 'T') ] } ],
	[ 'a long title', 131009, button => action => { buttons => [ $reply->('a', 'ñ' x 21) ] } ], [ 'a long id', 131009, button => action => { buttons => [ $reply->('ñ' x 257, 'T') ] } ],
	[ 'a list with a picture', 131009, list => header => { type => 'image', image => { id => '1' } } ], [ 'a long list body', 131009, list => body => { text => 'ñ' x 4097 } ],
	[ 'a long label', 131009, list => action => { button => 'ñ' x 21, sections => [ { rows => [ $row->(1) ] } ] } ],
	[ 'eleven rows', 131009, list => action => { button => 'O', sections => [ map { { title => "S$_", rows => [ map { $row->($_) } $_ * 10 .. $_ * 10 + ($_ == 1 ? 9 : 0) ] } } 1 .. 2 ] } ],
	[ 'sections without titles', 131008, list => action => { button => 'O', sections => [ map { { rows => [ $row->($_) ] } } 1 .. 2 ] } ],
	[ 'a long row', 131009, list => action => { button => 'O', sections => [ { rows => [ $row->(1, 'ñ' x 25) ] } ] } ],
	[ 'a long row id', 131009, list => action => { button => 'O', sections => [ { rows => [ $row->('ñ' x 201) ] } ] } ],
	[ 'a long description', 131009, list => action => { button => 'O', sections => [ { rows => [ { %{ $row->(1) }, description => 'ñ' x 73 } ] } ] } ],
	[ 'a long display text', 131009, cta_url => action => { name => 'cta_url', parameters => { display_text => 'ñ' x 21, url => 'https://example.org' } } ],
	[ 'no web address', 131009, cta_url => action => { name => 'cta_url', parameters => { display_text => 'O', url => 'tel:1' } } ],
	[ 'a flow by id and name', 131008, flow => action => { name => 'flow', parameters => { %{ $action{flow}{parameters} }, flow_id => '1' } } ],
	[ 'a flow in no mode', 131009, flow => action => { name => 'flow', parameters => { %{ $action{flow}{parameters} }, mode => 'x' } } ],
	[ 'an address elsewhere', 131009, address_message => action => { name => 'address_message', parameters => { country => 'ES' } } ],
	[ 'another action', 131009, location_request_message => action => { name => 'x' } ], [ 'another call', 131009, voice_call => action => { name => 'x' } ],
	[ 'a long call', 131009, voice_call => action => { name => 'voice_call', parameters => { display_text => 'ñ' x 21 } } ], [ 'a call for a while', 131009, voice_call => action => { name => 'voice_call', parameters => { ttl_minutes => 'x' } } ],
	[ 'products without a header', 131008, product_list => header => undef ],
	[ '31 products', 131009, product_list => action => { catalog_id => '1', sections => [ { product_items => [ ({ product_retailer_id => 'a' }) x 31 ] } ] } ],
	[ 'one card', 131009, carousel => action => { cards => [ $card->(0) ] } ], [ 'eleven cards', 131009, carousel => action => { cards => [ map { $card->($_) } 0 .. 10 ] } ],
	[ 'a card out of order', 131009, carousel => action => { cards => [ $card->(1), $card->(0) ] } ], [ 'a card of no type', 131009, carousel => action => { cards => [ $card->(0, type => 'image'), $card->(1) ] } ],
	[ 'a long card', 131009, carousel => action => { cards => [ $card->(0), $card->(1, body => { text => 'ñ' x 161 }) ] } ],
	[ 'cards that differ', 131009, carousel => action => { cards => [ $card->(0), $product->(1) ] } ], [ 'a footer below cards', 131009, carousel => footer => { text => 'x' } ])
{
	my ($name, $code, $type, @change) = @$case;
	denies("interactive: $name", $code, interactive => @change == 1 ? interactive('button', type => $change[0]) : interactive($type, @change));
}

# --- components of templates ---

sub graph
{
	my ($method, $path, $body) = @_;
	my $answer = $http->request($method, "$url/v25.0/$path", { headers => { Authorization => 'Bearer sandbox-token' }, $body ? (content => $json->encode($body)) : () });
	$answer->{json} = eval { $json->decode($answer->{content}) };
	return $answer;
}
my $body = { type => 'BODY', text => 'Novedades.' };
my $cards = sub { my ($format, @buttons) = @_; return { type => 'CAROUSEL', cards => [ ({ components => [ { type => 'HEADER', format => $format }, { type => 'BUTTONS', buttons => \@buttons } ] }) x 2 ] } };
control(POST => 'templates', [
	{ name => 'all_buttons', language => 'es', components => [ $body, { type => 'BUTTONS', buttons => [ { type => 'QUICK_REPLY', text => 'A' }, { type => 'COPY_CODE', text => 'B' }, { type => 'MPM', text => 'View items' }, { type => 'URL', text => 'C', url => 'https://example.org' } ] } ] },
	{ name => 'offer', language => 'es', components => [ $body, { type => 'LIMITED_TIME_OFFER', limited_time_offer => { text => 'Hoy', has_expiration => $true } } ] },
	{ name => 'pictures', language => 'es', components => [ $body, $cards->('IMAGE', { type => 'QUICK_REPLY', text => 'A' }) ] },
	{ name => 'products', language => 'es', components => [ $body, $cards->('PRODUCT', { type => 'SPM', text => 'View' }) ] } ]);
my $button = sub { my ($index, $sub_type, $parameter) = @_; return { type => 'button', sub_type => $sub_type, index => $index, parameters => [$parameter] } };
my $mpm = sub { return $button->('2', 'mpm', { type => 'action', action => { thumbnail_product_retailer_id => 'a', sections => [ { title => 'A', product_items => [ ({ product_retailer_id => 'a' }) x $_[0] ] } ] } }) };
my $coupon = sub { return $button->(1, 'copy_code', { type => 'coupon_code', coupon_code => $_[0] }) };
my $header = sub { return { type => 'header', parameters => [ { type => $_[0], $_[0] => $_[1] } ] } };
my $carousel = sub { my ($count, @header) = @_; return { type => 'carousel', cards => [ map { { card_index => $_, components => [ $header->(@header) ] } } 0 .. $count - 1 ] } };
my $one = { product_retailer_id => 'a', catalog_id => '1' };
my $ends = sub { return { type => 'limited_time_offer', parameters => [ { type => 'limited_time_offer', limited_time_offer => { expiration_time_ms => $_[0] } } ] } };
sub filled { my ($name, @components) = @_; return post(template($to, name => $name, values => [], components => \@components)) }
is(filled('all_buttons', $coupon->('ñ' x 20), $mpm->(30), $button->('0', 'quick_reply', { type => 'payload', payload => 'p' }))->{status}, 200, 'buttons');
is(filled('offer', $ends->(1800000000000))->{status}, 200, 'an offer');
is(filled('pictures', $carousel->(2, image => { id => '1' }))->{status}, 200, 'cards of pictures');
is(filled('products', $carousel->(10, product => $one))->{status}, 200, 'ten cards of products');
for my $case (
	[ 'a long code', 131009, all_buttons => $coupon->('ñ' x 21), $mpm->(1) ], [ 'no code', 131008, all_buttons => $mpm->(1) ], [ 'no products', 131008, all_buttons => $coupon->('x') ],
	[ '31 products', 131009, all_buttons => $coupon->('x'), $mpm->(31) ], [ 'another sub_type', 132012, all_buttons => $button->(1, 'url', { type => 'text', text => 'x' }) ],
	[ 'an address without a variable', 132012, all_buttons => $button->(3, 'url', { type => 'text', text => 'x' }) ], [ 'no such button', 132012, all_buttons => $button->(4, 'url', { type => 'text', text => 'x' }) ],
	[ 'button 10', 131009, all_buttons => $button->(10, 'url', { type => 'text', text => 'x' }) ], [ 'a footer', 100, all_buttons => { type => 'footer' } ],
	[ 'no end', 131008, offer => () ], [ 'an end that is none', 131008, offer => $ends->('soon') ], [ 'an offer that is none', 132012, all_buttons => $coupon->('x'), $mpm->(1), $ends->(1) ],
	[ 'three cards of two', 132012, pictures => $carousel->(3, image => { id => '1' }) ], [ 'no cards', 132012, pictures => () ], [ 'a card of another kind', 132012, pictures => $carousel->(2, video => { id => '1' }) ],
	[ 'one product', 132012, products => $carousel->(1, product => $one) ], [ 'eleven products', 132012, products => $carousel->(11, product => $one) ],
	[ 'a header with two sources', 100, pictures => $carousel->(2, image => { id => '1', link => 'https://example.org/a.png' }) ])
{
	my ($name, $code, @with) = @$case;
	refuses("template: $name", filled(@with), 400, $code);
}
my $code = sub { my ($text, $again) = @_; return post(template($to, name => 'login_code', values => [$text], components => [ $button->(0, 'url', { type => 'text', text => $again }) ])) };
is($code->('123456789012345', '123456789012345')->{status}, 200, 'a one-time code');
refuses('a long one-time code', $code->('1234567890123456', '1234567890123456'), 400, 131009);
refuses('two codes', $code->('1', '2'), 400, 132012);

# --- definitions ---

my %definition = (language => 'es', category => 'UTILITY', components => [ { type => 'BODY', text => 'Su pedido ya viene.' } ]);
my $made = graph(POST => '987654321/message_templates', { name => 'made', %definition });
is($made->{json}{status}, 'PENDING', 'a new template waits for review');
my $id = $made->{json}{id};
refuses('the same once more', graph(POST => '987654321/message_templates', { name => 'made', %definition }), 400, 2388024);
refuses('an edit before review', graph(POST => $id, { components => $definition{components} }), 400, 100);
control(POST => 'templates', { name => 'made', language => 'es', status => 'APPROVED' });
ok(graph(POST => $id, { components => [ { type => 'BODY', text => 'Ya viene su pedido.' } ] })->{json}{success}, 'an edit');
is(get($id)->{status}, 'PENDING', '… is reviewed');
control(POST => 'templates', { name => 'made', language => 'es', status => 'APPROVED' });
refuses('a second edit in 24 hours', graph(POST => $id, { components => $definition{components} }), 400, 100, qr/once in 24 hours/);
refuses('another category', graph(POST => $id, { category => 'MARKETING' }), 400, 100);
ok(graph(DELETE => "987654321/message_templates?name=made&hsm_id=$id")->{json}{success}, 'deleted');
refuses('its name is blocked', graph(POST => '987654321/message_templates', { name => 'made', %definition }), 400, 2388023);
graph(POST => '987654321/message_templates', { name => 'code', language => 'es', category => 'AUTHENTICATION', components => [ { type => 'BODY', add_security_recommendation => $true },
	{ type => 'FOOTER', code_expiration_minutes => 5 }, { type => 'BUTTONS', buttons => [ { type => 'OTP', otp_type => 'COPY_CODE' } ] } ] });
my ($listed) = @{ get('987654321/message_templates?name=code&status=PENDING')->{data} };
is_deeply([ $listed->{components}[2]{buttons}[0]{type}, $listed->{components}[2]{buttons}[0]{url} =~ /otp_type=COPY_CODE.*\{\{1\}\}$/ ? 1 : 0, $listed->{components}[0]{text} =~ /\{\{1\}\}/ ? 1 : 0 ],
	[ 'URL', 1, 1 ], 'a one-time code is listed with texts of Meta\'s');
control(POST => 'templates', { name => 'code', language => 'es', status => 'APPROVED' });
is(post(template($to, name => 'code', values => ['12'], components => [ $button->(0, 'url', { type => 'text', text => '12' }) ]))->{status}, 200, 'and can be sent');

is(stop_sandbox(), 0, 'ends');
done_testing();
