# The install script, seen by others: by a linter of SQL, by rules over its parse tree, and by a schema in which a stranger has made functions and
# operators that fit better than the server's own.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('install_script');
$node->safe_psql('postgres', 'CREATE DATABASE hostile');
sub sql { return $node->safe_psql('hostile', $_[0]) }

# ------------------------------------------------------------------------------------------------------------------------ a hostile schema

# What the script calls without a schema is searched in the extension's schema, too: a function or an operator there that fits the types
# better would be taken, and would run with the rights of whoever reads a view or inserts a row.
sql(<<'SQL');
CREATE SCHEMA shared;
CREATE FUNCTION shared.trap(text, text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.trap_number(bigint, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.trap_concat(text, bigint) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.trap_concat(text, integer) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.octet_length(varchar) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.round(double precision, integer) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.format(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.replace(text, text, varchar) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE FUNCTION shared.to_jsonb(text) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE AGGREGATE shared.max(text) (SFUNC = pg_catalog.text_larger, STYPE = text);
SQL
sql("CREATE OPERATOR shared.$_ (LEFTARG = text, RIGHTARG = text, FUNCTION = shared.trap)") for '=', '<>', '~', '<', '>';
sql("CREATE OPERATOR shared.$_ (LEFTARG = bigint, RIGHTARG = integer, FUNCTION = shared.trap_number)") for '=', '<>', '<', '>', '<=', '>=';
sql("CREATE OPERATOR shared.|| (LEFTARG = text, RIGHTARG = $_, FUNCTION = shared.trap_concat)") for 'bigint', 'integer';
sql('CREATE EXTENSION pg_whatsapp SCHEMA shared');
is(sql(<<'SQL'), '', 'nothing of the extension uses what a stranger has made in its schema');
WITH strange AS (
    SELECT 'pg_proc'::regclass AS class, p.oid FROM pg_proc AS p WHERE p.pronamespace = 'shared'::regnamespace
    UNION ALL SELECT 'pg_operator'::regclass, o.oid FROM pg_operator AS o WHERE o.oprnamespace = 'shared'::regnamespace
)
SELECT string_agg(pg_describe_object(d.classid, d.objid, d.objsubid) || ' uses ' || pg_describe_object(d.refclassid, d.refobjid, 0), E'\n' ORDER BY 1)
FROM pg_depend AS d JOIN strange AS s ON s.class = d.refclassid AND s.oid = d.refobjid
WHERE d.deptype <> 'e' AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = s.class AND e.objid = s.oid AND e.deptype = 'e')
  AND NOT EXISTS (SELECT FROM strange AS o WHERE o.class = d.classid AND o.oid = d.objid
                  AND NOT EXISTS (SELECT FROM pg_depend AS e WHERE e.classid = o.class AND e.objid = o.oid AND e.deptype = 'e'))
SQL
is(sql('SELECT count(*) > 0 FROM shared.whatsapp_status'), 't', 'and its views can be read');
like(sql(q{SELECT shared.wa_send_po('Proveedor ABC', 'PO-1', 10, '+34612345678')}), qr/^\d+$/, 'and a message can be sent');
$node->stop;

# ------------------------------------------------------------------------------------------------------------------------- other people's eyes

SKIP: {
	my ($node_version) = (`node --version 2>&1` || '') =~ /^v(\d+)/;
	skip 'the linters need node 20', 6 unless $node_version && $node_version >= 20;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $source = abs_path("$FindBin::RealBin/../sql_review");
	copy("$source/$_", $folder) or die "$_: $!" for qw(package.json review.mjs .squawk.toml);
	local $ENV{HOME} = $folder;
	system("cd '$folder' && npm install --ignore-scripts --no-package-lock --no-audit --no-fund >npm.log 2>&1") == 0
	  or skip 'npm could not install the linters', 6;
	my ($version) = slurp_file("$FindBin::RealBin/../../pg_whatsapp.control") =~ /^default_version = '([^']+)'/m;
	my $script = abs_path("$FindBin::RealBin/../../sql/pg_whatsapp--$version.sql");
	ok(-s $script, 'the script that is installed');
	my $text = slurp_file($script);
	my $review = sub {
		my ($name, $content) = @_;
		append_to_file("$folder/$name.sql", $content);
		my $findings = qx(cd '$folder' && node review.mjs $name.sql 2>&1);
		return ($? >> 8) . " $findings";
	};
	my $lint = sub {
		my ($name, $content) = @_;
		(my $plain = $content) =~ s/^\\echo.*$//m;
		$plain =~ s/\@extschema\@/extension_schema/g;
		append_to_file("$folder/$name.lint.sql", $plain);
		my $findings = qx(cd '$folder' && NO_COLOR=1 node_modules/.bin/squawk --config .squawk.toml $name.lint.sql 2>&1);
		return ($? >> 8) . " $findings";
	};
	is($review->('script', $text), '0 ', 'no finding over its parse tree');
	like($lint->('script', $text), qr/\A0 .*Found 0 issues/s, 'none by squawk');

	# planted
	my %planted = (
		"CREATE OR REPLACE FUNCTION planted() RETURNS integer LANGUAGE c AS 'x', 'y';" => 'OR REPLACE',
		'CREATE FUNCTION planted() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$;' => 'without a search_path',
		"CREATE FUNCTION planted() RETURNS integer LANGUAGE c SECURITY DEFINER AS 'x', 'y';" => 'SECURITY DEFINER without',
		"CREATE FUNCTION planted() RETURNS integer LANGUAGE c SET search_path = public AS 'x', 'y';" => 'must begin with pg_catalog',
		'CREATE TABLE IF NOT EXISTS planted (id bigint);' => 'IF NOT EXISTS',
		'CREATE VIEW planted AS SELECT now() AS at FROM whatsapp_messages;' => 'now\(\) is called without its schema',
		'CREATE VIEW planted AS SELECT 1 AS one FROM orders;' => 'orders is read without its schema',
		'DO $$ BEGIN NULL; END $$;' => 'DO runs');
	my ($place, @missed) = 0;
	for my $statement (sort keys %planted) {
		my $found = $review->('planted' . $place++, "$text\n$statement\n");
		push @missed, "$statement: $found" unless $found =~ /\A1 .*$planted{$statement}/s;
	}
	is_deeply(\@missed, [], 'planted violations are found over the parse tree');
	like($lint->('planted', "$text\nALTER TABLE whatsapp_messages ADD COLUMN planted char(3);\nALTER TABLE whatsapp_messages ALTER COLUMN wamid SET NOT NULL;\n"), qr/\A1 .*ban-char-field.*adding-not-nullable-field/s, 'and by squawk');
}

done_testing();
