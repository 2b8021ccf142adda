/* Paths in and under the folder that a target is given. main() sets `top`. */
#include "target.h"
#include <limits.h>

static char *top;

/* Four in turn: two may be used in one call. */
static char *under(const char *name)
{
	static char paths[4][PATH_MAX];
	static int turn;
	char *path = paths[turn++ % 4];

	CHECK(snprintf(path, PATH_MAX, "%s%s", top, name) < PATH_MAX);
	return path;
}
