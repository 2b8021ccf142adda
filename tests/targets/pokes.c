/* Memory that a rule may write into: what each call's argument points to, before and
 * after it, from where it lies. */
#include "target.h"
#include <sys/mman.h>

static const char *volatile fixed = "fixed";

int main(void)
{
	char path[] = "nowhere";
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	CHECK(pages != MAP_FAILED && mprotect(pages + 4096, 4096, PROT_NONE) == 0);
	memset(pages, 'm', 4096);
	report("open", open(path, O_RDONLY));
	printf("path: %s\n", path);
	report("open fixed", open(fixed, O_RDONLY));
	printf("fixed: %s\n", fixed);
	report("chdir nowhere", chdir((char *)8));
	report("rmdir at the edge", rmdir(pages + 4092));
	printf("edge: %.4s\n", pages + 4092);
	return passed();
}
