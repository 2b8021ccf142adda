/* Memory, and what needs some. */
#include <malloc.h>
#include <sys/shm.h>

static long mapped(void *at)
{
	return at == MAP_FAILED ? -1 : (long)at;
}

static int code;

/* posix_memalign(3): the code, and the pointer is as it was. */
WORD(posix_memalign)
{
	void *at = &code;
	int err = posix_memalign(&at, 4096, (size_t)a[0]);

	CHECK(!err || at == &code);
	return err;
}

WORD(mmap)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (int)a[1];

	return mapped(mmap(NULL, (size_t)a[0], PROT_READ | PROT_WRITE, flags, -1, 0));
}

WORD(mmap_file)
{
	return mapped(mmap(NULL, (size_t)a[1], PROT_READ, MAP_PRIVATE, (int)a[0], 0));
}

WORD(mremap)
{
	return mapped(mremap((void *)a[0], (size_t)a[1], (size_t)a[2], (int)a[3]));
}

WORD(munmap) { return munmap((void *)a[0], (size_t)a[1]); }
WORD(mprotect) { return mprotect((void *)a[0], (size_t)a[1], PROT_READ); }
WORD(mlock) { return mlock((void *)a[0], (size_t)a[1]); }
WORD(sbrk) { return (long)sbrk(a[0]); }

WORD(brk)
{
	return brk((char *)sbrk(0) + a[0]);
}

WORD(malloc) { return (long)malloc((size_t)a[0]); }
WORD(calloc) { return (long)calloc((size_t)a[0], (size_t)a[1]); }
WORD(realloc) { return (long)realloc((void *)a[0], (size_t)a[1]); }
WORD(reallocarray) { return (long)reallocarray((void *)a[0], (size_t)a[1], (size_t)a[2]); }
WORD(aligned_alloc) { return (long)aligned_alloc(4096, (size_t)a[0]); }
WORD(memalign) { return (long)memalign(4096, (size_t)a[0]); }
WORD(valloc) { return (long)valloc((size_t)a[0]); }

/* The block is still ours after a realloc that failed, with what was in it. */
WORD(stamp) { return memset((void *)a[0], 0x5a, (size_t)a[1]), 0; }
WORD(stamped)
{
	const unsigned char *at = (void *)a[0];
	long i = 0;

	while (i < a[1] && at[i] == 0x5a)
		i++;
	return i;
}

static char *long_text(long length)
{
	static char text[DATA * 4];

	CHECK(length < DATA * 4);
	memset(text, 'x', (size_t)length);
	text[length] = '\0';
	return text;
}

WORD(strdup) { return (long)strdup(long_text(a[0])); }
WORD(strndup) { return (long)strndup(long_text(a[0]), (size_t)a[0]); }

WORD(asprintf)
{
	char *text = NULL;

	return asprintf(&text, "%s", long_text(a[0]));
}

WORD(shmat)
{
	int id = shmget(IPC_PRIVATE, (size_t)a[0], 0600), err;
	void *at;

	CHECK(id >= 0);
	at = shmat(id, NULL, 0);
	err = errno;
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	errno = err;
	return at == (void *)-1 ? -1 : 0;
}

#define WORDS_OF_MEMORY                                                             \
	{ "posix_memalign", do_posix_memalign, ERRNO }, { "mmap", do_mmap, PROCESS }, \
	{ "mmap_file", do_mmap_file, PROCESS }, { "mremap", do_mremap, PROCESS },   \
	{ "munmap", do_munmap, NUMBER }, { "mprotect", do_mprotect, NUMBER },       \
	{ "mlock", do_mlock, NUMBER }, { "sbrk", do_sbrk, PROCESS },                \
	{ "brk", do_brk, NUMBER }, { "malloc", do_malloc, POINTER },                \
	{ "calloc", do_calloc, POINTER }, { "realloc", do_realloc, POINTER },       \
	{ "reallocarray", do_reallocarray, POINTER },                               \
	{ "aligned_alloc", do_aligned_alloc, POINTER },                             \
	{ "memalign", do_memalign, POINTER }, { "valloc", do_valloc, POINTER },     \
	{ "stamp", do_stamp, NUMBER }, { "stamped", do_stamped, NUMBER },           \
	{ "strdup", do_strdup, POINTER }, { "strndup", do_strndup, POINTER },       \
	{ "asprintf", do_asprintf, NUMBER }, { "shmat", do_shmat, NUMBER }
