/* System V's and POSIX's queues and semaphores. What lives longer than its process is
 * removed before anybody can die of a signal. */
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <time.h>

struct message {
	long type;
	char text[8];
};

WORD(msgget) { return msgget(IPC_PRIVATE, 0600); }
WORD(msgrm) { return msgctl((int)a[0], IPC_RMID, NULL); }
WORD(msgsnd) { return msgsnd((int)a[0], &(struct message){ 1, "message" }, 8, (int)a[1]); }
WORD(msgrcv) { return msgrcv((int)a[0], &(struct message){ 0 }, 8, 0, (int)a[1]); }

/* One byte more than a message, and the queue is full of the first. */
WORD(msgsmall)
{
	struct msqid_ds queue;

	CHECK(msgctl((int)a[0], IPC_STAT, &queue) == 0);
	queue.msg_qbytes = 9;
	return msgctl((int)a[0], IPC_SET, &queue);
}

WORD(semget) { return semget(IPC_PRIVATE, 1, 0600); }
WORD(semset) { return semctl((int)a[0], 0, SETVAL, (int)a[1]); }
WORD(semrm) { return semctl((int)a[0], 0, IPC_RMID); }
WORD(semop) { return semop((int)a[0], &(struct sembuf){ 0, (short)a[1], (short)a[2] }, 1); }

WORD(semtimedop)
{
	struct timespec most = { 0, a[2] };

	if (a[2] == 0)
		most.tv_sec = 60;
	return semtimedop((int)a[0], &(struct sembuf){ 0, (short)a[1], 0 }, 1, &most);
}

/* The absolute time, so many nanoseconds from now; 0 is a minute. */
static const struct timespec *until(long nanoseconds)
{
	static struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += nanoseconds ? 0 : 60;
	when.tv_nsec = (when.tv_nsec + nanoseconds) % 1000000000;
	return &when;
}

WORD(mq_send) { return mq_send((mqd_t)a[0], "message", 8, 0); }
WORD(mq_receive) { return mq_receive((mqd_t)a[0], (char *)got, 8, NULL); }
WORD(mq_timedsend) { return mq_timedsend((mqd_t)a[0], "message", 8, 0, until(a[1])); }
WORD(mq_timedreceive) { return mq_timedreceive((mqd_t)a[0], (char *)got, 8, NULL, until(a[1])); }
WORD(sem_wait) { return sem_wait(&shared->sem); }
WORD(sem_trywait) { return sem_trywait(&shared->sem); }
WORD(sem_post) { return sem_post(&shared->sem); }
WORD(sem_timedwait) { return sem_timedwait(&shared->sem, until(a[0])); }

WORD(sem_getvalue)
{
	int value = -1;

	return sem_getvalue(&shared->sem, &value) ? -1 : value;
}

#define WORDS_OF_MESSAGES                                                           \
	{ "msgget", do_msgget, PROCESS }, { "msgrm", do_msgrm, NUMBER },            \
	{ "msgsnd", do_msgsnd, NUMBER }, { "msgrcv", do_msgrcv, NUMBER },           \
	{ "msgsmall", do_msgsmall, NUMBER },                                        \
	{ "semget", do_semget, PROCESS }, { "semset", do_semset, NUMBER },          \
	{ "semrm", do_semrm, NUMBER },                                              \
	{ "semop", do_semop, NUMBER }, { "semtimedop", do_semtimedop, NUMBER },     \
	{ "mq_send", do_mq_send, NUMBER }, { "mq_receive", do_mq_receive, FILLED }, \
	{ "mq_timedsend", do_mq_timedsend, NUMBER },                                \
	{ "mq_timedreceive", do_mq_timedreceive, FILLED },                          \
	{ "sem_wait", do_sem_wait, NUMBER }, { "sem_trywait", do_sem_trywait, NUMBER }, \
	{ "sem_post", do_sem_post, NUMBER },                                        \
	{ "sem_timedwait", do_sem_timedwait, NUMBER },                              \
	{ "sem_getvalue", do_sem_getvalue, NUMBER }
