# The upgrade script: a database that was made by version 1.0 is, after ALTER EXTENSION UPDATE, what a new one is; its messages, its rights and its
# watches are as before, and are worked on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('upgrade_script');
sub in_db { my ($database, $query) = @_; return $node->safe_psql($database, $query) }

# All that belongs to the extension, by name and with its definition; not the order of columns, which a table that was altered cannot share.
my $catalog = <<'SQL';
SET search_path = pg_catalog;
WITH own AS (SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
             WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_whatsapp'),
relations AS (SELECT c.* FROM pg_class AS c JOIN own AS o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid),
settings AS (SELECT e.extconfig, e.extcondition FROM pg_extension AS e WHERE e.extname = 'pg_whatsapp')
SELECT line FROM (
    SELECT format('%s %s acl %s comment %s', i.type, i.identity, coalesce(c.relacl::text, p.proacl::text), obj_description(o.objid, o.classid::regclass::name)) AS line
    FROM own AS o CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) AS i
    LEFT JOIN pg_class AS c ON o.classid = 'pg_class'::regclass AND c.oid = o.objid LEFT JOIN pg_proc AS p ON o.classid = 'pg_proc'::regclass AND p.oid = o.objid
    UNION ALL
    SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc AS p JOIN own AS o ON o.classid = 'pg_proc'::regclass AND o.objid = p.oid WHERE p.prokind IN ('f', 'p')
    UNION ALL
    SELECT format('column %s.%s %s %s %s %s %s', r.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attstorage,
                  col_description(a.attrelid, a.attnum))
    FROM relations AS r JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef AS d ON d.adrelid = r.oid AND d.adnum = a.attnum
    UNION ALL
    SELECT format('constraint %s %s %s', r.relname, c.conname, pg_get_constraintdef(c.oid)) FROM relations AS r JOIN pg_constraint AS c ON c.conrelid = r.oid WHERE c.contype <> 'n'
    UNION ALL
    SELECT format('index %s', pg_get_indexdef(x.indexrelid)) FROM relations AS r JOIN pg_index AS x ON x.indrelid = r.oid
    UNION ALL
    SELECT format('view %s %s', r.relname, pg_get_viewdef(r.oid)) FROM relations AS r WHERE r.relkind = 'v'
    UNION ALL
    SELECT format('trigger %s %s %s', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')) FROM relations AS r JOIN pg_trigger AS t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal
    UNION ALL
    SELECT format('table %s options %s identity %s rls %s', r.relname, (SELECT array_agg(o ORDER BY o) FROM unnest(r.reloptions) AS o), r.relreplident, r.relrowsecurity) FROM relations AS r
    UNION ALL
    SELECT format('policy %s %s %s %s', r.relname, p.polname, p.polpermissive, pg_get_expr(p.polqual, p.polrelid)) FROM relations AS r JOIN pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT format('dumped %s %s', c.relname, s.extcondition[n]) FROM settings AS s CROSS JOIN LATERAL generate_subscripts(s.extconfig, 1) AS n JOIN pg_class AS c ON c.oid = s.extconfig[n]
) AS l ORDER BY line COLLATE "C"
SQL

in_db('postgres', "CREATE DATABASE $_") for qw(fresh old used);
in_db('fresh', 'CREATE EXTENSION pg_whatsapp');
in_db($_, q{CREATE EXTENSION pg_whatsapp VERSION '1.0'}) for qw(old used);
# as wa_grant() of the old library did: an operator who may send
in_db('used', q{CREATE ROLE clerk_of_old; GRANT EXECUTE ON FUNCTION whatsapp_hold_reason, wa_resume, wa_send TO clerk_of_old});
in_db('used', q{CREATE TABLE purchase_orders (id integer PRIMARY KEY, supplier text, po_number text, total numeric, currency text, phone text);
	SELECT wa_watch('purchase_orders', 'supplier', 'po_number', 'total', 'phone', currency => 'currency');
	INSERT INTO purchase_orders SELECT n, 'Proveedor ABC', 'PO-' || n, 10, 'EUR', CASE WHEN n = 3 THEN '612345678' ELSE '+3461234567' || n END FROM generate_series(1, 3) AS n});
# a watch with a due time, as the old version made it: without a trigger of TRUNCATE
in_db('used', q{CREATE TABLE reminded (id integer PRIMARY KEY, phone text, day date)});
in_db('used', q{INSERT INTO whatsapp_watch_definitions (key, name, relation, relation_name, home, owner, events, template, parameters, phone, sender, language, due, on_error, max_rows, replicated, settings)
	SELECT 'k', 'of old', 'reminded'::regclass, 'public.reminded', s.system_identifier || '/' || d.oid, current_user, '{INSERT,UPDATE,DELETE}', 'reminder', '{new.id}', 'new.phone', 'default', 'es', 'new.day',
		'record', 10, false, '{search_path=public}'
	FROM pg_control_system() AS s, pg_database AS d WHERE d.datname = current_database()});
in_db('used', q{CREATE TRIGGER "whatsapp_of old_insert" AFTER INSERT ON reminded REFERENCING NEW TABLE AS whatsapp_new FOR EACH STATEMENT EXECUTE FUNCTION whatsapp_notify('k')});
my $before = in_db('used', q{SELECT string_agg(to_jsonb(m)::text, E'\n' ORDER BY id) FROM whatsapp_messages AS m});
like($before, qr/FAILED/, 'messages of the old version');
in_db('old', 'ALTER EXTENSION pg_whatsapp UPDATE');
# the other one while an INSERT has locked its table and goes on to ours
my ($writer, $updater) = map { $node->background_psql('used', on_error_stop => 1) } 1 .. 2;
$writer->query_safe('SET client_min_messages = error; BEGIN; LOCK TABLE reminded IN ROW EXCLUSIVE MODE');
$updater->query_until(qr/begins/, "SET client_min_messages = error;\n\\echo begins\nALTER EXTENSION pg_whatsapp UPDATE;\n");
$node->poll_query_until('used', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ '^ALTER EXTENSION'}) or die 'the update does not wait';
$writer->query_safe(q{INSERT INTO reminded VALUES (9, '+34612345678', '2100-01-01'); COMMIT});
$updater->query_safe('SELECT 1');
$_->quit for $writer, $updater;
is(in_db('used', q{SELECT m.status || ' ' || (SELECT sum(errors) FROM whatsapp_watches) FROM whatsapp_messages AS m WHERE reference = '9'}), 'PENDING 0', 'an INSERT meets the update without a deadlock');
in_db('used', q{DELETE FROM whatsapp_queue WHERE message_id = (SELECT id FROM whatsapp_messages WHERE reference = '9'); DELETE FROM whatsapp_messages WHERE reference = '9'; ALTER TABLE reminded DISABLE TRIGGER USER; DELETE FROM reminded; ALTER TABLE reminded ENABLE TRIGGER USER});
is(in_db('used', q{SELECT extversion = wa_version() FROM pg_extension WHERE extname = 'pg_whatsapp'}), 't', 'updated');
my %lines = map { my $database = $_; $database => [ split /\n(?=[a-z]+ )/, in_db($database, $catalog) ] } qw(fresh old);
my %fresh = map { $_ => 1 } @{ $lines{fresh} };
my %old = map { $_ => 1 } @{ $lines{old} };
cmp_ok(scalar keys %fresh, '>', 1000, 'what there is to compare');
is(join("\n", grep { !$old{$_} } sort keys %fresh), '', 'what a new database has, the updated one has');
is(join("\n", grep { !$fresh{$_} } sort keys %old), '', 'and nothing else');
is(in_db('used', q{SELECT count(*) FROM whatsapp_messages}), '3', 'its messages are there');
is(in_db('used', q{SELECT string_agg(tgname, ' ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = 'reminded'::regclass}),
	'whatsapp_of old_insert whatsapp_of old_truncate', 'a watch with a due time has its trigger of TRUNCATE');
is(in_db('used', q{SELECT count(*) FROM pg_depend WHERE classid = 'pg_trigger'::regclass AND objid IN (SELECT oid FROM pg_trigger WHERE tgrelid = 'reminded'::regclass) AND deptype = 'e'}),
	'0', 'which is not of the extension');
in_db('used', q{INSERT INTO reminded VALUES (1, '+34612345678', '2100-01-01')});
is(in_db('used', q{SELECT status FROM whatsapp_messages WHERE idempotency_key = 'of old:1'}), 'PENDING', 'it goes on');
in_db('used', 'TRUNCATE reminded');
is(in_db('used', q{SELECT status FROM whatsapp_messages WHERE reference = '1'}), 'CANCELLED', 'and is told of one');
in_db('used', q{DELETE FROM whatsapp_messages WHERE reference = '1'; SELECT wa_unwatch('reminded')});
# functions that were made anew have lost their grants, and who had them is noted
is(in_db('used', q{SELECT string_agg(role || ' ' || level, ', ' ORDER BY level) FROM whatsapp_role_grants}), 'clerk_of_old monitor, clerk_of_old operator, clerk_of_old sender', 'who had which level');
in_db('used', q{SELECT wa_grant(role, level, sender) FROM whatsapp_role_grants WHERE role IN (SELECT oid FROM pg_roles)});
is(in_db('used', q{SELECT has_function_privilege('clerk_of_old', p.oid, 'EXECUTE') FROM pg_proc AS p WHERE p.proname = 'wa_send_text'}), 't', 'they are granted again by one statement');

# and the work goes on
in_db('postgres', "ALTER SYSTEM SET whatsapp.databases = 'postgres, used'");
$node->restart;
$node->poll_query_until('used', q{SELECT count(*) = 2 FROM whatsapp_messages WHERE status IN ('SENT', 'DELIVERED', 'READ')}) or die 'the old messages were not sent';
in_db('used', q{INSERT INTO purchase_orders VALUES (4, 'Proveedor ABC', 'PO-4', 10, 'EUR', '+34612345674')});
$node->poll_query_until('used', q{SELECT status IN ('SENT', 'DELIVERED', 'READ') FROM whatsapp_messages WHERE reference = 'PO-4'}) or die 'the new message was not sent';
pass('old and new messages are sent');
$node->stop;
done_testing();
