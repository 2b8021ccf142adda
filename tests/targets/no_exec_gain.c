/* `no_exec_gain PROGRAM [ARG...]`: goes on as that program where no memory may become
 * executable any more, prctl(2), PR_SET_MDWE. */
#include "target.h"
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

int main(int argc, char **argv)
{
	CHECK(argc > 1);
	if (prctl(PR_SET_MDWE, 1, 0, 0, 0))
		return cannot_run("no PR_SET_MDWE");
	execv(argv[1], argv + 1);
	CHECK(!"exec");
}
