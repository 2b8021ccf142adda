/* Syscalls without libc, by an instruction of the target's own. */
#pragma once
#include "target.h"
#include <sys/syscall.h>

#define INLINE static inline __attribute__((always_inline))

/* The kernel's result: -errno when it failed. */
INLINE long inline6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define inline0(nr) inline6(nr, 0, 0, 0, 0, 0, 0)
#define inline1(nr, a) inline6(nr, (long)(a), 0, 0, 0, 0, 0)
#define inline2(nr, a, b) inline6(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define inline3(nr, a, b, c) inline6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define inline4(nr, a, b, c, d) \
	inline6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

/* `what: 0`, or the errno's name; for results that are the same on every run. */
static inline void told(const char *what, long ret)
{
	if (ret < 0 && ret > -4096)
		printf("%s: %s\n", what, strerrorname_np((int)-ret));
	else
		printf("%s: %ld\n", what, ret);
}
