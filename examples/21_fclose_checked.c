/* Saves a line into a file, and says so when all of it is with the kernel. */
#include <stdio.h>

int main(int argc, char **argv)
{
	FILE *file = fopen(argv[argc - 1], "w");

	if (!file) {
		perror(argv[argc - 1]);
		return 1;
	}
	fprintf(file, "colour = blue\n");
	if (fclose(file)) {
		perror("not saved");
		return 1;
	}
	puts("saved");
	return 0;
}
