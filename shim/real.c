/*
 * Finding the next definition of a name, without dlsym: dlsym allocates and locks, and
 * calls arrive from allocators, from other libraries' constructors and from handlers.
 *
 * ld.so's list of loaded objects is walked from our own entry on, in load order, which
 * for the objects present at the start is the order RTLD_NEXT uses (dlsym(3)). Objects
 * are only ever appended behind libc, where the walk has long ended.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdbool.h>
#include "call.h"
#include "real.h"

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));
/* Weak: another libc's loader has no such symbol, and must not fail because of us. */
extern struct r_debug _r_debug __attribute__((weak));

struct object {
	ElfW(Addr) base;
	const ElfW(Sym) *symbols;
	const char *strings;
	const uint32_t *gnu_hash, *hash;  /* one of them, or both */
	const ElfW(Half) *versym;
	const char *verdef;
	ElfW(Xword) soname;   /* offset into strings, 0: none */
};

/* ld.so relocates most of these pointers in place, but not all of them in all objects. */
static const void *pointer(const struct link_map *map, const ElfW(Dyn) *dyn)
{
	ElfW(Addr) at = dyn->d_un.d_ptr;

	return (const void *)(at < map->l_addr ? at + map->l_addr : at);
}

static struct object object_of(const struct link_map *map)
{
	struct object object = { .base = map->l_addr };

