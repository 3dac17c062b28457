# Tree.pm — what only the sources say: the SQLSTATEs that are raised, and the paths that the listener answers.
package Tree;

use strict;
use warnings;

use Encode qw(decode_utf8);
use File::Find ();

my @complaints;
sub complaints { return @complaints }

sub sources
{
	my ($root) = @_;
	my @paths;
	File::Find::find({ no_chdir => 1, wanted => sub { push @paths, $_ if /\.[ch]pp\z/ } }, "$root/src");
	return sort @paths;
}

sub slurp
{
	my ($path) = @_;
	open my $file, '<', $path or die "$path: $!\n";
	local $/;
	return decode_utf8(<$file>);
}

# By its name, wherever it is.
sub source
{
	my ($root, $name) = @_;
	my @found = grep { m{/\Q$name\E\z} } sources($root);
	die "there must be one $name below src\n" unless @found == 1;
	return slurp($found[0]);
}

# The text of a comment, without what frames it.
sub comment_text
{
	my ($comment) = @_;
	$comment =~ s{^\s*/?\*+/?[ \t]?}{}gm;
	$comment =~ s{\s*\*/\s*\z}{};
	return $comment =~ s/\A\s+|\s+\z//gr;
}

# fault.hpp: above each constant of "namespace sqlstate" stands what it is raised for. The rest of the floors raises by the server's names.
#   ours: [{ code, meaning }]; used: { ERRCODE_NAME => 1 }, codes: { ERRCODE_NAME => code }
sub sqlstates
{
	my ($root, $codes) = @_;
	my ($block) = source($root, 'fault.hpp') =~ /^namespace sqlstate\n\{(.*?)^\}/ms;
	die "fault.hpp has no namespace sqlstate\n" unless defined $block;
	my (@ours, %seen);
	while ($block =~ m{(/\*(?:(?!\*/).)*\*/\s*)?^inline constexpr char (\w+)\[\] = "(\w{5})";}msg) {
		my ($comment, $name, $code) = ($1, $2, $3);
		push @complaints, "fault.hpp: no comment above sqlstate::$name says what it is raised for" unless defined $comment;
		push @complaints, "fault.hpp: $code has two names" if $seen{$code}++;
		push @ours, { code => $code, meaning => defined $comment ? comment_text($comment) =~ s/\s+/ /gr : '' };
	}
	push @complaints, 'fault.hpp: a constant of sqlstate cannot be read' if @ours != (() = $block =~ /constexpr/g);
	my %used;
	for my $path (sources($root)) {
		my $text = slurp($path);
		# not what the errors of others are compared with
		$used{$1} = 1 while $text =~ /(?<!case )(?<!== )\b(ERRCODE_[A-Z0-9_]+)\b(?!\()/g;
	}
	return { ours => \@ours, used => \%used, codes => $codes };
}

# endpoint.cpp: above each path stands a comment with a line "- METHODS REST: answer" for each request; REST is what follows the path.
sub endpoints
{
	my ($root) = @_;
	my $text = source($root, 'endpoint.cpp');
	my ($kinds) = source($root, 'endpoint.hpp') =~ /enum class Endpoint \{([^}]*)\}/;
	my %missing = map { $_ => 1 } grep { $_ ne 'none' } $kinds =~ /\w+/g;
	my @endpoints;
	while ($text =~ m{(/\*(?:(?!\*/).)*\*/\s*)?^constexpr std::string_view (\w+)_path = "([^"]*)";}msg) {
		my ($comment, $kind, $path) = ($1, $2, $3);
		delete $missing{$kind};
		my @requests;
		for my $line (split /^- /m, defined $comment ? comment_text($comment) : '') {
			next unless $line =~ /\S/;
			my ($methods, $rest, $answer) = $line =~ /\A([A-Z]+(?:, [A-Z]+)*)(?: (\S+))?: (.*?)\s*\z/s;
			push @complaints, "endpoint.cpp: this cannot be read: $line" unless defined $answer;
			push @requests, { methods => $methods, path => $path . (defined $rest ? $rest : ''), answer => $answer =~ s/\s+/ /gr } if defined $answer;
		}
		push @complaints, "endpoint.cpp: no comment above ${kind}_path says what is answered" unless @requests;
		push @endpoints, @requests;
	}
	push @complaints, "endpoint.cpp: there is no ${_}_path for Endpoint::$_" for sort keys %missing;
	return \@endpoints;
}

1;
