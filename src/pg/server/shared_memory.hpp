/*
 * shared_memory.hpp — what the processes of one cluster share, in parts: each belongs to one file.
 *
 * Plain values only. A pointer or descriptor of one process here would crash the next one.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

/* To be a static object: it registers itself when the library is loaded. */
struct SharedPart {
	const char *name; /* as pg_shmem_allocations shows it */
	std::size_t size;
	/* Called in each process with the memory of the part. is_new: this is the first process; the
	 * memory is all zeros, and attach has to fill it in while the others wait. */
	void (*attach)(void *memory, bool is_new);
	SharedPart *next;

	SharedPart(const char *its_name, std::size_t its_size, void (*how)(void *, bool)) noexcept;
};

/* In _PG_init, while preloading. */
void install_shared_memory_hooks();

/* False when the library was not preloaded: there is nothing to share, and nobody to wake. */
bool library_preloaded();

} // namespace whatsapp::pg
