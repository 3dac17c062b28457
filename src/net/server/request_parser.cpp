/*
 * request_parser.cpp — the only file that knows Boost.Beast.
 */
#include "net/server/request_parser.hpp"

#include <cstdint>
#include <limits>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/optional.hpp>

#include "core/base/server_free.hpp"

namespace whatsapp::net
{

namespace
{

namespace http = boost::beast::http;
using boost::beast::error_code;

/* The longest line with the size of a chunk and its extensions that is accepted. */
constexpr std::size_t max_chunk_line = 4096;

/* Keeps nothing: each piece is handed on as it comes. */
struct PieceBody {
	using value_type = std::string_view;

	class reader
	{
	public:
		template <bool is_request, class Fields>
		reader(http::header<is_request, Fields> &, value_type &piece) noexcept : piece_(piece)
		{
		}
		void
		init(const boost::optional<std::uint64_t> &, error_code &error) noexcept
		{
			error = {};
		}
		template <class Buffers>
		std::size_t
		put(const Buffers &buffers, error_code &error) noexcept
		{
			const boost::asio::const_buffer bytes = *boost::asio::buffer_sequence_begin(buffers);
			piece_ = {static_cast<const char *>(bytes.data()), bytes.size()};
			error = {};
			return bytes.size();
		}
		void
		finish(error_code &error) noexcept
		{
			error = {};
		}

	private:
		value_type &piece_;
	};
};

std::string_view
text_view(boost::beast::string_view text) noexcept
{
	return {text.data(), text.size()};
}

enum class HeadLook : unsigned char { unfinished, whole, malformed };

/* Looks at the bytes from scanned on; when the head is whole, it ends there. Refused are control
 * characters other than those that end a line, line ends other than CR LF, and lines that go on in
 * the next one. */
HeadLook
look_at_head(std::string_view bytes, std::size_t &scanned) noexcept
{
	static constexpr std::string_view end = "\r\n\r\n";

	for (; scanned < bytes.size(); scanned++) {
		const auto byte = static_cast<unsigned char>(bytes[scanned]);
		const char before = scanned == 0 ? '\n' : bytes[scanned - 1];
		const bool in_line_end = before == '\r';
		if (in_line_end != (byte == '\n') || (before == '\n' && (byte == ' ' || byte == '\t')) ||
		    byte == 0x7f || (byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n'))
			return HeadLook::malformed;
		if (byte == '\n' && scanned + 1 >= end.size() &&
		    bytes.substr(scanned + 1 - end.size(), end.size()) == end) {
			scanned++;
			return HeadLook::whole;
		}
	}
	return HeadLook::unfinished;
}

} // namespace

struct RequestParser::Parser {
	http::request_parser<PieceBody> beast;
};

RequestParser::RequestParser(std::size_t max_head_bytes)
    : parser_(std::make_unique<Parser>()), max_head_bytes_(max_head_bytes)
{
	parser_->beast.header_limit(static_cast<std::uint32_t>(max_head_bytes + 1));
	/* exchange.cpp has limits of its own */
	parser_->beast.body_limit(std::numeric_limits<std::uint64_t>::max());
}

RequestParser::~RequestParser() = default;

RequestParser::ParseStep
RequestParser::read_bytes(std::string_view bytes, std::size_t &used, std::string_view &piece)
{
	used = 0;
	piece = {};
	return has_head_ ? read_body(bytes, used, piece) : read_head(bytes, used);
}

RequestParser::ParseStep
RequestParser::read_head(std::string_view bytes, std::size_t &used)
{
	switch (look_at_head(bytes, scanned_)) {
	case HeadLook::malformed:
		return ParseStep::malformed;
	case HeadLook::unfinished:
		return bytes.size() > max_head_bytes_ ? ParseStep::head_too_large : ParseStep::more;
	case HeadLook::whole:
		break;
	}
	if (scanned_ > max_head_bytes_)
		return ParseStep::head_too_large;
	/* a call may stop between the request line and the fields */
	while (!parser_->beast.is_header_done()) {
		error_code error;
		const std::size_t taken = parser_->beast.put(
		    boost::asio::const_buffer(bytes.data() + used, scanned_ - used), error);
		used += taken;
		if (error || (taken == 0 && !parser_->beast.is_header_done()))
			return ParseStep::malformed;
	}
	has_head_ = true;
	return used == scanned_ ? ParseStep::head : ParseStep::malformed;
}

RequestParser::ParseStep
RequestParser::read_body(std::string_view bytes, std::size_t &used, std::string_view &piece)
{
	std::string_view &found = parser_->beast.get().body();

	found = {};
	while (!parser_->beast.is_done()) {
		if (used == bytes.size())
			return ParseStep::more;
		error_code error;
		used += parser_->beast.put(
		    boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
		if (error == http::error::need_more)
			return bytes.size() - used > max_chunk_line ? ParseStep::malformed : ParseStep::more;
		if (error)
			return ParseStep::malformed;
		if (!found.empty()) {
			piece = found;
			return ParseStep::piece;
		}
	}
	return ParseStep::done;
}

ParsedHead
RequestParser::head() const noexcept
{
	const auto &message = parser_->beast.get();
	ParsedHead head;

	head.method = text_view(message.method_string());
	head.target = text_view(message.target());
	head.old_version = message.version() < 11;
	head.keep_alive = parser_->beast.keep_alive();
	for (const auto &field : message) {
		const std::string_view value = text_view(field.value());
		head.field_count++;
		switch (field.name()) {
		case http::field::host:
			head.host.see_value(value);
			break;
		case http::field::content_length:
			head.length.see_value(value);
			break;
		case http::field::transfer_encoding:
			head.encoding.see_value(value);
			break;
		case http::field::accept:
			head.accept.see_value(value);
			break;
		case http::field::expect:
			head.expect.see_value(value);
			break;
		default:
			if (boost::beast::iequals(field.name_string(), "X-Hub-Signature-256"))
				head.signature.see_value(value);
		}
	}
	return head;
}

} // namespace whatsapp::net
