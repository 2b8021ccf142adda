/* Makes the calls that its words name, one after the other, and notes in memory that is
 * shared with whoever started it what each returned: no call of its own tells of them.
 *
 *   fidelity SHARED real|injected WORD...
 *   WORD = [?|@|!][x=]NAME[:ARGUMENT]...   ? only where the condition is real, not noted
 *                                          @ only where it is injected, not noted
 *                                          ! somebody may interrupt it while it waits
 *                                          x= the result is variable x from now on
 *   ARGUMENT = $x | a number, 4k | a constant, A|B | text
 *
 * An error is told by name, a descriptor by how far it is above the lowest that was free
 * at the start. At the end it says what is open, where and with what in it. */
#include "target.h"
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { TEXT = 1 << 16, MOST_ARGUMENTS = 5, VARIABLES = 26, DATA = 1 << 20, TOLD = 24 };

/* As in tests/fidelity/together.py. */
static struct shared {
	int32_t pid, armed, handled, length, word, unused[3];
	int64_t vars[VARIABLES];
	sem_t sem;
	char text[TEXT];
} *shared;
_Static_assert(offsetof(struct shared, vars) == 32, "together.py");
_Static_assert(offsetof(struct shared, sem) == 240, "together.py");
_Static_assert(offsetof(struct shared, text) == 272, "together.py");

/* How a result is told. */
enum result {
	NUMBER, DESCRIPTOR, POINTER, ERRNO, FILLED, EAI, PROCESS, TWO, NOTHING,
};

typedef long made(const long *a);

static int lowest;
/* What is written, all different within 63 KiB; in pages, as vmsplice(2) takes them. */
static unsigned char data[DATA] __attribute__((aligned(4096)));
static unsigned char got[DATA];   /* what is read */
static long sent;                 /* so much of it was taken */

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	shared->length += vsnprintf(shared->text + shared->length,
				    (size_t)(TEXT - shared->length), format, list);
	va_end(list);
	CHECK(shared->length < TEXT);
}

/* What the next bytes are is told by where they stand. */
static long taken(long count)
{
	sent += count > 0 ? count : 0;
	CHECK(sent < DATA / 2);
	return count;
}

#define WORD(name) static long do_##name(const long *a __attribute__((unused)))
#define TEXT_OF(argument) ((const char *)(argument))
#define STREAM(argument) ((FILE *)(argument))
#define NEXT (data + sent)

static void keep(char name, long value)
{
	shared->vars[name - 'a'] = value;
}

#include "fidelity/conditions.h"
#include "fidelity/descriptors.h"
#include "fidelity/files.h"
#include "fidelity/memory.h"
#include "fidelity/messages.h"
#include "fidelity/processes.h"
#include "fidelity/transfers.h"
#include "fidelity/sockets.h"
#include "fidelity/streams.h"
#include "fidelity/waits.h"
#include "fidelity/constants.h"

struct word {
	const char *name;
	made *call;
	enum result result;
};

static const struct word words[] = {
	WORDS_OF_CONDITIONS, WORDS_OF_DESCRIPTORS, WORDS_OF_FILES, WORDS_OF_MEMORY,
	WORDS_OF_MESSAGES, WORDS_OF_PROCESSES, WORDS_OF_SOCKETS, WORDS_OF_STREAMS,
	WORDS_OF_TRANSFERS, WORDS_OF_WAITS,
};

static unsigned sum_of(const unsigned char *bytes, long size)
{
	unsigned sum = 17;

	for (long i = 0; i < size; i++)
		sum = sum * 31 + bytes[i];
	return sum & 0xffff;
}

static bool failed(enum result result, long value)
{
	if (result == POINTER)
		return !value;
	return value == -1 && result != ERRNO && result != EAI && result != NOTHING;
}

static void tell(enum result result, long value, int err)
{
	if (failed(result, value))
		note(result == POINTER ? " NULL %s" : " -1 %s", strerrorname_np(err));
	else if (result == NUMBER || result == EAI)
		note(" %ld", value);
	else if (result == DESCRIPTOR)
		note(" +%ld", value - lowest);
	else if (result == ERRNO)
		note(" %s", value ? strerrorname_np((int)value) : "0");
	else if (result == FILLED)
		note(" %ld #%04x", value, sum_of(got, value));
	else if (result == TWO)
		note(" %+d %+d", pair[0] - lowest, pair[1] - lowest);
	else
		note(" ok");
}

static const struct word *find(const char *name)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	dprintf(2, "no word %s\n", name);
	_exit(1);
}

static void make(const struct word *word, const long *a, bool armed, char variable)
{
	int handled = shared->handled, err;
	long value;

	__atomic_store_n(&shared->armed, armed, __ATOMIC_SEQ_CST);
	errno = 0;
	value = word->call(a);
	err = errno;
	__atomic_store_n(&shared->armed, 0, __ATOMIC_SEQ_CST);
	if (variable)
		keep(variable, value);
	tell(word->result, value, err);
	if (shared->handled != handled)
		note(" handled %d", shared->handled - handled);
	note("\n");
}

/* In the one mode only, and so that no line tells. */
static void condition(const struct word *word, const long *a, char variable)
{
	int length = shared->length;

	make(word, a, false, variable);
	if (strstr(shared->text + length, " -1 "))
		dprintf(2, "no condition: %s%s", word->name, shared->text + length);
	shared->length = length;
	shared->text[length] = '\0';
}

static void run(char *text, bool real)
{
	bool hidden = *text == '?' || *text == '@', armed = *text == '!';
	long a[MOST_ARGUMENTS] = { 0 };
	char *name, *argument, *at;

	if (hidden && real != (*text == '?'))
		return;
	text += hidden || armed;
	if (!hidden)
		note("%s", text);
	char variable = text[1] == '=' ? text[0] : 0;

	at = text + (variable ? 2 : 0);
	name = strsep(&at, ":");
	for (int i = 0; (argument = strsep(&at, ":")); i++)
		a[i] = value_of(argument);
	shared->word++;
	if (hidden)
		condition(find(name), a, variable);
	else
		make(find(name), a, armed, variable);
}

/* Where it stands, what waits in it. */
static void say_open(int fd)
{
	struct stat st;
	int waiting = -1;

	if (fstat(fd, &st) < 0)
		return;
	note("%+d %o flags %o fd %d", fd - lowest, st.st_mode & S_IFMT,
	     fcntl(fd, F_GETFL), fcntl(fd, F_GETFD));
	if (S_ISREG(st.st_mode))
		note(" at %ld of %ld", (long)lseek(fd, 0, SEEK_CUR), (long)st.st_size);
	else if (ioctl(fd, FIONREAD, &waiting) == 0)
		note(" holds %d", waiting);
	note("\n");
}

static void begin(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	lowest = fd;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(shared != MAP_FAILED && close(fd) == 0);
	CHECK(sem_init(&shared->sem, 1, 0) == 0);
	for (int i = 0; i < DATA; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	memset(got, 1, sizeof(got));
	shared->pid = getpid();
}

int main(int argc, char **argv)
{
	CHECK(argc > 2);
	begin(argv[1]);
	for (int i = 3; i < argc; i++)
		run(argv[i], strcmp(argv[2], "real") == 0);
	for (int fd = lowest; fd < lowest + TOLD; fd++)
		say_open(fd);
	note("end\n");
	_exit(0);
}
