/*
 * shared_memory.hpp — what the processes of one cluster share, in parts: each belongs to one file.
 *
 * Plain values only. A pointer or descriptor of one process here would crash the next one.
 */
#pragma once

#include <cstddef>

namespace whatsapp::pg
{

/* A static, which registers itself when the library is loaded. */
struct SharedPart {
	const char *name; /* as pg_shmem_allocations shows it */
	std::size_t size;
	/* In each process, with the part's memory; is_new: it is all zeros, and the first of all
	 * processes has to fill it in. Others wait meanwhile. */
	void (*attach)(void *memory, bool is_new);
	SharedPart *next;

	SharedPart(const char *its_name, std::size_t its_size, void (*how)(void *, bool)) noexcept;
};

/* In _PG_init, while preloading. */
void install_shared_memory_hooks();

/* False when the library was not preloaded: there is nothing to share, and nobody to wake. */
bool library_preloaded();

} // namespace whatsapp::pg
