# docs/reference: the pages are what the server and the sources say, whatever changes is found, and the examples run.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run ();
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my $node = new_cluster('reference');
$node->safe_psql('postgres', 'CREATE DATABASE planted');
$node->safe_psql('planted', 'CREATE EXTENSION pg_whatsapp');

# (exit status, all that it says) of the generator; in a tree of its own, for what is planted into sources
sub generate
{
	my ($server, $database, @arguments) = @_;
	local @ENV{qw(PGHOST PGPORT PGDATABASE)} = ($server->host, $server->port, $database);
	my $said = '';
	IPC::Run::run([ "$root/docs/reference/generator/generate", @arguments ], '>', \$said, '2>&1');
	return ($? >> 8, $said);
}

sub is_found
{
	my ($title, $wanted, $status, $said) = @_;
	ok($status == 1 && $said =~ $wanted, "found: $title") or diag("exit status $status, said:\n$said");
	return;
}

my ($status, $said) = generate($node, 'postgres', '--check');
unless (is("$status $said", '0 ', 'the pages are what the server and the sources say'))
{
	diag('scripts/reference writes them; nothing else can be told before');
	done_testing();
	exit 1;
}

# ------------------------------------------------------------------------------------------------------- planted in the database

# What is done, how it is undone, and what is said.
my @plants = (
	[ 'a new function', q{CREATE FUNCTION wa_new(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION pg_whatsapp ADD FUNCTION wa_new},
		q{ALTER EXTENSION pg_whatsapp DROP FUNCTION wa_new; DROP FUNCTION wa_new}, qr/^function wa_new\(a integer\) has no comment\nfunction wa_new has no place/m ],
	[ 'a new function with a comment', q{CREATE FUNCTION wa_new() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION wa_new IS 'New.'; ALTER EXTENSION pg_whatsapp ADD FUNCTION wa_new},
		q{ALTER EXTENSION pg_whatsapp DROP FUNCTION wa_new; DROP FUNCTION wa_new}, qr/\Afunction wa_new has no place/ ],
	[ 'one more function of a name', q{CREATE FUNCTION wa_cancel(text) RETURNS boolean LANGUAGE sql AS 'SELECT true'; COMMENT ON FUNCTION wa_cancel(text) IS 'More.'; ALTER EXTENSION pg_whatsapp ADD FUNCTION wa_cancel(text)},
		q{ALTER EXTENSION pg_whatsapp DROP FUNCTION wa_cancel(text); DROP FUNCTION wa_cancel(text)}, qr/^\+wa_cancel\(text\) RETURNS boolean$/m ],
	[ 'a function that is gone', q{ALTER EXTENSION pg_whatsapp DROP FUNCTION wa_version}, q{ALTER EXTENSION pg_whatsapp ADD FUNCTION wa_version}, qr/nothing for this line of a template: \@function wa_version/ ],
	[ 'a function without a comment', q{COMMENT ON FUNCTION wa_version IS NULL}, undef, qr/\Afunction wa_version\(\) has no comment$/m ],
	[ 'another comment', q{COMMENT ON FUNCTION wa_version IS 'Another one.'}, undef, qr/^\+Another one\.$/m ],
	[ 'a comment without an end', q{COMMENT ON FUNCTION wa_version IS 'Version'}, undef, qr/\Athe comment of function wa_version\(\) does not end/ ],
	[ 'another volatility', q{ALTER FUNCTION wa_cancel(bigint) STABLE}, q{ALTER FUNCTION wa_cancel(bigint) VOLATILE}, qr/^\+Needs a grant · stable/m ],
	[ 'another safety in parallel', q{ALTER FUNCTION wa_cancel(bigint) PARALLEL SAFE}, q{ALTER FUNCTION wa_cancel(bigint) PARALLEL UNSAFE}, qr/^\+Needs a grant · volatile · parallel safe/m ],
	[ 'another right', q{GRANT EXECUTE ON FUNCTION wa_cancel(bigint) TO PUBLIC}, q{REVOKE ALL ON FUNCTION wa_cancel(bigint) FROM PUBLIC}, qr/^\+Everybody may call it/m ],
	[ 'a new table', q{CREATE TABLE whatsapp_new (); COMMENT ON TABLE whatsapp_new IS 'New.'; ALTER EXTENSION pg_whatsapp ADD TABLE whatsapp_new},
		q{ALTER EXTENSION pg_whatsapp DROP TABLE whatsapp_new; DROP TABLE whatsapp_new}, qr/\Arelation whatsapp_new has no place/ ],
	[ 'a table without a comment', q{COMMENT ON TABLE whatsapp_queue IS NULL}, undef, qr/\Atable whatsapp_queue has no comment$/m ],
	[ 'a view without a comment', q{COMMENT ON VIEW whatsapp_held IS NULL}, undef, qr/\Aview whatsapp_held has no comment$/m ],
	[ 'a column without a comment', q{COMMENT ON COLUMN whatsapp_queue.state IS NULL}, undef, qr/\Acolumn whatsapp_queue\.state has no comment$/m ],
	[ 'a column of a view without a comment', q{COMMENT ON COLUMN whatsapp_held.reason IS NULL}, undef, qr/\Acolumn whatsapp_held\.reason has no comment$/m ],
	[ 'a new column', q{ALTER TABLE whatsapp_accounts ADD COLUMN extra int; COMMENT ON COLUMN whatsapp_accounts.extra IS 'More.'}, q{ALTER TABLE whatsapp_accounts DROP COLUMN extra}, qr/^\+\| `extra` \| integer \| yes \| \| More\. \|$/m ],
	[ 'another type', q{ALTER TABLE whatsapp_attempts ALTER COLUMN http_status TYPE bigint}, q{ALTER TABLE whatsapp_attempts ALTER COLUMN http_status TYPE integer}, qr/^\+\| `http_status` \| bigint/m ],
	[ 'another default', q{ALTER TABLE whatsapp_queue ALTER COLUMN attempts SET DEFAULT 1}, q{ALTER TABLE whatsapp_queue ALTER COLUMN attempts SET DEFAULT 0}, qr/^\+\| `attempts` \| integer \| no \| `1`/m ],
	[ 'a column that may be NULL', q{ALTER TABLE whatsapp_queue ALTER COLUMN recipient DROP NOT NULL}, q{ALTER TABLE whatsapp_queue ALTER COLUMN recipient SET NOT NULL}, qr/^\+\| `recipient` \| text \| yes/m ],
	[ 'a new index', q{CREATE INDEX planted ON whatsapp_attempts (outcome) WHERE attempt > 1}, q{DROP INDEX planted}, qr/^\+- Index: `\(outcome\)` where `\(attempt > 1\)`$/m ],
	[ 'an object of another kind', q{CREATE DOMAIN whatsapp_phone AS text; ALTER EXTENSION pg_whatsapp ADD DOMAIN whatsapp_phone}, q{ALTER EXTENSION pg_whatsapp DROP DOMAIN whatsapp_phone; DROP DOMAIN whatsapp_phone}, qr/\Ano page has a place for this: type public\.whatsapp_phone/ ],
);

# The comment that an object has, to give it back.
sub comment_statement
{
	my ($plant) = @_;
	my ($kind, $name) = $plant =~ /\ACOMMENT ON (\w+) ([\w.]+) IS / or die $plant;
	my $query = $kind eq 'FUNCTION' ? "obj_description('$name'::regproc, 'pg_proc')"
	  : $kind eq 'COLUMN' ? "(SELECT col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = split_part('$name', '.', 1)::regclass AND attname = split_part('$name', '.', 2))"
	  : "obj_description('$name'::regclass, 'pg_class')";
	return "COMMENT ON $kind $name IS " . $node->safe_psql('planted', "SELECT quote_literal($query)");
}

for my $plant (@plants)
{
	my ($title, $do, $undo, $wanted) = @$plant;
	$undo = comment_statement($do) unless defined $undo;
	$node->safe_psql('planted', $do);
	is_found($title, $wanted, generate($node, 'planted', '--check'));
	$node->safe_psql('planted', $undo);
}
# a column that was dropped leaves no trace
($status, $said) = generate($node, 'planted', '--check');
is("$status $said", '0 ', 'nothing of it is left');

# -------------------------------------------------------------------------------------------------------- planted in the sources

my $tree = PostgreSQL::Test::Utils::tempdir();
system_or_bail('cp', '-r', "$root/src", "$root/docs", $tree);
my ($fault) = glob "$tree/src/core/*/fault.hpp";
my ($endpoint) = glob "$tree/src/core/*/endpoint.cpp";
my ($sender) = glob "$tree/src/entry/*/sender.cpp";

# Each changes one file by a substitution, which must fit.
for my $plant (
	[ 'a SQLSTATE without a meaning', $fault, sub { s/^(\} \/\/ namespace sqlstate)/inline constexpr char planted[] = "WA099";\n$1/m }, qr/\Afault\.hpp: no comment above sqlstate::planted/ ],
	[ 'a new SQLSTATE', $fault, sub { s/^(\} \/\/ namespace sqlstate)/\/* Planted. *\/\ninline constexpr char planted[] = "WA099";\n$1/m }, qr/^\+\| `WA099` \| Planted\. \|$/m ],
	[ 'a SQLSTATE that is gone', $fault, sub { s/^inline constexpr char invalid_locale.*\n//m }, qr/^-\| `WA008`/m ],
	[ 'another SQLSTATE', $fault, sub { s/"WA008"/"WA009"/ }, qr/^\+\| `WA009`/m ],
	[ "a SQLSTATE of the server's that is raised for the first time", $sender, sub { s/\z/void f() { ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("planted"))); }\n/ }, qr/\AERRCODE_DATA_CORRUPTED is raised in src and has no line/ ],
	[ 'one that is raised no more', "$tree/docs/reference/generator/templates/sqlstates.md.in", sub { s/^\@sqlstates standard/\@condition ERRCODE_DATA_CORRUPTED raised: Never.\n$&/m }, qr/\Asqlstates\.md: ERRCODE_DATA_CORRUPTED is raised nowhere/ ],
	[ 'an endpoint without a word', $endpoint, sub { s/^(constexpr std::string_view health_path.*)/$1\nconstexpr std::string_view planted_path = "\/planted";/m }, qr/\Aendpoint\.cpp: no comment above planted_path/ ],
	[ 'a new endpoint', $endpoint, sub { s/^(constexpr std::string_view health_path.*)/$1\n\/*\n * - GET: 200.\n *\/\nconstexpr std::string_view planted_path = "\/planted";/m }, qr/^\+\| GET `\/planted` \| 200\. \|$/m ],
	[ 'a kind of endpoint without a path', $endpoint =~ s/cpp\z/hpp/r, sub { s/(enum class Endpoint \{ none)/$1, planted/ }, qr/\Aendpoint\.cpp: there is no planted_path/ ],
	[ 'a setting without a place', "$tree/docs/reference/generator/templates/settings.md.in", sub { s/ max_in_flight// }, qr/\Asetting whatsapp\.max_in_flight has no place/ ],
	[ 'a setting in two places', "$tree/docs/reference/generator/templates/settings.md.in", sub { s/ max_in_flight/ max_in_flight max_in_flight/ }, qr/\Asetting whatsapp\.max_in_flight has 2 places/ ],
	[ 'a setting that is gone', "$tree/docs/reference/generator/templates/settings.md.in", sub { s/ max_in_flight/ max_in_flight planted/ }, qr/\Asettings\.md: there is no setting whatsapp\.planted/ ],
	[ 'a page that somebody has changed', "$tree/docs/reference/settings.md", sub { s/`30s`/`31s`/ }, qr/^-.*`31s`/m ],
	[ 'a page that is not there', "$tree/docs/reference/tables.md", sub { $_ = '' }, qr/^\+### whatsapp_queue$/m ],
) {
	my ($title, $path, $change, $wanted) = @$plant;
	copy($path, "$path.kept") or die;
	my $before = slurp_file($path);
	{ local $_ = $before; $change->(); die "the planted fault does not fit any more: $title" if $_ eq $before;
	  open my $file, '>', $path or die; print $file $_; close $file }
	is_found($title, $wanted, generate($node, 'planted', '--check', '--root', $tree));
	rename "$path.kept", $path or die;
}
($status, $said) = generate($node, 'planted', '--check', '--root', $tree);
is("$status $said", '0 ', 'nothing of it is left');

# A library that has a setting more: the one of test/tap/019_kills.pl.
my $more = new_cluster('more', stage => $ENV{PGWA_FAULT_STAGE});
is_found('a new setting', qr/\Asetting whatsapp\.fault_\w+ has no place/, generate($more, 'postgres', '--check'));
$more->stop('fast');

# Written is what --check compares with.
unlink "$tree/docs/reference/$_.md" for qw(functions settings tables sqlstates endpoints);
($status, $said) = generate($node, 'postgres', '--root', $tree);
is("$status $said", '0 ', 'the pages are written');
is(slurp_file("$tree/docs/reference/$_.md"), slurp_file("$root/docs/reference/$_.md"), "$_.md") for qw(functions settings tables sqlstates endpoints);

# ---------------------------------------------------------------------------------------------------------------------- examples

# What the examples speak of.
$node->safe_psql('postgres', q{
	CREATE ROLE shop;
	CREATE TABLE customers (phone text, name text);
	CREATE TABLE purchase_orders (id bigint GENERATED ALWAYS AS IDENTITY, supplier text, po_number text, total numeric, currency text, phone text)});

# Statements end with a line that ends with a semicolon; a comment behind it is what the statement answers.
sub statements
{
	my ($block) = @_;
	my @statements;
	push @statements, [ $1, $2 ] while $block =~ /\G\s*(.+?;)[ \t]*(?:-- (.+?))?[ \t]*(?:\n|\z)/gcs;
	die "no statement ends here: " . substr($block, pos($block) || 0) if substr($block, pos($block) || 0) =~ /\S/;
	return @statements;
}

# What each statement of a block answers, all in one transaction that is rolled back.
sub answers
{
	my (@statements) = @_;
	my $sql = join '', map { "\\echo #$_\n$statements[$_][0]\n" } 0 .. $#statements;
	# such a one stands in no transaction
	$sql = "BEGIN;\n${sql}ROLLBACK;\n" unless $sql =~ /^ALTER SYSTEM/m;
	my ($code, $out, $err) = $node->psql('postgres', "SET client_min_messages = error;\n$sql", extra_params => [ '--set', 'ON_ERROR_STOP=1' ]);
	return ("failed: $err") if $code != 0;
	# what ICU writes between number and currency is no plain space
	$out =~ s/\xc2\xa0/ /g;
	my ($before, @answers) = split /^#\d+\n?/m, $out, -1;
	return map { s/\n\z//r } @answers;
}

for my $page (qw(functions tables settings))
{
	my ($blocks, @bad) = (0);
	for my $block (slurp_file("$root/docs/reference/$page.md") =~ /^```sql\n(.*?)^```$/msg)
	{
		$blocks++;
		my @statements = statements($block);
		my @answers = answers(@statements);
		push @bad, "$block$answers[0]" if @answers != @statements;
		push @bad, map { "$statements[$_][0]\nanswers $answers[$_], not $statements[$_][1]" }
		  grep { defined $statements[$_][1] && $statements[$_][1] ne $answers[$_] } @answers == @statements ? 0 .. $#statements : ();
	}
	ok($blocks > 0 && !@bad, "$page.md: its $blocks examples run") or diag(join "\n", @bad);
}
# and this is noticed
is_deeply([ answers([ 'SELECT 1;' ], [ 'SELECT 2, 3;' ]) ], [ '1', '2|3' ], 'answers are compared statement by statement');
like((answers([ 'SELECT wa_never();' ]))[0], qr/^failed: .*wa_never\(\) does not exist/, 'an example that fails is noticed');

# ---------------------------------------------------------------------------------------------------------------------- endpoints

# Each request of the page, asked as it is there, has one of the answers that the page tells.
my $page = slurp_file("$root/docs/reference/endpoints.md");
my $asked = 0;
while ($page =~ /^\| ([A-Z, ]+) `(\S+)` \| (.*) \|$/mg)
{
	my ($methods, $path, $answer) = ($1, $2, $3);
	$path =~ s/<account>/nobody/;
	$path =~ s/…/x/g;
	for my $method (split /, /, $methods)
	{
		my ($status_code) = curl($method eq 'HEAD' ? '-I' : ('-X', $method), "http://127.0.0.1:$node->{listen}$path");
		like($answer, qr/\b$status_code\b/, "$method $path is answered $status_code");
		$asked++;
	}
}
cmp_ok($asked, '>=', 5, 'the page has requests');

done_testing();
