# Source.pm — what the lints share: lists of files, C++ with its comments blanked out, and complaints.
package Source;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(root files slurp code blank_strings line_of complain finish);

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
