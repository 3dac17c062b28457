# Files of secrets and settings that cannot be right: each is refused by name, with the reason; and what is mended counts at once.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $folder = PostgreSQL::Test::Utils::tempdir();
my $node = new_cluster('credentials', conf => "whatsapp.secret_dir = '$folder'\n");
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }
sub put { my ($name, $bytes, $mode) = @_; open my $file, '>:raw', "$folder/new" or die; print $file $bytes; close $file; chmod($mode || 0600, "$folder/new"); rename "$folder/new", "$folder/$name" or die; return }
my $serial = 0;
# what is read may be a second old: messages until the sender says so
sub paused_by { my ($why) = @_; return wait_for($why, sub { $serial++; sql("SELECT wa_send_po('A', 'PO-$serial', 1, '+34612345678')") if reason() eq ''; reason() =~ $why }) }
sub all_read { return wait_sql($node, q{SELECT string_agg(DISTINCT status, ' ') FROM whatsapp_messages WHERE sender = 'default'}, 'READ') }
sub reason { return $node->safe_psql('postgres', q{SELECT coalesce(paused_reason, '') FROM whatsapp_senders WHERE name = 'default'}) }

for my $case (
	[ "\xEF\xBB\xBFsandbox-token\n", 'begins with a byte order mark' ],
	[ "\"sandbox-token\"\n", 'has quotes around the value' ],
	[ "'sandbox-token'", 'has quotes around the value' ],
	[ "WHATSAPP_ACCESS_TOKEN=sandbox-token\n", 'holds an assignment instead of the value alone' ],
	[ "export WHATSAPP_ACCESS_TOKEN=sandbox-token\n", 'holds an assignment instead of the value alone' ],
	[ "sandbox-tok\xC3\xA9n\n", 'has a character that is not ASCII' ],
	[ "sandbox token\n", 'has a space within the value' ],
	[ "sandbox\ntoken\n", 'has more than one line, or a control character' ],
	[ "\n", 'is empty' ],
	[ '', 'is empty' ])
{
	my ($bytes, $why) = @$case;
	put('access_token', $bytes);
	paused_by(qr/^secret file "access_token" \Q$why\E$/);
	pass("a token file that $why is refused by name, and the environment's is not used");
	my $until = sql(q{SELECT extract(epoch FROM paused_until) FROM whatsapp_senders WHERE name = 'default'});
	put('access_token', "sandbox-token\n");
	all_read();
	cmp_ok(time, '<', $until, 'and the mended file ends the pause');
}

# a token that Meta refuses, replaced: no wait for the end of the pause
put('access_token', "another-token\n");
paused_by(qr/./);
my $until = sql(q{SELECT extract(epoch FROM paused_until) FROM whatsapp_senders WHERE name = 'default'});
put('access_token', "sandbox-token\n");
all_read();
cmp_ok(time, '<', $until, 'a replaced token ends the pause');

# another account's file is not taken for the default one's
mkdir "$folder/north";
put('north/access_token', "\n");
sql(q{INSERT INTO whatsapp_accounts (name) VALUES ('north'); INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('north', 'north', '123456789');
	SELECT wa_send_po('A', 'PO-north', 1, '+34612345678', sender => 'north')});
wait_sql($node, q{SELECT paused_reason FROM whatsapp_senders WHERE name = 'north'}, 'secret file "north/access_token" is empty');
unlink "$folder/north/access_token";
sql(q{SELECT wa_resume('north')});
wait_sql($node, q{SELECT paused_hint FROM whatsapp_senders WHERE name = 'north'}, 'Put it into the file north/access_token in whatsapp.secret_dir.');
pass('the reason and the hint name the file of the account');

# who may read, and who may write
put('app_secret', "sandbox-app-secret\n", 0644);
chmod 0755, $folder;
$node->reload;
wait_for('the warning', sub { slurp_file($node->logfile) =~ /WARNING:  WhatsApp secret file "app_secret" can be read by everybody/ });
chmod 0777, $folder;
paused_by(qr/^secret file "access_token" stands in a folder that everybody can write to$/);
chmod 0700, $folder;
sql(q{SELECT wa_resume()});
all_read();
pass('a folder that everybody can write to is refused');

