# Page.pm — a page from its template: lines that begin with "@" become what the server and the sources say, all others stay.
#
#   @index                     functions or relations of this page, one line each
#   @function NAME             signatures and comments of all functions of this name
#   @settings NAME ...         a table of these settings, named without "whatsapp."
#   @relation NAME             comment, columns and indexes of a table or view
#   @condition NAME HOW: TEXT  a SQLSTATE that is not in fault.hpp, by the server's name for it; HOW is raised (by our code), server
#                              (by the server itself while it works for us) or log (in the server's log or as a warning only)
#   @sqlstates WHICH           a table: ours (WA...), standard or log
#   @endpoints                 a table
#
# Everything that exists must be named once, and nothing else.
package Page;

use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8);

my @complaints;
sub complaints { return @complaints }

my $width = 100;
my %volatility = (i => 'immutable', s => 'stable', v => 'volatile');
my %parallel = (s => 'parallel safe', r => 'parallel restricted', u => 'parallel unsafe');
my %takes_effect = (postmaster => 'restart', sighup => 'reload', superuser => 'session, by superusers', user => 'session');

# --------------------------------------------------------------------------------------------------------------------------- text

# A comment as Markdown: names of objects, settings and columns, calls and placeholders become code, and nothing else is markup.
sub prose
{
	my ($text) = @_;
	my $name = qr/[A-Za-z]\w*/;
	my $code = qr{
		\{\{\w+\}\}                              # {{1}}
		| \b \w+ \x20=>\x20 '[^'\s]{1,20}'       # on_error => 'record'
		| /<\w+>
		| \b $name(?:\.$name)*\(\)               # wa_cancel()
		| (?<![\w.]) whatsapp\.\w+               # a setting
		| \b (?:wa|whatsapp)_\w*\*              # whatsapp_stat_*
		| (?<![\w-]) (?:[A-Za-z]\w*\.)* [A-Za-z]\w*_\w+ (?:\.\w+)*  # whatsapp_messages.id, error_code, secret_dir
		| \b(?:WA\d{3}|(?:09|0A|22|2F|39|3F|40|42|53|54|55|57)[0-9A-Z]{3})\b  # SQLSTATEs
		| (?<!\w) '[^'\s]{1,20}' (?!\w)
		| \b(?:X(?:-[A-Z0-9][a-z0-9]*)+|Retry-After)\b  # headers of HTTP
	}x;
	my $made = '';
	for my $part (split /(`[^`]*`|$code)/, $text) {
		if ($part =~ /\A`/) { $made .= $part }
		elsif ($part =~ /\A$code\z/) { $made .= "`$part`" }
		else { $made .= $part =~ s/([*<>\\\[\]])/\\$1/gr }
	}
	return $made;
}

