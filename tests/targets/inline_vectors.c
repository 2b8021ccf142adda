/* What no syscall changes: vector registers as wide as they are here, the x87 stack and
 * its control word, mxcsr. */
#include "inline.h"
#include <immintrin.h>
#include <stdint.h>

enum { TIMES = 200, ROUND_UP = 0x0800, ROUND_TO_ZERO = 0x6000 };

static uint8_t before[64] __attribute__((aligned(64))),
	after[64] __attribute__((aligned(64)));

#define OVER(wide, high)                                                              \
	__asm__ volatile(wide " (%[before]), %" high "\n"                             \
			      "syscall\n" wide " %" high ", (%[after])\n"             \
			 : "=a"(ret)                                                  \
			 : "a"(SYS_getppid), [before] "r"(before), [after] "r"(after) \
			 : "rcx", "r11", "memory")

static void vectors(int byte)
{
	size_t size = 16;
	long ret;

	memset(before, byte, sizeof(before));
	memset(after, 0, sizeof(after));
	if (__builtin_cpu_supports("avx512f")) {
		size = 64;
		OVER("vmovdqu64", "%zmm29");
	} else if (__builtin_cpu_supports("avx")) {
		size = 32;
		OVER("vmovdqu", "%ymm13");
	} else {
		OVER("movdqu", "%xmm13");
	}
	CHECK(ret == getppid() && !memcmp(before, after, size));
}

static void x87(void)
{
	uint16_t was, control, now = 0;
	long double left;

	__asm__ volatile("fnstcw %0" : "=m"(was));
	control = was | ROUND_UP;
	__asm__ volatile("fldcw %0\n fldpi" : : "m"(control));
	long ret = inline0(SYS_getppid);

	__asm__ volatile("fstpt %0\n fnstcw %1\n fldcw %2"
			 : "=m"(left), "=m"(now)
			 : "m"(was));
	CHECK(ret > 0 && now == control && left > 3.14L && left < 3.15L);
}

static void sse_control(void)
{
	unsigned int was = _mm_getcsr();

	_mm_setcsr(was | ROUND_TO_ZERO);
	CHECK(inline0(SYS_getppid) > 0);
	CHECK((_mm_getcsr() & ROUND_TO_ZERO) == ROUND_TO_ZERO);
	_mm_setcsr(was);
}

int main(void)
{
	for (int i = 1; i <= TIMES; i++) {
		vectors(i);
		x87();
		sse_control();
	}
	return passed();
}
