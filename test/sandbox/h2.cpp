/*
 * h2.cpp: HTTP/2 with nghttp2: a connection, and its streams as requests for the handlers.
 *
 * A stream whose answer is held outlives its connection: whoever holds it lets it go sooner or
 * later, and only then it is deleted.
 */
#include <algorithm>
#include <atomic>
#include <cstring>
#include <unordered_map>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <nghttp2/nghttp2.h>

#include "front.hpp"
#include "text.hpp"

namespace sandbox
{

namespace
{

class Connection;

class Stream final : public Carrier
{
public:
	Stream(Connection *connection, int32_t id, bool tls);
	std::optional<std::string> argument(const char *name) const override;
	std::optional<std::string> header(const char *name) const override;
	bool
	abandoned() const override
	{
		return closed;
	}
	void
	suspend() override
	{
	}
	void resume() override;

	Front &front;
	Connection *connection; /* null: it has gone */
	const int32_t id;
	Exchange exchange;
	std::string query = {};
	std::vector<std::pair<std::string, std::string>> headers = {};
	size_t sent = 0;
	std::atomic<bool> closed{false};
};

class Connection final : public Link
{
public:
	Connection(Front &given, bufferevent *stream, bool tls);
	~Connection() override;
	void goaway() override;
	void cut() override;

	void dispatch(Stream &stream);
	void reply(Stream &stream);
	void forget(int32_t id);
	/* Takes what has come, sends, and closes when all is done. */
	void turn() override;

	Front &front;
	nghttp2_session *session = nullptr;
	std::unordered_map<int32_t, Stream *> streams = {};
	const bool tls;

private:
	enum class End : uint8_t { No, AfterWriting, Now, Reset };

	void answer(Stream &stream);
	static void readable(bufferevent *, void *cls);
	static void written(bufferevent *, void *cls);
	static void happened(bufferevent *, short what, void *cls);

	bufferevent *bev_;
	End end_ = End::No;
	bool dropped_ = false;
};

void
finish(Stream *stream)
{
	if (stream->exchange.is_message) {
		Sandbox &box = stream->front.box();
		const std::lock_guard<std::mutex> lock(box.mutex);
		box.traffic.finished(stream->exchange);
	}
	delete stream;
}

Stream::Stream(Connection *given, int32_t number, bool tls)
    : front(given->front), connection(given), id(number)
{
	exchange.carrier = this;
	exchange.http2 = true;
	exchange.tls = tls;
}

std::string
unescape(const std::string &text)
{
	size_t size = 0;
	char *plain = evhttp_uridecode(text.c_str(), 1, &size);
	std::string out(plain == nullptr ? "" : plain, plain == nullptr ? 0 : size);
	std::free(plain);
	return out;
}

std::optional<std::string>
Stream::argument(const char *name) const
{
	for (size_t start = 0; start < query.size();) {
		const size_t end = std::min(query.find('&', start), query.size());
		const std::string one = query.substr(start, end - start);
		const size_t equals = one.find('=');
		if (unescape(one.substr(0, equals)) == name)
			return equals == std::string::npos ? "" : unescape(one.substr(equals + 1));
		start = end + 1;
	}
	return std::nullopt;
}

std::optional<std::string>
Stream::header(const char *name) const
{
	const std::string wanted = lower(name);
	for (const auto &header : headers)
		if (header.first == wanted || (header.first == ":authority" && wanted == "host"))
			return header.second;
	return std::nullopt;
}

void
Stream::resume()
{
	front.post([this] {
		exchange.held = false;
		if (connection == nullptr || closed) {
			if (connection != nullptr)
				connection->forget(id);
			return finish(this);
		}
		Connection &last = *connection;
		last.reply(*this);
		last.turn();
	});
}

/* --- nghttp2's callbacks --- */

Stream *
stream_of(nghttp2_session *session, int32_t id)
{
	return static_cast<Stream *>(nghttp2_session_get_stream_user_data(session, id));
}

int
begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *cls)
{
	auto *connection = static_cast<Connection *>(cls);
	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	auto *stream = new Stream(connection, frame->hd.stream_id, connection->tls);
	connection->streams[stream->id] = stream;
	nghttp2_session_set_stream_user_data(session, stream->id, stream);
	std::atomic<uint64_t> &most = connection->front.box().front.max_streams;
	most = std::max<uint64_t>(most, connection->streams.size());
	return 0;
}

int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
          size_t name_size, const uint8_t *value, size_t value_size, uint8_t, void *)
{
	Stream *stream = stream_of(session, frame->hd.stream_id);
	if (stream == nullptr)
		return 0;
	std::string key(reinterpret_cast<const char *>(name), name_size);
	std::string text(reinterpret_cast<const char *>(value), value_size);
	if (key == ":method") {
		stream->exchange.method = std::move(text);
	} else if (key == ":path") {
		const size_t mark = std::min(text.find('?'), text.size());
		stream->query = mark < text.size() ? text.substr(mark + 1) : "";
		stream->exchange.path = text.substr(0, mark);
	} else {
		stream->headers.emplace_back(std::move(key), std::move(text));
	}
	return 0;
}

