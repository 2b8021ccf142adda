/*
 * A job-control shell with one job, its arguments. Standard input is the controlling
 * terminal, and must be that of a session this program leads.
 *
 * Prints "job PID", "stopped N" and "exit N" or "signal N". After a stop it waits for
 * SIGUSR1 and does what `fg` does.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_front(pid_t group)
{
	tcsetpgrp(STDIN_FILENO, group);
}

/* The job waits at the gate: "job PID" comes before all that it prints. */
static pid_t start(char **argv)
{
	int gate[2];
	pid_t job;

	if (pipe2(gate, O_CLOEXEC) < 0 || (job = fork()) < 0)
		_exit(126);
	if (job == 0) {
		close(gate[1]);
		if (read(gate[0], &(char){ 0 }, 1) < 0)
			_exit(126);
		setpgid(0, 0);
		in_front(getpid());
		signal(SIGTTOU, SIG_DFL);
		execvp(argv[0], argv);
		_exit(127);
	}
	setpgid(job, job);
	printf("job %d\n", (int)job);
	close(gate[0]);
	close(gate[1]);
	return job;
}

static void resume(pid_t job)
{
	sigset_t set;
	int number;

	in_front(getpgrp());
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &number);
	in_front(job);
	kill(-job, SIGCONT);
}

int main(int argc, char **argv)
{
	int status;
	pid_t job;
	sigset_t set;

	if (argc < 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGTTOU, SIG_IGN);
	job = start(argv + 1);
	/* Only now: the job must not inherit it. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (waitpid(job, &status, WUNTRACED) == job) {
		if (!WIFSTOPPED(status))
			break;
		printf("stopped %d\n", WSTOPSIG(status));
		resume(job);
	}
	if (WIFSIGNALED(status))
		printf("signal %d\n", WTERMSIG(status));
	else
		printf("exit %d\n", WEXITSTATUS(status));
	return 0;
}
