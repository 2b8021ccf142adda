/* Rules in loaded.h. Nothing here is a libc function. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include "loaded.h"
#include "patch_wire.h"
#include "real.h"
#include "thread.h"

enum { PAGE = 4096 };

bool bytes_same(const void *one, const void *other, size_t size)
{
	const uint8_t *a = one, *b = other;

	while (size && *a == *b) {
		a++;
		b++;
		size--;
	}
	return !size;
}

static const uint8_t *find_build_id(const uint8_t *at, const uint8_t *end)
{
	while (at + sizeof(ElfW(Nhdr)) < end) {
		const ElfW(Nhdr) *note = (const void *)at;
		const uint8_t *name = at + sizeof(*note);
		const uint8_t *found = name + ((note->n_namesz + 3) & ~3u);

		if (note->n_type == NT_GNU_BUILD_ID && note->n_descsz == PATCH_BUILD_ID
		    && note->n_namesz == 4 && bytes_same(name, "GNU", 4))
			return found;
		at = found + ((note->n_descsz + 3) & ~3u);
	}
	return NULL;
}

static void look_at(struct library *library, const ElfW(Phdr) *header)
{
	uint8_t *at = library->base + header->p_vaddr, *end = at + header->p_memsz;

	if (header->p_type == PT_NOTE && !library->build_id)
		library->build_id = find_build_id(at, end);
	if (header->p_type == PT_LOAD && header->p_flags == (PF_R | PF_X)) {
		library->text = (uint8_t *)((uintptr_t)at & -PAGE);
		library->text_end = (uint8_t *)(((uintptr_t)end + PAGE - 1) & -PAGE);
	}
}

/* The file's headers lie where it is loaded, as long as it was linked to be loaded
 * anywhere. */
static bool look_into(const struct link_map *map, struct library *library)
{
	const ElfW(Ehdr) *header = map ? (const void *)map->l_addr : NULL;

	if (!header || !readable(header, sizeof(*header))
	    || !bytes_same(header->e_ident, ELFMAG, SELFMAG)
	    || header->e_phoff + header->e_phnum * sizeof(ElfW(Phdr)) > PAGE)
		return false;
	*library = (struct library){ .base = (uint8_t *)header };
	for (int i = 0; i < header->e_phnum; i++)
		look_at(library,
			(const ElfW(Phdr) *)(library->base + header->e_phoff) + i);
	return library->text;
}

bool find_library(const char *soname, struct library *library)
{
	return look_into(object_named(soname), library) && library->build_id;
}

bool find_definer(const char *name, const char *but, struct library *library)
{
	const struct link_map *map = object_defining(name, but);

	return map && map != object_named("libc.so.6") && !object_is_program(map)
		&& look_into(map, library);
}

bool program_defines(const char *name, const char *but)
{
	const struct link_map *map = object_defining(name, but);

	return map && object_is_program(map);
}
