/* Rules in conditions.h. Readable twins of the steps in pyshim/expressions.py. */
#define _GNU_SOURCE
#include <asm/termbits.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include "budget.h"
#include "conditions.h"
#include "fd_limit.h"
#include "glob.h"
#include "partly.h"
#include "paths.h"
#include "plan.h"
#include "ports.h"
#include "quota.h"
#include "sys.h"
#include "thread.h"
#include "unsynced.h"

enum { NAME_ROOM = 16 };  /* PR_GET_NAME, with its NUL */

/* ---- if= ---- */

static int64_t narrowed(int64_t value, int32_t bits)
{
	if (bits == 32)
		return (int32_t)value;
	return bits == -32 ? (int64_t)(uint32_t)value : value;
}

static int64_t unary(uint32_t kind, int64_t a)
{
	return kind == STEP_NOT ? !a : kind == STEP_INVERT ? ~a : (int64_t)-(uint64_t)a;
}

/* As Python's: of the divisor's sign. Nothing is left of what can't be divided. */
static int64_t remainder_of(int64_t a, int64_t b)
{
	int64_t left = b == 0 || b == -1 ? 0 : a % b;

	return left && (left < 0) != (b < 0) ? left + b : left;
}

/* As 64-bit words that wrap: nothing here can trap, whatever the program passes. */
static int64_t binary(uint32_t kind, int64_t a, int64_t b)
{
	uint64_t ua = (uint64_t)a, ub = (uint64_t)b;

	switch (kind) {
	/* One of the two, as Python's. */
	case STEP_OR: return a ? a : b;
	case STEP_AND: return a ? b : a;
	case STEP_BIT_OR: return a | b;
	case STEP_BIT_AND: return a & b;
	case STEP_XOR: return a ^ b;
	case STEP_ADD: return (int64_t)(ua + ub);
	case STEP_SUBTRACT: return (int64_t)(ua - ub);
	case STEP_MULTIPLY: return (int64_t)(ua * ub);
	case STEP_LEFT: return ub < 64 ? (int64_t)(ua << ub) : 0;
	case STEP_RIGHT: return a >> (ub < 64 ? ub : 63);
	case STEP_REMAINDER: return remainder_of(a, b);
	case STEP_EQUAL: return a == b;
	case STEP_UNEQUAL: return a != b;
	case STEP_LESS: return a < b;
	default: return a <= b;
	}
}

/* The host made the steps, and no deeper than there is room. */
static bool steps_hold(const struct call *call, const struct plan_step *step, uint32_t count)
{
	int64_t stack[MOST_STEPS];
	uint32_t depth = 0;

	for (; count && depth < MOST_STEPS; count--, step++) {
		if (step->kind == STEP_NUMBER)
			stack[depth++] = step->value;
		else if (step->kind == STEP_ARG)
			stack[depth++] = narrowed(call->args[step->value], (int32_t)step->bits);
		else if (step->kind <= STEP_NEGATE && depth)
			stack[depth - 1] = unary(step->kind, stack[depth - 1]);
		else if (depth > 1) {
			depth--;
			stack[depth - 1] = binary(step->kind, stack[depth - 1], stack[depth]);
		}
	}
	return depth && stack[depth - 1];
}

/* ---- where the call comes from ---- */

/* The program's own file: ld.so knows it by an empty name. Whoever comes first reads it;
 * others that come at the same moment write the same. */
const char *program_path(void)
{
	static char path[PATH_ROOM];
	static bool known;

	/* Acquire and release: who finds it known finds the path. */
	if (__atomic_load_n(&known, __ATOMIC_ACQUIRE))
		return path;
	if (quiet)
		return "";
	if (!link_path("/proc/self/exe", path))
		path[0] = 0;
	__atomic_store_n(&known, true, __ATOMIC_RELEASE);
	return path;
}

/* strcmp and its kin are ours to wrap: these loops are no calls. */
static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

static const char *last_part(const char *path)
{
	const char *part = path;

	for (; *path; path++)
		if (*path == '/')
			part = path + 1;
	return part;
}

/* `end` is a whole path, or the end of one behind a slash. */
static bool path_ends(const char *path, const char *end)
{
	size_t all = length_of(path), size = length_of(end);

	if (size > all || (size < all && path[all - size - 1] != '/'))
		return false;
	for (path += all - size; *end; path++, end++)
		if (*path != *end)
			return false;
	return true;
}

/* No lock, safe in a signal handler: glibc 2.35. */
extern int _dl_find_object(void *, struct dl_find_object *) __attribute__((weak));

/* Like path_fits() no part of tests_hold(): what they have on the stack would be under that
 * one's path, too. */
