/*
 * Slots and reals. An exported symbol is `jmp *slots[i]`; a wrapper calls reals[i].
 * Both begin at lazies[i], which looks the name up on first use and stores what it
 * found, so a call before our constructor simply goes to the next library.
 *
 * There are more than a thousand: what each needs lies in tables without pointers, for
 * ld.so writes every pointer of ours into every process of a run.
 */
#ifndef PYSHIM_REAL_H
#define PYSHIM_REAL_H

#include <stdint.h>
#include "calls.gen.h"

#define ALLOC_SONAME "libpyalloc.so"
/* What AddressSanitizer and its kin all define. */
#define SANITIZERS "__sanitizer_get_current_allocated_bytes"

struct link_map;

struct export {
	uint16_t name, version;  /* offsets into export_texts */
	uint16_t call;
};

struct lazy {
	_Alignas(16) char code[16];
};

extern const char export_texts[];
extern const struct export exports[NEXPORTS];
extern const struct lazy lazies[NEXPORTS];
/* Where the wrapper is, counted in bytes from this entry; 0: there is none. */
extern const int32_t wrapper_at[NEXPORTS];
extern void *slots[NEXPORTS];
extern void *reals[NEXPORTS];  /* NULL: not wrapped, and not called through its slot yet */

/* The definition after ours, as RTLD_NEXT would find it. Any thread, any time: takes
 * no lock, allocates nothing, calls nothing. Called from stubs.gen.S via lazy.S. */
void *real_find(uint32_t index);

/* The first library behind us that calls itself so, or NULL. */
const struct link_map *object_named(const char *soname);

/* What valgrind preloads, and exports itself. */
#define VALGRIND "_vgnU_freeres"

/* The first of all, ours left out, that defines `name` and not `but`, or NULL. */
const struct link_map *object_defining(const char *name, const char *but);

/* The program's own file comes first. */
bool object_is_program(const struct link_map *map);

/* A function of libc's that we don't export; NULL: it has none of this name. */
void *real_in_libc(const char *name);

/* The next definition behind ours of a name that is none of ours; NULL: none. */
void *real_next(const char *name);

/* The same for one of ours: known already, or found now. */
void *real_of(uint32_t index);

/* Point the slot to the wrapper. Constructor only. */
void real_wrap(uint32_t index);

/* A libc function that we export too, for our own use: calling its name would come back
 * to us as the program's call. */
#define REAL(name) ((__typeof__(&name))real_of(EXPORT_##name))

#endif
