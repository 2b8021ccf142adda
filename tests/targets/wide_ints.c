/* close(2) of an int whose register holds more than it, by an instruction of our own. */
#include "inline.h"

int main(void)
{
	told("close 0xffffffff", inline1(SYS_close, 0xffffffffl));
	told("close garbage", inline1(SYS_close, 0x12345678ffffffffl));
	told("close 99", inline1(SYS_close, 0x1234567800000063l));
	return passed();
}
