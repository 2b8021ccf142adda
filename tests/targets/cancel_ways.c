/* pthread_cancel of a thread that waits in read: deferred, asynchronous, held off and
 * then let, and in an inline syscall, which is no place for it unless it is
 * asynchronous. The cleanup handlers run. */
#include "inline.h"
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

static int pair[2];
static int cleaned;
static sem_t ready;

static void cleanup(void *by)
{
	cleaned += *(int *)by;
	CHECK(inline0(SYS_getppid) > 0 && getppid() > 0);
}

enum way { DEFERRED, ASYNC, HELD_OFF, ASYNC_INLINE, DEFERRED_INLINE };

static void wait_in(enum way way)
{
	char byte;

	switch (way) {
	case DEFERRED: read(pair[0], &byte, 1); break;
	case ASYNC:
		CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
		read(pair[0], &byte, 1);
		break;
	case HELD_OFF:
		CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
		CHECK(read(pair[0], &byte, 1) == 1);
		CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL) == 0);
		pthread_testcancel();
		break;
	case ASYNC_INLINE:
		CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
		inline3(SYS_read, pair[0], &byte, 1);
		break;
	case DEFERRED_INLINE:
		CHECK(inline3(SYS_read, pair[0], &byte, 1) == 1);
		read(pair[0], &byte, 1);
		break;
	}
}

static void *thread(void *way)
{
	int one = 1, ten = 10;

	pthread_cleanup_push(cleanup, &one);
	pthread_cleanup_push(cleanup, &ten);
	CHECK(sem_post(&ready) == 0);
	wait_in(*(enum way *)way);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

/* Until it waits: it has nothing else to wait for. */
static void let_it_block(void)
{
	CHECK(sem_wait(&ready) == 0);
	CHECK(nanosleep(&(struct timespec){ 0, 10 * 1000 * 1000 }, NULL) == 0);
}

static void try(const char *what, enum way way)
{
	pthread_t id;
	void *result;

	cleaned = 0;
	for (int i = 0; i < 5; i++) {
		CHECK(pthread_create(&id, NULL, thread, &way) == 0);
		let_it_block();
		CHECK(pthread_cancel(id) == 0);
		if (way == HELD_OFF || way == DEFERRED_INLINE) {
			CHECK(nanosleep(&(struct timespec){ 0, 1000 * 1000 }, NULL) ==
			      0);
			CHECK(write(pair[1], "x", 1) == 1);
		}
		CHECK(pthread_join(id, &result) == 0 && result == PTHREAD_CANCELED);
	}
	printf("%s: %d\n", what, cleaned);
}

int main(void)
{
	CHECK(pipe(pair) == 0 && sem_init(&ready, 0, 0) == 0);
	try("deferred", DEFERRED);
	try("asynchronous", ASYNC);
	try("held off", HELD_OFF);
	try("asynchronous, inline", ASYNC_INLINE);
	try("deferred, inline", DEFERRED_INLINE);
	return passed();
}
