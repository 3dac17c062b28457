# What its owner does to a table of ours is heeded, while messages leave and webhooks come: no crash, no message lost, none sent twice, and the
# sender goes on. As long as a table is as the install script made it, its rows are written without statements.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use JSON::PP;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('altered', conf => "log_min_messages = debug2\nwal_level = logical\nwhatsapp.max_connections = 20\nwhatsapp.unknown_grace = 1s\n");
my $sandbox = $node->{sandbox};
my $serial = 0;

sub sql { return $node->safe_psql('postgres', $_[0]) }
sub refused { my ($query, $pattern, $title) = @_; like(($node->psql('postgres', $query))[2], $pattern, $title); return }
sub logged { my ($pattern, $from) = @_; return scalar(() = substr(slurp_file($node->logfile), $from || 0) =~ /$pattern/g) }
sub log_end { return -s $node->logfile }

# So many messages, and what is done when their requests are on the wire; all are read in the end.
sub flow
{
	my ($title, $do) = @_;
	my $prefix = 'FLOW-' . ++$serial;
	sandbox_set($sandbox, delay_ms => 400);
	send_po($node, 8, prefix => $prefix);
	# or they were there already
	wait_for('requests on the wire', sub {
		sandbox_get($sandbox, 'summary')->{in_flight} > 0
		  || sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$prefix-%' AND status <> 'PENDING'") });
	$do->() if $do;
	sandbox_set($sandbox, delay_ms => 0);
	send_po($node, 4, prefix => "$prefix-THEN");
	wait_sql($node, "SELECT count(*) FILTER (WHERE status = 'READ') FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", '12');
	pass("$title: messages leave, and webhooks tell of them");
	return $prefix;
}
# The same while a table is altered, and when it is so no more.
sub altered
{
	my ($title, $alter, $undo, $check) = @_;
	my $from = log_end();
	my $prefix = flow($title, sub { sql($alter) });
	$check->($prefix) if $check;
	flow("$title: and back", sub { sql($undo) });
	return $from;
}

# ------------------------------------------------------------------------------------------------------------------------ as it was made

flow('as made');
for my $table (qw(messages queue wamids))
{
	cmp_ok(logged(qr/table "whatsapp_$table" is as pg_whatsapp made it/), '>', 0, "whatsapp_$table is as the description says");
}
is(logged(qr/are read or written by statements/), 0, 'and so is every other');

# --------------------------------------------------------------------------------------------------------------------------- one by one

altered('another type', 'ALTER TABLE whatsapp_messages ALTER payload TYPE jsonb USING payload::jsonb',
	'ALTER TABLE whatsapp_messages ALTER payload TYPE json USING payload::json', sub {
		is(sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$_[0]-%' AND payload ->> 'type' = 'template'"), '12', 'payloads are stored as jsonb') });
altered('a limited type', 'ALTER TABLE whatsapp_messages ALTER idempotency_key TYPE varchar(4)', 'ALTER TABLE whatsapp_messages ALTER idempotency_key TYPE text', sub {
	refused(qq{SELECT wa_send_template('$po_phone', 'po_notification', ARRAY['A', 'B', 'C'], idempotency_key => 'a key')}, qr/value too long/, 'a value that is too long is refused') });
altered('NOT NULL', q{UPDATE whatsapp_messages SET reference = '' WHERE reference IS NULL; ALTER TABLE whatsapp_messages ALTER reference SET NOT NULL},
	'ALTER TABLE whatsapp_messages ALTER reference DROP NOT NULL', sub {
		refused(qq{SELECT wa_send_template('$po_phone', 'po_notification', ARRAY['A', 'B', 'C'])}, qr/violates not-null constraint/, 'NULL is refused') });
altered('another default', q{ALTER TABLE whatsapp_messages ALTER enqueued_by SET DEFAULT 'somebody'},
	'ALTER TABLE whatsapp_messages ALTER enqueued_by SET DEFAULT SESSION_USER', sub {
		is(sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$_[0]-THEN-%' AND enqueued_by = 'somebody'"), '4', 'the default is heeded') });
altered('a column with a default', q{ALTER TABLE whatsapp_messages ADD tag text NOT NULL DEFAULT 'new'; ALTER TABLE whatsapp_queue ADD tag text DEFAULT 'new'},
	'ALTER TABLE whatsapp_messages DROP tag; ALTER TABLE whatsapp_queue DROP tag', sub {
		is(sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$_[0]-%' AND tag = 'new'"), '12', 'it is filled') });
altered('a generated column', 'ALTER TABLE whatsapp_messages ADD shown text GENERATED ALWAYS AS (reference || status) STORED',
	'ALTER TABLE whatsapp_messages DROP shown', sub {
		is(sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$_[0]-%' AND shown = reference || 'READ'"), '12', 'it is computed at each change') });
sql(q{CREATE DOMAIN cost_centre AS text DEFAULT 'none' CHECK (VALUE IS NOT NULL)});
altered('a column of a domain', 'ALTER TABLE whatsapp_messages ADD centre cost_centre', 'ALTER TABLE whatsapp_messages DROP centre', sub {
	is(sql("SELECT count(*) FROM whatsapp_messages WHERE reference LIKE '$_[0]-%' AND centre = 'none'"), '12', 'the domain is heeded') });
altered('a CHECK', q{ALTER TABLE whatsapp_messages ADD CONSTRAINT mine CHECK (reference <> 'FORBIDDEN')}, 'ALTER TABLE whatsapp_messages DROP CONSTRAINT mine', sub {
	refused(qq{SELECT wa_send_po('A', 'FORBIDDEN', 1, '$po_phone')}, qr/violates check constraint "mine"/, 'it is heeded') });
altered('a CHECK of ours in other words', q{ALTER TABLE whatsapp_queue DROP CONSTRAINT whatsapp_queue_priority_check, ADD CONSTRAINT whatsapp_queue_priority_check CHECK (priority < 2)},
	q{ALTER TABLE whatsapp_queue DROP CONSTRAINT whatsapp_queue_priority_check, ADD CONSTRAINT whatsapp_queue_priority_check CHECK (priority BETWEEN 0 AND 2)}, sub {
		refused(qq{SELECT wa_send_po('A', 'BULK', 1, '$po_phone', priority => 'bulk')}, qr/violates check constraint/, 'it is heeded') });

sql(q{CREATE TABLE noted (what text); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
	$$BEGIN INSERT INTO noted VALUES (TG_ARGV[0]); RETURN NULL; END$$});
sub noted { my ($what) = @_; return sql("SELECT count(*) FROM noted WHERE what = '$what'") }
altered('a rule', q{CREATE RULE note AS ON INSERT TO whatsapp_messages DO ALSO INSERT INTO noted VALUES ('rule')}, 'DROP RULE note ON whatsapp_messages', sub {
	is(noted('rule'), '4', 'it acts for each message') });
altered('triggers', q{CREATE TRIGGER note AFTER INSERT ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION note('always'); ALTER TABLE whatsapp_queue ENABLE ALWAYS TRIGGER note;
	CREATE TRIGGER replica AFTER INSERT ON whatsapp_queue FOR EACH ROW EXECUTE FUNCTION note('replica'); ALTER TABLE whatsapp_queue ENABLE REPLICA TRIGGER replica;
	CREATE TRIGGER off AFTER INSERT ON whatsapp_messages FOR EACH ROW EXECUTE FUNCTION note('off'); ALTER TABLE whatsapp_messages DISABLE TRIGGER off},
	'DROP TRIGGER note ON whatsapp_queue; DROP TRIGGER replica ON whatsapp_queue; DROP TRIGGER off ON whatsapp_messages', sub {
		is(join('|', map { noted($_) } qw(always replica off)), '4|0|0', 'one fires that is enabled always, none that is disabled or of replicas') });

sql(q{CREATE EXTENSION amcheck; CREATE EXTENSION btree_gist});
sub indexes_agree
{
	my ($title) = @_;
	my $checked = sql(q{SELECT count(bt_index_check(i.indexrelid, true)) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
		WHERE i.indrelid IN ('whatsapp_messages'::regclass, 'whatsapp_queue'::regclass, 'whatsapp_wamids'::regclass) AND a.amname = 'btree'});
	cmp_ok($checked, '>', 6, "$title: every row is in every index");
	return;
}
altered('indexes', q{CREATE UNIQUE INDEX a ON whatsapp_messages (reference, id); CREATE INDEX b ON whatsapp_messages (lower(reference)) INCLUDE (status);
	CREATE INDEX c ON whatsapp_messages (failed_at) WHERE status <> 'FAILED'; CREATE INDEX d ON whatsapp_messages (wamid) WHERE wamid IS NOT NULL;
	CREATE INDEX e ON whatsapp_queue USING hash (recipient); CREATE INDEX f ON whatsapp_messages (sender text_pattern_ops, sent_at DESC NULLS FIRST);
	ALTER TABLE whatsapp_messages ADD EXCLUDE USING gist (id WITH =)},
	'DROP INDEX a, b, c, d, e, f; ALTER TABLE whatsapp_messages DROP CONSTRAINT whatsapp_messages_id_excl', sub { indexes_agree('more indexes') });
altered('a unique reference', 'ALTER TABLE whatsapp_messages ADD CONSTRAINT once UNIQUE (reference)', 'ALTER TABLE whatsapp_messages DROP CONSTRAINT once', sub {
	refused(qq{SELECT wa_send_po('A', '$_[0]-1', 1, '$po_phone')}, qr/duplicate key value violates unique constraint "once"/, 'it is heeded') });
altered('a deferred one', 'ALTER TABLE whatsapp_messages ADD CONSTRAINT once UNIQUE (reference) DEFERRABLE INITIALLY DEFERRED',
	'ALTER TABLE whatsapp_messages DROP CONSTRAINT once', sub {
		refused(qq{BEGIN; SELECT wa_send_po('A', '$_[0]-1', 1, '$po_phone'); SELECT 'called'; COMMIT}, qr/duplicate key value violates unique constraint "once"/, 'it is heeded at commit') });
altered('without its index', 'DROP INDEX whatsapp_queue_due_idx', 'CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender, priority, due_at, message_id)');
altered('an index in another order', 'DROP INDEX whatsapp_queue_due_idx; CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender text_pattern_ops, priority, due_at, message_id)',
	'DROP INDEX whatsapp_queue_due_idx; CREATE INDEX whatsapp_queue_due_idx ON whatsapp_queue (sender, priority, due_at, message_id)');

# foreign keys that point to ours, and from ours
altered('foreign keys', q{
	CREATE TABLE lines (message bigint REFERENCES whatsapp_queue ON DELETE CASCADE ON UPDATE CASCADE);
	CREATE TABLE orders (message bigint REFERENCES whatsapp_messages ON DELETE CASCADE);
	CREATE TABLE kinds (name text PRIMARY KEY); INSERT INTO kinds VALUES ('template');
	ALTER TABLE whatsapp_messages ADD CONSTRAINT kind FOREIGN KEY (message_type) REFERENCES kinds;
	INSERT INTO orders SELECT id FROM whatsapp_messages},
	'DROP TABLE lines, orders; ALTER TABLE whatsapp_messages DROP CONSTRAINT kind; DROP TABLE kinds', sub {
		sql(q{WITH made AS MATERIALIZED (SELECT wa_send_po('A', 'LINE-' || i, 1, '+3461000000' || i) AS id FROM generate_series(1, 3) AS i) INSERT INTO lines SELECT id FROM made});
		wait_sql($node, 'SELECT count(*) FROM whatsapp_queue', '0');
		is(sql('SELECT count(*) FROM lines'), '0', 'and go with its rows');
		my $orders = sql('SELECT count(*) FROM orders');
		sql("DELETE FROM whatsapp_messages WHERE reference LIKE 'FLOW-1-%' AND status = 'READ'");
		is(sql('SELECT count(*) FROM orders'), $orders - 12, 'those of messages, too');
		sql('DELETE FROM orders');
		refused(q{DELETE FROM kinds}, qr/violates foreign key/, 'and messages hold what they point to') });

altered('unlogged', 'ALTER TABLE whatsapp_queue SET UNLOGGED', 'ALTER TABLE whatsapp_queue SET LOGGED');
altered('a child', 'CREATE TABLE child () INHERITS (whatsapp_queue)', 'DROP TABLE child');
altered('a dropped column', 'ALTER TABLE whatsapp_queue ADD gone text; ALTER TABLE whatsapp_queue DROP gone', 'ALTER TABLE whatsapp_queue ADD mine text');

# a view in the place of a table: nothing of ours can work, and nothing crashes
sql(q{ALTER TABLE whatsapp_queue RENAME TO hidden; CREATE VIEW whatsapp_queue AS SELECT * FROM hidden});
sql(qq{SELECT wa_send_po('A', 'VIEW-1', 1, '$po_phone')});
sql(q{DROP VIEW whatsapp_queue; ALTER TABLE hidden RENAME TO whatsapp_queue});
wait_sql($node, q{SELECT status FROM whatsapp_messages WHERE reference = 'VIEW-1'}, 'READ');
# rights and policies of a role that owns the function
sql(q{CREATE ROLE clerk; GRANT USAGE, CREATE ON SCHEMA public TO clerk; GRANT SELECT, INSERT ON whatsapp_messages, whatsapp_queue, whatsapp_senders, whatsapp_opt_outs, whatsapp_templates TO clerk;
	GRANT USAGE, SELECT ON SEQUENCE whatsapp_messages_id_seq TO clerk; ALTER FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) OWNER TO clerk});
altered('row security', q{ALTER TABLE whatsapp_messages ENABLE ROW LEVEL SECURITY; CREATE POLICY readable ON whatsapp_messages FOR SELECT USING (true);
	CREATE POLICY mine ON whatsapp_messages FOR INSERT WITH CHECK (reference <> 'FORBIDDEN')},
	'DROP POLICY mine ON whatsapp_messages; DROP POLICY readable ON whatsapp_messages; ALTER TABLE whatsapp_messages DISABLE ROW LEVEL SECURITY', sub {
		refused(qq{SELECT wa_send_po('A', 'FORBIDDEN', 1, '$po_phone')}, qr/violates row-level security policy/, 'a policy is heeded') });
sql('REVOKE INSERT ON whatsapp_queue FROM clerk');
refused(qq{SELECT wa_send_po('A', 'NO-RIGHT', 1, '$po_phone')}, qr/permission denied for table whatsapp_queue/, 'and a right that is missing');
sql('ALTER FUNCTION wa_send_po(text, text, numeric, text, text, text, text, timestamptz, text, text, bigint, text) OWNER TO CURRENT_USER');

# ------------------------------------------------------------------------------------------------------------- addresses that are no more

# No webhook helps: what the answer says is all that is known.
sandbox_set($sandbox, webhooks_paused => JSON::PP::true);
for my $shrink ('VACUUM FULL whatsapp_messages', 'VACUUM FULL whatsapp_queue', 'CLUSTER whatsapp_messages USING whatsapp_messages_pkey', 'VACUUM (TRUNCATE) whatsapp_messages',
	'TRUNCATE whatsapp_queue')
{
	my $prefix = 'SHRINK-' . ++$serial;
	my $from = log_end();
	# pages in front of those that are on the wire, which go
	sql(q{ALTER TABLE whatsapp_queue SET (autovacuum_enabled = off); ALTER TABLE whatsapp_messages SET (autovacuum_enabled = off)});
	send_po($node, 400, prefix => "$prefix-FRONT");
	wait_sql($node, 'SELECT count(*) FROM whatsapp_queue', '0');
	sandbox_set($sandbox, delay_ms => 6000);
	send_po($node, 8, prefix => "$prefix-ON-THE-WIRE");
	wait_for('requests on the wire', sub { sandbox_get($sandbox, 'summary')->{in_flight} == 8 });
	sql("DELETE FROM whatsapp_messages WHERE reference LIKE '$prefix-FRONT-%'");
	sql($shrink);
	sandbox_set($sandbox, delay_ms => 0);
	wait_sql($node, "SELECT count(*) FILTER (WHERE status = 'SENT' AND wamid IS NOT NULL) FROM whatsapp_messages WHERE reference LIKE '$prefix-%'", '8');
	is(logged(qr/could not read block/, $from), 0, "$shrink: what was on the wire is written down");
}
sandbox_set($sandbox, webhooks_paused => JSON::PP::false);
wait_sql($node, q{SELECT count(*) FILTER (WHERE status <> 'READ') FROM whatsapp_messages}, '0');

# ----------------------------------------------------------------------------------------------------------------------- a publication

sql('CREATE PUBLICATION everything FOR ALL TABLES');
flow('published');
sandbox_post($sandbox, 'inbound', { from => '+34655555555', text => $_ }) for qw(hola STOP);
wait_sql($node, q{SELECT count(*) FROM whatsapp_opt_outs WHERE contact = '34655555555' AND opted_out}, '1');
pass('published: a STOP is stored');
is(sql(q{SELECT wa_opt_in('+34655555555')}), 't', 'and taken back');
is(sql(q{SELECT coalesce(string_agg(c.relname, ' ' ORDER BY c.relname), 'none') FROM pg_class AS c JOIN pg_depend AS d ON d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension AS e ON e.oid = d.refobjid WHERE e.extname = 'pg_whatsapp' AND c.relkind = 'r' AND c.relreplident <> 'f'
	AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisprimary)}), 'none', 'every table of ours can be published');

is(logged(qr/was terminated by signal/), 0, 'nothing crashed');
is_deeply(sandbox_get($sandbox, 'summary')->{duplicates}, [], 'nothing was sent twice');
$node->stop('fast');
done_testing();
