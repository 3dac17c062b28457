/*
 * secure_connection.hpp — HTTP/2 over TLS, by libnghttp2 and OpenSSL.
 */
#pragma once

#include "connection.hpp"

#include <string>
#include <unordered_map>

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

namespace bench
{

/* Offers h2 and nothing else. */
class TlsContext
{
public:
	TlsContext(const std::string &certificate, const std::string &key);
	~TlsContext();
	TlsContext(const TlsContext &) = delete;
	TlsContext &operator=(const TlsContext &) = delete;

	SSL *start(int descriptor) const;

private:
	SSL_CTX *context_;
};

class SecureConnection : public Connection
{
public:
	SecureConnection(int descriptor, std::uint64_t serial, Desk &desk, const TlsContext &tls);
	~SecureConnection() override;

	bool read() override;
	bool write() override;
	void answer(std::int32_t stream, std::string_view body) override;

private:
	struct Stream {
		std::string body;
		std::size_t sent = 0;
	};

	bool begin_session();
	bool failed(int result) const;

	static int on_frame(nghttp2_session *, const nghttp2_frame *frame, void *self);
	static int on_data(nghttp2_session *, std::uint8_t, std::int32_t stream,
	                   const std::uint8_t *data, std::size_t size, void *self);
	static int on_close(nghttp2_session *, std::int32_t stream, std::uint32_t, void *self);
	static ssize_t on_body(nghttp2_session *, std::int32_t, std::uint8_t *buffer, std::size_t size,
	                       std::uint32_t *flags, nghttp2_data_source *source, void *);

	Desk &desk_;
	SSL *ssl_;
	nghttp2_session *session_ = nullptr;
	std::unordered_map<std::int32_t, Stream> streams_;
	std::string out_;
};

} // namespace bench
