# The status of a message is a function of the set of its events: every order, spread over deliveries in every way, ends in the same row.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('statuses');
my $url = webhook_url($node);
my $json = JSON::PP->new->canonical->utf8;
my $folder = PostgreSQL::Test::Utils::tempdir();
# all of each status, so that what is stored can be compared
$node->append_conf('postgresql.conf', 'whatsapp.compact_statuses = off');
$node->reload;
sub sql { return $node->safe_psql('postgres', $_[0]) }

# The first may be contacts[].
sub deliver
{
	my (@statuses) = @_;
	my @contacts = ref $statuses[0] eq 'ARRAY' ? (contacts => shift @statuses) : ();
	while (my @some = splice @statuses, 0, 1000)
	{
		my $body = $json->encode({ object => 'whatsapp_business_account', entry => [ { id => '987654321', changes => [ { field => 'messages',
			value => { messaging_product => 'whatsapp', metadata => { display_phone_number => '15550783881', phone_number_id => '123456789' }, @contacts, statuses => \@some } } ] } ] });
		open my $file, '>', "$folder/body" or die "open: $!";
		print $file $body;
		close $file;
		my $signature = 'X-Hub-Signature-256: sha256=' . hmac_sha256_hex($body, 'sandbox-app-secret');
		my ($code) = curl('-X', 'POST', '--data-binary', "\@$folder/body", '-H', 'Content-Type: application/json', '-H', $signature, $url);
		die "a delivery was answered $code" if $code != 200;
	}
	return;
}

# What a message may be told: twice each word with different times, and prices and reasons that contradict each other.
sub price { my ($type, $category) = @_; return { billable => JSON::PP::true, pricing_model => 'PMP', type => $type, category => $category } }
sub failure { my ($code) = @_; return [ { code => $code, title => "title $code", error_data => { details => 'd' } } ] }
my @pool = (
	{ status => 'sent', timestamp => '1895336240', pricing => price('regular', 'marketing'), conversation => { id => 'c2', origin => { type => 'marketing' } } },
	{ status => 'sent', timestamp => '1895336242', pricing => price('regular', 'utility'), recipient_id => '34600111222' },
	{ status => 'delivered', timestamp => '1895336250', pricing => { %{ price('free_customer_service', 'utility') }, cost => { amount => 9.5, currency => 'USD' } }, recipient_user_id => 'ES.1' },
	{ status => 'delivered', timestamp => '1895336249', pricing => { %{ price('free_entry_point', 'utility') }, cost => { amount => 10, currency => 'EUR' } }, conversation => { id => 'c1' } },
	{ status => 'read', timestamp => '1895336260', conversation => { id => 'c3', origin => { type => 'service' } } },
	{ status => 'played', timestamp => '1895336259', pricing => { cost => { amount => '10.0', currency => 'USD' } } },
	{ status => 'failed', timestamp => '1895336245', errors => failure(131026) },
	{ status => 'failed', timestamp => '1895336244', errors => failure(131049) },
	{ status => 'failed', timestamp => '1895336244', recipient_participant_id => '1', errors => failure(130472) },
	{ status => 'warning', timestamp => '1895336243' });

