/* Threads of two processes write to a file each, cut it and sync it; after each sync that
 * fails it has to be what it was at the last one that did not. */
#include "target.h"
#include <pthread.h>
#include <stdint.h>

enum { THREADS = 4, ROUNDS = 400, MOST = 5000 };

struct file {
	char name[8];
	int fd;
	uint64_t state;
	size_t size, synced_size;
	char now[MOST], synced[MOST];
};

static int failed;

static uint64_t next(struct file *file, uint64_t below)
{
	file->state ^= file->state << 13;
	file->state ^= file->state >> 7;
	file->state ^= file->state << 17;
	return file->state % below;
}

static void change(struct file *file)
{
	size_t from = next(file, MOST), size = next(file, MOST - from) + 1;
	char bytes[MOST];

	if (!next(file, 5)) {
		CHECK(!ftruncate(file->fd, (off_t)from));
		if (from < file->size)
			memset(file->now + from, 0, file->size - from);
		file->size = from;
		return;
	}
	memset(bytes, (int)('a' + next(file, 26)), size);
	CHECK(pwrite(file->fd, bytes, size, (off_t)from) == (ssize_t)size);
	memcpy(file->now + from, bytes, size);
	file->size = from + size > file->size ? from + size : file->size;
}

static void sync_it(struct file *file)
{
	char found[MOST + 1];

	if (!fsync(file->fd)) {
		memcpy(file->synced, file->now, MOST);
		file->synced_size = file->size;
	} else {
		CHECK(errno == EIO);
		__atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
		memcpy(file->now, file->synced, MOST);
		file->size = file->synced_size;
	}
	CHECK(pread(file->fd, found, sizeof(found), 0) == (ssize_t)file->size);
	CHECK(!memcmp(found, file->now, file->size));
}

static void *work(void *data)
{
	struct file *file = data;

	CHECK((file->fd = open(file->name, O_CREAT | O_RDWR, 0600)) >= 0);
	for (int i = 0; i < ROUNDS; i++) {
		for (uint64_t n = next(file, 4); n; n--)
			change(file);
		sync_it(file);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct file files[THREADS];
	pthread_t threads[THREADS];
	pid_t child = fork();

	(void)argv;
	for (int i = 0; i < THREADS; i++) {
		snprintf(files[i].name, sizeof(files[i].name), "%c%d", child ? 'p' : 'c', i);
		files[i].state = (uint64_t)(i + 1) * 0x9e3779b97f4a7c15 + !child;
		CHECK(!pthread_create(&threads[i], NULL, work, &files[i]));
	}
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_join(threads[i], NULL));
	CHECK(argc == 1 || failed);
	if (!child)
		_exit(0);
	CHECK(wait_for(child) == 0);
	return passed();
}
