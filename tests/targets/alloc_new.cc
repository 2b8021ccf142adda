/* C++'s new in all its forms, or the one named by argv[2], argv[1] times each: what it gave
 * or threw. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <unistd.h>

struct alignas(64) Wide { char room[64]; };

static const char *only;

template <class By> static void each(const char *name, By by)
{
	char line[64];
	const char *came = "bad_alloc";

	if (only && std::strcmp(only, name))
		return;
	try {
		came = by() ? "ok" : "null";
	} catch (const std::bad_alloc &) {
	}
	std::snprintf(line, sizeof line, "%s: %s\n", name, came);
	if (write(1, line, std::strlen(line)) < 0)
		std::_Exit(1);
}

/* Given back by the delete that belongs to it; volatile, or the compiler leaves out both. */
template <class T> static bool one(T *made)
{
	T *volatile kept = made;

	delete kept;
	return kept != nullptr;
}

template <class T> static bool many(T *made)
{
	T *volatile kept = made;

	delete[] kept;
	return kept != nullptr;
}

static int handled;

static void handler()
{
	handled++;
}

/* It is called, and then tried again, until it succeeds. */
static bool with_handler()
{
	std::set_new_handler(handler);
	bool came = one(new int);

	std::set_new_handler(nullptr);
	return came;
}

int main(int argc, char **argv)
{
	int times = argc > 1 ? std::atoi(argv[1]) : 3;

	only = argc > 2 ? argv[2] : nullptr;
	for (int i = 0; i < times; i++) {
		each("new", [] { return one(new int); });
		each("new[]", [] { return many(new int[7]); });
		each("nothrow", [] { return one(new (std::nothrow) int); });
		each("nothrow[]", [] { return many(new (std::nothrow) int[7]); });
		each("aligned", [] { return one(new Wide); });
		each("aligned[]", [] { return many(new Wide[3]); });
		each("aligned nothrow", [] { return one(new (std::nothrow) Wide); });
		each("aligned nothrow[]", [] { return many(new (std::nothrow) Wide[3]); });
		each("handler", with_handler);
		each("string", [] { return std::string(100, 'x').size() > 0; });
	}
	if (only)
		std::printf("handled: %d\n", handled);
	std::puts("EXIT-SUCCESS");
	return 0;
}
