/* Streams, folders that are read, and what is made of both. */
#include <dirent.h>

WORD(fopen) { return (long)fopen(TEXT_OF(a[0]), TEXT_OF(a[1])); }
WORD(fdopen) { return (long)fdopen((int)a[0], TEXT_OF(a[1])); }
WORD(freopen) { return (long)freopen(TEXT_OF(a[0]), TEXT_OF(a[1]), STREAM(a[2])); }
WORD(tmpfile) { return (long)tmpfile(); }
WORD(popen) { return (long)popen("exec cat >/dev/null", "w"); }
WORD(fwrite) { return taken((long)fwrite(NEXT, 1, (size_t)a[1], STREAM(a[0]))); }
WORD(fread) { return (long)fread(got, 1, (size_t)a[1], STREAM(a[0])); }
WORD(fgetc) { return fgetc(STREAM(a[0])); }
WORD(fgets) { return (long)fgets((char *)got, (int)a[1], STREAM(a[0])); }
WORD(fputs) { return fputs("a line of text\n", STREAM(a[0])) < 0 ? -1 : 0; }
WORD(fprintf) { return fprintf(STREAM(a[0]), "%0*d\n", (int)a[1], 7); }
WORD(fflush) { return fflush(STREAM(a[0])); }
WORD(fclose) { return fclose(STREAM(a[0])); }
WORD(pclose) { return pclose(STREAM(a[0])); }
WORD(ferror) { return !!ferror(STREAM(a[0])); }
WORD(feof) { return !!feof(STREAM(a[0])); }
WORD(clearerr) { return clearerr(STREAM(a[0])), 0; }
WORD(ftell) { return ftell(STREAM(a[0])); }
WORD(fileno) { return fileno(STREAM(a[0])); }
WORD(unbuffered) { return setvbuf(STREAM(a[0]), NULL, _IONBF, 0); }
WORD(dprintf) { return dprintf((int)a[0], "%0*d", (int)a[1], 7); }
WORD(opendir) { return (long)opendir(TEXT_OF(a[0])); }
WORD(fdopendir) { return (long)fdopendir((int)a[0]); }
WORD(closedir) { return closedir((DIR *)a[0]); }

WORD(readdir)
{
	long entries = 0;

	while (readdir((DIR *)a[0]))
		entries++;
	return errno ? -1 : entries;
}

WORD(scandir)
{
	struct dirent **list = NULL;

	return scandir(TEXT_OF(a[0]), &list, NULL, alphasort);
}

WORD(getline)
{
	static char *line;
	static size_t room;

	return getline(&line, &room, STREAM(a[0]));
}

#define WORDS_OF_STREAMS                                                            \
	{ "fopen", do_fopen, POINTER }, { "fdopen", do_fdopen, POINTER },           \
	{ "freopen", do_freopen, POINTER }, { "tmpfile", do_tmpfile, POINTER },     \
	{ "popen", do_popen, POINTER }, { "fwrite", do_fwrite, NUMBER },            \
	{ "fread", do_fread, FILLED }, { "fgetc", do_fgetc, NUMBER },               \
	{ "fgets", do_fgets, POINTER }, { "fputs", do_fputs, NUMBER },              \
	{ "fprintf", do_fprintf, NUMBER }, { "fflush", do_fflush, NUMBER },         \
	{ "fclose", do_fclose, NUMBER }, { "pclose", do_pclose, NUMBER },           \
	{ "ferror", do_ferror, NUMBER }, { "feof", do_feof, NUMBER },               \
	{ "clearerr", do_clearerr, NUMBER }, { "ftell", do_ftell, NUMBER },         \
	{ "fileno", do_fileno, DESCRIPTOR },                                        \
	{ "unbuffered", do_unbuffered, NUMBER }, { "dprintf", do_dprintf, NUMBER }, \
	{ "opendir", do_opendir, POINTER }, { "fdopendir", do_fdopendir, POINTER }, \
	{ "closedir", do_closedir, NUMBER }, { "readdir", do_readdir, NUMBER },     \
	{ "scandir", do_scandir, NUMBER }, { "getline", do_getline, NUMBER }
