/* The same table with the check: where mmap fails the program says so and takes a
 * smaller one of its own. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (1 << 20)

static char spare[1 << 12];

int main(void)
{
	size_t size = SIZE;
	char *table = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (table == MAP_FAILED) {
		perror("mmap: going on with a smaller table");
		table = spare;
		size = sizeof(spare);
	}
	memset(table, 'x', size);
	printf("filled %zu bytes, the last is '%c'\n", size, table[size - 1]);
	return 0;
}
