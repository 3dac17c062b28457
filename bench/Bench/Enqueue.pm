# Enqueue.pm — how fast messages get into the queue, against plain INSERTs of the same rows into tables with the same indexes.
package Bench::Enqueue;

use strict;
use warnings;

use Carp;
use List::Util qw(sum);

use Bench::Copies;
use Bench::Drain;
use Bench::Numbers;

# A message of its own for each i.
my $call = q{wa_send_po('Proveedor ABC', 'PO-' || i, '€1,250.00'::text, '+346' || lpad((i % 100000000)::text, 8, '0'))};

# Rows a second, and bytes of WAL a row, of a script of SQL in one transaction.
sub timed
{
	my ($cluster, $count, $script) = @_;
	$cluster->sql('CHECKPOINT');
	my $wal = $cluster->wal_bytes;
	my @lines = split /\n/, $cluster->sql("SELECT extract(epoch FROM clock_timestamp());\nBEGIN;\n$script;\nCOMMIT;\nSELECT extract(epoch FROM clock_timestamp())");
	return { rate => $count / ($lines[-1] - $lines[0]), seconds => $lines[-1] - $lines[0], wal => ($cluster->wal_bytes - $wal) / $count };
}

sub plain_loop
{
	my ($count, @tables) = @_;
	my $inserts = join '; ', map {
		my ($name, $pattern) = @$_;
		my @columns = sort keys %$pattern;
		"INSERT INTO $name (" . join(', ', @columns) . ') VALUES (' . join(', ', map { $pattern->{$_} } @columns) . ')'
	} @tables;
	return "DO \$plain\$ BEGIN FOR i IN 1 .. $count LOOP $inserts; END LOOP; END \$plain\$";
}

sub plain_statements
{
	my ($count, @tables) = @_;
	return join ";\n", map { Bench::Copies::insert($_->[0], $_->[1], "generate_series(1, $count) AS i") } @tables;
}

# A list, by the function for lists.
sub list_statement
{
	my ($count) = @_;
	my $recipients = q{SELECT '+346' || lpad((i % 100000000)::text, 8, '0') AS phone, 'Proveedor ABC' AS name, 'PO-' || i AS po, '€1,250.00' AS total}
	  . " FROM generate_series(1, $count) AS i";
	return "SELECT queued FROM wa_send_bulk(\$\$$recipients\$\$, 'po_notification', 'es')";
}

