/*
 * phone_library.cpp — by the server's own machinery, which also checks the server's version.
 */
#include "pg/server/phone_library.hpp"

#include "pg/server/compat.hpp"

extern "C" {
#include "fmgr.h"
}

namespace whatsapp::pg
{

const PhoneNumbers &
phone_library()
{
	static const PhoneNumbers *loaded = nullptr;
	if (loaded != nullptr)
		return *loaded;
	/* without $libdir, as in the control file: dynamic_library_path finds both or neither */
	auto *hand_out = reinterpret_cast<const PhoneNumbers *(*)()>(
	    load_external_function("pg_whatsapp_phone", "pg_whatsapp_phone_numbers", true, nullptr));
	const PhoneNumbers *numbers = hand_out();
	if (numbers->interface != phone_numbers_interface)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		                errmsg("library pg_whatsapp_phone is of another version than pg_whatsapp"),
		                errhint("The server has to be restarted after an update of the files.")));
	loaded = numbers;
	return *loaded;
}

} // namespace whatsapp::pg
