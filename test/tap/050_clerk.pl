# The clerk: requests to Meta's API that are no message. Templates are read, made and deleted; an answer that is lost is found out by looking.
use strict;
use warnings;

use FindBin;
use JSON::PP;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_cluster('clerk', conf => "whatsapp.clerk_idle_timeout = 2s\n");
my $sandbox = $node->{sandbox};
my $json = JSON::PP->new->canonical->utf8;
sub sql { return $node->safe_psql('postgres', $_[0]) }
sub clerks { return sql(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_whatsapp clerk'}) }
sub ask { my ($kind, $request) = @_; return sql(qq{INSERT INTO whatsapp_requests (kind, request) VALUES ('$kind', '} . $json->encode($request) . q{') RETURNING id}) }
sub calls { my ($method, $edge) = @_; return scalar grep { $_->{method} eq $method && $_->{edge} eq $edge } sandbox_lines($sandbox, 'calls') }
sub state_of { return sql("SELECT state FROM whatsapp_requests WHERE id = $_[0]") }

# sync: to the last page
sandbox_post($sandbox, 'templates', [ map { { name => "bulk_$_", language => 'es', category => 'UTILITY', components => [ { type => 'BODY', text => "Hola {{1}} $_" } ] } } 1 .. 589 ]);
sandbox_set($sandbox, most_on_page => 25);
sql(q{CALL wa_sync_templates()});
is(sql(q{SELECT count(*) || ' ' || count(synced_at) || ' ' || count(template_id) FROM whatsapp_templates}), '600 600 600', '600 templates on pages of 25');
is(calls('GET', 'message_templates'), 24, 'by 24 calls');
is(sql(q{SELECT result FROM whatsapp_requests WHERE kind = 'sync_templates'}), '{"gone": 0, "templates": 600}', 'and the request tells');
done_testing();
