/* As variadics, for calls whose optional arguments libc itself makes something of. */
#include "target.h"
#include <mqueue.h>
#include <semaphore.h>
#include <ulimit.h>

static void try_mq_open(void)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 77 }, got;
	char name[32];
	mqd_t queue;

	snprintf(name, sizeof(name), "/variadics-%d", getpid());
	CHECK(mq_open(name, O_RDWR) == -1);
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (queue != -1) {
		CHECK(mq_getattr(queue, &got) == 0 && mq_close(queue) == 0);
		CHECK((queue = mq_open(name, O_RDONLY)) != -1 && mq_close(queue) == 0);
		CHECK(mq_unlink(name) == 0);
		CHECK(got.mq_maxmsg == 3 && got.mq_msgsize == 77);
	}
	puts("mq_open");
}

static void try_sem_open(void)
{
	char name[32];
	sem_t *semaphore;
	int value = 0;

	snprintf(name, sizeof(name), "/variadics-%d", getpid());
	CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 42);
	CHECK(semaphore != SEM_FAILED && sem_getvalue(semaphore, &value) == 0);
	CHECK(sem_close(semaphore) == 0 && value == 42);
	CHECK((semaphore = sem_open(name, 0)) != SEM_FAILED && sem_close(semaphore) == 0);
	CHECK(sem_unlink(name) == 0);
	puts("sem_open");
}

static void try_ulimit(void)
{
	long blocks = ulimit(UL_GETFSIZE);
	pid_t pid = fork();

	if (pid == 0)
		_exit(ulimit(UL_SETFSIZE, 1000L) == 1000 && ulimit(UL_GETFSIZE) == 1000 ? 0 : 1);
	CHECK(pid > 0 && wait_for(pid) == 0 && ulimit(UL_GETFSIZE) == blocks);
	puts("ulimit");
}

/* More arguments than there are registers for. */
static void try_execl(void)
{
	static char *const env[] = { "WORD=given", NULL };

	fflush(stdout);
	for (int way = 0; way < 3; way++) {
		pid_t pid = fork();

		if (pid == 0 && way == 0)
			execl("/bin/sh", "sh", "-c", "echo $0 $1 $2 $3 $4 $5 $6 $7", "0", "1",
			      "2", "3", "4", "5", "6", "7", NULL);
		if (pid == 0 && way == 1)
			execlp("sh", "sh", "-c", "echo $0 $1 $2 $3 $4 $5 $6 $7", "0", "1", "2",
			       "3", "4", "5", "6", "7", (char *)NULL);
		if (pid == 0 && way == 2)
			execle("/bin/sh", "sh", "-c", "echo $WORD $0 $1 $2 $3 $4 $5", "0", "1",
			       "2", "3", "4", "5", NULL, env);
		CHECK(pid > 0 && wait_for(pid) == 0);
	}
	CHECK(execl("/no/such", "such", NULL) == -1 && errno == ENOENT);
}

int main(void)
{
	try_mq_open();
	try_sem_open();
	try_ulimit();
	try_execl();
	return passed();
}
