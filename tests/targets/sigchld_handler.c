/* popen and system in a program that minds its children itself: the handler reaps
 * whatever it finds, blocks come and go, and nobody may see a child too many. */
#include "target.h"
#include <signal.h>

static volatile sig_atomic_t told, reaped;

static void count(int signo)
{
	(void)signo;
	told++;
}

static void reap(int signo)
{
	int kept = errno, status;

	(void)signo;
	while (waitpid(-1, &status, WNOHANG) > 0)
		reaped++;
	errno = kept;
}

static void handle(void (*handler)(int), int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGCHLD, &act, NULL) == 0);
}

/* system(3) blocks SIGCHLD while it waits: the handler comes after it, once. */
static void by_system(void)
{
	told = 0;
	printf("system: %d\n", system("exit 3"));
	printf("told %d times\n", told);
	printf("not a command: %d\n", system("exec /no-such-program 2>/dev/null") >> 8);
	printf("is there a shell: %d\n", system(NULL) != 0);
}

static void by_popen(void)
{
	char line[64] = "";
	FILE *pipe = popen("read word; echo got $word; exit 4", "w"), *from;

	CHECK(pipe && fputs("something\n", pipe) >= 0);
	fflush(stdout);
	printf("pclose: %d\n", pclose(pipe));
	from = popen("kill -9 $$", "re");
	CHECK(from && !fgets(line, sizeof(line), from));
	printf("killed: %d\n", pclose(from));
	printf("told %d times\n", told);
}

/* Reaped before pclose asks: ECHILD, as popen(3) warns. */
static void reaping(void)
{
	FILE *pipe = popen("exit 0", "r");
	char byte;
	int status;

	CHECK(pipe && fread(&byte, 1, 1, pipe) == 0);
	while (!reaped)
		usleep(1000);
	errno = 0;
	status = pclose(pipe);
	printf("pclose after reaping: %d %s\n", status, strerrorname_np(errno));
}

static void ignoring(void)
{
	pid_t pid;

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	errno = 0;
	printf("system, ignoring: %d", system("exit 3"));
	printf(" %s\n", strerrorname_np(errno));
	pid = fork();
	if (pid == 0)
		_exit(getppid() > 0 ? 0 : 1);
	CHECK(pid > 0);
	CHECK(waitpid(pid, NULL, 0) == -1 && errno == ECHILD);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 4096);
	handle(count, SA_RESTART);
	by_system();
	by_popen();
	handle(reap, SA_RESTART | SA_NOCLDSTOP);
	reaping();
	ignoring();
	return passed();
}
