# What the tests ask by psql() and safe_psql(), which goes by a connection of theirs: the answers are those of psql.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Cluster;
use Test::More;

my $node = new_cluster('statements');
my @texts = (
	'SELECT 1; SELECT 2', ';SELECT 1, 2;;', '', 'SELECT', 'SELECT FROM generate_series(1, 2)', 'VALUES (1, 2), (3, 4)', 'WITH x AS (SELECT 1) TABLE x', 'SHOW server_version',
	q{SELECT true, false, NULL, 'a''b;c', 1.50, 0.1::float8 + 0.2, 1e20::float8, 1e-7::float8, -0.0::float8, 'NaN'::float8, '-Infinity'::float8, 3.4::real, 1::float8 / 3},
	q{SELECT 1::bigint, 2::smallint, 5::oid, 'NaN'::numeric, numeric '1e-8', money '1.2', 'x'::char(5), 'a'::name, 'a'::"char", 'pg_class'::regclass},
	q{SELECT '{1,2}'::int[], '{"a b",t,NULL}'::text[], '{t}'::bool[], '{0.1}'::float8[], '{"a": 1}'::jsonb, int4range(1, 3), ROW(1, true), point(1, 2)},
	q{SELECT date '2026-12-01', 'infinity'::timestamptz, interval '1 day 2:03', convert_to('ñ', 'UTF8'), ''::bytea, 'ñandú', U&'\00f1', E'a\tb', 'two
lines'},
	q{SELECT 'x' AS "a;b" -- c;
	; SELECT /* ; */ $$;'$$, $a$ $b$; $a$},
	q{DO $$ BEGIN RAISE NOTICE 'x;y'; END $$; SELECT 3}, 'SELECT 1 AS a ?| 2', qq{SELECT 'caf\x{e9}', length('\x{e9}\x{20ac}')}, do { my $text = q{SELECT 'cafX', 1}; utf8::upgrade($text); $text =~ s/X/\x{e9}/; $text }, q{SELECT '{"a": 1}'::jsonb ? 'a', ':a', $1 FROM (VALUES (1)) AS v (x)},
	'CREATE TEMP TABLE t (i int); INSERT INTO t VALUES (1), (2) RETURNING i; UPDATE t SET i = i + 1 RETURNING *, true; DELETE FROM t WHERE false; SELECT sum(i) FROM t',
	'BEGIN; CREATE TEMP TABLE u (i int); COMMIT; VACUUM u; BEGIN; DROP TABLE u; ROLLBACK; SELECT count(*) FROM u', q{PREPARE p (int) AS SELECT $1; EXECUTE p (7)},
	q{SET statement_timeout = '5s'; SHOW statement_timeout}, 'EXPLAIN (COSTS OFF) SELECT 1', 'SELECT 1; SELECT 1 / 0; SELECT 2', 'SELECT FROM nothing', 'SELEC 1',
	q{SELECT wa_send_po('A', 'PO-1', 1, '612')}, 'CALL wa_probe()',
	q{CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 4; END; SELECT pg_temp.f()}, q{SELECT current_setting('application_name'), current_setting('client_encoding')});
# with the number of a line, and where in a statement an error is
sub plain { return join "\n", grep { !/^(?:LINE \d+:| *\^)/ } split /\n/, $_[0] =~ s/^psql:<stdin>:(?:\d+:)? //gmr }
for my $text (@texts)
{
	my ($out, $err);
	my $status = $node->psql('postgres', $text, stdout => \$out, stderr => \$err);
	my @given = $node->psql('postgres', $text);
	is_deeply([ @given[ 0, 1 ], plain($given[2]) ], [ $status, $out, plain($err) ], substr($text =~ s/\s+/ /gr =~ s/[^ -~]/?/gr, 0, 70) || 'nothing');
	my $answer = eval { $node->safe_psql('postgres', $text) };
	is($answer, $status == 0 ? $out : undef, '  by safe_psql()');
}
$node->safe_psql('postgres', 'CREATE ROLE somebody LOGIN');
for my $text ('SELECT current_user', 'SELECT 1; CREATE SCHEMA s', 'SELECT FROM whatsapp_messages', 'SELECT 1 / 0')
{
	my ($out, $err);
	my @how = (extra_params => [ '-v', 'VERBOSITY=sqlstate', '-U', 'somebody' ]);
	my $status = $node->psql('postgres', $text, @how, stdout => \$out, stderr => \$err);
	my @given = $node->psql('postgres', $text, @how);
	is_deeply([ @given[ 0, 1 ], plain($given[2]) ], [ $status, $out, plain($err) ], "$text, as somebody");
}
is($node->safe_psql('postgres', 'SELECT current_user', extra_params => [ '-U', 'somebody' ]), 'somebody', 'a user');
is(($node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'nobody at all' ]))[0], 2, 'no such user');
is($node->safe_psql('postgres', 'SELECT 1', extra_params => [ '-P', 'null=x', '-P', 'tuples_only=off' ]) =~ /^\?column\?\n1\n/, 1, 'what only psql knows');
is(($node->psql('nowhere', 'SELECT 1'))[0], 2, 'no such database');
is(($node->psql('postgres', 'SELECT pg_terminate_backend(pg_backend_pid())'))[0], 2, 'a session that is ended');
ok(wait_sql($node, q{SELECT count(*) FROM pg_stat_activity WHERE application_name = '000_statements.pl' AND pid <> pg_backend_pid()}, 0), 'no session stays');
done_testing();
