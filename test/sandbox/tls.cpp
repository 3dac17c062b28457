/*
 * tls.cpp: a CA of a day, a certificate signed by it, and ALPN.
 *
 * The CA's key is forgotten at once: nobody can be hurt by a client that still trusts it.
 */
#include "tls.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "text.hpp"

namespace sandbox
{

namespace
{

using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY *)>;
using Certificate = std::unique_ptr<X509, void (*)(X509 *)>;

const long day_s = 24 * 3600;

[[noreturn]] void
fail(const std::string &what)
{
	char reason[256] = "";
	ERR_error_string_n(ERR_get_error(), reason, sizeof reason);
	throw std::runtime_error(what + ": " + reason);
}

Key
new_key()
{
	return {EVP_EC_gen("P-256"), EVP_PKEY_free};
}

void
extend(X509 *certificate, X509 *issuer, int nid, const std::string &value)
{
	X509V3_CTX context;
	X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
	if (extension == nullptr || X509_add_ext(certificate, extension, -1) != 1)
		fail("certificate, " + value);
	X509_EXTENSION_free(extension);
}

Certificate
new_certificate(const char *name, EVP_PKEY *key, bool expired)
{
	Certificate made(X509_new(), X509_free);
	X509_set_version(made.get(), X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), random_bits() >> 1);
	X509_gmtime_adj(X509_getm_notBefore(made.get()), -2 * day_s);
	X509_gmtime_adj(X509_getm_notAfter(made.get()), expired ? -day_s : 30 * day_s);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
	                           reinterpret_cast<const unsigned char *>(name), -1, -1, 0);
	X509_set_pubkey(made.get(), key);
	return made;
}

std::string
alternative_names(const std::vector<std::string> &names)
{
	if (names.empty())
		return "DNS:localhost,IP:127.0.0.1";
	std::string out;
	for (const std::string &name : names) {
		const bool address = name.find_first_not_of("0123456789.") == std::string::npos;
		out += (out.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
	}
	return out;
}

void
write_pem(const std::string &file, X509 *certificate)
{
	const std::string draft = file + ".new";
	std::FILE *stream = std::fopen(draft.c_str(), "w");
	bool written = stream != nullptr && PEM_write_X509(stream, certificate) == 1;
	written = stream != nullptr && std::fclose(stream) == 0 && written;
	if (!written || std::rename(draft.c_str(), file.c_str()) != 0)
		throw std::runtime_error(file + ": " + std::strerror(errno));
}

void
make_certificate(SSL_CTX *context, const TlsOptions &options)
{
	const Key ca_key = new_key(), key = new_key();
	if (!ca_key || !key)
		fail("keys");
	const Certificate ca = new_certificate("sandbox CA", ca_key.get(), false);
	X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get()));
	extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
	extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
	extend(ca.get(), ca.get(), NID_subject_key_identifier, "hash");

	const Certificate own = new_certificate("sandbox", key.get(), options.expired);
	X509_set_issuer_name(own.get(), X509_get_subject_name(ca.get()));
	extend(own.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
	extend(own.get(), ca.get(), NID_ext_key_usage, "serverAuth");
	extend(own.get(), ca.get(), NID_subject_alt_name, alternative_names(options.names));
	if (X509_sign(ca.get(), ca_key.get(), EVP_sha256()) == 0 ||
	    X509_sign(own.get(), ca_key.get(), EVP_sha256()) == 0)
		fail("signing");
	if (SSL_CTX_use_certificate(context, own.get()) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key.get()) != 1)
		fail("certificate");
	if (!options.ca_file.empty())
		write_pem(options.ca_file, ca.get());
}

int
choose_protocol(SSL *, const unsigned char **chosen, unsigned char *size,
                const unsigned char *offered, unsigned int offered_size, void *)
{
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *found = nullptr;
	if (SSL_select_next_proto(&found, size, ours, sizeof ours - 1, offered, offered_size) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

} // namespace

TlsContext
tls_context(const TlsOptions &options)
{
	TlsContext context(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
	if (!context)
		fail("TLS");
	SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
	SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
	if (options.certificate_file.empty()) {
		make_certificate(context.get(), options);
	} else if (SSL_CTX_use_certificate_chain_file(context.get(),
	                                              options.certificate_file.c_str()) != 1 ||
	           SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(),
	                                       SSL_FILETYPE_PEM) != 1) {
		fail(options.certificate_file);
	}
	return context;
}

bool
chose_http2(const SSL *ssl)
{
	const unsigned char *chosen = nullptr;
	unsigned int size = 0;
	SSL_get0_alpn_selected(ssl, &chosen, &size);
	return size == 2 && std::memcmp(chosen, "h2", 2) == 0;
}

} // namespace sandbox
