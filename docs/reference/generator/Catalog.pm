# Catalog.pm — what a server with the extension says of itself: functions, settings, relations and the names of its SQLSTATEs.
#
# Only what is the same in all versions of PostgreSQL is asked for.
package Catalog;

use strict;
use warnings;

use IPC::Open2 qw(open2);
use JSON::PP ();

my @complaints;
sub complaints { return @complaints }

# Each gives one line: a jsonb array in the order of the page. The extension's schema is in the search path, so that its names are printed
# without it.
my %queries = (
	functions => <<'SQL',
SELECT jsonb_agg(to_jsonb(f) ORDER BY name COLLATE "C", identity COLLATE "C") FROM (
    SELECT p.proname AS name, pg_get_function_identity_arguments(p.oid) AS identity, pg_get_function_result(p.oid) AS result,
           p.proretset AS set, p.prokind = 'p' AS procedure, p.provolatile AS volatility, p.proparallel AS parallel, p.proisstrict AS strict, p.prosecdef AS definer,
           EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0) AS public,
           obj_description(p.oid, 'pg_proc') AS comment,
           (SELECT jsonb_agg(jsonb_build_object('name', coalesce(p.proargnames[u.place], ''), 'mode', coalesce(p.proargmodes[u.place], 'i'),
                                                'type', format_type(u.type, NULL), 'default', pg_get_function_arg_default(p.oid, u.place::int))
                             ORDER BY u.place)
            FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY AS u (type, place)) AS arguments
    FROM pg_proc AS p JOIN members AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid) AS f
SQL
	relations => <<'SQL',
SELECT jsonb_agg(to_jsonb(r) ORDER BY name COLLATE "C") FROM (
    SELECT c.relname AS name, c.relkind AS kind, obj_description(c.oid, 'pg_class') AS comment,
           c.oid = ANY (e.extconfig) AS dumped, nullif(e.extcondition[array_position(e.extconfig, c.oid)], '') AS dumped_rows,
           (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
                                                'identity', a.attidentity <> '', 'default', pg_get_expr(d.adbin, d.adrelid),
                                                'comment', col_description(c.oid, a.attnum)) ORDER BY a.attnum)
            FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
           (SELECT jsonb_agg(jsonb_build_object('primary', i.indisprimary, 'unique', i.indisunique, 'columns', k.columns,
                                                'predicate', pg_get_expr(i.indpred, i.indrelid))
                             ORDER BY i.indisprimary DESC, i.indisunique DESC, k.columns COLLATE "C")
            FROM pg_index AS i
            CROSS JOIN LATERAL (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' ORDER BY n) AS columns
                                FROM generate_series(1, i.indnkeyatts::int) AS n) AS k
            WHERE i.indrelid = c.oid) AS indexes,
           (SELECT jsonb_agg(jsonb_build_object('columns', l.columns, 'target', f.confrelid::regclass::text) ORDER BY l.columns COLLATE "C")
            FROM pg_constraint AS f
            CROSS JOIN LATERAL (SELECT string_agg(a.attname, ', ' ORDER BY n.place) AS columns
                                FROM unnest(f.conkey) WITH ORDINALITY AS n (number, place)
                                JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = n.number) AS l
            WHERE f.conrelid = c.oid AND f.contype = 'f') AS references
    FROM pg_class AS c JOIN members AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid
    JOIN pg_extension AS e ON e.extname = 'pg_whatsapp'
    WHERE c.relkind <> 'S') AS r
SQL
	settings => <<'SQL',
SELECT jsonb_agg(to_jsonb(s) ORDER BY name COLLATE "C") FROM (
    SELECT name, unit, short_desc, extra_desc, context, vartype, min_val, max_val, enumvals, boot_val FROM pg_settings
    WHERE name LIKE 'whatsapp.%') AS s
SQL
	# by somebody whom nothing was granted
	visible_settings => <<'SQL',
