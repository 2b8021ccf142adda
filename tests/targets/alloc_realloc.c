/* Reads stdin into a block that grows, and says how long it was. With -DREPAIRED it keeps
 * the old block until it has the new one; else that is lost when realloc(3) fails. */
#include "target.h"

int main(void)
{
	size_t used = 0, room = 64;
	char *text = malloc(room);

	for (ssize_t got = 1; text && got > 0; used += (size_t)got) {
		if (used == room) {
			room *= 2;
#ifdef REPAIRED
			char *more = realloc(text, room);

			if (!more)
				break;
			text = more;
#else
			text = realloc(text, room);
			if (!text)
				break;
#endif
		}
		got = read(0, text + used, room - used);
		CHECK(got >= 0);
	}
	free(text);
	dprintf(1, "%zu bytes\n", used);
	return 0;
}
