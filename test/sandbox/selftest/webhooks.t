#!/usr/bin/perl
#
# webhooks.t: inbound messages, statuses and fields by hand; how statuses look, are spread and repeated.

use strict;
use warnings;
use utf8;
use FindBin;
use lib $FindBin::Bin;
use SelfTest;
use Test::More;
use Time::HiRes qw(time);

start_receiver();
start_sandbox('--phone-number-id', '123456789', '--phone-number-id', '222222222');

# The bodies of what was delivered, decoded.
sub bodies { return map { $json->decode($_->[2] =~ s/\A.*?\r\n\r\n//sr) } grep { $_->[0] == 200 } received() }

# Posts by hand, and returns the answer's status and the body that was delivered.
sub hand
{
	my ($what, $body) = @_;
	spew("$dir/log", '');
	my $status = control(POST => $what, $body)->{status} // 0;
	return ($status, (bodies())[0]);
}

sub value { return $_[0]{entry}[0]{changes}[0]{value} }

# --- inbound messages of every type ---

fresh();
my $samples = control(GET => 'samples');
my (@wrong, %types);
for my $kind (sort keys %{ $samples->{inbound} }) {
	my ($status, $body) = hand(inbound => { from => '+34655555555', type => $kind });
	my $message = value($body)->{messages}[0];
	my $type = $samples->{inbound}{$kind}{type};
	$types{$type}++;
	push @wrong, $kind unless $status == 200 && $message->{type} eq $type && exists $message->{$type} && $message->{id}
		&& $message->{from} eq '34655555555' && $message->{timestamp} =~ /^\d+$/;
}
is_deeply(\@wrong, [], 'every type of inbound message');
is_deeply([ grep { !$types{$_} } qw(text image video audio document sticker location contacts reaction interactive button order system edit
	revoke unsupported) ], [], '… all that Meta documents');
my (undef, $body) = hand(inbound => { from => '+34655555555', type => 'image', content => { caption => 'Ñ/1' }, message => { group_id => 'G' },
	name => 'Eva', username => '@eva', id => 'wamid.1', phone_number_id => '222222222' });
my $message = value($body)->{messages}[0];
is_deeply([ $message->{image}{caption}, @$message{qw(group_id id)} ], [ 'Ñ/1', 'G', 'wamid.1' ], 'with members of your own');
like((received())[0][2], qr/"\\u00d1\\\/1"/, '… in the escaped form');
is_deeply([ value($body)->{contacts}[0]{profile}, value($body)->{metadata} ], [ { name => 'Eva', username => '@eva' },
	{ display_phone_number => '34910000002', phone_number_id => '222222222' } ], '… name and number');
(undef, $body) = hand(inbound => { from => 'ES.1349000' });
ok(!exists value($body)->{messages}[0]{from} && !exists value($body)->{contacts}[0]{wa_id}, 'by user id only');
is(value($body)->{messages}[0]{from_user_id}, 'ES.1349000', '… which is there');
(undef, $body) = hand(inbound => { from => '+34655555555', phone => JSON::PP::false });
ok(!exists value($body)->{messages}[0]{from}, 'a phone that is not told');
(undef, $body) = hand(inbound => { from => '+34655555555', type => 'hologram', content => { x => 1 } });
is_deeply(value($body)->{messages}[0]{hologram}, { x => 1 }, 'a type that is not known yet');

my @three = map { { from => "+3460000000$_", text => $_ } } 1 .. 3;
my %shapes = (items => [ 1, 1, 3 ], changes => [ 1, 3, 1 ], entries => [ 3, 1, 1 ]);
for my $split (sort keys %shapes) {
	(undef, $body) = hand("inbound?split=$split", \@three);
	is_deeply([ scalar @{ $body->{entry} }, scalar @{ $body->{entry}[0]{changes} }, scalar @{ value($body)->{messages} } ], $shapes{$split},
		"several by $split");
}
(undef, $body) = hand(inbound => [ map { { from => '+34655555555', text => "n$_" } } 1 .. 1000 ]);
is(scalar @{ value($body)->{messages} }, 1000, 'a thousand in a delivery');
like(control(POST => 'inbound', [ map { { from => '+34655555555' } } 1 .. 1001 ])->{error}, qr/1 to 1000/, '… but no more');
is($http->post("$url/_sandbox/inbound?signature=wrong", { content => '{"from":"+34655555555"}' })->{status}, 403, 'wrongly signed');

# --- fields of accounts and templates ---

@wrong = ();
for my $field (sort keys %{ $samples->{account} }) {
	my ($status, $got) = hand(account => { field => $field, value => { extra => 1 } });
	my $change = $got->{entry}[0]{changes}[0];
	push @wrong, $field unless $status == 200 && $change->{field} eq $field && $change->{value}{extra} == 1
		&& keys %{ $change->{value} } > 1 && $got->{entry}[0]{time} =~ /^\d+$/;
}
is_deeply(\@wrong, [], 'every field');
is(scalar keys %{ $samples->{account} }, 31, '… of them');
(undef, $body) = hand(account => { field => 'account_update', entry_id => '5',
	value => { event => 'DISABLED_UPDATE', restriction_info => undef, ban_info => { waba_ban_state => 'DISABLE' } } });
is_deeply([ $body->{entry}[0]{id}, value($body) ], [ '5', { event => 'DISABLED_UPDATE', ban_info => { waba_ban_state => 'DISABLE' } } ],
	'with members of your own');
(undef, $body) = hand('account?split=entries', [ { field => 'security' }, { field => 'unheard_of', value => { a => 1 } } ]);
is_deeply([ map { $_->{changes}[0]{field} } @{ $body->{entry} } ], [qw(security unheard_of)], 'several, by entries');
(undef, $body) = hand(account => { field => 'user_preferences', value => { user_preferences => [ { value => 'resume' } ] } });
is(value($body)->{user_preferences}[0]{value}, 'resume', 'preferences');
is(control(POST => 'account?show=1', { field => 'security' })->{object}, 'whatsapp_business_account', 'only shown');

# --- statuses by hand ---

(undef, $body) = hand(statuses => { wamid => 'wamid.X', status => 'played', to => '+34655555555', callback_data => 'q:1', timestamp => 1795000000 });
my $status = value($body)->{statuses}[0];
is_deeply([ @$status{qw(id status recipient_id biz_opaque_callback_data timestamp)} ],
	[ 'wamid.X', 'played', '34655555555', 'q:1', '1795000000' ], 'a status');
(undef, $body) = hand(statuses => [ { wamid => 'wamid.X', status => 'failed', code => 131049, patch => { errors => [ { code => '131049' } ] } },
	{ wamid => 'wamid.Y', to => 'ES.1349000', patch => { recipient_type => 'group' } } ]);
my @two = @{ value($body)->{statuses} };
is_deeply($two[0]{errors}, [ { code => '131049' } ], 'a failed one, patched');
ok(!exists $two[0]{recipient_user_id} && @{ value($body)->{contacts} } == 1, '… without user id and contact');
is_deeply([ exists $two[1]{recipient_id} ? 1 : 0, @{ $two[1] }{qw(recipient_user_id recipient_type)} ], [ 0, 'ES.1349000', 'group' ], 'by user id only');

my %pricing = (
	pmp              => { billable => JSON::PP::true, pricing_model => 'PMP', type => 'regular', category => 'utility' },
	cbp              => { billable => JSON::PP::true, pricing_model => 'CBP', category => 'utility' },
	conversation     => { billable => JSON::PP::true, pricing_model => 'PMP', type => 'regular', category => 'utility' },
	typed            => { pricing_model => 'PMP', type => 'regular', category => 'utility' },
	free             => { billable => JSON::PP::false, pricing_model => 'PMP', type => 'free_customer_service', category => 'utility' },
	free_entry_point => { billable => JSON::PP::false, pricing_model => 'PMP', type => 'free_entry_point', category => 'referral_conversion' },
	max_price        => { billable => JSON::PP::true, pricing_model => 'PMP', type => 'regular', category => 'utility' },
	none             => undef);
for my $name (sort keys %pricing) {
	(undef, $body) = hand(statuses => { wamid => 'wamid.X', status => 'sent', pricing => $name });
	my $got = value($body)->{statuses}[0];
	my $origin = { cbp => 'utility', conversation => 'utility', free_entry_point => 'referral_conversion' }->{$name};
	is_deeply([ $got->{pricing}, $got->{conversation}{origin}{type} ], [ $pricing{$name}, $origin ], "pricing: $name");
}
(undef, $body) = hand(statuses => [ map { { wamid => 'wamid.X', status => $_, to => '+34655555557', pricing => 'max_price', category => 'marketing_lite' } } qw(sent delivered) ]);
is_deeply([ map { $_->{pricing}{cost} } @{ value($body)->{statuses} } ], [ undef, { amount => 0.037, currency => 'USD' } ], 'and what a message with a maximum price has cost');

# --- how the statuses of messages look, are spread and repeated ---

fresh(recipient => 'phone', pricing => 'conversation');
post(template('+34612345678'));
quiet(3);
my @statuses = statuses();
ok($statuses[0]{recipient_id} && !exists $statuses[0]{recipient_user_id}, 'named by phone only');
ok($statuses[0]{conversation}{expiration_timestamp} && !exists $statuses[1]{conversation}{expiration_timestamp}, 'with conversations');
fresh(recipient => 'user_id');
post(template('+34612345678'));
quiet(3);
my ($contact) = @{ value((bodies())[0])->{contacts} };
ok(!exists +(statuses())[0]{recipient_id} && !exists $contact->{wa_id} && $contact->{user_id}, 'by user id only');

fresh(webhooks_paused => JSON::PP::true, batch => 12, per_change => 2, per_entry => 3, status_delay_ms => 0);
post(template('+15552000015')) for 1 .. 12;
settings(webhooks_paused => JSON::PP::false);
quiet(12);
my ($spread) = bodies();
is_deeply([ map { [ map { scalar @{ $_->{value}{statuses} } } @{ $_->{changes} } ] } @{ $spread->{entry} } ], [ [ 2, 2, 2 ], [ 2, 2, 2 ] ],
	'spread over entries and changes');

fresh(webhooks_paused => JSON::PP::true, batch => 1000, status_delay_ms => 0);
post(template('+15552000015')) for 1 .. 1000;
settings(webhooks_paused => JSON::PP::false);
quiet(1000);
is_deeply([ scalar(bodies()), scalar(statuses()) ], [ 1, 1000 ], 'a thousand in a delivery');

# a second later: what is repeated still says what it said
fresh(status_delay_ms => 1000);
post(template('+15552000009'));
quiet(6);
my %times;
push @{ $times{ $_->{status} } }, $_->{timestamp} for statuses();
is_deeply([ map { my $at = $times{$_}; @$at == 2 && $at->[0] == $at->[1] } qw(sent delivered read) ], [ 1, 1, 1 ], 'a repeated status says the same time');
cmp_ok($times{sent}[0], '<', $times{read}[0], '… and the next one a later one');

fresh(retry_ms => 5, retry_longest_ms => 20, retries => 4);
spew("$dir/mode", 500);
post(template('+15552000015'));
ok(until_true(sub { summary()->{webhooks}{given_up} == 1 }), 'given up in the end');
is_deeply([ @{ summary()->{webhooks} }{qw(failed_attempts queued delivered)} ], [ 5, 0, 0 ], '… after four repetitions');
my @signatures = map { $_->[2] =~ /^X-Hub-Signature-256: (\S+)\r$/mi } received();
is(scalar(grep { $_ eq $signatures[0] } @signatures), 5, '… of the same bytes');

is(stop_sandbox(), 0, 'ends in good order');
done_testing();
