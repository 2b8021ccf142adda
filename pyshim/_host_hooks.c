/*
 * The host's side of Python hooks that run in the target: which do, and leaving one that
 * takes too long, by ptrace(2). One with _host.c, after it.
 */
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

struct running {
	int pid, tid;
	uint32_t call;
	uint64_t since;
};

static struct proc *proc_at(struct arena *arena, uint32_t index)
{
	return (struct proc *)((char *)arena + arena->procs_at
			       + (size_t)index * arena->proc_size);
}

/* Up to `most` of them; returns how many. Relaxed: who acts on one looks again. */
static int host_hooks(struct arena *arena, struct running *found, int most)
{
	int n = 0;

	for (uint32_t i = 0; i < arena->nprocs && n < most; i++) {
		struct proc *entry = proc_at(arena, i);
		uint64_t since = __atomic_load_n(&entry->hook_since, __ATOMIC_RELAXED);

		if (since && entry->state == PROC_RUNNING)
			found[n++] = (struct running){
				.pid = (int)entry->pid,
				.tid = (int)entry->hook_tid,
				.call = entry->hook_call,
				.since = since,
			};
	}
	return n;
}

static struct proc *entry_of(struct arena *arena, const struct running *hook)
{
	for (uint32_t i = 0; i < arena->nprocs; i++) {
		struct proc *entry = proc_at(arena, i);

		if (entry->pid == (uint32_t)hook->pid && entry->hook_since == hook->since
		    && entry->hook_tid == (uint32_t)hook->tid)
			return entry;
	}
	return NULL;
}

/* False: it does not stop, as one that waits for a disk; or it has ended. */
static bool stopped(int tid)
{
	const struct timespec moment = { 0, 1000000 };

	for (int tries = 0; tries < 500; tries++) {
		int status;
		pid_t changed = waitpid(tid, &status, __WALL | WNOHANG);

		if (changed == tid)
			return WIFSTOPPED(status);
		if (changed < 0)
			return false;
		nanosleep(&moment, NULL);
	}
	return false;
}

/* To where shim/hook_limit.c gives the hook up, on the hook's stack, as if called there; a
 * syscall it may be in is not made again. */
static int send_to(int tid, uint64_t where)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, tid, 0, &r))
		return -errno;
	r.rip = where;
	r.rsp = ((r.rsp - 256) & ~15ull) - 8;
	r.orig_rax = (unsigned long long)-1;
	r.eflags &= ~0x400ull;
	return ptrace(PTRACE_SETREGS, tid, 0, &r) ? -errno : 0;
}

/* 0, or -errno: EPERM where we may not, or a debugger has it already. Takes half a second
 * at most. For the thread that waits for the target (wait(2) tells tracees to all threads). */
static int host_give_up(struct arena *arena, struct running *hook)
{
	struct proc *entry;
	int ret = -ESRCH;

	if (ptrace(PTRACE_SEIZE, hook->tid, 0, 0))
		return -errno;
	if (!ptrace(PTRACE_INTERRUPT, hook->tid, 0, 0) && stopped(hook->tid)) {
		entry = entry_of(arena, hook);
		ret = entry ? send_to(hook->tid, entry->hook_leave) : 0;
	}
	ptrace(PTRACE_DETACH, hook->tid, 0, 0);
	return ret;
}
