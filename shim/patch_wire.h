/*
 * A patch plan: where in a library a `syscall` instruction can be replaced by a jump.
 * Made by pyshim/patches.py once for each build of a library and kept in a file; mapped
 * read-only here and followed without parsing: there is no pointer in it, and entries
 * have one size. The host reads these declarations through cffi.
 *
 * Change anything, or what the host chooses: bump PATCH_VERSION. It is part of the
 * file's name, so that versions live side by side.
 *
 * Addresses are bytes from where the library is loaded (dlpi_addr of
 * dl_iterate_phdr(3)). All is little-endian.
 *
 * A window becomes `jmp rel32` to a copy of itself with something else in the place of
 * its `syscall`, behind which stands a jump to the window's end. The host promises that
 * nothing but the jump arrives anywhere in the window, and that an unwinder finds the
 * same at all of its bytes: a frame in the copy can be described as one at the window's
 * `syscall`. Nor does the code behind it look at arithmetic flags that were set before.
 * What it can't promise is that the file in memory is the one it looked at:
 * compare all bytes of the window before writing the first one.
 */
#ifndef PYSHIM_PATCH_WIRE_H
#define PYSHIM_PATCH_WIRE_H

#include <stdint.h>

/* cdef begin */
#define PATCH_MAGIC 0x68637470
#define PATCH_VERSION 2
#define PATCH_BUILD_ID 20    /* bytes of a build-id, else there is no plan */
#define PATCH_WINDOW 16      /* bytes of the longest window */

/* One `syscall` instruction: of `before` bytes in front of it, its own two, and `after`
 * bytes behind it the window consists. */
struct patch_site {
	uint32_t window;     /* address of the first byte */
	int32_t nr;          /* of the syscall, -1: depends on how it is come by */
	uint32_t fixup_to;   /* what the disp32 at `fixup_at` points to */
	uint8_t length;      /* of the window; behind it the copy goes on */
	uint8_t before;
	uint8_t after;
	uint8_t fixup_at;    /* offset in the window of a disp32 that is relative to rip:
	                        less by as much as the copy is farther up; 0: there is none */
	uint8_t bytes[16];   /* what must be there, zeros behind `length` */
};

struct patch_plan {
	uint32_t magic, version;
	uint8_t build_id[20];
	uint32_t count;      /* sites, which follow in the order of their addresses */
	uint32_t refused;    /* `syscall` instructions that stay as they are */
	uint32_t pad;
	uint64_t object_size;       /* of the library's file: */
	uint8_t object_hash[32];    /* its bytes, and its SHA-256 */
	uint8_t hash[32];    /* SHA-256 of the plan with zeros here; the host has checked it */
	/* struct patch_site sites[count] */
};
/* cdef end */

_Static_assert(sizeof(struct patch_site) == 32, "two in a cache line");
_Static_assert(sizeof(((struct patch_site *)0)->bytes) == PATCH_WINDOW, "window");
_Static_assert(sizeof(((struct patch_plan *)0)->build_id) == PATCH_BUILD_ID, "build-id");
_Static_assert(sizeof(struct patch_plan) == 112, "sites are aligned behind it");
_Static_assert(sizeof(struct patch_plan) % _Alignof(struct patch_site) == 0, "and whole");

#endif
