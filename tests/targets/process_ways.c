/* One way of argv[1] in which a process begins, becomes another program or ends; what the
 * others of tests/targets don't have. A child ends with status 3. */
#include "target.h"
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { STATUS = 3, ROUNDS = 10 };

static char *self;
static char **volatile unreadable = (char **)8;

static void ended(pid_t pid)
{
	if (pid == 0)
		_exit(STATUS);
	CHECK(pid > 0 && wait_for(pid) == STATUS);
}

static void by_fork(void) { ended(fork()); }
static void by__Fork(void) { ended(_Fork()); }
static void by_clone(void) { ended((pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }
static void by_forkpty(void) { ended(forkpty(&(int){ 0 }, NULL, NULL, NULL)); }

static void by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(STATUS);
	CHECK(pid > 0 && wait_for(pid) == STATUS);
}

/* The one that is left over is nobody's child: it says through the pipe that it ends. */
static void by_daemon(void)
{
	int pair[2];
	char byte;
	pid_t pid;

	CHECK(pipe(pair) == 0);
	pid = fork();
	if (pid == 0) {
		CHECK(daemon(1, 0) == 0);
		exit(STATUS);
	}
	close(pair[1]);
	CHECK(wait_for(pid) == 0 && read(pair[0], &byte, 1) == 0);
}

static void exec_at_last(void)
{
	char *args[] = { self, "nothing", "a word", "", NULL };
	char *environment[] = { "A=b=c", "A=second", "none", "E=", "L=\xff", NULL };

	CHECK(execv("/no/such/program", args) == -1 && errno == ENOENT);
	CHECK(execv("/etc/passwd", args) == -1 && errno == EACCES);
	CHECK(execve(self, unreadable, environment) == -1 && errno == EFAULT);
	CHECK(execve(self, args, unreadable) == -1 && errno == EFAULT);
	execve(self, args, environment);
}

static void exec_in_folder(void)
{
	char *args[] = { self, "nothing", NULL };
	char *name = strrchr(self, '/');
	int folder;

	*name++ = 0;
	folder = open(self, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(folder >= 0);
	execveat(folder, name, args, NULL, 0);
}

static void exec_of_descriptor(void)
{
	char *args[] = { self, "nothing", NULL };

	fexecve(open(self, O_RDONLY | O_CLOEXEC), args, (char *[]){ NULL });
}

static void exec_by_number(void)
{
	char *args[] = { self, "nothing", NULL };

	syscall(SYS_execve, self, args, NULL);
}

static void *inside(void *unused)
{
	close(-7);
	return unused;
}

/* While another thread is in a hook; the program itself waits for nothing. */
static void end_beside(void)
{
	pthread_t thread;
	char byte;

	CHECK(pthread_create(&thread, NULL, inside, NULL) == 0);
	CHECK(read(0, &byte, 1) == 1);
	exit(STATUS);
}

static pthread_barrier_t barrier;

static void *end_at_once(void *way)
{
	pthread_barrier_wait(&barrier);
	(way ? _exit : exit)(STATUS);
	return NULL;
}

/* One by exit(3): of two the second would find no handlers left, and not wait for them. */
static void end_together(void)
{
	pthread_t thread;

	CHECK(pthread_barrier_init(&barrier, NULL, 4) == 0);
	for (long i = 0; i < 3; i++)
		CHECK(pthread_create(&thread, NULL, end_at_once, (void *)i) == 0);
	end_at_once((void *)1);
}

static void end_here(int signal)
{
	(void)signal;
	_exit(STATUS);
}

/* Where the allocator's lock is held, as like as not. */
static void end_in_malloc(void)
{
	struct itimerval soon = { .it_value.tv_usec = 3000 };

	CHECK(signal(SIGALRM, end_here) != SIG_ERR);
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	for (;;) {
		void *volatile all[64];

		for (int i = 0; i < 64; i++)
			all[i] = malloc((size_t)i * 50);
		for (int i = 0; i < 64; i++)
			free(all[i]);
	}
}

static void in_children(void (*end)(void))
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			end();
		CHECK(pid > 0 && wait_for(pid) == STATUS);
	}
}

static void ends_together(void) { in_children(end_together); }
static void ends_in_malloc(void) { in_children(end_in_malloc); }

static void at_end(void)
{
	dprintf(1, "handler\n");
}

static void end_by_main(void)
{
	CHECK(atexit(at_end) == 0);
}

static void end_killed(void)
{
	kill(getpid(), SIGKILL);
}

static void nothing(void)
{
}

static const struct {
	const char *name;
	void (*go)(void);
} ways[] = {
	{ "fork", by_fork },
	{ "_Fork", by__Fork },
	{ "clone", by_clone },
	{ "forkpty", by_forkpty },
	{ "vfork", by_vfork },
	{ "daemon", by_daemon },
	{ "exec", exec_at_last },
	{ "execveat", exec_in_folder },
	{ "fexecve", exec_of_descriptor },
	{ "SYS_execve", exec_by_number },
	{ "beside", end_beside },
	{ "together", ends_together },
	{ "malloc", ends_in_malloc },
	{ "main", end_by_main },
	{ "SIGKILL", end_killed },
	{ "nothing", nothing },
};

__attribute__((constructor)) static void first(void)
{
	if (getenv("SAY_FIRST"))
		dprintf(1, "constructor\n");
}

int main(int argc, char **argv)
{
	CHECK(argc > 1);
	self = argv[0];
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, argv[1])) {
			ways[i].go();
			return passed();
		}
	return 2;
}