	for (const ElfW(Dyn) *dyn = map->l_ld; dyn && dyn->d_tag != DT_NULL; dyn++)
		switch (dyn->d_tag) {
		case DT_SYMTAB: object.symbols = pointer(map, dyn); break;
		case DT_STRTAB: object.strings = pointer(map, dyn); break;
		case DT_GNU_HASH: object.gnu_hash = pointer(map, dyn); break;
		case DT_HASH: object.hash = pointer(map, dyn); break;
		case DT_VERSYM: object.versym = pointer(map, dyn); break;
		case DT_SONAME: object.soname = dyn->d_un.d_val; break;
		case DT_VERDEF: object.verdef = pointer(map, dyn); break;
		default: break;
		}
	return object;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* The hash of System V's ABI, in DT_HASH. */
static uint32_t old_hash(const char *name)
{
	uint32_t hash = 0;

	for (; *name; name++) {
		hash = (hash << 4) + (unsigned char)*name;
		hash = (hash ^ (hash >> 24 & 0xf0)) & 0x0fffffff;
	}
	return hash;
}

/* The version node with this index is called `version`. */
static bool version_is(const struct object *object, unsigned index, const char *version)
{
	const char *at = object->verdef;

	for (;;) {
		const ElfW(Verdef) *def = (const ElfW(Verdef) *)at;
		const ElfW(Verdaux) *aux = (const ElfW(Verdaux) *)(at + def->vd_aux);

		if (def->vd_ndx == index)
			return same(object->strings + aux->vda_name, version);
		if (!def->vd_next)
			return false;
		at += def->vd_next;
	}
}

/* An object without versions, or a symbol that is in none of its object's, answers for
 * every version, as in ld.so. */
static bool version_fits(const struct object *object, uint32_t symbol, const char *version)
{
	if (!version)
		return true;
	unsigned index = object->versym ? object->versym[symbol] & 0x7fffu : VER_NDX_GLOBAL;

	return !object->verdef || index == VER_NDX_GLOBAL
		|| version_is(object, index, version);
}

static void *address_of(const struct object *object, const ElfW(Sym) *symbol)
{
	void *at = (void *)(object->base + symbol->st_value);

	if (ELF64_ST_TYPE(symbol->st_info) != STT_GNU_IFUNC)
		return at;
	return ((void *(*)(void))at)();
}

static bool defines(const ElfW(Sym) *symbol)
{
	return symbol->st_shndx != SHN_UNDEF && ELF64_ST_BIND(symbol->st_info) != STB_LOCAL;
}

static bool is_it(const struct object *object, uint32_t index, const char *name,
		  const char *version)
{
	const ElfW(Sym) *symbol = &object->symbols[index];

	return defines(symbol) && same(object->strings + symbol->st_name, name)
		&& version_fits(object, index, version);
}

/* The layout of .hash: two counts, buckets, chains. */
static void *lookup_old(const struct object *object, const char *name, const char *version)
{
	const uint32_t *buckets = object->hash + 2, *chain = buckets + object->hash[0];

	for (uint32_t i = buckets[old_hash(name) % object->hash[0]]; i; i = chain[i])
		if (is_it(object, i, name, version))
			return address_of(object, &object->symbols[i]);
	return NULL;
}

/* The layout of .gnu.hash: four words, a Bloom filter, buckets, chains. */
static void *lookup(const struct object *object, const char *name, const char *version,
		    uint32_t hash)
{
	const uint32_t *h = object->gnu_hash;
	uint32_t nbuckets = h[0], first = h[1], nbloom = h[2], shift = h[3];
	const ElfW(Addr) *bloom = (const ElfW(Addr) *)(h + 4);
	const uint32_t *buckets = (const uint32_t *)(bloom + nbloom);
	const uint32_t *chain = buckets + nbuckets;
	ElfW(Addr) word = bloom[hash / 64 % nbloom];

	if (!(word >> hash % 64 & word >> (hash >> shift) % 64 & 1))
		return NULL;
	for (uint32_t i = buckets[hash % nbuckets]; i >= first; i++) {
		if ((chain[i - first] | 1) == (hash | 1) && is_it(object, i, name, version))
			return address_of(object, &object->symbols[i]);
		if (chain[i - first] & 1)
			break;
	}
	return NULL;
}

static const struct link_map *after_us(void)
{
	const struct link_map *map = &_r_debug ? _r_debug.r_map : NULL;

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	return map ? map->l_next : NULL;
}

/* Nobody defines it: what a program compiled against a newer libc would not find. */
static long missing(void)
{
	errno = ENOSYS;
	return -1;
}

static void *look_in(const struct object *object, const char *name, const char *version)
{
	return object->gnu_hash ? lookup(object, name, version, gnu_hash(name))
		: object->hash ? lookup_old(object, name, version) : NULL;
}

static void *find_next(const char *name, const char *version)
{
	for (const struct link_map *map = after_us(); map; map = map->l_next) {
		struct object object = object_of(map);
		void *found = look_in(&object, name, version);

		if (found)
			return found;
	}
	return NULL;
}

void *real_next(const char *name)
{
	return find_next(name, NULL);
}

static void *find(const struct export *export)
{
	void *found = find_next(export_texts + export->name, export_texts + export->version);

	return found ? found : (void *)missing;
}

static bool has(const struct object *object, const char *name)
{
	return object->gnu_hash && lookup(object, name, NULL, gnu_hash(name));
}

/* C++'s new and delete, the language's own: they call malloc(3) and free(3), and throw if
 * that fails. An allocator that brings its own would never come to our malloc by them. A
 * sanitizer's are left to it: it checks that both are its. */
static void *find_operator(const struct export *export)
{
	const char *name = export_texts + export->name;
	const char *version = export_texts + export->version;

	for (const struct link_map *map = after_us(); map; map = map->l_next) {
		struct object object = object_of(map);
		void *found = look_in(&object, name, version);

		if (found && (!has(&object, "malloc") || has(&object, SANITIZERS)))
			return found;
	}
	return find(export);
}

void *real_find(uint32_t index)
{
	void *lazy = (void *)&lazies[index];
	void *found = index < FIRST_OPERATOR ? find(&exports[index])
		: find_operator(&exports[index]);

	/* Relaxed: each value stored is right by itself, and all threads store the same. */
	__atomic_store_n(&reals[index], found, __ATOMIC_RELAXED);
	__atomic_compare_exchange_n(&slots[index], &lazy, found, false, __ATOMIC_RELAXED,
				    __ATOMIC_RELAXED);
	return found;
}

const struct link_map *object_named(const char *soname)
{
	for (const struct link_map *map = after_us(); map; map = map->l_next) {
		struct object object = object_of(map);

		if (object.soname && same(object.strings + object.soname, soname))
			return map;
	}
	return NULL;
}

/* Ours: this one, and the one with the names of malloc(3) and its kin. */
static bool is_ours(const struct link_map *map, const struct object *object)
{
	return map->l_ld == _DYNAMIC
		|| (object->soname && same(object->strings + object->soname, ALLOC_SONAME));
}

const struct link_map *object_defining(const char *name, const char *but)
{
	for (const struct link_map *map = &_r_debug ? _r_debug.r_map : NULL; map;
	     map = map->l_next) {
		struct object object = object_of(map);

		if (!is_ours(map, &object) && has(&object, name) && !has(&object, but))
			return map;
	}
	return NULL;
}

bool object_is_program(const struct link_map *map)
{
	return &_r_debug && map == _r_debug.r_map;
}

/* The first of its versions that comes up: these names have but one code each. */
void *real_in_libc(const char *name)
{
	const struct link_map *map = object_named("libc.so.6");
	struct object object;

	if (!map)
		return NULL;
	object = object_of(map);
	return object.gnu_hash ? lookup(&object, name, NULL, gnu_hash(name)) : NULL;
}

void *real_of(uint32_t index)
{
	void *known = __atomic_load_n(&reals[index], __ATOMIC_RELAXED);

	return known && known != (void *)&lazies[index] ? known : real_find(index);
}

void real_wrap(uint32_t index)
{
	if (!reals[index])
		reals[index] = (void *)&lazies[index];
	__atomic_store_n(&slots[index], (char *)&wrapper_at[index] + wrapper_at[index],
			 __ATOMIC_RELAXED);
}
