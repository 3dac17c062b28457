/*
 * tls.hpp: the certificate of the TLS port, made at the start or given, and OpenSSL's context.
 */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>

namespace sandbox
{

struct TlsOptions {
	std::string certificate_file, key_file; /* given: nothing is made */
	std::string ca_file;                    /* the made CA is written there */
	std::vector<std::string> names;         /* empty: localhost and 127.0.0.1 */
	bool expired = false;
};

using TlsContext = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX *)>;

/* A server's context that offers h2 and http/1.1; throws std::runtime_error. */
TlsContext tls_context(const TlsOptions &options);

/* The protocol that was agreed on. */
bool chose_http2(const SSL *ssl);

} // namespace sandbox
