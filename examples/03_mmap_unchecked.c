/* Fills a table it asked mmap for, and never looks whether it got one: where memory
 * is short, mmap returns MAP_FAILED, which is no NULL, and the first store crashes. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (1 << 20)

int main(void)
{
	char *table = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(table, 'x', SIZE);
	printf("filled %d bytes, the last is '%c'\n", SIZE, table[SIZE - 1]);
	return 0;
}
