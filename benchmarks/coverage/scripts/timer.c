#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>
static int ends[2];
static void handler(int number) { (void)number; getppid(); }
static void *reader(void *a)
{
	long sum = 0;
	for (char c; read(ends[0], &c, 1) == 1;)
		sum += c;
	*(long *)a = sum;
	return a;
}
int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct itimerval each = { { 0, 1000 }, { 0, 1000 } }, never = { { 0, 0 }, { 0, 0 } };
	pthread_t threads[4];
	long sums[4], sum = 0;
	if (pipe(ends))
		return 1;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, reader, &sums[i]);
	for (int i = 0; i < 1000; i++)
		write(ends[1], "a", 1);
	close(ends[1]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	for (int i = 0; i < 4; i++)
		sum += sums[i];
	printf("%ld\n", sum);
	return 0;
}
