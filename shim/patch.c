/*
 * Rules in patch.h. Nothing here is a libc function, for libc is what changes under us.
 *
 * The pages stay executable all the time: whoever refuses pages that can be written and
 * executed (prctl(2), PR_SET_MDWE; SELinux; systemd's MemoryDenyWriteExecute=) does so
 * before anything has changed, and not on the way back.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "loaded.h"
#include "patch.h"
#include "patch_wire.h"
#include "plan.h"
#include "sys.h"
#include "thread.h"

enum { PAGE = 4096, SLOT = 64, SITE_AT = SLOT - 8, JUMP = 5, SYSCALL = 2, INT3 = 0xcc,
       PATH_ROOM = 512, ALONE = 3 /* links of a folder with one folder in it */ };

#define TEXT(x) #x
#define VERSION(x) TEXT(x)
#define SUFFIX "-" VERSION(PATCH_VERSION) ".plan"

_Static_assert(PATCH_WINDOW - SYSCALL + 7 + JUMP + SYSCALL + JUMP <= SITE_AT, "slot");

void patched_call(void);  /* catchall_x86_64.S */

static uint8_t *next_slot;

/* ---- its plan ---- */

static void put_hex(char *to, const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		*to++ = "0123456789abcdef"[from[i] >> 4];
		*to++ = "0123456789abcdef"[from[i] & 15];
	}
	*to = 0;
}

