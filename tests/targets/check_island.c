/* A library and a program (with -DPROGRAM) that know no libc at all. */
int answer(void);

#ifdef PROGRAM
void _start(void);

void _start(void)
{
	/* exit_group(answer()), so that nothing returns into the void */
	__asm__ volatile("syscall" : : "a"(231), "D"(answer()));
	__builtin_unreachable();
}
#else
int answer(void)
{
	return 0;
}
#endif
