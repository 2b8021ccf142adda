/*
 * Libraries as they are in memory, told apart by what the linker put into them.
 */
#ifndef PYSHIM_LOADED_H
#define PYSHIM_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct library {
	uint8_t *base;             /* what its addresses count from */
	const uint8_t *build_id;   /* PATCH_BUILD_ID bytes (patch_wire.h) */
	uint8_t *text, *text_end;  /* its code, in whole pages that are not writable */
};

/* Whether it is code of that library. Of a struct that is all 0, none is. */
static inline bool library_has(const struct library *library, uint64_t code)
{
	return code - (uint64_t)library->text
		< (uint64_t)(library->text_end - library->text);
}

/* The first one that calls itself so; false: there is none, or it has no build-id. */
bool find_library(const char *soname, struct library *library);

/* The first one that defines `name` and not `but`; its build-id may be missing. False: it is
 * libc, or the program's own file. */
bool find_definer(const char *name, const char *but, struct library *library);

/* Whether the program's own file has it, and not `but`, and comes first. */
bool program_defines(const char *name, const char *but);

bool bytes_same(const void *one, const void *other, size_t size);

#endif
