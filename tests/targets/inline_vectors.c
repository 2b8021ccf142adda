/* What no syscall changes: vector registers as wide as they are here, the x87 stack and
 * its control word, mxcsr. */
#include "vectors.h"
#include <immintrin.h>

enum { TIMES = 200, ROUND_TO_ZERO = 0x6000 };

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
