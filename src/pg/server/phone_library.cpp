/*
 * phone_library.cpp — by the server's own machinery, which also checks the server's version.
 */
#include "pg/server/phone_library.hpp"

#include <cstdlib>

#include "pg/server/compat.hpp"

extern "C" {
#include "fmgr.h"
}

namespace whatsapp::pg
{

namespace
{

/* The library's static objects are made within dlopen(), and what they throw ends the process. So
 * it is tried before whether there is memory for them; what comes back is the last piece, which
 * keeps the others from going back to the system until it is freed. */
void *
try_memory()
{
	constexpr int pieces = 64;
	constexpr std::size_t piece_bytes = std::size_t{16} << 10;
	void *taken[pieces + 1];
	int count = 0;
	while (count <= pieces &&
	       (taken[count] = std::malloc(count < pieces ? piece_bytes : 1)) != nullptr)
		count++;
	const bool enough = count > pieces;
	for (int i = 0; i < (enough ? pieces : count); i++)
		std::free(taken[i]);
	if (!enough)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
		                errdetail("There is no room for the library pg_whatsapp_phone.")));
	return taken[pieces];
}

} // namespace

const PhoneNumbers &
phone_library()
{
	static const PhoneNumbers *loaded = nullptr;
	if (loaded != nullptr)
		return *loaded;
	void *last_piece = try_memory();
	/* without $libdir, as in the control file: dynamic_library_path finds both or neither */
	auto *hand_out = reinterpret_cast<const PhoneNumbers *(*)()>(
	    load_external_function("pg_whatsapp_phone", "pg_whatsapp_phone_numbers", true, nullptr));
	std::free(last_piece);
	const PhoneNumbers *numbers = hand_out();
	if (numbers->interface != phone_numbers_interface)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("library pg_whatsapp_phone is of another version than pg_whatsapp"),
		                errhint("The server has to be restarted after an update of the files.")));
	loaded = numbers;
	return *loaded;
}

} // namespace whatsapp::pg