sub permutations { my (@items) = @_; return [] if !@items; return map { my $i = $_; map { [ $items[$i], @$_ ] } permutations(@items[ grep { $_ != $i } 0 .. $#items ]) } 0 .. $#items }
sub subsets { my ($size, @items) = @_; return [] if $size == 0; return map { my $i = $_; map { [ $items[$i], @$_ ] } subsets($size - 1, @items[ $i + 1 .. $#items ]) } 0 .. $#items - $size + 1 }

# one message for each order of each set of up to three, and for each of some larger ones; the set is its reference
my @courses;
for my $set ((map { subsets($_, 0 .. $#pool) } 1 .. 3), [ 0, 2, 4, 6 ], [ 1, 3, 5, 7 ], [ 0, 1, 6, 7, 8 ])
{
	push @courses, map { { set => join('+', @$set), order => $_ } } permutations(@$set);
}
my $n = @courses;
sub make_messages
{
	my ($prefix, $created) = @_;
	sql("INSERT INTO whatsapp_messages (sender, message_type, status, wamid, reference, created_at) SELECT 'default', 'template', 'SENT', '$prefix.' || place, s, '$created'"
		. " FROM unnest('{" . join(',', map { $_->{set} } @courses) . "}'::text[]) WITH ORDINALITY AS u (s, place); INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE wamid LIKE '$prefix.%'");
	return;
}
sub event { my ($prefix, $place, $number) = @_; return { %{ $pool[$number] }, id => "$prefix." . ($place + 1) } }
my $columns = 'status, sent_at, delivered_at, read_at, failed_at, error_code, error_message, error_details, hint, wa_id, user_id, conversation_id, pricing_category, pricing_type, pricing_model, billable, pricing_cost, pricing_currency';
sub end_of { my ($prefix) = @_; return sql("SELECT reference || ': ' || string_agg(DISTINCT ROW($columns)::text, ' <> ') FROM whatsapp_messages WHERE wamid LIKE '$prefix.%' GROUP BY reference ORDER BY reference") }
sub orders_that_differ { my ($prefix) = @_; return sql("SELECT coalesce(string_agg(reference, ' '), 'none') FROM (SELECT reference FROM whatsapp_messages WHERE wamid LIKE '$prefix.%' GROUP BY reference HAVING count(DISTINCT ROW($columns)) > 1) AS r") }

# the first of each in one delivery, the second in the next, and so on; once more each, as Meta repeats
make_messages('a', '2030-01-01');
for my $step (0 .. 4)
{
	my @wave = map { $step < @{ $courses[$_]{order} } ? event('a', $_, $courses[$_]{order}[$step]) : () } 0 .. $n - 1;
	deliver(@wave) for 1 .. 2;
}
is(orders_that_differ('a'), 'none', "$n courses, event by event: the order does not matter");
my $end = end_of('a');

# all of a message in one delivery
make_messages('b', '2030-01-01');
deliver(map { my $place = $_; map { event('b', $place, $_) } @{ $courses[$place]{order} } } 0 .. $n - 1);
is(orders_that_differ('b'), 'none', 'all at once: the order does not matter');
is(end_of('b'), $end, 'and it ends in the same rows as event by event');

# parked: every event is there before its message is known
deliver(map { my $place = $_; map { event('c', $place, $_) } @{ $courses[$place]{order} } } 0 .. $n - 1);
make_messages('c', '2030-01-01');
wait_sql($node, q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'c.%' AND message_id IS NULL}, '0');
# they are matched in one transaction, and joined with their messages by the reader in others
wait_sql($node, 'SELECT count(*) FROM whatsapp_event_queue', '0');
is(end_of('c'), $end, 'parked: it ends in the same rows');

# a message that is younger than Meta's whole seconds
make_messages('d', '2030-01-23 10:50:45.5+00');
for my $step (0 .. 4)
{
	deliver(map { $step < @{ $courses[$_]{order} } ? event('d', $_, $courses[$_]{order}[$step]) : () } 0 .. $n - 1);
}
is(orders_that_differ('d'), 'none', 'times that were cut off: the order does not matter');
is(sql(q{SELECT count(*) FROM whatsapp_messages WHERE wamid LIKE 'd.%' AND (sent_at < created_at OR delivered_at < created_at OR read_at < delivered_at OR failed_at < created_at)}), '0', 'and nothing precedes its message');

# Event by event again, with a trigger of a user's on each table: rows are written by statements then, and are the same.
sub events_like { my ($prefix) = @_; return sql(qq{SELECT string_agg(ROW(kind, field, account_id, phone_number_id, split_part(wamid, '.', 2), status, occurred_at, m.reference, raw::jsonb - 'id', contact, body)::text, E'\\n'
	ORDER BY split_part(e.wamid, '.', 2), status, occurred_at, raw::text) FROM whatsapp_events AS e JOIN (SELECT id, reference FROM whatsapp_messages) AS m ON m.id = e.message_id WHERE e.wamid LIKE '$prefix.%'}) }
sql(q{CREATE SEQUENCE whatsapp_events_witness; CREATE SEQUENCE whatsapp_messages_witness;
	CREATE FUNCTION witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('public.' || TG_RELNAME || '_witness'); RETURN NEW; END $$;
	CREATE TRIGGER witness BEFORE INSERT ON whatsapp_events FOR EACH ROW EXECUTE FUNCTION witness();
	CREATE TRIGGER witness BEFORE UPDATE ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION witness()});
make_messages('e', '2030-01-01');
for my $step (0 .. 4)
{
	my @wave = map { $step < @{ $courses[$_]{order} } ? event('e', $_, $courses[$_]{order}[$step]) : () } 0 .. $n - 1;
	deliver(@wave) for 1 .. 2;
}
is(orders_that_differ('e'), 'none', 'by statements: the order does not matter');
is(end_of('e'), $end, 'and it ends in the same rows');
is(events_like('e'), events_like('a'), 'from the same events');
is(sql(q{SELECT e.last_value >= (SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'e.%') AND m.last_value >= (SELECT count(*) FROM whatsapp_messages WHERE wamid LIKE 'e.%')
	FROM whatsapp_events_witness AS e, whatsapp_messages_witness AS m}), 't', 'which the triggers have seen');
sql(q{DROP TRIGGER witness ON whatsapp_events; DROP TRIGGER witness ON whatsapp_messages});

# What a message says is not kept twice, and the same comes out of it.
$node->append_conf('postgresql.conf', 'whatsapp.compact_statuses = on');
$node->reload;
my $probe = 0;
wait_for('the listener to keep less', sub {
	my $wamid = 'probe.' . ++$probe;
	sql("INSERT INTO whatsapp_messages (sender, message_type, status, wamid) VALUES ('default', 'template', 'SENT', '$wamid'); INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE wamid = '$wamid'");
	deliver({ id => $wamid, status => 'sent', timestamp => '1895336240' });
	sql(qq{SELECT count(*) FROM whatsapp_events WHERE wamid = '$wamid'}) eq '0';
});
make_messages('f', '2030-01-01');
for my $step (0 .. 4)
{
	my @wave = map { $step < @{ $courses[$_]{order} } ? event('f', $_, $courses[$_]{order}[$step]) : () } 0 .. $n - 1;
	deliver(@wave) for 1 .. 2;
}
is(orders_that_differ('f'), 'none', 'compact: the order does not matter');
is(end_of('f'), $end, 'and it ends in the same rows');
my $of_kind = q{SELECT string_agg(concat_ws(' ', status, count), ', ' ORDER BY status) FROM (SELECT e.status, count(*) FROM whatsapp_events AS e JOIN whatsapp_messages AS m ON m.id = e.message_id WHERE m.wamid LIKE '%s.%%' GROUP BY 1) AS c};
is(sql(sprintf $of_kind, 'f'), sql(sprintf $of_kind, 'a'), 'each status is stored, and once');
is(sql(q{SELECT string_agg(DISTINCT e.status, ', ' ORDER BY e.status) FROM whatsapp_events AS e JOIN whatsapp_messages AS m ON m.id = e.message_id WHERE m.wamid LIKE 'f.%'
	AND e.raw IS NULL AND e.contact IS NULL AND e.wamid IS NULL AND e.field IS NULL AND e.account_id IS NULL AND e.phone_number_id IS NULL AND e.occurred_at IS NOT NULL}),
	'delivered, played, read, sent', 'its word and its time are all that is kept');
is(sql(q{SELECT count(*) FROM whatsapp_events AS e JOIN whatsapp_messages AS m ON m.id = e.message_id WHERE m.wamid LIKE 'f.%' AND e.status IN ('failed', 'warning') AND (e.raw IS NULL OR e.wamid IS NULL)}), '0',
	'a failure, and a word that is new, are kept whole');
make_messages('g', '2030-01-01');
deliver({ id => 'g.1', status => 'read', timestamp => '1895336260', pricing => { %{ price('regular', 'marketing_lite') }, cost => { amount => 1, currency => 'EUR', bid => 2 } } });
is(sql(q{SELECT raw #>> '{pricing,cost,currency}' FROM whatsapp_events WHERE wamid = 'g.1'}), 'EUR', 'and so is a status that says more');
deliver(map { { id => "later.$_", status => 'delivered', timestamp => '1895336240' } } 1 .. 2);
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'later.%' AND raw IS NOT NULL}), '2', 'and one whose message is not known');
$node->append_conf('postgresql.conf', 'whatsapp.compact_statuses = off');
$node->reload;

# what some of the sets mean
sub means { my ($set, $query, $expected, $title) = @_; is(sql("SELECT DISTINCT concat_ws(' ', $query) FROM whatsapp_messages WHERE wamid LIKE 'a.%' AND reference = '$set'"), $expected, $title); return }
means('0', 'status, pricing_category, pricing_type, pricing_model, billable, conversation_id', 'SENT marketing regular PMP t c2', 'sent brings a price');
means('0+2', 'status, pricing_category, pricing_type', 'DELIVERED utility free_customer_service', 'the price of delivered counts more: charged is what is delivered');
means('2+4', 'status, pricing_category, pricing_type, pricing_model, billable', 'READ utility free_customer_service PMP t', 'a conversation that read brings does not take the price away');
means('4', 'pricing_category, billable IS NULL', 'service t', 'but it is better than nothing');
means('0+2', 'pricing_cost, pricing_currency', '9.50000000 USD', 'what it has cost is kept as Meta tells it');
means('2+3', 'pricing_cost, pricing_currency', '10.00000000 EUR', 'the greater one, as a number');
means('3+5', 'pricing_cost, pricing_currency, pricing_type', '10.00000000 USD free_entry_point', 'and of two that are the same the currency that sorts last');
means('4', 'pricing_cost IS NULL, pricing_currency IS NULL', 't t', 'most messages have none');
means('5', 'status, extract(epoch FROM delivered_at)::bigint, extract(epoch FROM read_at)::bigint', 'READ 1895336259 1895336259', 'read (or played) implies delivered'
);
means('2+3', 'extract(epoch FROM delivered_at)::bigint, user_id, conversation_id', '1895336249 ES.1 c1', 'the earliest counts');
means('0+6', 'status, error_code, extract(epoch FROM failed_at)::bigint, hint IS NOT NULL', 'FAILED 131026 1895336245 t', 'failed after sent');
means('6+7', 'status, error_code', 'FAILED 131049', 'the earliest failure is shown');
means('7+8', 'status, error_code', 'FAILED 130472', 'of two at the same time the smaller code');
means('4+6', 'status, error_code IS NULL, error_message IS NULL, failed_at IS NULL', 'READ t t t', 'read lifts a failure');
means('9', 'status, sent_at IS NULL', 'SENT t', 'an unknown word says nothing');
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE status = 'warning' AND wamid LIKE 'a.%'}), sql(q{SELECT count(*) FROM whatsapp_messages WHERE wamid LIKE 'a.%' AND ('+' || reference || '+') LIKE '%+9+%'}), 'but is kept, once');

# prices of older models: a conversation without pricing, and CBP without a type
sql(q{INSERT INTO whatsapp_messages (sender, message_type, status, wamid) VALUES ('default', 'template', 'SENT', 'old.1'), ('default', 'template', 'SENT', 'old.2'), ('default', 'template', 'SENT', 'old.3');
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE wamid LIKE 'old.%'});
deliver({ id => 'old.1', status => 'sent', timestamp => '1895336240', conversation => { id => 'k', expiration_timestamp => '1895336999', origin => { type => 'business_initiated' } } },
	{ id => 'old.2', status => 'sent', timestamp => '1895336240', conversation => { id => 'k', origin => { type => 'utility' } }, pricing => { billable => JSON::PP::false, pricing_model => 'CBP', category => 'utility' } },
	{ id => 'old.3', status => 'sent', timestamp => '1895336240', pricing => 'free', conversation => [] });
is(sql(q{SELECT string_agg(concat_ws('/', pricing_category, pricing_type, pricing_model, billable, conversation_id), ' ' ORDER BY wamid) FROM whatsapp_messages WHERE wamid LIKE 'old.%'}),
	'business_initiated/k utility/CBP/f/k ', 'every generation of prices is read');

# a user id that contacts[] alone tells
sub learn_message { my ($wamid) = @_; return sql("INSERT INTO whatsapp_messages (sender, message_type, status, wamid) VALUES ('default', 'template', 'SENT', '$wamid');
	INSERT INTO whatsapp_wamids SELECT hashtextextended(wamid, 0), id FROM whatsapp_messages WHERE wamid = '$wamid'") }
my @people = ([ { profile => { name => 'Ana' }, wa_id => '34600111222', user_id => 'ES.77' } ], { status => 'delivered', timestamp => '1895336240', recipient_id => '34600111222' });
sub people_told { my ($wamid) = @_; my ($contacts, $status) = @people; return deliver($contacts, { %$status, id => $wamid }) }
people_told('people.parked');
learn_message('people.parked');
wait_sql($node, q{SELECT count(*) FROM whatsapp_messages WHERE wamid = 'people.parked' AND status = 'DELIVERED'}, '1');
learn_message('people.known');
people_told('people.known');
is(sql(q{SELECT string_agg(concat_ws(' ', split_part(wamid, '.', 2), wa_id, user_id), ', ' ORDER BY wamid) FROM whatsapp_messages WHERE wamid LIKE 'people.%'}),
	'known 34600111222 ES.77, parked 34600111222 ES.77', 'a user id that contacts[] alone tells is known in every order');

# foreign messages are kept, and counted by whoever wants to
deliver(map { { id => "foreign.$_", status => 'delivered', timestamp => '1895336240' } } 1 .. 10);
is(sql(q{SELECT count(*) FROM whatsapp_events WHERE wamid LIKE 'foreign.%' AND message_id IS NULL}), '10', 'statuses of messages that are not ours are kept');

# A message that is queued still, in each state that it can be in: every order of some events, spread over deliveries in every way, ends in
# the same row, whether the queue has it or not.
sql(q{ALTER SYSTEM SET whatsapp.enabled = off; SELECT pg_reload_conf()});
wait_for('the sender to be off', sub { sql(q{SHOW whatsapp.enabled}) eq 'off' });
wait_turns($node);
my %queued = (
	# attempts of the message, and of the queue's row
	sending => [ 'sending', 0, 1 ], unknown => [ 'unknown', 0, 1 ], held => [ 'held', 0, 0 ],
	# nobody knew what had become of it, and it is to be sent again
	'put back' => [ 'ready', 1, 1 ],
	# wa_retry() of a message that had failed without a word of its wamid
	'asked for again' => [ 'ready', 1, 0 ]);
my @told = ([ 0, 6 ], [ 0, 6, 2 ], [ 1, 6, 7 ], [ 6, 7 ], [ 0, 4 ], [ 6, 2 ]);
sub groupings { my (@items) = @_; return [ \@items ] if @items == 1; my ($first, @rest) = @items; return map { ([ [$first], @$_ ], [ [ $first, @{ $_->[0] } ], @$_[ 1 .. $#$_ ] ]) } groupings(@rest) }
my @queued_courses;
for my $case (sort keys %queued)
{
	for my $set (@told)
	{
		push @queued_courses, map { { case => "$case: " . join('+', @$set), state => $queued{$case}, steps => $_ } } map { groupings(@$_) } permutations(@$set);
	}
}
sql(join ';', map {
	my ($state, $attempts, $queue_attempts) = @{ $queued_courses[$_]{state} };
	"WITH m AS (INSERT INTO whatsapp_messages (sender, message_type, status, attempts, recipient_phone, reference) VALUES ('default', 'template', 'PENDING', $attempts, '+34600111222', 'queued-$_') RETURNING id)"
	  . " INSERT INTO whatsapp_queue (message_id, sender, recipient, state, attempts, expires_at, due_at) SELECT id, 'default', '+34600111222', '$state', $queue_attempts, now() + '1 day', now() + '1 day' FROM m"
} 0 .. $#queued_courses);
my %correlation = map { split /\|/ } split /\n/, sql(q{SELECT reference, concat_ws('.', nonce, id, (extract(epoch FROM m.created_at - '2000-01-01 00:00:00+00') * 1000000)::bigint) FROM whatsapp_messages AS m, whatsapp_instances WHERE reference LIKE 'queued-%'});
for my $step (0 .. 2)
{
	deliver(map { my $place = $_; map { { %{ $pool[$_] }, id => "queued.$place", biz_opaque_callback_data => $correlation{"queued-$place"} } } @{ $queued_courses[$place]{steps}[$step] || [] } } 0 .. $#queued_courses);
}
my %row_of = map { split /=/, $_, 2 } split /\n/, sql(q{SELECT reference || '=' || concat_ws('|', status, pricing_category, pricing_type, sent_at, delivered_at, read_at, failed_at, error_code, attempts, (wamid IS NOT NULL)::text,
	(SELECT state FROM whatsapp_queue WHERE message_id = id)) FROM whatsapp_messages WHERE reference LIKE 'queued-%'});
my %ends_of;
push @{ $ends_of{ $queued_courses[$_]{case} }{ $row_of{"queued-$_"} } }, join ' then ', map { join '+', @$_ } @{ $queued_courses[$_]{steps} } for 0 .. $#queued_courses;
for my $case (sort keys %ends_of)
{
	my %ends = %{ $ends_of{$case} };
	is(scalar(keys %ends), 1, "$case: every order ends in " . (sort keys %ends)[0]) or diag join "\n", map { "$_: $ends{$_}[0]" } sort keys %ends;
}
sql(q{DELETE FROM whatsapp_queue});

# a message that waits to be sent again: what is told of the attempt before it is history, and it leaves
send_po($node, 1, prefix => 'again');
my $id = sql(q{SELECT id FROM whatsapp_messages WHERE reference = 'again-1'});
sql(qq{UPDATE whatsapp_messages SET attempts = 1 WHERE id = $id});
my $callback = correlation($node, $id);
deliver({ id => 'try.1', status => 'failed', timestamp => '1895336240', biz_opaque_callback_data => $callback, errors => failure(131026) });
deliver({ id => 'try.1', status => 'sent', timestamp => '1895336239', biz_opaque_callback_data => $callback });
is(sql(qq{SELECT m.status || ' ' || q.state FROM whatsapp_messages AS m JOIN whatsapp_queue AS q ON q.message_id = m.id WHERE m.id = $id}), 'PENDING ready', 'a failed attempt, and its late sent, leave it in the queue');
deliver({ id => 'try.1', status => 'delivered', timestamp => '1895336241', biz_opaque_callback_data => $callback });
is(sql(qq{SELECT status || ' ' || (SELECT count(*) FROM whatsapp_queue) FROM whatsapp_messages WHERE id = $id}), 'DELIVERED 0', 'but what has arrived is not sent again');

# 131050: Meta says that the recipient wants no marketing
send_po($node, 1, phone => '+34600999888', prefix => 'unwanted');
$id = sql(q{SELECT id FROM whatsapp_messages WHERE reference = 'unwanted-1'});
sql(qq{DELETE FROM whatsapp_queue WHERE message_id = $id; UPDATE whatsapp_messages SET attempts = 1 WHERE id = $id});
deliver({ id => 'unwanted', status => 'failed', timestamp => '1895336240', biz_opaque_callback_data => correlation($node, $id), errors => failure(131050) });
wait_sql($node, q{SELECT string_agg(concat_ws(' ', contact, sender, scope, opted_out, source), ',') FROM whatsapp_opt_outs}, '34600999888 default marketing t error');

# it counts from its own time: one that is told or worked off late undoes no later choice
sub told_unwanted
{
	my ($name, $at) = @_;
	send_po($node, 1, phone => '+34600999777', prefix => $name);
	my $told = sql(qq{SELECT id FROM whatsapp_messages WHERE reference = '$name-1'});
	sql(qq{DELETE FROM whatsapp_queue WHERE message_id = $told; UPDATE whatsapp_messages SET attempts = 1 WHERE id = $told});
	deliver({ id => $name, status => 'failed', timestamp => "$at", biz_opaque_callback_data => correlation($node, $told), errors => failure(131050) });
	wait_sql($node, q{SELECT count(*) FROM whatsapp_event_queue}, '0');
	return sql(q{SELECT opted_out || ' ' || extract(epoch FROM changed_at)::bigint FROM whatsapp_opt_outs WHERE contact = '34600999777'});
}
my $now = time;
is(told_unwanted('unwanted.first', $now - 3600), 'true ' . ($now - 3600), 'the time of the status');
sql(qq{UPDATE whatsapp_opt_outs SET opted_out = false, changed_at = to_timestamp($now - 600), source = 'keyword' WHERE contact = '34600999777'});
is(told_unwanted('unwanted.late', $now - 1800), 'false ' . ($now - 600), 'a START that came since stays');
is(told_unwanted('unwanted.again', $now - 300), 'true ' . ($now - 300), 'a newer status counts');

$node->stop('fast');
done_testing();
