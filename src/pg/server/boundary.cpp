/*
 * boundary.cpp — the translation of C++ failures, kept free of anything that may jump or allocate.
 */
#include "pg/server/boundary.hpp"

#include <cstring>
#include <exception>
#include <new>

#include "core/base/fault.hpp"
#include "core/base/redact.hpp"

extern "C" {
#include "utils/memutils.h"
}

namespace whatsapp::pg
{

namespace
{

template <std::size_t N>
void
copy_text(char (&to)[N], std::string_view from) noexcept
{
	const std::string_view part = clip_text(from, N - 1);
	std::memcpy(to, part.data(), part.size());
	to[part.size()] = '\0';
}

int
encode_sqlstate(const char *code) noexcept
{
	return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
}

void *
allocate_memory(std::size_t size)
{
	/* an oversized request would raise even with the no-throw flag */
	void *memory = AllocSizeIsValid(size) ? palloc_extended(size, MCXT_ALLOC_NO_OOM) : nullptr;
	if (memory == nullptr)
		throw std::bad_alloc();
	return memory;
}

} // namespace

void
describe_current_exception(Failure &why) noexcept
{
	why.detail[0] = why.hint[0] = '\0';
	try {
		throw;
	} catch (const Fault &fault) {
		why.sqlstate = encode_sqlstate(fault.sqlstate());
		copy_text(why.message, fault.message());
		copy_text(why.detail, fault.detail());
		copy_text(why.hint, fault.hint());
	} catch (const std::bad_alloc &) {
		why.sqlstate = ERRCODE_OUT_OF_MEMORY;
		copy_text(why.message, "out of memory");
	} catch (const std::exception &error) {
		why.sqlstate = ERRCODE_INTERNAL_ERROR;
		copy_text(why.message, error.what());
	} catch (...) {
		why.sqlstate = ERRCODE_INTERNAL_ERROR;
		copy_text(why.message, "unrecognized C++ exception");
	}
}

void
raise_failure(const Failure &why)
{
	ereport(ERROR, (errcode(why.sqlstate), errmsg("%s", why.message),
	                why.detail[0] != '\0' ? errdetail("%s", why.detail) : 0,
	                why.hint[0] != '\0' ? errhint("%s", why.hint) : 0));
	pg_unreachable();
}

text *
text_out(std::string_view bytes)
{
	auto *out = static_cast<text *>(allocate_memory(bytes.size() + VARHDRSZ));
	SET_VARSIZE(out, bytes.size() + VARHDRSZ);
	std::memcpy(VARDATA(out), bytes.data(), bytes.size());
	return out;
}

char *
cstring_out(std::string_view bytes)
{
	auto *out = static_cast<char *>(allocate_memory(bytes.size() + 1));
	std::memcpy(out, bytes.data(), bytes.size());
	out[bytes.size()] = '\0';
	return out;
}

void *
room_out(std::size_t size)
{
	return allocate_memory(size);
}

} // namespace whatsapp::pg
