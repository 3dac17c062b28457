/*
 * shared_memory.cpp — room is asked for and handed out for every part that has registered itself.
 */
#include "pg/server/shared_memory.hpp"

#include "pg/server/prelude.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
}

namespace whatsapp::pg
{

namespace
{

SharedPart *parts = nullptr;
bool attached = false;
shmem_request_hook_type previous_request = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

extern "C" void
request_parts()
{
	if (previous_request != nullptr)
		previous_request();
	for (const SharedPart *part = parts; part != nullptr; part = part->next)
		RequestAddinShmemSpace(MAXALIGN(part->size));
}

extern "C" void
attach_parts()
{
	if (previous_startup != nullptr)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	for (const SharedPart *part = parts; part != nullptr; part = part->next) {
		bool found;
		void *memory = ShmemInitStruct(part->name, part->size, &found);
		if (!found)
			memset(memory, 0, part->size);
		part->attach(memory, !found);
	}
	LWLockRelease(AddinShmemInitLock);
	attached = true;
}

} // namespace

SharedPart::SharedPart(const char *its_name, std::size_t its_size,
                       void (*how)(void *, bool)) noexcept
    : name(its_name), size(its_size), attach(how), next(parts)
{
	parts = this;
}

void
install_shared_memory_hooks()
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_parts;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = attach_parts;
}

bool
library_preloaded()
{
	return attached;
}

} // namespace whatsapp::pg
