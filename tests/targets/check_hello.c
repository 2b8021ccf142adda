/* Says hello by write(2) alone; the plainest program `pyshim check` can meet. */
#include <string.h>
#include <unistd.h>

int main(void)
{
	const char *text = "hello\n";

	return write(STDOUT_FILENO, text, strlen(text)) < 0;
}
