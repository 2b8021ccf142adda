/* Identity of process and thread. Rules in thread.h. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "sys.h"
#include "thread.h"
#include "trace.h"

_Thread_local struct thread thread
	__attribute__((tls_model("initial-exec"), visibility("hidden")));
struct process *process;
const struct plan *plan;
struct arena *arena;
bool quiet;

enum { PROBES = 16, STACK_GAP = 128 << 20 };

static uintptr_t first_stack;  /* an address near where it begins */

static struct proc *proc_at(uint32_t index)
{
	return (struct proc *)((char *)arena + arena->procs_at
			       + (size_t)(index % arena->nprocs) * arena->proc_size);
}

/* The entry this pid left when it called exec: strace counts on, so do we. */
static struct proc *entry_after_exec(uint32_t pid)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct proc *entry = proc_at(pid + i);

		if (entry->pid == pid && entry->state == PROC_EXECING)
			return entry;
	}
	return NULL;
}

static struct proc *entry_fresh(uint32_t pid)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct proc *entry = proc_at(pid + i);
		uint32_t nobody = 0;

		/* Acquire pairs with the host's release when it has zeroed the entry. */
		if (__atomic_compare_exchange_n(&entry->pid, &nobody, pid, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return entry;
	}
	return NULL;
}

static uint32_t *private_counters(void)
{
	long at = sys6(__NR_mmap, 0, plan->ncounters * 4ul + 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at < 0 && at > -4096 ? NULL : (uint32_t *)at;
}

/* unshare(2) puts children into a new pid namespace, where the host's pids mean others. */
static bool in_other_namespace(void)
{
	struct stat st;

	return sys4(__NR_newfstatat, AT_FDCWD, "/proc/self/ns/pid", &st, 0)
		|| st.st_ino != plan->pid_ns;
}

/* False: nothing is changed, and the next call tries again. */
static bool process_renew(uint32_t pid)
{
	struct proc *entry = entry_after_exec(pid);

	if (!entry)
		entry = entry_fresh(pid);
	uint32_t *counters = entry ? (uint32_t *)(entry + 1) : private_counters();

	if (!counters) {
		skipped(SKIP_MEMORY);
		return false;
	}
	process->foreign = in_other_namespace();
	if (entry)
		entry->state = process->foreign ? PROC_FOREIGN : PROC_RUNNING;
	process->pid = (int32_t)pid;
	process->entry = entry;
	process->counters = counters;
	__atomic_signal_fence(__ATOMIC_RELEASE);
	process->serial = __atomic_add_fetch(&arena->serial, 1, __ATOMIC_RELAXED);
	return true;
}

/* The strings lie behind what points to them. */
static uintptr_t beginning_of_stack(char **envp)
{
	uintptr_t last = (uintptr_t)envp;

	while (*envp)
		last = (uintptr_t)*envp++;
	return last;
}

bool process_init(char **envp)
{
	first_stack = beginning_of_stack(envp);
	long page = sys6(__NR_mmap, 0, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page < 0 && page > -4096)
		return false;
	sys3(__NR_madvise, page, 4096, MADV_WIPEONFORK);
	process = (struct process *)page;
	return process_renew((uint32_t)sys0(__NR_getpid));
}

void vfork_mark(void)
{
	if (thread_ready())
		thread.vforked = 1;
}

/* Only a vfork child has our memory and another pid. When the kernel says we are who
 * we were, the child is gone. */
bool in_vfork_child(void)
{
	if (!thread.vforked)
		return false;
	if (sys0(__NR_getpid) != process->pid)
		return true;
	thread.vforked = 0;
	return false;
}

/* The child's own, by its pid: it has no memory to note it in. */
static struct proc *childs_entry(uint32_t pid)
{
	for (uint32_t i = 0; i < PROBES; i++)
		if (proc_at(pid + i)->pid == pid)
			return proc_at(pid + i);
	return NULL;
}

uint32_t *vfork_counters(void)
{
	uint32_t pid = (uint32_t)sys0(__NR_getpid);
	struct proc *entry;

	if (!in_vfork_child())
		return process->counters;
	entry = childs_entry(pid);
	if (!entry && (entry = entry_fresh(pid)))
		entry->state = in_other_namespace() ? PROC_FOREIGN : PROC_RUNNING;
	return entry ? (uint32_t *)(entry + 1) : process->counters;
}

/* The serial last: a handler that interrupts us must not take the rest for filled. */
static void thread_fill(void)
{
	thread.tid = (int32_t)sys0(__NR_gettid);
	thread.head = NULL;
	thread.chunkless = 0;
	asking_end();
	thread.vforked = 0;
	__atomic_signal_fence(__ATOMIC_RELEASE);
	thread.serial = process->serial;
}

bool thread_renew(void)
{
	if (quiet) {
		skipped(SKIP_SECCOMP);
		return false;
	}
	if (thread.serial && thread.serial == process->serial) {
		in_vfork_child();
		return true;
	}
	if (process->serial) {
		thread_fill();
		return true;
	}
	if (!process_renew((uint32_t)sys0(__NR_getpid)))
		return false;
	thread_fill();
	if (!(plan->flags & PLAN_UNHEARD))
		trace_start(true);
	return true;
}

int32_t process_pid(void)
{
	return in_vfork_child() ? (int32_t)sys0(__NR_getpid) : process->pid;
}

void process_execing(bool now)
{
	bool child = in_vfork_child();
	struct proc *entry = child ? childs_entry((uint32_t)sys0(__NR_getpid)) : process->entry;

	if (entry && process->serial)
		entry->state = now ? PROC_EXECING
			: process->foreign ? PROC_FOREIGN : PROC_RUNNING;
}

/* rt_sigprocmask(2) copies the set before it looks at `how`: with a `how` that does
 * not exist it tells EFAULT from EINVAL and changes nothing. NULL would be no set. */
static bool word_readable(uintptr_t at)
{
	return at > 7 && sys4(__NR_rt_sigprocmask, 99, at & ~7ul, 0, 8) != -EFAULT;
}

/* Between us and the beginning of the first thread's stack. Nothing else is mapped that near
 * to it: mmap(2) begins 128 MiB below, whatever limit the stack has. */
static bool on_this_stack(uintptr_t from, size_t size)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return first_stack - here < STACK_GAP && from >= here && from + size <= first_stack;
}

bool readable(const void *at, size_t size)
{
	uintptr_t from = (uintptr_t)at;

	if (from + size < from)
		return false;
	if (on_this_stack(from, size))
		return true;
	if (quiet)
		return false;
	for (uintptr_t page = from; page < from + size; page = (page | 4095) + 1)
		if (!word_readable(page))
			return false;
	return true;
}

long readable_string(const char *text, size_t most)
{
	size_t length = 0;

	while (length < most) {
		size_t room = 4096 - ((uintptr_t)(text + length) & 4095);

		if (!readable(text + length, 1))
			return -1;
		for (; room && length < most; room--, length++)
			if (!text[length])
				return (long)length;
	}
	return (long)length;
}
