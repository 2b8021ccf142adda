#include <stdio.h>
#include "part.h"

int main(void)
{
	printf("%d\n", part(20));
	return 3;
}
