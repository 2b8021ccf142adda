/* Calls with as many arguments as the caller likes, in registers, in vector registers and
 * on the stack: printf, scanf and their kin must find each in its place. */
#include "target.h"
#include <err.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <wchar.h>

#define INTS "%d %d %d %d %d %d %d %d %d %d"
#define DOUBLES "%.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f %.1f"
#define TEN_INTS 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
#define TEN_DOUBLES .1, .2, .3, .4, .5, .6, .7, .8, .9, 1.
#define MIXED "%d %.2f %s %c %ld %Lf %p %.3e %hhu %zu %*d %.*f"
#define TEN_MIXED -1, 2.25, "text", 'c', 1L << 40, 3.5L, (void *)0x1234, 1e100, \
		  (unsigned char)200, sizeof(int), 5, 42, 2, 3.14159

static void by_list(FILE *to, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	CHECK(vfprintf(to, format, list) > 0);
	va_end(list);
	va_start(list, format);
	CHECK(vprintf(format, list) > 0);
	va_end(list);
	va_start(list, format);
	fflush(stdout);
	CHECK(vdprintf(1, format, list) > 0);
	va_end(list);
}

static void printing(void)
{
	char buffer[256], *made = NULL;

	CHECK(printf(INTS "\n", TEN_INTS) == 21);
	CHECK(printf(DOUBLES "\n", TEN_DOUBLES) > 30);
	CHECK(printf(MIXED "\n", TEN_MIXED) > 50);
	CHECK(fprintf(stdout, INTS " " DOUBLES "\n", TEN_INTS, TEN_DOUBLES) > 50);
	CHECK(snprintf(buffer, sizeof(buffer), MIXED, TEN_MIXED) > 50);
	CHECK(puts(buffer) >= 0);
	CHECK(asprintf(&made, "%Lg %Lg %Lg %d", 1.5L, 2.5L, 3.5L, 7) == 13);
	CHECK(fputs(made, stdout) >= 0 && putchar('\n') == '\n');
	free(made);
	by_list(stdout, MIXED "\n", TEN_MIXED);
	fflush(stdout);
	CHECK(dprintf(1, INTS " %Lf " DOUBLES "\n", TEN_INTS, 9.75L, TEN_DOUBLES) > 50);
	CHECK(printf("%2$s %1$d %3$.1f\n", 1, "by number", 2.5) == 16);
	CHECK(printf("%n%s\n", &(int){ 0 }, "counted") == 8);
}

static void scanning(void)
{
	int a = 0, b = 0;
	double x = 0;
	long double y = 0;
	float z = 0;
	char word[16] = "", *made = NULL, letters[4] = "";
	FILE *from = tmpfile();

	CHECK(sscanf("1 2.5 three 4 5.5 6.5 abc seven", "%d %lf %15s %d %Lf %f %3c %ms", &a,
		     &x, word, &b, &y, &z, letters, &made) == 8);
	printf("%d %.1f %s %d %.1Lf %.1f %.3s %s\n", a, x, word, b, y, z, letters, made);
	free(made);
	CHECK(from && fputs("10 11.5 12", from) >= 0);
	rewind(from);
	CHECK(fscanf(from, "%d%lf%d", &a, &x, &b) == 3 && a == 10 && x == 11.5 && b == 12);
	CHECK(fclose(from) == 0);
}

static void wide(void)
{
	wchar_t text[64];

	CHECK(swprintf(text, 64, L"%d %.1f %s %ls", 1, 2.5, "narrow", L"wide") > 0);
	printf("%ls\n", text);
}

/* To stderr, which is compared as well; the name is the program's, so without it. */
static void complaining(void)
{
	program_invocation_name = program_invocation_short_name = "me";
	errno = ENOENT;
	warn("%d %.1f %s", 1, 2.5, "warned");
	warnx("%s %d %d %d %d %d %d %d", "many", 1, 2, 3, 4, 5, 6, 7);
	errno = EIO;
	perror("told");
	openlog("printf_variadics", LOG_PERROR | LOG_NDELAY, LOG_USER);
	setlogmask(LOG_UPTO(LOG_EMERG));
	syslog(LOG_DEBUG, "%d %s %f", 1, "not told", 2.5);
	closelog();
}

static long as_syscall(void)
{
	char bytes[] = "0123456789\n";

	return syscall(SYS_write, 1, bytes, sizeof(bytes) - 1);
}

int main(void)
{
	printing();
	scanning();
	wide();
	fflush(stdout);
	CHECK(as_syscall() == 11);
	complaining();
	return passed();
}
