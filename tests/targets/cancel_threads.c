/* argv[1] threads (20), one after the other, each cancelled in the middle of calls, by
 * turns deferred and asynchronously, while others make calls: these must go on. */
#include "in_calls.h"

static atomic_long made;
static atomic_int cleaned;

static void clean(void *arg)
{
	(void)arg;
	some_calls();
	cleaned++;
}

static void *reads(void *asynchronous)
{
	char byte;
	int zero = open("/dev/zero", O_RDONLY);

	pthread_cleanup_push(clean, NULL);
	if (asynchronous)
		CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
	for (;; made++)
		CHECK(read(zero, &byte, 1) == 1 && access("/", F_OK) == 0);
	pthread_cleanup_pop(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 20;

	start_calls();
	for (long i = 0; i < count; i++) {
		long before = made;
		pthread_t thread;
		void *result;

		CHECK(pthread_create(&thread, NULL, reads, (void *)(i % 2)) == 0);
		while (made < before + 3)
			CHECK(nanosleep(&(struct timespec){ 0, 1000000 }, NULL) == 0);
		CHECK(pthread_cancel(thread) == 0);
		CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	}
	printf("%d\n", cleaned);
	check_they_go_on();
	end_calls();
	return passed();
}
