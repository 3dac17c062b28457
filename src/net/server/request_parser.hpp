/*
 * request_parser.hpp — the bytes of one request, read as strictly as RFC 9112 allows: a look at the
 * raw head, then Boost.Beast's parser.
 *
 * The look comes first because parsers mend what they can: Beast joins a folded header, others take
 * a bare LF for the end of a line. What two programs could read differently is not read at all.
 */
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace whatsapp::net
{

/* A header or a parameter, and how often it was given. */
struct Once {
	unsigned count = 0;
	std::string_view value;

	void
	see_value(std::string_view seen) noexcept
	{
		count++;
		value = seen;
	}
	/* Empty unless it was given once: of two values nobody knows which one counts. */
	std::string_view
	only_value() const noexcept
	{
		return count == 1 ? value : std::string_view();
	}
};

/* The head as it was sent. Views, valid as long as the parser. */
struct ParsedHead {
	std::string_view method;
	std::string_view target;  /* nothing decoded */
	bool old_version = false; /* HTTP/1.0 */
	bool keep_alive = false;
	unsigned field_count = 0;
	Once host, length, encoding, expect, signature, accept;
};

class RequestParser
{
public:
	enum class ParseStep : unsigned char { more, head, piece, done, malformed, head_too_large };

	explicit RequestParser(std::size_t max_head_bytes);
	~RequestParser();
	RequestParser(const RequestParser &) = delete;
	RequestParser &operator=(const RequestParser &) = delete;

	/* bytes: all that came and is not used yet; used: how many of them are done with. Until the
	 * head is whole none is. After it, each call gives one piece of the body at most, a view into
	 * bytes. May throw std::bad_alloc. */
	ParseStep read_bytes(std::string_view bytes, std::size_t &used, std::string_view &piece);

	/* After ParseStep::head. */
	ParsedHead head() const noexcept;

private:
	struct Parser;
	ParseStep read_head(std::string_view bytes, std::size_t &used);
	ParseStep read_body(std::string_view bytes, std::size_t &used, std::string_view &piece);

	std::unique_ptr<Parser> parser_;
	std::size_t max_head_bytes_;
	std::size_t scanned_ = 0;
	bool has_head_ = false;
};

} // namespace whatsapp::net
