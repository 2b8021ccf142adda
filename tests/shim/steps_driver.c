/* The steps of an `if=`, run as in a target, for test_steps.py: a library of one function.
 * What of conditions.c it does not need is left out by the linker. */
#include "conditions.c"

__attribute__((visibility("default"))) int run_steps(const int64_t *args, const void *steps,
						     uint32_t count)
{
	struct call call;

	for (int i = 0; i < MAX_ARGS; i++)
		call.args[i] = args[i];
	return steps_hold(&call, steps, count);
}
