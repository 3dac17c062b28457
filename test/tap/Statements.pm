# Statements.pm — safe_psql() and psql() without psql. To start that program costs a test three times what the server takes for the answer, so what is
# statements alone goes by a connection of this process, one for each call as psql has it. The answer is that of psql -XAtq: 000_statements.pl.
# Without Perl's DBD::Pg, psql it is.
package Statements;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;

my ($by_psql, $by_safe_psql) = (\&PostgreSQL::Test::Cluster::psql, \&PostgreSQL::Test::Cluster::safe_psql);

# The statements of a text; none where psql must read it. A backslash may begin a command of its own or escape a quote, COPY has its data behind
# it, and rules and functions may hold semicolons.
sub statements_of
{
	my ($text) = @_;
	return if $text =~ /\\|\b(?:COPY|RULE|ATOMIC)\b/i;
	# characters, not bytes: the test has "use utf8"
	utf8::encode($text) if utf8::is_utf8($text);
	my @found;
	push @found, $1 while $text =~ m{\G;*((?>'[^']*'|"[^"]*"|\$(\w*)\$.*?\$\g{-1}\$|--[^\n]*|/\*.*?\*/|[^;])++)}gcs;
	return grep { /\S/ } @found;
}

# Of the arguments for psql, what a connection knows, too: a user, and errors by their SQLSTATE alone. None where there are others.
sub session_of
{
	my (%options) = @_;
	my %session = (user => '', terse => 0);
	my @arguments = @{ delete $options{extra_params} || [] };
	while (my ($name, $value) = splice @arguments, 0, 2)
	{
		if ($name eq '-U') { $session{user} = $value }
		elsif ($name eq '-v' && $value eq 'VERBOSITY=sqlstate') { $session{terse} = 1 }
		else { return }
	}
	return %options ? () : \%session;
}

# The server's shortest digits, which DBD::Pg has turned into a number.
sub digits_of
{
	my ($number) = @_;
	my $digits;
	for my $places (15 .. 17) { $digits = sprintf "%.${places}g", $number; last if $digits == $number }
	return $digits =~ s/^(-?)Inf$/$1Infinity/r;
}

sub text_of
{
	my ($type, $value) = @_;
	return !defined $value ? '' : $type eq 'bytea' ? '\x' . unpack('H*', $value) : $type eq 'float8' ? digits_of($value) : $value;
}

# (exit status, output, errors), as psql has them: 2 when there is no connection or it is lost, 3 for an error.
sub answer_of
{
	my ($node, $database, $session, @statements) = @_;
	local %ENV = $node->_get_env();
	my (@rows, @notices, $connection);
	local $SIG{__WARN__} = sub { push @notices, $_[0] };
	my $said = eval {
		$connection = DBI->connect('dbi:Pg:' . $node->connstr($database), $session->{user}, '',
			{ AutoCommit => 1, RaiseError => 0, PrintError => 0, PrintWarn => 1, pg_bool_tf => 1, pg_expand_array => 0, pg_enable_utf8 => 0 })
		  or return DBI->errstr;
		for my $text (@statements)
		{
			my $statement = $connection->prepare($text, { pg_direct => 1 });
			$statement->execute or return $session->{terse} ? $statement->errstr =~ s/^(\w+:  ).*/$1 . $statement->state/ers : $statement->errstr;
			next unless $statement->{NUM_OF_FIELDS};
			my @types = @{ $statement->{pg_type} };
			while (my $values = $statement->fetchrow_arrayref) { push @rows, join '|', map { text_of($types[$_], $values->[$_]) } 0 .. $#types }
		}
		return '';
	} // die $@;
	my $is_lost = !$connection || ($said ne '' && $said !~ /^ERROR:/);
	$connection->disconnect if $connection;
	return ($said eq '' ? 0 : $is_lost ? 2 : 3, join("\n", @rows), join "\n", map { chomp; "psql:<stdin>: $_" } @notices, $said eq '' ? () : $said);
}

if (eval { require DBI; require DBD::Pg })
{
	no warnings 'redefine';
	*PostgreSQL::Test::Cluster::safe_psql = sub {
		my ($node, $database, $text, %options) = @_;
		my $session = session_of(%options);
		my @statements = $session ? statements_of($text) : ();
		return $by_safe_psql->(@_) unless @statements;
		my ($status, $answer, $errors) = answer_of($node, $database, $session, @statements);
		die "error running SQL: '$errors' with sql '$text'" if $status != 0;
		return $answer;
	};
	*PostgreSQL::Test::Cluster::psql = sub {
		my ($node, $database, $text, %options) = @_;
		my $session = wantarray ? session_of(%options) : undef;
		my @statements = $session ? statements_of($text) : ();
		return @statements ? answer_of($node, $database, $session, @statements) : $by_psql->(@_);
	};
}

1;
