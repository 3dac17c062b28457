# Rights for some senders: two tenants of one database see, send, cancel and change nothing of each other, by no function, setting, view or
# callback. The matrix of what each level may is written out below.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

# nothing leaves: what is asked is who may, not what becomes of it
my $node = new_cluster('rights_by_sender', conf => "whatsapp.enabled = off\nwhatsapp.keep_changes = '1d'\n");
sub sql { my ($query, $as) = @_; return $node->safe_psql('postgres', $query, $as ? (extra_params => [ '-U', $as ]) : ()) }

# What it returned, or its SQLSTATE.
sub outcome
{
	my ($query, $as) = @_;
	my ($code, $out, $err) = $node->psql('postgres', $query, extra_params => [ '-v', 'VERBOSITY=sqlstate', '-U', $as ]);
	return $code == 0 ? $out : $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err;
}

my @levels = qw(sender monitor operator admin);
for my $level (@levels)
{
	sql("CREATE ROLE all_$level LOGIN; CREATE ROLE n_$level LOGIN; CREATE ROLE s_$level LOGIN");
	sql("GRANT CREATE ON SCHEMA public TO n_$level") if $level eq 'admin';
}
sql(q{CREATE ROLE plain LOGIN; CREATE ROLE member LOGIN; GRANT n_operator TO member; CREATE ROLE metrics LOGIN; GRANT pg_monitor TO metrics;
	CREATE ROLE controlling LOGIN; GRANT SELECT ON whatsapp_costs, whatsapp_budgets, whatsapp_campaigns TO controlling; GRANT EXECUTE ON FUNCTION wa_market, whatsapp_rate_cost TO controlling;
	INSERT INTO whatsapp_accounts (name) VALUES ('north'), ('south');
	INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('north', 'north', '223456789'), ('south', 'south', '323456789')});

# rows of each sender in each table that knows one
my %phone = (north => '+34612000001', south => '+34699000002');
my (%message, %gone, %campaign, %inbound, %upload);
sql('CREATE TABLE south_orders (po text, phone text); CREATE FUNCTION told(bigint, text) RETURNS void LANGUAGE sql AS $$ SELECT $$');
for my $sender (qw(north south))
{
	$message{$sender} = sql("SELECT wa_send_po('Proveedor $sender', 'PO-$sender', 1, '$phone{$sender}', sender => '$sender')");
	$gone{$sender} = sql("SELECT wa_send_po('Proveedor $sender', 'PO-gone-$sender', 1, '$phone{$sender}', sender => '$sender')");
	sql("SELECT wa_cancel($gone{$sender}); SELECT wa_send_text('123', 'x', sender => '$sender', on_error => 'record')");
	$campaign{$sender} = sql("SELECT campaign FROM wa_send_bulk(ARRAY['$phone{$sender}'], 'hello_world', sender => '$sender')");
	sql("SELECT wa_campaign_pause($campaign{$sender})");
	$upload{$sender} = sql("SELECT wa_upload_media('x', 'text/plain', 'x.txt', '$sender')");
	my $number = sql("SELECT phone_number_id FROM whatsapp_senders WHERE name = '$sender'");
	$inbound{$sender} = sql(qq{INSERT INTO whatsapp_inbound (sender, wamid, message_type, from_phone, received_at, occurred_at, phone_number_id, opens_window, event_id, raw)
		VALUES ('$sender', 'wamid.$sender', 'text', '$phone{$sender}', now(), now(), '$number', true, 1, '{}') RETURNING id});
	sql(qq{SELECT wa_opt_out('+3461100000' || length('$sender'), '$sender');
		SELECT wa_budget_set('budget $sender', 5, 'EUR', sender => '$sender');
		SELECT wa_on_status('told', sender => '$sender', name => 'told $sender');
		INSERT INTO whatsapp_windows (contact, sender, last_inbound_at) VALUES ('34612', '$sender', now());
		INSERT INTO whatsapp_attempts (message_id, attempt, outcome) VALUES ($message{$sender}, 1, 'retry');
		INSERT INTO whatsapp_wamids (hash, message_id) VALUES ($message{$sender}, $message{$sender});
		INSERT INTO whatsapp_codes (message_id) VALUES ($message{$sender});
		INSERT INTO whatsapp_charges (message_id, state, reserved_at, periods) VALUES ($message{$sender}, 'reserved', now(), '{}');
		INSERT INTO whatsapp_events (kind, phone_number_id, raw, received_at, dedupe_key) VALUES ('message', '$number', '{}', now(), gen_random_uuid());
		INSERT INTO whatsapp_events (kind, message_id, raw, received_at, dedupe_key) VALUES ('status', $message{$sender}, '{}', now(), gen_random_uuid());
		INSERT INTO whatsapp_templates (account, name, language, status) VALUES ('$sender', 'hello_$sender', 'en_US', 'APPROVED');
		INSERT INTO whatsapp_business_accounts (account, business_account_id, synced_at) VALUES ('$sender', '9', now());
		INSERT INTO whatsapp_numbers (account, phone_number_id, synced_at) VALUES ('$sender', '$number', now())});
}
sql(q{SELECT wa_watch('south_orders', 'hello_world', '{}'::text[], 'new.phone', sender => 'south')});
wait_sql($node, q{SELECT count(DISTINCT sender) FROM whatsapp_changes}, '2');

