/* Children with a terminal of their own, and one that is nobody's: forkpty, openpty and
 * login_tty, daemon. Each of these forks, or changes what is open, inside libc. */
#include "target.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <utmp.h>

static void read_all(int fd, char *text, size_t size)
{
	ssize_t got;
	size_t at = 0;

	/* The other side gone is EIO here, pty(7). */
	while ((got = read(fd, text + at, size - 1 - at)) > 0)
		at += (size_t)got;
	text[at] = 0;
	CHECK(close(fd) == 0);
}

static void in_child(const char *what)
{
	struct winsize size = { 0 };

	printf("%s: leader %d, terminal %d %d %d, ", what, getsid(0) == getpid(), isatty(0),
	       isatty(1), isatty(2));
	CHECK(ioctl(0, TIOCGWINSZ, &size) == 0);
	printf("%d rows\n", size.ws_row);
	fflush(stdout);
	if (write(1, "written\n", 8) == 8 && getppid() > 0)
		execl("/bin/sh", "sh", "-c", "echo $0 $1; exit 5", "execl", "last", NULL);
	_exit(1);
}

static void by_forkpty(void)
{
	struct winsize size = { .ws_row = 33, .ws_col = 90 };
	char text[512];
	int master;
	pid_t pid = forkpty(&master, NULL, NULL, &size);

	if (pid == 0)
		in_child("forkpty");
	CHECK(pid > 0);
	read_all(master, text, sizeof(text));
	printf("%s%d\n", text, wait_for(pid));
}

static void by_openpty(void)
{
	char text[512];
	int master, slave;
	pid_t pid;

	CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		close(master);
		CHECK(login_tty(slave) == 0);
		in_child("login_tty");
	}
	CHECK(pid > 0 && close(slave) == 0);
	read_all(master, text, sizeof(text));
	printf("%s%d\n", text, wait_for(pid));
}

/* The daemon is an orphan: what it has to say comes through the pipe. */
static void by_daemon(void)
{
	char text[512];
	int pair[2];
	pid_t pid;

	CHECK(pipe(pair) == 0);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		CHECK(daemon(0, 0) == 0);
		CHECK(getcwd(text, sizeof(text)));
		dprintf(pair[1], "daemon: in %s, terminal %d, calls %d\n", text, isatty(0),
			write(1, "x", 1) == 1 && getppid() > 0);
		_exit(0);
	}
	CHECK(pid > 0 && close(pair[1]) == 0);
	read_all(pair[0], text, sizeof(text));
	printf("%s%d\n", text, wait_for(pid));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOFBF, 4096);
	by_forkpty();
	fflush(stdout);
	by_openpty();
	fflush(stdout);
	by_daemon();
	return passed();
}
