# Source.pm — what the lints share: lists of files, C++ and SQL with comments and strings blanked out, and complaints.
package Source;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(root files slurp makefile_list install_parts code blank_strings blank_sql_comments
	blank_sql_strings line_of complain finish);

my $complaints = 0;

# The tree to look at: the first argument, else the one that this file belongs to.
sub root
{
	my $root = $ARGV[0];
	($root = $INC{'Source.pm'}) =~ s{test/lint/Source\.pm$}{.} unless defined $root;
	chdir $root or die "$root: $!\n";
	return $root;
}

# Paths below the root, in order.
sub files
{
	return sort map { glob } @_;
}

sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!\n";
	local $/;
	my $text = <$file>;
	return defined $text ? $text : '';
}

# The words of a variable that the Makefile sets.
sub makefile_list
{
	my ($variable) = @_;
	my ($list) = slurp('Makefile') =~ /^\Q$variable\E[ \t]*=((?:\\\n|[^\n])*)/m;
	return grep { length } split /[\s\\]+/, defined $list ? $list : '';
}

# The parts of the install script, in the order in which the Makefile joins them.
sub install_parts
{
	return map { "sql/parts/$_.sql" } makefile_list('SQL_PARTS');
}

sub blank
{
	my ($text) = @_;
	$text =~ s/[^\n]/ /g;
	return $text;
}

# A source with its comments as spaces, so that line numbers stay; strings are kept.
sub code
{
	my $text = slurp($_[0]);
	$text =~ s{(R"\(.*?\)"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+')|(/\*.*?\*/|//[^\n]*)}{defined $1 ? $1 : blank($2)}gse;
	return $text;
}

# The same without what stands in its strings.
sub blank_strings
{
	my ($text) = @_;
	$text =~ s{R"\((.*?)\)"}{'R"(' . blank($1) . ')"'}gse;
	$text =~ s{"((?:\\.|[^"\\\n])*)"}{'"' . blank($1) . '"'}gse;
	return $text;
}

# The same of SQL, in two steps.
sub blank_sql_comments
{
	my ($text) = @_;
	$text =~ s{('(?:''|[^'])*'|(\$(?:[A-Za-z_]\w*)?\$).*?\g2|"[^"\n]*")|(--[^\n]*|/\*.*?\*/)}{defined $1 ? $1 : blank($3)}gse;
	return $text;
}

sub blank_sql_strings
{
	my ($text) = @_;
	$text =~ s{'((?:''|[^'])*)'|(\$(?:[A-Za-z_]\w*)?\$)(.*?)\g2}{defined $1 ? "'" . blank($1) . "'" : $2 . blank($3) . $2}gse;
	return $text;
}

sub line_of
{
	my ($text, $position) = @_;
	return 1 + (substr($text, 0, $position) =~ tr/\n//);
}

sub complain
{
	my ($path, $line, $what) = @_;
	print defined $line ? "$path:$line: $what\n" : "$path: $what\n";
	$complaints++;
}

sub finish
{
	exit($complaints > 0);
}

1;