static long open_plan(const struct library *library)
{
	const char *folder = plan_text(plan->rundir);
	char path[PATH_ROOM], name[2 * PATCH_BUILD_ID + 1];

	if (strlen(folder) + sizeof(name) + sizeof("/" SUFFIX) > sizeof(path))
		return -1;
	put_hex(name, library->build_id, PATCH_BUILD_ID);
	stpcpy(stpcpy(stpcpy(stpcpy(path, folder), "/"), name), SUFFIX);
	return sys3(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
}

static bool fits(const struct patch_plan *found, size_t size, const struct library *library)
{
	return size >= sizeof(*found) && found->magic == PATCH_MAGIC
		&& found->version == PATCH_VERSION
		&& size == sizeof(*found) + found->count * sizeof(struct patch_site)
		&& bytes_same(found->build_id, library->build_id, PATCH_BUILD_ID);
}

/* ---- one site ---- */

/* Makes the page ours at once; looking at it first would be a page fault more. */
static void touch(uint8_t *at)
{
	__asm__ volatile("orb $0, %0" : "+m"(*at) : : "cc");
}

static bool inside(const uint8_t *window, const struct patch_site *site,
		   const struct library *library)
{
	return site->length >= JUMP && site->length <= PATCH_WINDOW
		&& window >= library->text && window + site->length <= library->text_end;
}

static bool kept(const uint8_t *window, const struct patch_site *site)
{
	return site->before + SYSCALL + site->after == site->length
		&& site->fixup_at + 4 <= site->length
		&& bytes_same(window, site->bytes, site->length);
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
	return (uint8_t *)memcpy(at, bytes, size) + size;
}

/* A displacement that counts from behind itself. False: too far. */
static bool put_distance(uint8_t *at, const uint8_t *to)
{
	int64_t distance = to - (at + 4);
	int32_t written = (int32_t)distance;

	put(at, &written, sizeof(written));
	return written == distance;
}

/* The copy of the window counts from elsewhere. */
static bool fix(uint8_t *copy, const uint8_t *original)
{
	int32_t distance;

	memcpy(&distance, original, sizeof(distance));
	return put_distance(copy, original + 4 + distance);
}

/*
 *   ... before the syscall
 *   lea  next(%rip), %rcx
 *   jmp  patched_call
 *   syscall                  of a thread that leaves us: catchall.c, leave()
 * next:
 *   ... behind it
 *   jmp  end of the window
 *   int3 ...
 *   the site's address       for patched_call, and for unwinders
 */
static bool fill_slot(uint8_t *slot, uint8_t *window, const struct patch_site *site)
{
	const uint8_t *behind = window + site->before + SYSCALL;
	uint8_t *at, *next;
	bool near = true;

	memset(slot, INT3, SITE_AT);
	at = put(slot, window, site->before);
	next = at + 7 + JUMP + SYSCALL;
	put(at, "\x48\x8d\x0d", 3);
	near &= put_distance(at + 3, next);
	at[7] = 0xe9;
	near &= put_distance(at + 8, (uint8_t *)patched_call);
	put(at + 12, "\x0f\x05", SYSCALL);
	at = put(next, behind, site->after);
	*at = 0xe9;
	near &= put_distance(at + 1, window + site->length);
	put(slot + SITE_AT, &behind, sizeof(behind));
	if (!site->fixup_at)
		return near;
	at = site->fixup_at < site->before ? slot : next - site->before - SYSCALL;
	return near && fix(at + site->fixup_at, window + site->fixup_at);
}

static bool patch_site(const struct library *library, const struct patch_site *site)
{
	uint8_t *window = library->base + site->window;

	if (next_slot + SLOT > (uint8_t *)patch_room_end || !inside(window, site, library))
		return false;
	touch(window);
	touch(window + site->length - 1);
	if (!kept(window, site) || !fill_slot(next_slot, window, site))
		return false;
	memset(window + JUMP, INT3, site->length - JUMP);
	put_distance(window + 1, next_slot);
	window[0] = 0xe9;
	next_slot += SLOT;
	return true;
}

/* ---- all of them ---- */

/* Whether no other thread may be running what we change: a library loaded before us can
 * have started one. Each is a folder in this one, and so a link to it. */
static bool alone(void)
{
	struct stat st;

	return !sys4(__NR_newfstatat, AT_FDCWD, "/proc/self/task", &st, 0)
		&& st.st_nlink == ALONE;
}

static bool open_pages(void *from, const void *end)
{
	return !sys3(__NR_mprotect, from, (const char *)end - (char *)from,
		     PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void close_pages(void *from, const void *end)
{
	sys3(__NR_mprotect, from, (const char *)end - (char *)from, PROT_READ | PROT_EXEC);
}

/* The first time it is needed. */
static bool open_room(void)
{
	if (!next_slot && alone() && open_pages(patch_room, patch_room_end))
		next_slot = (uint8_t *)patch_room + SLOT;
	return next_slot;
}

static uint32_t apply(const struct library *library, const struct patch_plan *found)
{
	const struct patch_site *sites = (const struct patch_site *)(found + 1);
	uint32_t patched = 0;

	if (!open_room() || !open_pages(library->text, library->text_end))
		return 0;
	for (uint32_t i = 0; i < found->count; i++)
		patched += patch_site(library, &sites[i]);
	close_pages(library->text, library->text_end);
	return patched;
}

static uint32_t patch_library(const char *name)
{
	struct library library;
	uint32_t patched = 0;
	long fd = find_library(name, &library) ? open_plan(&library) : -1;

	if (fd < 0)
		return 0;
	long size = sys3(__NR_lseek, fd, 0, SEEK_END);
	long at = sys6(__NR_mmap, 0, size, PROT_READ, MAP_PRIVATE, fd, 0);

	sys1(__NR_close, fd);
	if (at < 0 && at > -4096)
		return 0;
	if (fits((struct patch_plan *)at, (size_t)size, &library))
		patched = apply(&library, (struct patch_plan *)at);
	sys2(__NR_munmap, at, size);
	return patched;
}

void patch_libraries(void)
{
	uint64_t all = ~0ul, mask;
	uint32_t patched;

	sys4(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, &all, &mask, 8);
	patched = patch_library("libc.so.6");
	patched += patch_library("ld-linux-x86-64.so.2");
	sys4(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, 0, 8);
	if (next_slot)
		close_pages(patch_room, patch_room_end);
	if (!patched)
		return;
	/* Relaxed: only counts. */
	__atomic_fetch_add(&arena->patched, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&arena->patched_sites, patched, __ATOMIC_RELAXED);
}
