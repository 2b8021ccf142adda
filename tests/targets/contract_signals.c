/*
 * Prints "ready PID PPID", then "got N" for each delivery of signal N; ends with 0
 * at SIGRTMIN+1. Stop signals keep their default.
 *
 * As a real-time signal, delivered last, it comes after everything the host had
 * pending before: what was to be sent twice has been sent when it arrives.
 *
 * "group" as the first argument: sends SIGUSR1 to its whole process group.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void told(int number)
{
	char line[] = "got 00\n";
	ssize_t written;

	line[4] = '0' + number / 10;
	line[5] = '0' + number % 10;
	written = write(STDOUT_FILENO, line, sizeof(line) - 1);
	if (written < 0 || number == SIGRTMIN + 1)
		_exit(written < 0);
}

static int kept(int number)
{
	switch (number) {
	case SIGKILL: case SIGSTOP: case SIGTSTP: case SIGTTIN: case SIGTTOU:
	case SIGSEGV: case SIGCHLD: case SIGPIPE:
		return 1;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = told };

	/* One at a time and the lowest first: END must not overtake another. */
	sigfillset(&act.sa_mask);
	for (int number = 1; number <= SIGRTMAX; number++)
		if (!kept(number))
			sigaction(number, &act, NULL);
	printf("ready %d %d\n", (int)getpid(), (int)getppid());
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "group"))
		kill(0, SIGUSR1);
	for (;;)
		pause();
}
