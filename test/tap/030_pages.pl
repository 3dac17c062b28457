# The SQL of the pages in docs/ that no other test runs: all of a page in one session, in a database of its own that the workers serve, with the
# sandbox in Meta's place. A statement that fails is a page that is wrong. The other pages: 067_runbooks, 069_quick_reference, 076_migrating.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Pages;
use PgWhatsapp;
use PostgreSQL::Test::Utils;
use Test::More;

my @pages = qw(callbacks campaigns prices receiving requests sending templates troubleshooting watching-tables web-tier go-live);

# What every page takes for granted: tables of the reader's, a second account with a sender.
my $tables = <<'SQL';
CREATE TABLE suppliers (id text PRIMARY KEY, name text, phone text, country text);
INSERT INTO suppliers VALUES ('1', 'Proveedor ABC', '612 34 56 78', 'ES'), ('2', 'Proveedor XYZ', '+34612345679', 'ES');
CREATE TABLE customers (phone text, name text, discount text, wants_offers boolean DEFAULT true);
INSERT INTO customers VALUES ('+34612345678', 'Ana', '10 %'), ('+34612345679', 'Benito', '20 %');
CREATE TABLE purchase_orders (id bigint PRIMARY KEY, supplier text, po_number text, total numeric, currency text DEFAULT 'EUR', phone text,
    status text DEFAULT 'approved', created_at timestamptz DEFAULT now(), delivery_date date DEFAULT current_date + 7);
INSERT INTO purchase_orders VALUES (4711, '1', 'PO-4711', 1250, 'EUR', '+34612345678');
CREATE TABLE orders (id bigint PRIMARY KEY, supplier text, po_number text, total numeric, phone text);
INSERT INTO whatsapp_accounts (name, business_account_id) VALUES ('north', '987654321');
INSERT INTO whatsapp_senders (name, account, phone_number_id) VALUES ('north', 'north', '223456789');
SQL
# And what one page does.
my %prelude = (
	'requests' => q{INSERT INTO whatsapp_inbound (id, received_at, occurred_at, sender, wamid, message_type, media_id, sha256, opens_window, event_id, raw) OVERRIDING SYSTEM VALUE
		VALUES (42, now(), now(), 'default', 'wamid.42', 'image', 'M42', encode(sha256('bytes of a picture'), 'base64'), true, 1, '{}');},
	'web-tier' => 'CREATE SCHEMA api;');

# Files of the reader's, and the credentials of his second account.
my $folder = PostgreSQL::Test::Utils::tempdir();
my %content = (
	'/srv/orders/PO-1.pdf' => "%PDF-1.4\n",
	'/srv/templates/logo.png' => "\x89PNG\r\n\x1a\n",
	'/tmp/rates-eur.csv' => "Market,Currency,Marketing,Utility,Authentication\nSpain,EUR,0.06,0.03,0.03\n");
my %here = map { $_ => "$folder/" . s{.*/}{}r } keys %content;
append_to_file($here{$_}, $content{$_}) for keys %content;
mkdir "$folder/north" or die "$folder/north: $!";
append_to_file("$folder/north/access_token", 'sandbox-token');
chmod 0600, "$folder/north/access_token";

my $node = new_cluster('pages', no_extension => 1, conf => <<"CONF");
whatsapp.databases = 'shop'
whatsapp.secret_dir = '$folder'
CONF
# What Meta has: a file that somebody has sent, the template of orders with a document, and the one that docs/templates.md defines.
sandbox_post($node->{sandbox}, 'media', { id => 'M42', mime_type => 'image/png', content => 'bytes of a picture' });
my ($order_ready) = page('docs/templates.md') =~ /wa_template_define\('\{("name": "order_ready".*?)'\);/s;
sandbox_post($node->{sandbox}, 'templates', qq({"status": "APPROVED", $order_ready));
sandbox_post($node->{sandbox}, 'templates', { name => 'po_notification', language => 'es', components => [ { type => 'HEADER', format => 'DOCUMENT' }, { type => 'BODY', text => 'Hola {{1}}: {{2}}, {{3}}.' } ] });
$node->safe_psql('postgres', "CREATE ROLE $_") for qw(buyer controlling web web_anon);

# The settings that a page makes. A session takes them over some time after pg_reload_conf(); here it begins with them.
sub set_settings
{
	my ($sql) = @_;
	my $loaded = sub { return $node->safe_psql('postgres', 'SELECT pg_conf_load_time()') };
	my @settings = $sql =~ /^(ALTER SYSTEM .*;)$/mg or return;
	my $before = $loaded->();
	$node->safe_psql('postgres', $_) for @settings;
	$node->reload;
	wait_for('the settings', sub { $loaded->() ne $before });
	return;
}

# All of it in one session of a new database: each error as "SQLSTATE: message".
sub errors_of
{
	my ($sql, $prelude) = @_;
	$node->safe_psql('postgres', $_) for 'DROP DATABASE IF EXISTS shop', 'CREATE DATABASE shop';
	$node->safe_psql('shop', "SET client_min_messages = error;\nCREATE EXTENSION pg_whatsapp;\n$tables" . ($prelude || ''));
	set_settings($sql);
	my ($code, $out, $err) = $node->psql('shop', "\\set VERBOSITY verbose\nSET client_min_messages = error;\n$sql", on_error_stop => 0);
	return $err =~ /^(?:psql:\S* )?(?:error|fatal): +(.*)$/img;
}

sub statements_of { my ($page) = @_; return adapt(join("\n", map { $_->{text} } blocks(page("docs/$page.md"), 'sql')), %here) }

for my $page (@pages)
{
	my $sql = statements_of($page);
	isnt($sql, '', "$page.md has statements");
	is(join("\n", errors_of($sql, $prelude{$page})), '', "$page.md: all of them run");
}
# both show what to do with an answer
is(join("\n", errors_of(statements_of('callbacks') . statements_of('receiving'))), '', 'callbacks.md and receiving.md go in one database');
is(join("\n", errors_of("SELECT wa_never();\nSELECT 1;\nSELECT 1 / 0;\n")), "42883: function wa_never() does not exist\n22012: division by zero", 'and an error is noticed');
$node->stop;
done_testing();
