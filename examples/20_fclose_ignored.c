/* Saves a line into a file. It leaves the buffer in fclose, and nobody looks at that. */
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *file = fopen(argv[argc - 1], "w");

	if (!file) {
		perror(argv[argc - 1]);
		return 1;
	}
	fprintf(file, "colour = blue\n");
	fclose(file);
	puts("saved");
	return 0;
}
