/* clearenv, then execv of argv[1] with its arguments: what ends EXIT-SUCCESS is the
 * program run. */
#include "target.h"

int main(int argc, char **argv)
{
	CHECK(argc > 1 && clearenv() == 0 && getenv("PATH") == NULL);
	execv(argv[1], argv + 1);
	CHECK(!"execv returned");
}
