/* Reads a line of any length. When there is no more memory it goes on with what it has,
 * and the buffer is lost: realloc left the old one alone, and its address is overwritten. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	size_t room = 64, size = 0;
	char *line = malloc(room);
	int c;

	while (line && (c = getchar()) != EOF && c != '\n') {
		line[size++] = c;
		if (size == room)
			line = realloc(line, room *= 2);
	}
	printf("%zu bytes\n", size);
	free(line);
	return 0;
}
