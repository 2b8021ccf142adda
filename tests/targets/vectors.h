/* Registers that no syscall changes: the widest vectors there are here, the x87 stack and its
 * control word. */
#include "inline.h"
#include <stdint.h>

enum { ROUND_UP = 0x0800 };

#define OVER(wide, high)                                                              \
	__asm__ volatile(wide " (%[before]), %" high "\n"                             \
			      "syscall\n" wide " %" high ", (%[after])\n"             \
			 : "=a"(ret)                                                  \
			 : "a"(SYS_getppid), [before] "r"(before), [after] "r"(after) \
			 : "rcx", "r11", "memory")

static void vectors(int byte)
{
	uint8_t before[64], after[64];
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
