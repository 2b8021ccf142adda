// pthread_cancel of a thread that waits in read: the destructors of what is on its stack
// run, with calls of libc's and inline ones in them.
#include <cstdio>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t ready;
static int order[3], count;

struct Noted {
	int number;
	~Noted()
	{
		long ret;
		__asm__ volatile("syscall"
				 : "=a"(ret)
				 : "a"(SYS_getppid)
				 : "rcx", "r11", "memory");
		if (ret == getppid())
			order[count++] = number;
	}
};

static void inner(int fd)
{
	Noted third{ 3 };
	char byte;

	sem_post(&ready);
	if (read(fd, &byte, 1) >= 0)
		order[0] = -1;
}

static void *thread(void *pair)
{
	Noted first{ 1 };
	Noted second{ 2 };

	inner(*static_cast<int *>(pair));
	return nullptr;
}

int main()
{
	pthread_t id;
	void *result;
	int pair[2];

	if (pipe(pair) || sem_init(&ready, 0, 0) || pthread_create(&id, nullptr, thread, pair))
		return 1;
	sem_wait(&ready);
	usleep(20000);
	if (pthread_cancel(id) || pthread_join(id, &result) || result != PTHREAD_CANCELED)
		return 1;
	std::printf("%d %d %d\nEXIT-SUCCESS\n", order[0], order[1], order[2]);
	return 0;
}