is(sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'whatsapp%' AND relrowsecurity}), '0', 'no row security before the first grant by sender');
sql("SELECT wa_grant('all_$_', '$_')") for @levels;
is(sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'whatsapp%' AND relrowsecurity}), '0', 'nor by grants for all');
sql("SELECT wa_grant('n_$_', '$_', 'north'), wa_grant('s_$_', '$_', 'south')") for @levels;
cmp_ok(sql(q{SELECT count(*) FROM pg_class WHERE relname LIKE 'whatsapp%' AND relkind = 'r' AND relrowsecurity}), '>', 35, 'row security by the first grant by sender');
is(sql(q{SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class AS c WHERE relname LIKE 'whatsapp%' AND relkind = 'r' AND NOT relrowsecurity}),
	'whatsapp_markets whatsapp_opt_out_keywords whatsapp_rates whatsapp_role_grants', 'of every table, but for those that are the same for everybody');
is(sql(q{SELECT string_agg(level || ' ' || coalesce(sender, 'all'), ', ') FROM whatsapp_grants WHERE role = 'n_admin'::regrole}),
	'sender north, monitor north, operator north, admin north', 'whatsapp_grants shows the sender');

# Relations: who reads, of level and sender. own: rows of its sender alone; shared: what it sees is nobody's; -: nothing.
my %reads = (map({ ("whatsapp_$_" => 'own') } qw(messages queue day_counts requests opt_outs windows inbound media changes change_queue watch_items cost_units campaign_units campaign_costs
	campaign_definitions budget_limits callback_definitions watch_definitions senders attempts codes media_messages watched_messages charges wamids
	campaign_pauses templates template_definitions numbers business_accounts accounts events
	held latest months billing delivered_units cost_parts costs focus_costs campaigns campaign_errors budgets budget_sums watches callbacks grants status stat_queue stat_days stat_errors stat_latency stat_senders)),
	map({ ("whatsapp_$_" => 'shared') } qw(markets rates opt_out_keywords error_codes recategorised_templates stat_listener stat_workers)),
	map({ ("whatsapp_$_" => '-') } qw(event_queue deliveries instances probes template_samples user_ids watch_errors callback_calls budget_periods budget_ledger
	role_grants top meta_costs cost_differences)));