# A paragraph, in lines of some length. None begins with what Markdown takes for a list or a heading.
sub paragraph
{
	my ($text) = @_;
	my @lines = ('');
	for my $word (split / /, prose($text)) {
		push @lines, '' if length("$lines[-1] $word") > 140 && $word !~ /\A(?:[-+#>]|\d+[.)])/;
		$lines[-1] .= ($lines[-1] eq '' ? '' : ' ') . $word;
	}
	return join '', map { "$_\n" } @lines;
}

sub cell { return prose($_[0]) =~ s/\|/\\|/gr }

sub sentence { return $_[0] =~ /\A(.*?\.)(?= [A-Z]|\z)/s ? $1 : $_[0] }

sub table
{
	my ($head, @rows) = @_;
	my ($title, @lines) = map { '| ' . join(' | ', @$_) . " |\n" } $head, @rows;
	return ($title, '|' . '---|' x @$head . "\n", map { s/  +\|/ |/gr } @lines);
}

sub short_type { return $_[0] =~ s/timestamp with time zone/timestamptz/r }

# A constant without the type that the server adds to it; the schema of what every search path has is no news either.
sub short_default
{
	my ($default) = @_;
	$default =~ s/\A((?:'(?:[^']|'')*'|NULL))::[a-z ]+(?:\[\])?\z/$1/;
	return $default =~ s/\bpg_catalog\.//gr;
}

# ---------------------------------------------------------------------------------------------------------------------- functions

sub argument
{
	my ($argument) = @_;
	return join ' ', grep { $_ ne '' } $argument->{name}, short_type($argument->{type}),
	  defined $argument->{default} ? 'DEFAULT ' . short_default($argument->{default}) : '';
}

sub result
{
	my ($function) = @_;
	my @out = grep { $_->{mode} =~ /[ot]/ } @{ $function->{arguments} };
	return ($function->{set} ? 'SETOF ' : '') . short_type($function->{result} =~ s/\ASETOF //r) unless @out;
	return 'TABLE (' . join(', ', map { argument($_) } @out) . ')';
}

sub signature
{
	my ($function) = @_;
	my @in = map { argument($_) } grep { $_->{mode} !~ /[ot]/ } @{ $function->{arguments} };
	# a procedure returns nothing
	return "CALL $function->{name}(" . join(', ', @in) . ")\n" if $function->{procedure};
	my $result = 'RETURNS ' . result($function);
	my $line = "$function->{name}(" . join(', ', @in) . ") $result";
	return "$line\n" if length $line <= $width;
	# arguments line by line, as many as fit
	my @lines = ('');
	for my $i (0 .. $#in) {
		my $next = $in[$i] . ($i < $#in ? ',' : '');
		push @lines, '' if $lines[-1] ne '' && length("    $lines[-1] $next") > $width;
		$lines[-1] .= ($lines[-1] eq '' ? '' : ' ') . $next;
	}
	return "$function->{name}(\n" . join('', map { "    $_\n" } @lines) . ") $result\n" if length(") $result") <= $width;
	my ($columns) = $result =~ /\((.*)\)\z/;
	return "$function->{name}(" . join(', ', @in) . ") RETURNS TABLE (\n" . join(",\n", map { "    $_" } split /, /, $columns) . "\n)\n";
}

sub properties
{
	my ($function) = @_;
	my $who = $function->{public} ? 'Everybody may call it' : 'Needs a grant';
	return "$who · a procedure, which commits" if $function->{procedure};
	return join ' · ', $who,
	  $volatility{ $function->{volatility} }, $parallel{ $function->{parallel} },
	  $function->{strict} ? 'NULL for a NULL argument' : (), $function->{definer} ? "runs with its owner's rights" : ();
}

sub function_block
{
	my ($functions, $name) = @_;
	my @named = grep { $_->{name} eq $name } @$functions;
	return unless @named;
	$_->{placed}++ for @named;
	return ("### $name\n", map { ("\n```\n", signature($_), "```\n", "\n" . properties($_) . ".\n", "\n" . paragraph($_->{comment} || '')) } @named);
}

# ---------------------------------------------------------------------------------------------------------------------- relations

sub default_of
{
	my ($column) = @_;
	return 'identity' if $column->{identity};
	return defined $column->{default} ? '`' . short_default($column->{default}) . '`' : '';
}

sub index_line
{
	my ($index) = @_;
	my $kind = $index->{primary} ? 'Primary key' : $index->{unique} ? 'Unique' : 'Index';
	return "- $kind: `($index->{columns})`" . (defined $index->{predicate} ? " where `$index->{predicate}`" : '') . "\n";
}

sub relation_block
{
	my ($relations, $name) = @_;
	my ($relation) = grep { $_->{name} eq $name } @$relations;
	return unless $relation;
	$relation->{placed}++;
	my $is_table = $relation->{kind} ne 'v';
	my @lines = ("### $name\n", "\n" . paragraph(($is_table ? '' : 'A view. ') . ($relation->{comment} || '')), "\n");
	push @lines, $is_table
	  ? table([qw(Column Type Null Default Holds)], map { [ "`$_->{name}`", short_type($_->{type}), $_->{not_null} ? 'no' : 'yes', default_of($_), cell($_->{comment} || '') ] } @{ $relation->{columns} })
	  : table([qw(Column Type Holds)], map { [ "`$_->{name}`", short_type($_->{type}), cell($_->{comment} || '') ] } @{ $relation->{columns} });
	my @keys = ((map { index_line($_) } @{ $relation->{indexes} || [] }),
		map { "- References: `($_->{columns})` is a row of `$_->{target}`\n" } @{ $relation->{references} || [] });
	push @keys, !$relation->{dumped} ? "- Its rows are in no dump.\n" : defined $relation->{dumped_rows} ? "- In a dump are the rows `$relation->{dumped_rows}`.\n" : () if $is_table;
	push @lines, "\n", @keys if @keys;
	return @lines;
}

# ----------------------------------------------------------------------------------------------------------------------- settings

# As it may be written in postgresql.conf, by the largest unit that fits.
sub quantity
{
	my ($value, $unit) = @_;
	return $value unless defined $unit && $unit ne '' && $value ne '0';
	my @units = $unit eq 'ms' ? (ms => 1, s => 1000, min => 60, h => 60, d => 24) : $unit eq 's' ? (s => 1, min => 60, h => 60, d => 24) : $unit eq 'kB' ? (kB => 1, MB => 1024, GB => 1024) : ();
	die "the generator does not know the unit $unit\n" unless @units;
	my $said = '';
	while (my ($name, $factor) = splice @units, 0, 2) {
		last if $value % $factor != 0;
		$value /= $factor;
		$said = "$value$name";
	}
	return $said;
}

sub values_of
{
	my ($setting) = @_;
	return join ', ', map { "`$_`" } @{ $setting->{enumvals} } if $setting->{enumvals};
	return quantity($setting->{min_val}, $setting->{unit}) . ' to ' . quantity($setting->{max_val}, $setting->{unit}) if $setting->{vartype} =~ /integer|real/;
	return $setting->{vartype} eq 'bool' ? 'on, off' : 'text';
}

sub setting_row
{
	my ($setting) = @_;
	my $default = $setting->{boot_val};
	$default = !defined $default || $default eq '' ? 'empty' : '`' . quantity($default, $setting->{unit}) . '`';
	my $means = join ' ', grep { defined } @$setting{qw(short_desc extra_desc)};
	$means .= ' Hidden from ordinary roles.' if $setting->{hidden};
	return [ "`$setting->{name}`", $default, values_of($setting), $takes_effect{ $setting->{context} } || die("context $setting->{context}\n"), cell($means) ];
}

sub settings_block
{
	my ($settings, @names) = @_;
	my @rows;
	for my $name (@names) {
		my ($setting) = grep { $_->{name} eq "whatsapp.$name" } @$settings;
		if (!$setting) {
			push @complaints, "settings.md: there is no setting whatsapp.$name";
			next;
		}
		$setting->{placed}++;
		push @rows, setting_row($setting);
	}
	return table([ 'Setting', 'Default', 'Values', 'Takes effect', 'Means' ], @rows);
}

# ---------------------------------------------------------------------------------------------------------------------- SQLSTATEs

my %conditions;

sub learn_condition
{
	my ($sqlstates, $name, $how, $meaning) = @_;
	my $code = $sqlstates->{codes}{$name};
	push @complaints, "sqlstates.md: the server does not know $name" unless defined $code;
	push @complaints, "sqlstates.md: $name is named twice" if $conditions{$name};
	push @complaints, "sqlstates.md: $name is raised nowhere in src" if $how ne 'server' && !$sqlstates->{used}{$name};
	push @complaints, "sqlstates.md: $name is raised by our own code" if $how eq 'server' && $sqlstates->{used}{$name};
	$conditions{$name} = { code => $code || '', how => $how, meaning => $meaning };
	return;
}

sub sqlstates_block
{
	my ($sqlstates, $which) = @_;
	my %meanings;
	for my $known (@{ $sqlstates->{ours} }) {
		push @{ $meanings{ $known->{code} } }, $known->{meaning} if ($known->{code} =~ /\AWA/ ? 'ours' : 'standard') eq $which;
	}
	for my $condition (map { $conditions{$_} } sort keys %conditions) {
		my $known = $meanings{ $condition->{code} } ||= [];
		next if grep { $_ eq $condition->{meaning} } @$known;
		push @$known, $condition->{meaning} if ($condition->{how} eq 'log' ? 'log' : 'standard') eq $which;
	}
	return table([ 'SQLSTATE', $which eq 'log' ? 'Means' : 'Raised for' ], map { [ "`$_`", cell(join ' ', @{ $meanings{$_} }) ] } grep { @{ $meanings{$_} } } sort keys %meanings);
}

# ----------------------------------------------------------------------------------------------------------------------- template

sub index_block
{
	my ($text, $facts) = @_;
	my @rows;
	for my $name ($text =~ /^\@function (\w+)$/mg) {
		my ($first) = grep { $_->{name} eq $name } @{ $facts->{functions} } or next;
		push @rows, [ "[`$name()`](#$name)", cell(sentence($first->{comment} || '')) ];
	}
	return table([ 'Function', 'Does' ], @rows) if @rows;
	for my $name ($text =~ /^\@relation (\w+)$/mg) {
		my ($relation) = grep { $_->{name} eq $name } @{ $facts->{relations} } or next;
		push @rows, [ "[`$name`](#$name)" . ($relation->{kind} eq 'v' ? ' (view)' : ''), cell(sentence($relation->{comment} || '')) ];
	}
	return table([ 'Relation', 'Holds' ], @rows);
}

sub directive
{
	my ($line, $text, $facts) = @_;
	return index_block($text, $facts) if $line eq '@index';
	return settings_block($facts->{settings}, split ' ', $1) if $line =~ /\A\@settings (.+)\z/;
	return sqlstates_block($facts->{sqlstates}, $1) if $line =~ /\A\@sqlstates (ours|standard|log)\z/;
	return table([ 'Request', 'Answer' ], map { [ "$_->{methods} `$_->{path}`", cell($_->{answer}) ] } @{ $facts->{endpoints} }) if $line eq '@endpoints';
	my @made = $line =~ /\A\@function (\w+)\z/ ? function_block($facts->{functions}, $1)
	  : $line =~ /\A\@relation (\w+)\z/ ? relation_block($facts->{relations}, $1) : ();
	push @complaints, "there is nothing for this line of a template: $line" unless @made;
	return @made;
}

# All that exists must have its place, once.
sub check_places
{
	my ($facts, $name, $of, $title) = @_;
	for my $thing (@$of) {
		my $times = $thing->{placed} || 0;
		push @complaints, sprintf '%s %s has no place in docs/reference/generator/templates/%s.md.in', $title, $thing->{name}, $name if $times == 0;
		push @complaints, "$title $thing->{name} has $times places in $name.md" if $times > 1;
	}
	return;
}

sub check_all_placed
{
	my ($name, $facts) = @_;
	check_places($facts, $name, $facts->{functions}, 'function') if $name eq 'functions';
	check_places($facts, $name, $facts->{relations}, 'relation') if $name eq 'tables';
	check_places($facts, $name, $facts->{settings}, 'setting') if $name eq 'settings';
	return if $name ne 'sqlstates';
	push @complaints, "$_ is raised in src and has no line in docs/reference/generator/templates/sqlstates.md.in"
	  for grep { !$conditions{$_} } sort keys %{ $facts->{sqlstates}{used} };
	return;
}

sub fill
{
	my ($path, $facts) = @_;
	my ($name) = $path =~ m{/(\w+)\.md\.in\z};
	open my $file, '<', $path or die "$path: $!\n";
	my @lines = map { decode_utf8($_) } <$file>;
	chomp @lines;
	my @kept;
	for my $line (@lines) {
		if ($line =~ /\A\@condition (\w+) (raised|server|log): (.+)\z/) { learn_condition($facts->{sqlstates}, $1, $2, $3) }
		else { push @kept, $line }
	}
	my $text = join "\n", @kept;
	my $page = '';
	for my $line (@kept) {
		$page .= $line =~ /\A\@/ ? join('', directive($line, $text, $facts)) : "$line\n";
	}
	check_all_placed($name, $facts);
	$page =~ s/\A(# .*\n)/$1\n<!-- Made by scripts\/reference from the server and the sources. Change those, or docs\/reference\/generator\/templates. -->\n/;
	$page =~ s/\n{3,}/\n\n/g;
	return $page =~ s/\s+\z/\n/r;
}

1;
