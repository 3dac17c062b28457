# Copies.pm — rows like those that the extension writes, made by plain INSERTs: the limit of an enqueue, and a long history.
#
# Nothing here knows the columns: a genuine message is the pattern, so that the schema may change. Names that each row has for its own
# are listed in %own.
package Bench::Copies;

use strict;
use warnings;

use Carp;

use Exporter 'import';
our @EXPORT = qw(pattern_of plain_tables plain_patterns load_history);

my %own = (
	id => 'i',
	message_id => 'i',
	recipient_phone => q{'+346' || lpad((i % 100000000)::text, 8, '0')},
	wa_id => q{'346' || lpad((i % 100000000)::text, 8, '0')},
	reference => q{'PO-' || i},
	idempotency_key => 'NULL',
	wamid => q{'wamid.HBgLMzQ2MVUCABEYEj' || upper(md5(i::text)) || 'AA=='});

# column => SQL expression in i, for a row of the table that is like this one but for what is its own.
sub pattern_of
{
	my ($cluster, $table, $where, %instead) = @_;
	my @columns = split /\n/, $cluster->sql(
		"SELECT quote_ident(attname) || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute"
		  . " WHERE attrelid = '$table'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum");
	my %types = map { /^(\S+) (.*)$/ ? ($1 => $2) : () } @columns;
	my $list = join ", E'\\n', ", map { "quote_nullable(t.$_\::text)" } sort keys %types;
	# a payload has no line breaks of its own: jsonb is written on one line
	my @values = split /\n/, $cluster->sql("SELECT concat($list) FROM $table AS t WHERE $where LIMIT 1");
	croak "no row of $table is a pattern: $where" if @values != keys %types;
	my %pattern;
	for my $column (sort keys %types)
	{
		my $value = shift @values;
		$pattern{$column} = "$value\::$types{$column}" if $value ne 'NULL';
		# what the pattern has not, its copies have not
		$pattern{$column} = $own{$column} if $own{$column} && $value ne 'NULL';
		$pattern{$column} = $instead{$column} if $instead{$column};
	}
	return \%pattern;
}

sub insert
{
	my ($table, $pattern, $from) = @_;
	my @columns = sort keys %$pattern;
	return "INSERT INTO $table (" . join(', ', @columns) . ') SELECT ' . join(', ', map { $pattern->{$_} } @columns) . " FROM $from";
}

# Tables with the same columns, constraints and indexes as ours, and the patterns of a message of wa_send_po() for them.
sub plain_tables
{
	my ($cluster) = @_;
	for my $name (qw(whatsapp_messages whatsapp_queue))
	{
		$cluster->sql("CREATE TABLE plain_$name (LIKE $name INCLUDING ALL)");
		# LIKE takes no storage parameters
		my $options = $cluster->sql("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = '$name'::regclass");
		$cluster->sql("ALTER TABLE plain_$name SET ($options)") if $options;
	}
	return plain_patterns($cluster, q{SELECT wa_send_po('Proveedor ABC', 'PO-1', '€1,250.00'::text, '+34600000001')});
}

# [name of the copy, pattern of a new message], messages first: of the message that the statement enqueues.
sub plain_patterns
{
	my ($cluster, $enqueue) = @_;
	$cluster->sql($enqueue);
	my $id = $cluster->sql('SELECT max(id) FROM whatsapp_messages');
	return [ plain_whatsapp_messages => pattern_of($cluster, 'whatsapp_messages', "id = $id") ],
	  [ plain_whatsapp_queue => pattern_of($cluster, 'whatsapp_queue', "message_id = $id") ];
}

# Settled messages by the million: copies of one that was sent. The indexes are built afterwards, and without archiving nothing of it is
# written twice; the rows and the indexes are what a slow growth would have made, but for its gaps.
sub load_history
{
	my ($cluster, $from, $count) = @_;
	load_wamids($cluster, $from, $count);
	my $pattern = pattern_of($cluster, 'whatsapp_messages', q{status = 'SENT'},
		id => q{i - 1000000000}, created_at => q{now() - interval '400 days' + i * interval '3 seconds'});
	my @indexes = split /\n/, $cluster->sql(
		q{SELECT pg_get_indexdef(indexrelid) || ';' || indexrelid::regclass FROM pg_index WHERE indrelid = 'whatsapp_messages'::regclass AND NOT indisprimary});
	my $script = join ";\n", (map { 'DROP INDEX ' . (split /;/)[1] } @indexes),
	  'SET maintenance_work_mem = \'1GB\'',
	  # a file that is new in the transaction that fills it
	  'BEGIN', 'CREATE TEMP TABLE kept AS TABLE whatsapp_messages', 'TRUNCATE whatsapp_messages', 'INSERT INTO whatsapp_messages SELECT * FROM kept',
	  insert('whatsapp_messages', $pattern, "generate_series($from, $from + $count - 1) AS i"), 'COMMIT',
	  (map { (split /;/)[0] } @indexes), 'VACUUM (ANALYZE) whatsapp_messages', 'CHECKPOINT';
	$cluster->sql($script);
	return;
}

# What finds them by their wamid, as the sender would have left it.
sub load_wamids
{
	my ($cluster, $from, $count) = @_;
	my $index = $cluster->sql(q{SELECT pg_get_indexdef('whatsapp_wamids_hash_idx'::regclass)});
	$cluster->sql(join ";\n", 'DROP INDEX whatsapp_wamids_hash_idx', "SET maintenance_work_mem = '1GB'", 'BEGIN',
		'CREATE TEMP TABLE kept AS TABLE whatsapp_wamids', 'TRUNCATE whatsapp_wamids', 'INSERT INTO whatsapp_wamids SELECT * FROM kept',
		"INSERT INTO whatsapp_wamids (hash, message_id, generation) SELECT hashtextextended($own{wamid}, 0), i - 1000000000, i >> 18"
		  . " FROM generate_series($from, $from + $count - 1) AS i",
		'COMMIT', $index, 'VACUUM (ANALYZE) whatsapp_wamids');
	return;
}

1;