my @relations = split /\n/, sql(q{SELECT c.relname FROM pg_class AS c JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp' WHERE relkind IN ('r', 'v') ORDER BY 1});
is(join(' ', sort keys %reads), join(' ', @relations), 'the matrix has every table and view');
my %wrong;
for my $relation (@relations)
{
	for my $level (@levels)
	{
		my $all = outcome("SELECT count(*) >= 0 FROM $relation", "all_$level");
		my $one = outcome("SELECT count(*) >= 0 FROM $relation", "n_$level");
		my $reads = $level ne 'sender';
		$wrong{"$relation all_$level $all"} = 1 if $all ne ($reads ? 't' : '42501');
		$wrong{"$relation n_$level $one"} = 1 if $one ne ($reads && $reads{$relation} ne '-' ? 't' : '42501');
	}
}
is(join(', ', sort keys %wrong), '', 'who reads what is as the matrix says');

# Whatever the row looks like: of the other one, there is nothing in it. The owner sees that it is there.
my @south = ('south', $phone{south}, 'wamid.south', '323456789');
my $south = '(' . join('|', map { s/\+/[+]/r } @south) . ')';
my %empty;
for my $relation (grep { $reads{$_} eq 'own' } @relations)
{
	my $there = sql("SELECT count(*) FROM $relation AS r WHERE r::text ~ '$south'");
	my $names = sql("SELECT string_agg(attname, ' ') FROM pg_attribute WHERE attrelid = '$relation'::regclass AND attname IN ('message_id', 'campaign_id')");
	my $by = $names eq 'message_id' && $there == 0 ? "message_id IN ($message{south}, $gone{south})" : $names eq 'campaign_id' && $there == 0 ? "campaign_id = $campaign{south}" : "r::text ~ '$south'";
	$there = sql("SELECT count(*) FROM $relation AS r WHERE $by");
	$empty{$relation} = 1 if $there == 0;
	is(outcome("SELECT count(*) FROM $relation AS r WHERE $by", "n_$_"), '0', "$relation: nothing of south for the $_ of north (there: $there)") for qw(monitor operator);
	is(outcome("SELECT count(*) FROM $relation AS r WHERE $by", 'all_monitor'), $there, "$relation: all of it for the monitor of all");
}
is(join(' ', sort keys %empty), join(' ', map { "whatsapp_$_" } qw(campaign_costs campaign_errors campaign_units change_queue cost_parts cost_units costs delivered_units focus_costs held media_messages status template_definitions
	watch_items watched_messages)), 'rows of south were in all of the others');
is(outcome('SELECT count(*) FROM whatsapp_messages', 'n_monitor'), sql(q{SELECT count(*) FROM whatsapp_messages WHERE sender = 'north'}), 'its own are all there');
is(outcome('SELECT count(*) FROM whatsapp_messages', 'member'), sql(q{SELECT count(*) FROM whatsapp_messages WHERE sender = 'north'}), 'a member of the role has its rights, and no more');
is(outcome('SELECT count(*) FROM whatsapp_attempts', 'n_monitor'), '1', 'the attempts of its messages');
is(outcome('SELECT count(*) FROM whatsapp_events', 'n_monitor'), '2', 'and the events of its messages and of its number');
is(outcome(q{SELECT string_agg(name, ' ') FROM whatsapp_budgets}, 'n_monitor'), 'budget north', 'the budget of its sender, and none of all');
is(outcome(q{SELECT string_agg(name, ' ') FROM whatsapp_callbacks}, 'n_monitor'), 'told north', 'the callbacks of its sender');
is(outcome(q{SELECT string_agg(level || ' ' || sender, ', ') FROM whatsapp_grants}, 'n_operator'), 'monitor north, operator north', 'its own rights');
is(outcome(q{SELECT string_agg(DISTINCT sender, ' ') FROM wa_changes(NULL)}, 'n_monitor'), 'north', 'the changes of its sender');
is(outcome(q{SELECT count(*) FROM wa_changes(NULL)}, 'n_monitor'), sql(q{SELECT count(*) FROM whatsapp_changes WHERE sender = 'north'}), 'all of these');
is(outcome(q{SELECT count(*) FROM wa_changes(NULL, 1)}, 'n_monitor'), '1', 'as many as are asked for, whatever lies between');
is(outcome(q{SELECT count(*) FROM wa_changes(987654)}, 'n_monitor'), 'WA017', 'a number that never was is told of');
is(outcome(q{SELECT string_agg(DISTINCT sender, ' ' ORDER BY sender) FROM wa_changes(NULL)}, 'all_monitor'), 'north south', 'the monitor of all gets all of them');
sql(q{CREATE FUNCTION leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE WARNING 'leak %', $1; RETURN true; END $$});
for my $relation (qw(whatsapp_messages whatsapp_campaigns whatsapp_billing whatsapp_stat_days whatsapp_stat_senders whatsapp_budgets whatsapp_callbacks whatsapp_watches))
{
	my ($code, $out, $err) = $node->psql('postgres', "SELECT count(*) FROM $relation WHERE leak(sender)", extra_params => [ '-U', 'n_monitor' ]);
	unlike($err, qr/leak south/, "$relation: a cheap function of the reader's is not asked before");
}

# Functions: what each level gets for north and for south. t, f and so on is what it returns; id is a number.
my @functions = (
	# call with %s for the sender's things                            sender      monitor   operator    admin
	[ q{wa_send_text('+34612000003', 'x', sender => '@sender')},        'id 42501', '42501',  '42501',    'id 42501' ],
	[ q{wa_send_po('A', 'PO', 1, '+34612000003', sender => '@sender')}, 'id 42501', '42501',  '42501',    'id 42501' ],
	[ q{wa_send_po('A', 'PO', '€1', '+34612000003', sender => '@sender')}, 'id 42501', '42501', '42501',  'id 42501' ],
	[ q{wa_send_po('A', 'PO', 1, '+34612000003', sender => '@sender', on_error => 'record')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_po('A', 'PO', 1, '123', sender => '@sender', on_error => 'record')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_template('+34612000003', 'hello_world', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_media('+34612000003', 'document', media => @upload, sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_location('+34612000003', 1, 1, sender => '@sender')},   'id 42501', '42501',  '42501',    'id 42501' ],
	[ q{wa_send_contacts('+34612000003', '[{"name": {"formatted_name": "A", "first_name": "A"}}]', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_interactive('+34612000003', '{"type": "button", "body": {"text": "a"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "a"}}]}}', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_reaction('+34612000003', 'wamid.x', '👍', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send('+34612000003', 'text', '{"body": "x"}', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_code('+34612000003', '123456', 'code', sender => '@sender')}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{(wa_send_bulk(ARRAY['+34612000003'], 'hello_world', sender => '@sender')).queued}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{(wa_send_bulk('SELECT ''+34612000003''', 'hello_world', sender => '@sender')).queued}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{(wa_send_bulk('SELECT ''+34612000003''', 'hello_world', sender => '@sender', dry_run => true)).queued}, 'id 42501', '42501', '42501', 'id 42501' ],
	[ q{wa_send_test('+34612000003', sender => '@sender')},             'id 42501', '42501',  '42501',    'id 42501' ],
	[ q{wa_upload_media('x', 'text/plain', 'x', '@sender')},            'id 42501', '42501',  '42501',    'id 42501' ],
	[ q{wa_render_template('nothing', '{}'::text[], 'en', sender => '@sender')}, '42704 42501', '42704 42501', '42704 42501', '42704 42501' ],
	[ q{wa_retry(@gone)},                                               '42501',    '42501',  't 42501',  't 42501' ],
	[ q{wa_cancel(@message)},                                           't 42501',  '42501',  't 42501',  't 42501' ],
	[ q{wa_mark_read(@inbound)},                                        'id 42501', '42501',  'id 42501', 'id 42501' ],
	[ q{wa_request_media_download(@inbound)},                           '42501',    '42501',  '55000 42501', '55000 42501' ],
	[ q{wa_resume('@sender')},                                          '42501',    '42501',  'f 42501',  'f 42501' ],
	[ q{wa_opt_out('+34612000009', '@sender')},                         '42501',    '42501',  't 42501',  't 42501' ],
	[ q{wa_opt_in('+34612000009', '@sender')},                          '42501',    '42501',  'f 42501',  'f 42501' ],
	[ q{wa_campaign_resume(@campaign)},                                 '42501',    '42501',  't 42501',  't 42501' ],
	[ q{wa_campaign_pause(@campaign)},                                  '42501',    '42501',  'f 42501',  'f 42501' ],
	[ q{wa_campaign_retry(@campaign)},                                  '42501',    '42501',  'id 42501', 'id 42501' ],
	[ q{wa_campaign_cancel(@campaign)},                                 '42501',    '42501',  'id 42501', 'id 42501' ],
	[ q{count(*) > 1 FROM wa_diagnose(@message)},                       '42501',    't 42501', 't 42501', 't 42501' ],
	[ q{wa_window_open('+34612', '@sender')},                           't 42501',  't 42501', 't 42501', 't 42501' ],
	[ q{count(*) > 0 AND bool_and(sender = 'north') FROM wa_changes(NULL)}, '42501', 't',     't',        't' ],
	[ q{reason FROM wa_price('+34612345678', 'utility', sender => '@sender')}, '42501', 'no_time_zone 42501', 'no_time_zone 42501', 'no_time_zone 42501' ],
	[ q{messages FROM wa_estimate('{+34612345678}', 'utility', sender => '@sender')}, '42501', 'id 42501', 'id 42501', 'id 42501' ],
	# somebody else has made them
	[ q{wa_callback_pause('told @sender')},                             '42501',    '42501',  '42501',    '42501' ],
	[ q{wa_on_status('told', sender => '@sender')},                     '42501',    '42501',  '42501',    'name 42501' ],
	[ q{wa_on_inbound('heard', '@sender')},                             '42501',    '42501',  '42501',    'name 42501' ],
	# for all senders, or for none in particular: nobody of one
	map({ [ $_, ('42501') x 4 ] } q{wa_opt_out('+34612000009')}, q{wa_opt_in('+34612000009')}, q{wa_on_status('told')}, q{wa_on_inbound('heard')},
		q{wa_release(true)}, q{wa_stat_reset()}, q{count(*) FROM wa_forget('+34612000009')}, q{count(*) FROM wa_diagnose()}, q{count(*) FROM wa_preflight()},
		q{count(*) FROM wa_security()}, q{wa_metrics()}, q{wa_report()}, q{wa_window_open('+34612')},
		q{wa_callback_remove('told south')}, q{wa_callback_pause('told south')}, q{wa_callback_resume('told south')}, q{wa_budget_set('budget south', 9, 'EUR')},
		q{wa_budget_remove('budget south')}, q{wa_request_template_sync('south')}, q{wa_request_number_sync('south')}, q{wa_request_probe('south')},
		q{wa_rates_import('x'::text, 'EUR', '2027-01-01')}, q{wa_template_define('{}')}, q{wa_template_remove('x')}, q{wa_accept_category('x')},
		q{count(*) FROM wa_template_apply()}, q{count(*) FROM wa_template_plan()}, q{wa_template_sample('x', 'x', 'image/png')},
		q{count(*) FROM wa_price('+34612345678', 'utility')}, q{count(*) FROM wa_estimate('{+34612345678}', 'utility')},
		q{whatsapp_units_before('south', 'south', 'x', 'x', '2027-01-01')}, q{count(*) FROM whatsapp_message_life(1)},
		q{wa_webhook_receive('x', 'x')}, q{wa_grant('n_admin', 'admin')}, q{wa_revoke('n_admin', 'admin', 'north')}),
);
sql(q{CREATE FUNCTION heard(bigint) RETURNS void LANGUAGE sql AS $$ SELECT $$});
for my $row (@functions)
{
	my ($call, @expected) = @$row;
	my @got;
	for my $level (@levels)
	{
		my @of;
		for my $sender (qw(north south))
		{
			my $one = $call =~ s/\@sender/$sender/r =~ s/\@message/$message{$sender}/r =~ s/\@gone/$gone{$sender}/r =~ s/\@inbound/$inbound{$sender}/r
			  =~ s/\@campaign/$campaign{$sender}/r =~ s/\@upload/$upload{$sender}/r;
			my $seen = outcome("BEGIN; SELECT $one; ROLLBACK", "n_$level");
			$seen =~ s/\n.*//s;
			$seen = 'id' if $seen =~ /^\d{1,4}$/;
			$seen = 'name' if $seen =~ /^(?:told|heard)/;
			push @of, $seen;
		}
		push @got, $of[0] eq $of[1] ? $of[0] : "@of";
	}
	is("@got[0 .. 3]", "@expected[0 .. 3]", $call);
}
for my $call (q{wa_send_text('+34612000003', 'x', sender => 'south')}, qq{wa_cancel($message{south})}, qq{wa_retry($gone{south})}, q{wa_opt_out('+34612000008')})
{
	like(outcome("BEGIN; SELECT $call; ROLLBACK", $call =~ /^wa_(?:retry|opt)/ ? 'all_operator' : 'all_sender'), qr/^(?:\d+|t)$/, "$call for a role of all senders");
}

# every function of the extension stands in the matrix or asks nobody
my @asked = map { $_->[0] =~ /((?:wa|whatsapp)_\w+)\(/ ? $1 : () } @functions;
is(sql(q[SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) FROM pg_proc AS p JOIN pg_depend AS d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'pg_whatsapp' WHERE has_function_privilege('n_admin', p.oid, 'EXECUTE')
	AND NOT EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) AS a WHERE a.grantee = 0)
	AND p.proname::text <> ALL ('{] . join(',', @asked) . q[}')]),
	'wa_download_media wa_market wa_unwatch wa_watch wa_watch_test whatsapp_counters whatsapp_hold_reason whatsapp_latency_counters whatsapp_notify whatsapp_queue_counters whatsapp_rate_cost',
	'no other function may be called by a role of one sender, but for these');

for my $as (qw(n_monitor n_operator all_operator))
{
	my @got = map { outcome("CALL wa_download_media($inbound{$_})", $as) } qw(north south);
	is("@got", $as eq 'n_monitor' ? '42501 42501' : $as eq 'n_operator' ? '55000 42501' : '55000 55000', "wa_download_media() as $as");
}

# by a setting
is(outcome(q{SET whatsapp.default_sender = 'south'; SELECT wa_send_text('+34612000003', 'x')}, 'n_sender'), '42501', 'a setting of the session gives no sender');
is(outcome(q{SELECT wa_send_text('+34612000003', 'x')}, 'n_sender'), '42501', 'nor does the default one');
like(outcome(q{SET whatsapp.default_sender = 'north'; SELECT wa_send_text('+34612000003', 'x')}, 'n_sender'), qr/^\d+$/, 'its own may stand there');
is(outcome(q{SET whatsapp.default_sender = 'north'; SELECT wa_window_open('+34612')}, 'n_sender'), 't', 'also where something is asked');
is(outcome(q{SET whatsapp.default_sender = 'south'; SELECT wa_window_open('+34612')}, 'n_sender'), '42501', 'and no other');
my ($code, $out, $err) = $node->psql('postgres', q{SELECT wa_send_text('+34612000003', 'x', sender => 'south')}, extra_params => [ '-v', 'VERBOSITY=verbose', '-U', 'n_sender' ]);
like($err, qr/ERROR:  42501: permission denied for sender "south"\nHINT:  Role "n_sender" has rights for other senders/, 'the error says why, and what to do');
($code, $out, $err) = $node->psql('postgres', "SELECT wa_cancel(987654321)", extra_params => [ '-v', 'VERBOSITY=verbose', '-U', 'n_sender' ]);
like($err, qr/42501: permission denied for message 987654321/, 'a message that is not there is as one of another');
is(outcome('SELECT wa_cancel(987654321)', 'all_sender'), 'f', 'but for who may touch all');
is(outcome(qq{SELECT wa_send_media('+34612000003', 'document', media => $upload{south}, sender => 'north')}, 'n_sender') =~ /^\d{1,4}$/ ? 'sent' : 'refused', 'refused', 'a file of the other one is not sent');

# the rights are those of who calls, also through a function of somebody else
sql(q{CREATE FUNCTION shop(text) RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT wa_send_text('+34612000003', 'x', sender => $1) $$; ALTER FUNCTION shop OWNER TO n_admin; GRANT EXECUTE ON FUNCTION shop TO plain});
like(outcome(q{SELECT shop('north')}, 'plain'), qr/^\d+$/, 'a function of a role that may send for north sends for north, whoever calls it');
is(outcome(q{SELECT shop('south')}, 'plain'), '42501', 'and not for south');
is(outcome(q{SELECT shop('south')}, 'all_admin'), '42501', 'not for who may do it by himself either') if sql('GRANT EXECUTE ON FUNCTION shop TO all_admin') || 1;
is(outcome(q{SELECT wa_send_text('+34612000003', 'x', sender => 'south')}, 'plain'), '42501', 'plain may not send');
sql(q{GRANT EXECUTE ON FUNCTION wa_cancel(bigint) TO n_monitor});
is(outcome("BEGIN; SELECT wa_cancel($message{south}); ROLLBACK", 'n_monitor'), '42501', 'what GRANT adds is held to the same sender');
is(outcome("BEGIN; SELECT wa_cancel($message{north}); ROLLBACK", 'n_monitor'), 't', 'and good for it');

# writes
is(outcome(q{UPDATE whatsapp_senders SET enabled = enabled RETURNING name}, 'n_operator'), 'north', 'an operator switches its sender');
is(outcome(q{DELETE FROM whatsapp_messages}, 'n_admin'), '42501', 'nobody writes messages');
is(outcome(q{UPDATE whatsapp_senders SET account = 'south'}, 'n_admin'), '42501', 'nobody of one sender takes the account of another');

# watches: the right is the owner's, when it is made and when it runs
sql(q{CREATE TABLE north_orders (po text, phone text, who text); CREATE TABLE n_orders (supplier text, po text, total numeric, phone text)});
sql(q{ALTER TABLE north_orders OWNER TO n_admin; ALTER TABLE n_orders OWNER TO n_admin; GRANT INSERT ON north_orders TO plain});
is(outcome(q{SELECT wa_watch('north_orders', 'hello_world', '{}'::text[], 'new.phone', sender => 'south')}, 'n_admin'), '42501', 'no watch for another sender');
is(outcome(q{SELECT wa_watch('n_orders', 'supplier', 'po', 'total', 'phone', sender => 'south')}, 'n_admin'), '42501', 'in either form');
like(outcome(q{SELECT wa_watch('north_orders', 'hello_world', '{}'::text[], 'new.phone', sender => 'new.who', reference => 'new.po', name => 'mine')}, 'n_admin'), qr/^mine$/, 'one for its own, whose sender is a column');
is(outcome(q{SELECT string_agg(name || ' ' || sender, ', ') FROM whatsapp_watches}, 'n_admin'), 'mine new.who', 'who has made a watch sees it, and no other');
is(outcome(q{SELECT count(*) FROM whatsapp_watches}, 'n_monitor'), '0', 'whose sender is not known before is shown to nobody else of one sender');
sql(q{INSERT INTO north_orders VALUES ('W-1', '+34612000003', 'north'), ('W-2', '+34612000003', 'south')}, 'plain');
is(sql(q{SELECT string_agg(reference || ' ' || sender || ' ' || status || coalesce(' ' || (payload IS NULL)::text, ''), ', ' ORDER BY reference) FROM whatsapp_messages WHERE reference ~ '^W-'}),
	'W-1 north PENDING false, W-2 default FAILED true', 'who inserts needs no right; a row that names another sender is refused');
sql(q{SELECT wa_revoke('n_admin', 'admin', 'north'), wa_grant('n_admin', 'admin', 'south')});
sql(q{INSERT INTO north_orders VALUES ('W-3', '+34612000003', 'north')}, 'plain');
is(sql(q{SELECT status FROM whatsapp_messages WHERE reference = 'W-3'}), 'FAILED', 'a right that was taken back is gone from the watch');
sql(q{SELECT wa_revoke('n_admin', 'admin', 'south'), wa_grant('n_admin', 'admin', 'north')});

# callbacks
sql(q{CREATE TABLE calls (who text, id bigint); GRANT INSERT ON calls TO n_admin, all_admin;
	CREATE FUNCTION note_north(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.calls VALUES ('n_admin', $1) $$; ALTER FUNCTION note_north OWNER TO n_admin;
	CREATE FUNCTION note_all(bigint, text) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.calls VALUES ('all', $1) $$; ALTER FUNCTION note_all OWNER TO all_admin});
is(outcome(q{SELECT wa_on_status('note_north', sender => 'north')}, 'n_admin'), 'note_north', 'a callback of its own');
is(outcome(q{SELECT wa_on_status('note_all')}, 'all_admin'), 'note_all', 'and one for all');
sql("SELECT wa_cancel($message{north}), wa_cancel($message{south})");
wait_sql($node, q{SELECT count(DISTINCT id) FROM calls WHERE who = 'all'}, '2');
wait_sql($node, q{SELECT count(*) FROM whatsapp_callback_calls}, '0');
is(sql(q{SELECT string_agg(id::text, ' ') FROM calls WHERE who = 'n_admin'}), $message{north}, 'each hears of its own');
is(outcome(q{SELECT string_agg(name, ', ' ORDER BY name) FROM whatsapp_callbacks}, 'n_admin'), 'note_north, told north', 'it is shown with those that others have made for the sender');
is(outcome(qq{SELECT wa_callback_pause('$_')}, 'n_admin'), '42501', "but $_ is not its own") for 'told north', 'note_all', 'nowhere';
is(outcome(q{SELECT wa_callback_pause('note_north')}, 'n_operator'), '42501', 'nor is its own one of another role');
is(join(' ', map { outcome("SELECT wa_callback_$_('note_north')", 'n_admin') } qw(pause resume remove)), 't t t', 'its own it pauses, resumes and removes');
is(outcome(q{SELECT wa_callback_remove('nowhere')}, 'all_admin'), 'f', 'who is held to no sender learns what is there');

# monitoring
my $personal = '6(12|99)0000';
for my $query ('SELECT * FROM whatsapp_status', map({ "SELECT * FROM whatsapp_stat_$_" } qw(queue days errors latency senders listener workers)), 'SELECT * FROM whatsapp_top',
	'SELECT wa_metrics()', 'SELECT wa_report()', 'SELECT * FROM wa_diagnose()', 'SELECT * FROM wa_preflight()', 'SELECT * FROM wa_security()')
{
	my $seen = outcome($query, 'metrics');
	ok($seen !~ /^\w{5}$/ && $seen !~ /$personal|Proveedor/, "pg_monitor: $query: figures, and nothing of a person") or diag $seen;
}
is(join(' ', grep { outcome("SELECT count(*) FROM $_", 'metrics') ne '42501' } @relations),
	join(' ', map { "whatsapp_$_" } qw(stat_days stat_errors stat_latency stat_listener stat_queue stat_senders stat_workers status top)), 'pg_monitor reads these, and no table');
like(outcome('SELECT count(*) FROM whatsapp_campaigns', 'controlling'), qr/^2$/, 'a view that was granted by hand shows what it showed');
like(outcome('SELECT count(*) FROM whatsapp_costs', 'controlling'), qr/^0$/, 'needs no table');

# a dump and its restore
my $file = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $file, '-d', $node->connstr('postgres') ], 'a dump by the owner');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $file, '-d', $node->connstr('copy') ], 'is restored');
is($node->safe_psql('copy', 'SELECT count(*) FROM whatsapp_messages', extra_params => [ '-U', 'n_monitor' ]), sql(q{SELECT count(*) FROM whatsapp_messages WHERE sender = 'north'}), 'and holds there, too');
is($node->safe_psql('copy', 'SELECT count(*) FROM whatsapp_messages', extra_params => [ '-U', 'all_monitor' ]), sql(q{SELECT count(*) FROM whatsapp_messages}), 'as it does for others');

# policies of the DBA's own go on to say what is permitted, and survive the last revoke
sql(q{ALTER TABLE whatsapp_media DISABLE ROW LEVEL SECURITY; DROP POLICY every_row ON whatsapp_media;
	ALTER TABLE whatsapp_media ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON whatsapp_media USING (false)});
is(outcome('SELECT count(*) FROM whatsapp_media', $_), '0', "a policy of the DBA's own: $_") for qw(all_monitor n_monitor);

# another session sees a change at once; a role that gets another name keeps its rights
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'n_sender' ]);
$session->query_safe('SET client_min_messages = error');
like($session->query_safe(q{SELECT wa_send_text('+34612000003', 'x', sender => 'north')}), qr/^\d+$/, 'an open session');
sql(q{ALTER ROLE n_monitor RENAME TO northern_monitor});
is(outcome('SELECT count(*) FROM whatsapp_messages WHERE sender <> $$north$$', 'northern_monitor'), '0', 'a role that was renamed sees no more');
sql(q{SELECT wa_grant('n_sender', 'sender', 'south')});
like($session->query_safe(q{SELECT wa_send_text('+34612000003', 'x', sender => 'south')}), qr/^\d+$/, 'a grant holds at once');
$session->quit;
sql(q{SELECT wa_revoke('n_sender', 'sender', 'north')});
is(outcome(q{SELECT wa_send_text('+34612000003', 'x', sender => 'north')}, 'n_sender'), '42501', 'what was revoked is gone');
like(outcome(q{SELECT wa_send_text('+34612000003', 'x', sender => 'south')}, 'n_sender'), qr/^\d+$/, 'and no other');
like(($node->psql('postgres', q{SELECT wa_grant('n_sender', 'sender', 'nowhere')}))[2], qr/sender "nowhere" does not exist/, 'a sender that does not exist');
sql(q{SELECT wa_grant('n_sender', 'sender')});
like(outcome(q{SELECT wa_send_text('+34612000003', 'x', sender => 'north')}, 'n_sender'), qr/^\d+$/, 'a grant for all is for all');
sql(q{SELECT wa_revoke(role, level, sender) FROM whatsapp_role_grants WHERE sender IS NOT NULL});
is(sql(q{SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'whatsapp%' AND relrowsecurity}), 'whatsapp_media', "without a grant by sender, there is no row security but the DBA's own");
is(outcome('SELECT count(*) FROM whatsapp_messages', 'northern_monitor'), '42501', 'and no right is left');

$node->stop('fast');
done_testing();
