/*
 * schema.hpp — where the extension lives: its schema's name, its owner, and whether it is there at
 * all.
 */
#pragma once

namespace whatsapp::pg
{

/* For SQL-callable functions: the schema of the function that is running, so that no search_path
 * has a say. Cheap (looked up when something has changed). The name is quoted as SQL needs it and
 * lives until the next call. */
void use_schema_of_function(unsigned function_oid);

enum class Extension : int { present, absent, replaced, other_version };

/* For workers, in a transaction: looks the extension up when the catalogs have changed since the
 * last call. replaced: it was dropped and created anew since the first look, so nothing that the
 * worker remembers is about these tables. other_version: its tables are of another version than
 * this library, until somebody calls ALTER EXTENSION UPDATE. Switches the session to the owner of
 * the extension, so that nothing runs as the bootstrap superuser without need. */
Extension look_for_extension();

/* The Oid of the extension that look_for_extension() found first. */
unsigned extension_oid();

/* The quoted name of the schema that use_schema_of_function() or look_for_extension() found
 * last. */
const char *schema_name();

/* The Oid of that schema. */
unsigned schema_oid();

/* Grows whenever schema_name() changes, so that prepared statements know when they are stale. */
unsigned schema_generation();

} // namespace whatsapp::pg
