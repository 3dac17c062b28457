#!/usr/bin/perl
#
# faults.t: faults on demand and outages.

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
start_sandbox();

my $to = '+34612345678';

# --- which requests a fault meets ---

fresh();
faults({ times => 2, code => 131016 });
is(join(' ', map { post(template($to))->{status} } 1 .. 3), '500 500 200', 'the next two messages');
is_deeply([ @{ control(GET => 'faults')->[0] }{qw(hits left)} ], [ 2, 0 ], '… as the listing says');
faults({ to => '+34600000001', code => 131026 }, { skip => 1, code => 131000 });
is(join(' ', map { post(template($_))->{json}{error}{code} // 200 } $to, '+34600000001', $to, $to, '+34600000001'),
	'200 131026 131000 200 200', 'by phone; after the first');
faults({ times => undef, code => 2 });
is(join(' ', map { post(template($to))->{status} } 1 .. 5), '503 503 503 503 503', 'always');
control('DELETE', 'faults');
is(post(template($to))->{status}, 200, '… until it is taken away');
faults({ times => undef, code => 2 });
control(POST => 'reset');
is(post(template($to))->{status}, 200, '… or until the reset');
faults({ edge => 'message_templates', status => 500 }, { edge => 'debug_token', code => 4 });
is(get('987654321/message_templates')->{status}, 500, 'another edge');
is(get('debug_token?input_token=x')->{error}{code}, 4, 'a node');
like(faults({ colour => 1 })->{error}, qr/colour: no such member/, 'unknown member');
like(faults({ cut => 'x' })->{error}, qr/no such way/, 'unknown cut');
is_deeply(control(GET => 'faults')->[-1]{fault}, { edge => 'debug_token', code => 4 }, '… add nothing');

# --- answers ---

fresh();
faults({ status => 429, code => 131208, headers => { 'Retry-After' => 7, 'x-business-use-case-usage' =>
	{ 987654321 => [ { type => 'whatsapp', call_count => 101, estimated_time_to_regain_access => 3 } ] } } });
my $answer = post(template($to));
is($answer->{status}, 429, 'status and code');
is($answer->{json}{error}{code}, 131208, '… of the error');
is($answer->{headers}{'retry-after'}, '7', '… Retry-After in seconds');
is($json->decode($answer->{headers}{'x-business-use-case-usage'})->{987654321}[0]{call_count}, 101, '… usage');
faults({ status => 503, headers => { 'Retry-After' => { date_in => 60 } } });
like(post(template($to))->{headers}{'retry-after'}, qr/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/, 'Retry-After as a date');
faults({ headers => { 'x-app-usage' => '{"call_count":80}' } });
$answer = post(template($to));
is_deeply([ $answer->{status}, $answer->{headers}{'x-app-usage'} ], [ 200, '{"call_count":80}' ], 'a header on an acceptance');
faults({ code => 131000, error_data => 'a plain string', code_as_string => JSON::PP::true, transient => JSON::PP::true,
	subcode => 2494055, error_user_title => 'Ay' });
my $error = post(template($to))->{json}{error};
is_deeply([ @$error{qw(error_data is_transient error_subcode error_user_title)} ], [ 'a plain string', JSON::PP::true, 2494055, 'Ay' ],
	'an error in other words');
like($json->encode([ $error->{code} ]), qr/\["131000"\]/, '… with its code as a string');
faults({ code => 131000, error_data => undef });
ok(!exists post(template($to))->{json}{error}{error_data}, '… without error_data');

my %bodies = (html => qr/^<html>/, empty => qr/\A\z/, garbage => qr/\]\]>\z/, huge => qr/x{60000}/,
	deep => qr/\A(?:\{"error":\[){1000}/, not_utf8 => qr/Mu\xf1oz/, nul => qr/a\\u0000b/, array => qr/\A\[/, null => qr/\Anull\z/);
for my $kind (sort keys %bodies) {
	faults({ status => 500, body => $kind });
	$answer = post(template($to));
	ok($answer->{status} == 500 && $answer->{content} =~ $bodies{$kind}, "a body that is $kind");
}
faults({ raw => 'hm', content_type => 'text/x', accept => JSON::PP::true });
my $before = summary()->{accepted};
$answer = post(template($to));
is_deeply([ @$answer{qw(status content)}, $answer->{headers}{'content-type'} ], [ 200, 'hm', 'text/x' ], 'a given body');
is(summary()->{accepted}, $before + 1, '… of a message that was accepted');

# --- time and cuts ---

fresh();
faults({ delay_ms => 400 });
my $begin = time;
is(post(template($to))->{status}, 200, 'delayed');
ok(time - $begin >= 0.4, '… by 400 ms');
for my $cut (qw(reset close truncate not_http stream refused_stream)) {
	control(POST => 'reset');
	faults({ cut => $cut }, { cut => $cut, accept => JSON::PP::true });
	my $status = post(template($to))->{status};
	is($status, 599, $cut);
	is(summary()->{accepted}, 0, '… before the acceptance');
	is(summary()->{refused_by_code}{$cut}, 1, '… counted');
	is(post(template($to))->{status}, 599, '… again');
	is(summary()->{accepted}, 1, '… after it');
}
faults({ never => JSON::PP::true }, { never => JSON::PP::true, accept => JSON::PP::true });
is(post(template($to), timeout => 0.2)->{status}, 599, 'never answered');
is(summary()->{accepted}, 1, '… and not accepted');
is(post(template($to), timeout => 0.2)->{status}, 599, 'never answered');
is(summary()->{accepted}, 2, '… but accepted');

# --- statuses ---

sub told
{
	my ($count, %fault) = @_;
	fresh();
	faults({%fault});
	post(template($to));
	quiet($count);
	return words(statuses());
}
is(told(4, statuses => [qw(read sent sent delivered)]), 'read sent sent delivered', 'statuses in any order, doubled');
is(told(3, statuses => [qw(sent warning played)]), 'sent warning played', 'other words');
is(told(2, statuses => [qw(sent failed)], failed_code => 131049), 'sent failed', 'a failure');
is((statuses())[1]{errors}[0]{code}, 131049, '… with its code');
fresh();
faults({ statuses => [] });
post(template($to));
post(template($to));
ok(quiet(3), 'withheld statuses');
is(words(statuses()), 'sent delivered read', '… of one message only');

# --- outages ---

fresh(outage => 503);
is(join(' ', map { post(template($to))->{status} } 1 .. 3), '503 503 503', 'an outage');
is($http->get("$url/v25.0/debug_token?input_token=x")->{status}, 503, '… of everything');
my $outage = summary()->{outage};
is_deeply([ @$outage{qw(kind requests)}, scalar @{ $outage->{at} } ], [ 503, 4, 4 ], '… with its requests counted');
is(settings(outage => undef)->{outage}, undef, '… ends');
is(post(template($to))->{status}, 200, '… and all is well');
is(summary()->{outage}{requests}, 4, '… without more of them');
for my $kind (qw(reset close)) {
	settings(outage => $kind);
	is(post(template($to))->{status}, 599, "an outage by $kind");
}
settings(outage => 'hang');
is(post(template($to), timeout => 0.2)->{status}, 599, 'an outage that hangs');

my $kept = IO::Socket::INET->new($url =~ s{http://}{}r) or die $!;
until_true(sub { summary()->{connections} >= 2 });
is(settings(outage => 'refuse')->{outage}, 'refuse', 'connections refused');
like(post(template($to))->{content}, qr/refused/i, '… indeed');
syswrite $kept, "GET /v25.0/123456789 HTTP/1.1\r\nHost: x\r\n\r\n";
ok(!sysread($kept, my $line, 4096), '… and those from before are reset');
settings(outage => undef);
is(post(template($to))->{status}, 200, '… until its end');
settings(outage => 'refuse');
like(post(template($to))->{content}, qr/refused/i, '… and once more');
control(POST => 'reset?settings=1');
is(post(template($to))->{status}, 200, '… until the reset');
is(stop_sandbox(), 0, 'ends in good order');
done_testing();
