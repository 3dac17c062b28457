/*
 * server_free.hpp — included last by every source of core/ and net/.
 *
 * Those floors may throw and run on libcurl's callbacks, where a server error would jump over live
 * C++ objects. This stops the compilation as soon as a server header got in, whatever the path.
 */
#ifdef POSTGRES_H
#error "core/ and net/ must not see the server: postgres.h was included"
#endif
#ifdef CATALOG_VERSION_NO
#error "core/ and net/ must not see the server: a catalog header was included"
#endif