SET LOCAL ROLE pg_signal_backend; SELECT jsonb_agg(name) FROM pg_settings WHERE name LIKE 'whatsapp.%'; RESET ROLE
SQL
	condition_names => <<'SQL',
SELECT jsonb_object_agg(m[2], m[1]) FROM pg_read_file((SELECT setting FROM pg_config WHERE name = 'SHAREDIR') || '/errcodes.txt') AS t (text)
CROSS JOIN regexp_matches(t.text, '^([0-9A-Z]{5})\s+[A-Z]\s+(ERRCODE_\w+)', 'gn') AS m
SQL
	# kinds of objects that no page has a place for; since version 17 the row types of tables, and arrays of types, are members, too
	strangers => <<'SQL',
SELECT coalesce(jsonb_agg(o.type || ' ' || o.identity), '[]') FROM members AS m CROSS JOIN pg_identify_object(m.classid, m.objid, 0) AS o
WHERE o.type NOT IN ('function', 'procedure', 'table', 'view', 'sequence')
  AND NOT (m.classid = 'pg_type'::regclass AND EXISTS (
      SELECT FROM pg_type AS t WHERE (t.oid = m.objid AND t.typrelid IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass))
                                  OR t.typarray = m.objid))
SQL
);

my $preparation = <<'SQL';
SELECT set_config('search_path', quote_ident(nspname) || ', pg_catalog', true) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
WHERE extname = 'pg_whatsapp' \g /dev/null
CREATE TEMPORARY VIEW members AS
SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'pg_whatsapp' AND d.deptype = 'e';
SQL

# Everything in one transaction that is rolled back.
sub read_catalog
{
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	local $SIG{PIPE} = 'IGNORE';
	local $ENV{PGOPTIONS} = join ' ', grep { defined } $ENV{PGOPTIONS}, '-c client_min_messages=warning';
	my $script = "BEGIN;\n$preparation";
	my @names = sort keys %queries;
	$script .= $queries{$_} =~ s/\n\s*/ /gr . ";\n" for @names;
	my $pid = open2(my $out, my $in, 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1');
	print $in "${script}ROLLBACK;\n";
	close $in;
	my @lines = <$out>;
	waitpid $pid, 0;
	die "could not read the catalog\n" if $? != 0 || @lines != @names;
	my %catalog;
	$catalog{ $names[$_] } = JSON::PP->new->utf8->decode($lines[$_] =~ /\S/ ? $lines[$_] : '[]') for 0 .. $#names;
	die "the database does not have the extension pg_whatsapp\n" unless @{ $catalog{functions} };
	die "the server has no settings of the extension: it must be in shared_preload_libraries\n" unless @{ $catalog{settings} };
	check_comments(\%catalog);
	my %visible = map { $_ => 1 } @{ delete $catalog{visible_settings} };
	$_->{hidden} = !$visible{ $_->{name} } for @{ $catalog{settings} };
	push @complaints, "no page has a place for this: $_" for @{ delete $catalog{strangers} };
	return \%catalog;
}

sub check_comment
{
	my ($what, $comment) = @_;
	push @complaints, "$what has no comment" unless defined $comment && $comment ne '';
	push @complaints, "the comment of $what does not end with a period" if defined $comment && $comment =~ /[^.]\s*\z/;
	push @complaints, "the comment of $what has more than one line" if defined $comment && $comment =~ /\n/;
	return;
}

sub check_comments
{
	my ($catalog) = @_;
	check_comment("function $_->{name}($_->{identity})", $_->{comment}) for @{ $catalog->{functions} };
	for my $relation (@{ $catalog->{relations} }) {
		my $kind = $relation->{kind} eq 'v' ? 'view' : 'table';
		check_comment("$kind $relation->{name}", $relation->{comment});
		check_comment("column $relation->{name}.$_->{name}", $_->{comment}) for @{ $relation->{columns} };
	}
	check_comment("setting $_->{name}", join ' ', grep { defined } @$_{qw(short_desc extra_desc)}) for @{ $catalog->{settings} };
	return;
}

1;
