/*
 * bearer.hpp — the header list of one token, shared by every request that carries it.
 *
 * Requests keep theirs alive while in flight, so a rotated token ends with its last request. Copies
 * made here are overwritten before their memory is given back.
 */
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct curl_slist;

namespace whatsapp::net
{

/* Not empty, and nothing that could end the header or start another one. */
bool token_allowed(std::string_view token) noexcept;

class Bearer
{
public:
	Bearer() noexcept = default;
	~Bearer() { reset(); }
	Bearer(const Bearer &other) noexcept : shared_(other.shared_) { add_reference(); }
	Bearer &operator=(const Bearer &other) noexcept;

	/* content_type: empty for application/json. Empty when memory fails, and for a type that could
	 * end the header. */
	static Bearer make_headers(std::string_view token, const std::string &user_agent,
	                           std::string_view content_type = {}) noexcept;
	/* As Meta's resumable uploads want them: the token has another name, and the bytes are those
	 * from the beginning of the file. */
	static Bearer make_upload_headers(std::string_view token, const std::string &user_agent,
	                                  std::string_view content_type) noexcept;

	explicit operator bool() const noexcept { return shared_ != nullptr; }
	bool carries_token(std::string_view token) const noexcept;
	curl_slist *headers() const noexcept;
	void reset() noexcept;

private:
	struct Shared;
	static Bearer make_authorized_headers(std::string_view scheme, std::string_view token,
	                                      const std::string &user_agent,
	                                      std::string_view content_type,
	                                      const char *further_header) noexcept;
	void add_reference() noexcept;
	Shared *shared_ = nullptr;
};

} // namespace whatsapp::net
