/*
 * Stacks for hooks: a thread of the program's may have 16 KiB, Python needs more. One is
 * enough, for one hook runs at a time; a hook that makes the real call in its middle keeps
 * its own, and while it does so others need one.
 *
 * All of it with the hook mutex held (hook_lock.h).
 */
#ifndef PYSHIM_HOOK_STACK_H
#define PYSHIM_HOOK_STACK_H

#include <stdbool.h>

/* The top of a free one, now in use; NULL: no memory, or too many hooks were left by a jump
 * out of the real call. */
char *stack_take(void);

/* The first, for what is not Python (remote.h), and so are all that come. */
char *stack_take_small(void);
bool stack_is_small(void);

void stack_give(const char *top);

/* Run function(argument) on the stack that ends at `top`, and come back (lazy.S). */
void stack_call(void (*function)(void *), void *argument, char *top);

/* The same, for a call that the catch-all makes: each vector register as it was. */
void stack_call_keeping(void (*function)(void *), void *argument, char *top);

/* Come back from what runs there, as if it had returned. */
_Noreturn void stack_leave(char *top);

/* Where the stack ended from which stack_call() came to `top`. */
static inline char *stack_below(const char *top)
{
	return *(char *const *)(const void *)(top - 8);
}

#endif