__attribute__((noinline)) static bool from_place(const struct call *call,
						 const struct plan_test *test)
{
	const struct plan_place *place = (const void *)plan_text(test->at);
	struct dl_find_object found;

	if (!_dl_find_object || _dl_find_object((void *)call->site, &found))
		return false;
	const struct link_map *map = found.dlfo_link_map;
	const char *module = map->l_name[0] ? map->l_name : program_path();
	uint64_t offset = call->site - map->l_addr;

	for (uint32_t i = 0; i < test->count; i++, place++)
		if (offset >= place->low && offset < place->high
		    && (!place->module || path_ends(module, plan_text(place->module))))
			return true;
	return false;
}

/* With a slash in it the glob is of the whole path, else of the name. */
static bool process_fits(const char *glob)
{
	const char *path = program_path();
	bool whole = last_part(glob) != glob;

	return *path && glob_match(glob, whole ? path : last_part(path));
}

static bool thread_fits(const char *glob)
{
	char name[NAME_ROOM] = "";

	return !quiet && !sys2(__NR_prctl, PR_GET_NAME, name) && glob_match(glob, name);
}

static bool is_time(const struct plan_test *test)
{
	struct timespec now;

	if (quiet || sys2(__NR_clock_gettime, CLOCK_MONOTONIC, &now))
		return false;
	uint64_t passed = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec
		- plan->started;

	return passed >= (uint64_t)test->low && passed < (uint64_t)test->high;
}

/* ---- what it works on ---- */

static int fd_of(const struct call *call)
{
	const struct row *row = &rows[call->id];

	for (uint32_t i = 0; i < row->nargs; i++)
		if (row->args[i].kind == ARG_FD)
			return (int)call->args[i];
	return -1;
}

static bool is_terminal(int fd)
{
	struct termios mode;

	return !sys3(__NR_ioctl, fd, TCGETS, &mode);
}

__attribute__((noinline)) static bool fd_is(int fd, int64_t kind)
{
	struct stat st;

	if (fd < 0 || quiet || sys2(__NR_fstat, fd, &st))
		return false;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG: return kind == FD_FILE;
	case S_IFDIR: return kind == FD_DIR;
	case S_IFIFO: return kind == FD_PIPE;
	case S_IFSOCK: return kind == FD_SOCKET;
	case S_IFCHR: return kind == (is_terminal(fd) ? FD_TTY : FD_DEVICE);
	case S_IFBLK: return kind == FD_DEVICE;
	default: return false;  /* what has no file: epoll(7), eventfd(2) */
	}
}

static bool any_fits(const struct plan_test *test, const char *path)
{
	const char *glob = plan_text(test->at);

	for (uint32_t i = 0; i < test->count; i++, glob += length_of(glob) + 1)
		if (glob_match(glob, path))
			return true;
	return false;
}

__attribute__((noinline)) static bool path_fits(const struct call *call,
						const struct plan_test *test)
{
	char path[PATH_ROOM];

	for (uint32_t i = 0; i < rows[call->id].nargs; i++)
		if (call_path(call, i, path) && any_fits(test, path))
			return true;
	return false;
}

static bool holds(const struct call *call, const struct plan_test *test)
{
	switch ((enum test_kind)test->kind) {
	case TEST_FD: return fd_of(call) == test->low;
	case TEST_IF: return steps_hold(call, (const void *)plan_text(test->at), test->count);
	/* A negative size is for the kernel to refuse. */
	case TEST_MOVES: return (int64_t)call_moves(call) > test->low;
	case TEST_BUDGET: return budget_passed(call, test->low);
	case TEST_CALLER: return from_place(call, test);
	case TEST_PROCESS: return process_fits(plan_text(test->at));
	/* Relaxed: the mark itself is all there is to see. */
	case TEST_SINCE: return __atomic_load_n(&arena->marks, __ATOMIC_RELAXED) >> test->low & 1;
	case TEST_DURING: return is_time(test);
	case TEST_THREAD: return thread_fits(plan_text(test->at));
	case TEST_FD_KIND: return fd_is(fd_of(call), test->low);
	case TEST_PORT: return port_is(call, fd_of(call), (uint16_t)test->low);
	case TEST_PATH: return path_fits(call, test);
	case TEST_QUOTA: return quota_concerns(call, plan_text(test->at));
	case TEST_UNSYNCED: return unsynced_any(call);
	case TEST_FDS: return fd_limit_reached(call, test->low);
	}
	return false;
}

bool tests_hold(const struct call *call, const struct plan_ref *ref)
{
	const struct plan_test *test = (const void *)plan_text(ref->tests);

	for (uint32_t i = 0; i < ref->ntests; i++)
		if (!holds(call, &test[i]))
			return false;
	return true;
}
