/* What errno is after a call that found nothing, or came to an end: some leave it, some
 * make it 0, and neither is a failure. */
#include "target.h"
#include <dirent.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <shadow.h>
#include <stdbool.h>

#define TELL(call)                                                       \
	do {                                                             \
		bool nothing;                                            \
		int left;                                                \
									 \
		errno = 1234;                                            \
		nothing = (call);                                        \
		left = errno;                                            \
		printf("%s: %d, errno %d\n", #call, nothing, left);      \
	} while (0)

static void lookups(void)
{
	TELL(!getpwnam("no such user"));
	TELL(!getpwuid(0x7ffffff0));
	TELL(!getgrnam("no such group"));
	TELL(!getgrgid(0x7ffffff0));
	TELL(!getspnam("no such user"));
	TELL(!getservbyname("no such service", "tcp"));
	TELL(!getprotobyname("no such protocol"));
}

static void ends(void)
{
	FILE *empty = fopen("/dev/null", "r");
	DIR *folder = opendir("/dev");
	char text[8];
	int number;

	CHECK(empty && folder);
	while (readdir(folder))
		;
	TELL(!readdir(folder));
	TELL(!fgets(text, sizeof(text), empty));
	TELL(!fread(text, 1, sizeof(text), empty));
	TELL(fgetc(empty) == EOF);
	TELL(fscanf(empty, "%d", &number) == EOF);
	TELL(fscanf(empty, "%c", text) == EOF);
	TELL(sysconf(_SC_STREAM_MAX) == -2);
	TELL(pathconf("/", _PC_SYMLINK_MAX) == -1);
	closedir(folder);
	fclose(empty);
}

int main(void)
{
	lookups();
	ends();
	return passed();
}
