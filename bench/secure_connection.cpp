/*
 * secure_connection.cpp — a session of libnghttp2 on a connection of OpenSSL, without blocking.
 */
#include "secure_connection.hpp"

#include "options.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/err.h>

namespace bench
{

namespace
{

constexpr std::size_t read_size = 65536;
/* as much is collected before it goes through the cipher; a record of TLS holds 16 KiB */
constexpr std::size_t write_size = 16384;
constexpr std::uint32_t max_streams = 256;

int
select_h2(SSL *, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
          unsigned in_size, void *)
{
	static const unsigned char ours[] = "\x02h2";
	unsigned char *chosen = nullptr;
	if (SSL_select_next_proto(&chosen, out_size, ours, 3, in, in_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

nghttp2_nv
header(const char *name, const std::string &value)
{
	const auto bytes = [](const char *text) {
		return reinterpret_cast<std::uint8_t *>(const_cast<char *>(text));
	};
	return {bytes(name), bytes(value.c_str()), std::strlen(name), value.size(),
	        NGHTTP2_NV_FLAG_NONE};
}

} // namespace

TlsContext::TlsContext(const std::string &certificate, const std::string &key)
    : context_(SSL_CTX_new(TLS_server_method()))
{
	if (SSL_CTX_use_certificate_chain_file(context_, certificate.c_str()) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM) != 1)
		Options::fail("cannot use " + certificate + " and " + key);
	SSL_CTX_set_alpn_select_cb(context_, select_h2, nullptr);
	SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

TlsContext::~TlsContext()
{
	SSL_CTX_free(context_);
}

SSL *
TlsContext::start(int descriptor) const
{
	SSL *ssl = SSL_new(context_);
	SSL_set_fd(ssl, descriptor);
	SSL_set_accept_state(ssl);
	return ssl;
}

SecureConnection::SecureConnection(int descriptor, std::uint64_t serial, Desk &desk,
                                   const TlsContext &tls)
    : Connection(descriptor, serial), desk_(desk), ssl_(tls.start(descriptor))
{
}

SecureConnection::~SecureConnection()
{
	nghttp2_session_del(session_);
	SSL_free(ssl_);
}

bool
SecureConnection::begin_session()
{
	nghttp2_session_callbacks *callbacks = nullptr;
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	const int made = nghttp2_session_server_new(&session_, callbacks, this);
	nghttp2_session_callbacks_del(callbacks);
	const nghttp2_settings_entry limits[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams}};
	return made == 0 && nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, limits, 1) == 0;
}

bool
SecureConnection::failed(int result) const
{
	const int reason = SSL_get_error(ssl_, result);
	return reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE;
}

bool
SecureConnection::read()
{
	/* what another connection left there would be taken for this one's failure */
	ERR_clear_error();
	if (!SSL_is_init_finished(ssl_)) {
		const int done = SSL_do_handshake(ssl_);
		if (done != 1)
			return !failed(done);
		if (!begin_session())
			return false;
	}
	std::uint8_t data[read_size];
	for (;;) {
		const int count = SSL_read(ssl_, data, sizeof data);
		if (count <= 0) {
			if (failed(count))
				return false;
			break;
		}
		if (nghttp2_session_mem_recv(session_, data, static_cast<std::size_t>(count)) < 0)
			return false;
	}
	return write();
}

bool
SecureConnection::write()
{
	if (session_ == nullptr)
		return true;
	ERR_clear_error();
	for (;;) {
		while (out_.size() < write_size) {
			const std::uint8_t *data;
			const ssize_t count = nghttp2_session_mem_send(session_, &data);
			if (count < 0)
				return false;
			if (count == 0)
				break;
			out_.append(reinterpret_cast<const char *>(data), static_cast<std::size_t>(count));
		}
		if (out_.empty())
			break;
		const int sent = SSL_write(ssl_, out_.data(), static_cast<int>(out_.size()));
		if (sent <= 0) {
			if (failed(sent))
				return false;
			break;
		}
		out_.erase(0, static_cast<std::size_t>(sent));
	}
	desk_.watch(*this, !out_.empty());
	return nghttp2_session_want_read(session_) || nghttp2_session_want_write(session_);
}

void
SecureConnection::answer(std::int32_t stream, std::string_view body)
{
	const auto found = streams_.find(stream);
	if (found == streams_.end())
		return;
	found->second.body.assign(body);
	const std::string status = "200", type = "application/json; charset=UTF-8";
	const std::string length = std::to_string(body.size());
	const nghttp2_nv headers[] = {header(":status", status), header("content-type", type),
	                              header("content-length", length)};
	nghttp2_data_provider provider;
	provider.source.ptr = &found->second;
	provider.read_callback = on_body;
	nghttp2_submit_response(session_, stream, headers, 3, &provider);
}

int
SecureConnection::on_frame(nghttp2_session *, const nghttp2_frame *frame, void *self)
{
	SecureConnection &me = *static_cast<SecureConnection *>(self);
	const std::int32_t stream = frame->hd.stream_id;
	if (frame->hd.type == NGHTTP2_HEADERS)
		me.streams_[stream];
	if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		const std::string body = std::move(me.streams_[stream].body);
		me.desk_.message(me, stream, body);
	}
	return 0;
}

int
SecureConnection::on_data(nghttp2_session *, std::uint8_t, std::int32_t stream,
                          const std::uint8_t *data, std::size_t size, void *self)
{
	static_cast<SecureConnection *>(self)->streams_[stream].body.append(
	    reinterpret_cast<const char *>(data), size);
	return 0;
}

int
SecureConnection::on_close(nghttp2_session *, std::int32_t stream, std::uint32_t, void *self)
{
	static_cast<SecureConnection *>(self)->streams_.erase(stream);
	return 0;
}

ssize_t
SecureConnection::on_body(nghttp2_session *, std::int32_t, std::uint8_t *buffer, std::size_t size,
                          std::uint32_t *flags, nghttp2_data_source *source, void *)
{
	Stream &stream = *static_cast<Stream *>(source->ptr);
	const std::size_t count = std::min(size, stream.body.size() - stream.sent);
	std::memcpy(buffer, stream.body.data() + stream.sent, count);
	stream.sent += count;
	if (stream.sent == stream.body.size())
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return static_cast<ssize_t>(count);
}

} // namespace bench