int
on_data(nghttp2_session *session, uint8_t, int32_t id, const uint8_t *data, size_t size, void *)
{
	Stream *stream = stream_of(session, id);
	if (stream == nullptr)
		return 0;
	if (stream->exchange.body.size() + size > longest_body)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
	stream->exchange.body.append(reinterpret_cast<const char *>(data), size);
	return 0;
}

int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *cls)
{
	const bool carries = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	Stream *stream = stream_of(session, frame->hd.stream_id);
	if (stream != nullptr && !stream->exchange.routed)
		static_cast<Connection *>(cls)->dispatch(*stream);
	return 0;
}

int
on_close(nghttp2_session *session, int32_t id, uint32_t, void *cls)
{
	Stream *stream = stream_of(session, id);
	if (stream == nullptr)
		return 0;
	stream->closed = true;
	if (stream->exchange.held)
		return 0;
	static_cast<Connection *>(cls)->forget(id);
	finish(stream);
	return 0;
}

ssize_t
read_body(nghttp2_session *, int32_t, uint8_t *buffer, size_t room, uint32_t *flags,
          nghttp2_data_source *source, void *)
{
	auto *stream = static_cast<Stream *>(source->ptr);
	const Reply &reply = stream->exchange.reply;
	const bool half = reply.cut == Cut::Truncate;
	const size_t end = half ? reply.body.size() / 2 : reply.body.size();
	const size_t size = std::min(room, end - stream->sent);
	if (half && size == 0)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
	std::memcpy(buffer, reply.body.data() + stream->sent, size);
	stream->sent += size;
	if (!half && stream->sent == end)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return static_cast<ssize_t>(size);
}

nghttp2_session *
new_session(Connection *connection, uint32_t most_streams)
{
	nghttp2_session_callbacks *callbacks = nullptr;
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session *session = nullptr;
	nghttp2_session_server_new(&session, callbacks, connection);
	nghttp2_session_callbacks_del(callbacks);
	const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, most_streams},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2);
	return session;
}

/* --- a connection --- */

Connection::Connection(Front &given, bufferevent *stream, bool by_tls)
    : front(given), tls(by_tls), bev_(stream)
{
	session = new_session(this, static_cast<uint32_t>(front.box().options.most_streams));
	front.box().front.http2++;
	front.box().front.http2_opened++;
	bufferevent_setcb(bev_, readable, written, happened, this);
	bufferevent_enable(bev_, EV_READ | EV_WRITE);
	turn();
}

Connection::~Connection()
{
	for (const auto &numbered : streams) {
		Stream *stream = numbered.second;
		stream->connection = nullptr;
		stream->closed = true;
		if (!stream->exchange.held)
			finish(stream);
	}
	streams.clear();
	nghttp2_session_del(session);
	bufferevent_free(bev_);
	front.box().front.http2--;
}

void
Connection::goaway()
{
	nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
	                      nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
	                      nullptr, 0);
}