sub transactions
{
	my ($run) = @_;
	my $cluster = $run->cluster('whatsapp.enabled' => 'off');
	my @plain = plain_tables($cluster);
	# a message of a list belongs to a campaign, and has an entry in the index of those
	my @plain_list = plain_patterns($cluster, list_statement(1));
	my $plain_names = join ', ', map { $_->[0] } @plain;
	my %count = (calls => $run->size(10_000, 10_000), bulk => $run->size(100_000, 50_000));
	my %scripts = (
		calls => [ "DO \$\$ BEGIN FOR i IN 1 .. $count{calls} LOOP PERFORM $call; END LOOP; END \$\$", plain_loop($count{calls}, @plain) ],
		bulk => [ list_statement($count{bulk}), plain_statements($count{bulk}, @plain_list), "SELECT count($call) FROM generate_series(1, $count{bulk}) AS i" ]);
	my %results;
	for my $round (0 .. $run->{repetitions})
	{
		for my $kind (qw(calls bulk))
		{
			for my $side (0 .. $#{ $scripts{$kind} })
			{
				$cluster->empty;
				$cluster->sql("TRUNCATE $plain_names");
				my $result = timed($cluster, $count{$kind}, $scripts{$kind}[$side]);
				$result->{size} = $cluster->sql(q{SELECT pg_total_relation_size('whatsapp_messages') + pg_total_relation_size('whatsapp_queue')}) / $count{$kind};
				# the first round warms caches and makes files
				push @{ $results{$kind}[$side] }, $result if $round > 0;
			}
		}
	}
	my %titles = (
		calls => 'enqueue, wa_send_po called ' . figure($count{calls}) . ' times in one transaction',
		bulk => 'enqueue, ' . figure($count{bulk}) . ' messages by one statement, wa_send_bulk()');
	for my $kind (qw(calls bulk))
	{
		my ($ours, $theirs) = map { my $side = $_; [ map { $_->{rate} } @{ $results{$kind}[$side] } ] } 0, 1;
		$run->bar(
			measure => 'enqueue', what => $titles{$kind}, ours => $ours, unit => '/s', against => 'plain INSERTs of the same rows',
			theirs => $theirs, paired => 1, at_least => $kind eq 'calls' ? 2 : 0.9);
		$run->note('enqueue', $titles{$kind}, 'WAL per message', bytes(median(map { $_->{wal} } @{ $results{$kind}[0] })));
	}
	$run->note('enqueue', $titles{bulk}, 'by wa_send_po() over a SELECT', figure(median(map { $_->{rate} } @{ $results{bulk}[2] })) . '/s');
	$run->note('enqueue', $titles{bulk}, 'tables and indexes per pending message', bytes($results{bulk}[0][-1]{size}));
	$cluster->drop;
	return;
}

# Transactions a second of four clients by pgbench, and the rate of the last third of the time against the first third.
sub pgbench
{
	my ($cluster, $script, $seconds) = @_;
	my $file = "$ENV{TMPDIR}/pgbench.sql";
	open my $out, '>', $file or croak $!;
	print $out $script;
	close $out;
	my $said = `pgbench -n -M prepared -c 4 -j 2 -T $seconds -P 1 -h $cluster->{folder} -U postgres -f $file postgres 2>&1`;
	croak "pgbench: $said" if $? != 0;
	my @progress = $said =~ /^progress: [\d.]+ s, ([\d.]+) tps/mg;
	my ($rate) = $said =~ /^tps = ([\d.]+)/m;
	my $third = int(@progress / 3) || 1;
	return { rate => $rate, decay => sum(@progress[ -$third .. -1 ]) / sum(@progress[ 0 .. $third - 1 ]) };
}

sub commits
{
	my ($run) = @_;
	my $seconds = $run->{factor} < 1 ? 3 : $run->{quick} ? 6 : 9;
	my $cluster = $run->cluster('whatsapp.enabled' => 'off');
	my @plain = plain_tables($cluster);
	# pgbench has no i: a number of its own for each row, and the id from a sequence as ours has it
	$cluster->sql('CREATE SEQUENCE plain_id');
	my @parts;
	for my $table (@plain)
	{
		my ($name, $pattern) = @$table;
		my %values = %$pattern;
		s/\bi\b/:number/g for values %values;
		$values{id} = q{nextval('plain_id')} if $values{id};
		$values{message_id} = '(SELECT id FROM made)' if $values{message_id};
		my @columns = sort keys %values;
		push @parts, "INSERT INTO $name (" . join(', ', @columns) . ') VALUES (' . join(', ', map { $values{$_} } @columns) . ')';
	}
	my $plain = "\\set number random(1, 99999999)\n" . "WITH made AS ($parts[0] RETURNING id) $parts[1];\n";
	(my $ours = $call) =~ s/\bi\b/:number/g;
	$ours = "\\set number random(1, 99999999)\nSELECT $ours;\n";
	my (@ours, @plain_results);
	for my $round (1 .. $run->{repetitions})
	{
		$cluster->empty;
		push @plain_results, pgbench($cluster, $plain, $seconds);
		$cluster->sql('CHECKPOINT');
		push @ours, pgbench($cluster, $ours, $seconds);
	}
	my $title = 'enqueue, single-row commits by 4 clients';
	$run->bar(
		measure => 'commits', what => $title, ours => [ map { $_->{rate} } @ours ], unit => '/s', against => 'plain commits of the same rows',
		theirs => [ map { $_->{rate} } @plain_results ], paired => 1, at_least => 0.9);
	$run->bar(
		measure => 'commits', what => "$title: last third of a session against its first", ours => [ map { $_->{decay} } @ours ], unit => '',
		against => 'plain commits', theirs => [ map { $_->{decay} } @plain_results ], floor => 0.9);
	$cluster->drop;
	sending($run, $ours, $seconds);
	return;
}

# The same while the sender sends them: three processes and four clients share the machine.
sub sending
{
	my ($run, $script, $seconds) = @_;
	my $answerer = Bench::Answerer->new;
	my $cluster = $run->cluster('whatsapp.api_base_url' => $answerer->{url}, 'whatsapp.max_connections' => 100);
	my $result = pgbench($cluster, $script, $seconds);
	$run->note('commits', 'enqueue, single-row commits by 4 clients', 'while all of them are being sent', figure($result->{rate}) . '/s');
	$cluster->drop;
	$answerer->stop;
	return;
}

# Of one that announces nothing a condition is asked for each row. That takes a few milliseconds, less than what a machine's pace changes from
# one repetition to the next: so it is compared with what ran right beside it, pair by pair. Each statement has a session of its own, which reads
# its watch first.
sub watched
{
	my ($run) = @_;
	my $count = $run->size(10_000, 10_000);
	my $cluster = $run->cluster('whatsapp.enabled' => 'off');
	$cluster->sql(join ";\n", (map { "CREATE TABLE $_ (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, supplier text NOT NULL, po text NOT NULL,"
		  . " total numeric(12,2) NOT NULL, phone text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())" } qw(orders unwatched_orders watched_orders announced_orders quiet_orders bare_orders)),
		q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'},
		q{CREATE TRIGGER nothing AFTER INSERT ON bare_orders REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION nothing()},
		q{SELECT wa_watch('watched_orders', 'supplier', 'po', 'total', 'phone')},
		map { my ($table, $condition) = @$_; qq{SELECT wa_watch('$table', 'po_notification', ARRAY['new.supplier', 'new.po', 'wa_format_amount(new.total, ''EUR'')'], 'new.phone', when_ => '$condition')} }
		  ([ 'announced_orders', 'new.total >= 0' ], [ 'quiet_orders', 'new.total < 0' ]));
	my @plain = plain_tables($cluster);
	# an order is announced once, by its key
	$plain[0][1]{idempotency_key} = q{'po:public.watched_orders:' || i || ':PO-' || i};
	my $plain_names = join ', ', map { $_->[0] } @plain;
	my %rates;
	for my $round (0 .. $run->{repetitions})
	{
		$cluster->sql("TRUNCATE $plain_names");
		my $rows = timed($cluster, $count, plain_statements($count, @plain));
		push @{ $rates{rows} }, $rows->{seconds} * 1000 if $round > 0;
		for my $table (qw(orders watched_orders announced_orders), (qw(unwatched_orders quiet_orders bare_orders)) x 5)
		{
			$cluster->empty;
			$cluster->sql("TRUNCATE $table");
			my $result = timed($cluster, $count, "INSERT INTO $table (supplier, po, total, phone) SELECT 'Proveedor ABC', 'PO-' || i, 1250 + i,"
				  . " '+346' || lpad(i::text, 8, '0') FROM generate_series(1, $count) AS i");
			push @{ $rates{$table} }, $result->{seconds} * 1000 if $round > 0;
			my $messages = $cluster->sql('SELECT count(*) FROM whatsapp_messages');
			croak "$messages messages of $count orders in $table" if $messages != ($table =~ /^(?:watched|announced)/ ? $count : 0);
		}
	}
	$run->bar(
		measure => 'watch', what => 'bulk INSERT of ' . figure($count) . ' orders into a watched table', ours => $rates{watched_orders}, unit => ' ms',
		against => 'the same table unwatched, and plain INSERTs of the rows of its messages',
		theirs => [ map { $rates{orders}[$_] + $rates{rows}[$_] } 0 .. $#{ $rates{orders} } ], at_most => 1.15);
	$run->note('watch', 'bulk INSERT of ' . figure($count) . ' orders', 'into a table that is watched by expressions with a condition, of which all are announced', figure(median(@{ $rates{announced_orders} })) . ' ms');
	$run->bar(
		measure => 'watch', what => 'the same with a condition that is false for all', ours => $rates{quiet_orders}, unit => ' ms',
		against => 'the same table unwatched', theirs => $rates{unwatched_orders}, paired => 1, at_most => 1.2);
	# what the server itself needs to hand the rows over
	$run->bar(
		measure => 'watch', what => 'the same with a condition that is false for all', ours => $rates{quiet_orders}, unit => ' ms',
		against => 'the same table with a trigger of plpgsql that has the new rows and does nothing', theirs => $rates{bare_orders}, paired => 1, at_most => 1.1);
	$cluster->drop;
	return;
}

1;
