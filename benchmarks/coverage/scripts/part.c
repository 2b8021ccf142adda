#include "part.h"

int part(int n)
{
	return 2 * n + 2;
}