void
Connection::cut()
{
	reset_socket(bufferevent_getfd(bev_));
}

void
Connection::forget(int32_t id)
{
	streams.erase(id);
}

void
Connection::dispatch(Stream &stream)
{
	route(front.box(), stream.exchange);
	if (!stream.exchange.held)
		reply(stream);
}

void
Connection::reply(Stream &stream)
{
	if (stream.exchange.is_message) {
		const std::lock_guard<std::mutex> lock(front.box().mutex);
		front.box().traffic.finished(stream.exchange);
	}
	switch (stream.exchange.reply.cut) {
	case Cut::Reset:
		end_ = End::Reset;
		break;
	case Cut::Close:
		end_ = End::Now;
		break;
	case Cut::NotHttp:
		bufferevent_write(bev_, "garbage, and no HTTP\r\n\r\n", 24);
		end_ = End::AfterWriting;
		break;
	case Cut::Stream:
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
		break;
	case Cut::RefusedStream:
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_REFUSED_STREAM);
		break;
	case Cut::Goaway:
		answer(stream);
		goaway();
		break;
	default:
		answer(stream);
	}
}

void
Connection::answer(Stream &stream)
{
	const Reply &reply = stream.exchange.reply;
	std::vector<std::pair<std::string, std::string>> headers = {
	    {":status", std::to_string(reply.status)},
	    {"content-length", std::to_string(reply.body.size())},
	    {"facebook-api-version", "v" + std::to_string(stream.exchange.version) + ".0"}};
	if (!reply.type.empty())
		headers.emplace_back("content-type", reply.type);
	for (const auto &header : reply.headers)
		headers.emplace_back(lower(header.first), header.second);
	std::vector<nghttp2_nv> pairs;
	for (auto &header : headers)
		pairs.push_back({reinterpret_cast<uint8_t *>(header.first.data()),
		                 reinterpret_cast<uint8_t *>(header.second.data()), header.first.size(),
		                 header.second.size(), NGHTTP2_NV_FLAG_NONE});
	nghttp2_data_provider provider{};
	provider.source.ptr = &stream;
	provider.read_callback = read_body;
	nghttp2_submit_response(session, stream.id, pairs.data(), pairs.size(), &provider);
}

void
Connection::turn()
{
	if (dropped_)
		return;
	evbuffer *input = bufferevent_get_input(bev_);
	const size_t size = evbuffer_get_length(input);
	if (size > 0 && end_ == End::No) {
		const ssize_t taken = nghttp2_session_mem_recv(session, evbuffer_pullup(input, -1), size);
		if (taken < 0)
			end_ = End::Now;
		else
			evbuffer_drain(input, static_cast<size_t>(taken));
	}
	while (end_ == End::No) {
		const uint8_t *bytes = nullptr;
		const ssize_t ready = nghttp2_session_mem_send(session, &bytes);
		if (ready <= 0)
			break;
		bufferevent_write(bev_, bytes, static_cast<size_t>(ready));
	}
	if (nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0 &&
	    end_ == End::No)
		end_ = End::AfterWriting;
	const bool idle = evbuffer_get_length(bufferevent_get_output(bev_)) == 0;
	if (end_ == End::No || (end_ == End::AfterWriting && !idle))
		return;
	if (end_ == End::Reset)
		cut();
	dropped_ = true;
	front.drop(this);
}

void
Connection::readable(bufferevent *, void *cls)
{
	static_cast<Connection *>(cls)->turn();
}

void
Connection::written(bufferevent *, void *cls)
{
	static_cast<Connection *>(cls)->turn();
}

void
Connection::happened(bufferevent *, short, void *cls)
{
	auto *connection = static_cast<Connection *>(cls);
	connection->end_ = End::Now; /* the other end has closed, or worse */
	connection->turn();
}

} // namespace

std::unique_ptr<Link>
http2_connection(Front &front, bufferevent *stream, bool tls)
{
	return std::make_unique<Connection>(front, stream, tls);
}

} // namespace sandbox