# settings that cannot be right
sub refused { my ($set) = @_; my (undef, undef, $err) = $node->psql('postgres', "ALTER SYSTEM SET whatsapp.$set"); return $err }
like(refused(q{api_version = '25.0'}), qr/DETAIL:  A version is v and a number.*\nHINT:  Write it like v25\.0\./, 'api_version without its v');
like(refused(q{api_base_url = 'https://graph.facebook.com/?x=1'}), qr/DETAIL:  The URL must not have a query\./, 'api_base_url with a query');
like(refused(q{api_base_url = 'https://graph.facebook.com/v25.0/'}), qr/DETAIL:  The URL must not have the version at its end/, 'api_base_url with a version');
like(refused(q{account_base_urls = 'https://graph.facebook.com/v25.0'}), qr/DETAIL:  The URL must not have the version at its end/, 'account_base_urls with a version');
like(refused("listen = $_"), qr/DETAIL:  ".*" is not an address\.\nHINT:  Write host:port/, "listen = $_") for q{'localhost'}, q{'127.0.0.1:80808'}, q{'example.org:80'}, q{'::1:80'};
is(refused("listen = $_"), '', "listen = $_") for q{'localhost:0'}, q{'[::1]:0'}, q{''};
like(sql('SELECT hint FROM wa_explain(2500)'), qr/api_base_url/, 'the code of a wrong address is explained');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');

# databases that are not there, or whose list is none
$node->append_conf('postgresql.conf', "whatsapp.databases = 'postgres, Shop, \"Shop 2\"'\n");
$node->restart;
wait_for('the log', sub { slurp_file($node->logfile) =~ /database "shop" of whatsapp\.databases does not exist/ });
like(slurp_file($node->logfile), qr/database "Shop 2" of whatsapp\.databases does not exist/, 'a database that is not there: a line in the log');
$node->append_conf('postgresql.conf', "whatsapp.databases = 'Shop 2;x'\n");
$node->restart;
wait_for('the log', sub { slurp_file($node->logfile) =~ /invalid list syntax in WhatsApp parameter "whatsapp\.databases"/ });
pass('a list that is none: a line in the log');

# where nobody sends, whoever enqueues hears of it
sub warned { my ($query) = @_; my (undef, undef, $err) = $node->psql('postgres', $query); return $err }
my $send = q{SELECT wa_send_po('A', 'PO-idle', 1, '+34612345678')};
like(warned($send), qr/WARNING:  WhatsApp messages are queued but nobody sends them\nDETAIL:  Database "postgres" is not in whatsapp\.databases\./, 'database not listed');
$node->append_conf('postgresql.conf', "whatsapp.databases = 'postgres'\nwhatsapp.enabled = off\n");
$node->restart;
like(warned($send), qr/DETAIL:  The setting whatsapp\.enabled is off\./, 'sending is off');
$node->append_conf('postgresql.conf', "whatsapp.enabled = on\n");
$node->restart;
is(warned($send), '', 'all is well: no word');
sql(q{UPDATE whatsapp_senders SET enabled = false WHERE name = 'default'});
like(warned($send), qr/DETAIL:  Sender "default" is disabled\./, 'the default sender is disabled, which one UPDATE does');
sql(q{UPDATE whatsapp_senders SET enabled = true; CREATE DATABASE elsewhere});
my (undef, undef, $err) = $node->psql('elsewhere', 'CREATE EXTENSION pg_whatsapp');
like($err, qr/WARNING:  no WhatsApp message is sent from this database yet\nDETAIL:  Database "elsewhere" is not in whatsapp\.databases\./, 'CREATE EXTENSION where nobody sends');
like(warned('SELECT wa_retry(1000000)'), qr/NOTICE:  message 1000000 is not sent again\nDETAIL:  It does not exist\./, 'wa_retry() says why not: no message');
like(warned(q{SELECT wa_retry(min(id)) FROM whatsapp_messages WHERE status = 'READ'}), qr/DETAIL:  Its status is READ;/, 'wa_retry() says why not: its status');

$node->stop('fast');
done_testing();
