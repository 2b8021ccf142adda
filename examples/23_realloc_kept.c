/* Reads a line of any length. When there is no more memory it goes on with what it has,
 * and gives that back at the end. */
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	size_t room = 64, size = 0;
	char *line = malloc(room), *more;
	int c;

	while (line && (c = getchar()) != EOF && c != '\n') {
		line[size++] = c;
		if (size < room)
			continue;
		more = realloc(line, room *= 2);
		if (!more)
			break;
		line = more;
	}
	printf("%zu bytes\n", size);
	free(line);
	return 0;
}
