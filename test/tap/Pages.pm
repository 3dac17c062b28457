# Pages.pm — the pages of docs/ as they stand: their sections, their blocks of commands, and the statements of such a block.
package Pages;

use strict;
use warnings;

use Exporter 'import';
use FindBin;

use PostgreSQL::Test::Utils;

our @EXPORT = qw(page blocks sections statements run_statements run_block adapt);

sub page { my ($name) = @_; return slurp_file("$FindBin::RealBin/../../$name") }

# Each fenced block, in the order of the text, as { language, text }: that of a list without the list's indent. Languages: only those.
sub blocks
{
	my ($text, @languages) = @_;
	my @blocks;
	while ($text =~ /^( *)```(\w*)\n(.*?)^ *```$/msg)
	{
		my ($indent, $language, $block) = ($1, $2, $3);
		push @blocks, { language => $language, text => $block =~ s/^$indent//mgr };
	}
	return @languages ? grep { my $block = $_; grep { $block->{language} eq $_ } @languages } @blocks : @blocks;
}

# What stands below each heading, up to the next one of any rank; what begins like a heading within a block is none.
sub sections
{
	my ($text) = @_;
	my (%section, $heading, $in_block);
	for my $line (split /^/, $text)
	{
		$in_block = !$in_block if $line =~ /^ *```/;
		if (!$in_block && $line =~ /^#+ (.+)$/) { $heading = $1 }
		elsif (defined $heading) { $section{$heading} .= $line }
	}
	return %section;
}

# Each statement of a block that ends a line, with the comment behind it.
sub statements
{
	my ($block) = @_;
	my @statements;
	push @statements, [ $1, $2 ] while $block =~ /\G\s*(.+?;)[ \t]*(?:-- (.+?))?[ \t]*(?:\n|\z)/gcs;
	my $rest = substr($block, pos($block) || 0);
	push @statements, [ $rest, undef ] if $rest =~ /\S/;
	return @statements;
}

# One after the other, as somebody types them: what is wrong. With answers, the comment behind a statement is what it must answer, or ERROR.
sub run_statements
{
	my ($node, $database, $block, %options) = @_;
	my @bad;
	for (statements($block))
	{
		my ($statement, $wanted) = @$_;
		push @bad, "no statement ends here: $statement" if $statement !~ /;\s*\z/;
		my ($code, $out, $err) = $node->psql($database, "SET client_min_messages = error;\n$statement");
		$out =~ s/\xc2\xa0/ /g;
		$wanted = undef unless $options{answers};
		if (defined $wanted && $wanted eq 'ERROR') { push @bad, "$statement\nis not refused" if $code == 0 }
		elsif ($code != 0) { push @bad, "$statement\nfails: $err" }
		elsif (defined $wanted && $out ne $wanted) { push @bad, "$statement\nanswers $out\nnot     $wanted" }
	}
	return @bad;
}

# All of it in one session: (what it shows, what is wrong).
sub run_block
{
	my ($node, $database, $block) = @_;
	my ($code, $out, $err) = $node->psql($database, $block, on_error_stop => 1);
	return ($out, $code == 0 ? '' : $err || "psql ended with $code");
}

# With what stands for things of another place in their place; each must be of use in the end, see 067_runbooks.
sub adapt
{
	my ($text, %here) = @_;
	my $there = join '|', map { quotemeta } sort { length $b <=> length $a } keys %here;
	return $text =~ s/($there)/$here{$1}/gr;
}

1;
