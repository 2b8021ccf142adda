/* Calls on names and on what files are, not on what is in them. */
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/un.h>
#include <sys/xattr.h>

static char template[16];

static char *fresh(void)
{
	return strcpy(template, "tmp-XXXXXX");
}

/* A name of chance is no business of the other run's. */
static long renamed(long fd)
{
	if (fd >= 0)
		CHECK(rename(template, "made") == 0);
	else
		CHECK(strcmp(template, "made") != 0);
	return fd;
}

WORD(open) { return open(TEXT_OF(a[0]), (int)a[1], 0644); }
WORD(openat) { return openat(AT_FDCWD, TEXT_OF(a[0]), (int)a[1], 0644); }
WORD(creat) { return creat(TEXT_OF(a[0]), 0644); }
WORD(close) { return close((int)a[0]); }
WORD(mkdir) { return mkdir(TEXT_OF(a[0]), 0755); }
WORD(mkdirat) { return mkdirat(AT_FDCWD, TEXT_OF(a[0]), 0755); }
WORD(rmdir) { return rmdir(TEXT_OF(a[0])); }
WORD(unlink) { return unlink(TEXT_OF(a[0])); }
WORD(unlinkat) { return unlinkat(AT_FDCWD, TEXT_OF(a[0]), (int)a[1]); }
WORD(remove) { return remove(TEXT_OF(a[0])); }
WORD(link) { return link(TEXT_OF(a[0]), TEXT_OF(a[1])); }
WORD(linkat) { return linkat(AT_FDCWD, TEXT_OF(a[0]), AT_FDCWD, TEXT_OF(a[1]), 0); }
WORD(symlink) { return symlink(TEXT_OF(a[0]), TEXT_OF(a[1])); }
WORD(symlinkat) { return symlinkat(TEXT_OF(a[0]), AT_FDCWD, TEXT_OF(a[1])); }
WORD(rename) { return rename(TEXT_OF(a[0]), TEXT_OF(a[1])); }
WORD(renameat2) { return renameat2(AT_FDCWD, TEXT_OF(a[0]), AT_FDCWD, TEXT_OF(a[1]), 0); }
WORD(mknod) { return mknod(TEXT_OF(a[0]), S_IFREG | 0644, 0); }
WORD(mkfifo) { return mkfifo(TEXT_OF(a[0]), 0644); }
WORD(chmod) { return chmod(TEXT_OF(a[0]), (mode_t)a[1]); }
WORD(fchmod) { return fchmod((int)a[0], (mode_t)a[1]); }
WORD(chown) { return chown(TEXT_OF(a[0]), (uid_t)a[1], (gid_t)-1); }
WORD(utimensat) { return utimensat(AT_FDCWD, TEXT_OF(a[0]), NULL, 0); }
WORD(setxattr) { return setxattr(TEXT_OF(a[0]), "user.fidelity", "x", 1, 0); }
WORD(access) { return access(TEXT_OF(a[0]), (int)a[1]); }
WORD(truncate) { return truncate(TEXT_OF(a[0]), a[1]); }
WORD(ftruncate) { return ftruncate((int)a[0], a[1]); }
WORD(fallocate) { return fallocate((int)a[0], (int)a[3], a[1], a[2]); }
WORD(posix_fallocate) { return posix_fallocate((int)a[0], a[1], a[2]); }
WORD(fsync) { return fsync((int)a[0]); }
WORD(fdatasync) { return fdatasync((int)a[0]); }
WORD(syncfs) { return syncfs((int)a[0]); }
WORD(sync_file_range) { return sync_file_range((int)a[0], 0, 0, 0); }
WORD(lseek) { return lseek((int)a[0], a[1], (int)a[2]); }
WORD(mkstemp) { return renamed(mkstemp(fresh())); }
WORD(mkostemp) { return renamed(mkostemp(fresh(), O_APPEND)); }
WORD(mkdtemp) { return mkdtemp(fresh()) ? renamed(0) : -1; }

WORD(openat2)
{
	struct open_how how = { .flags = (uint64_t)a[1], .mode = a[1] & O_CREAT ? 0644 : 0 };

	return syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof(how));
}

/* bind(2) makes a name, too. */
WORD(bind)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	strcpy(name.sun_path, TEXT_OF(a[1]));
	return bind((int)a[0], (struct sockaddr *)&name, sizeof(name));
}

#define WORDS_OF_FILES                                                              \
	{ "open", do_open, DESCRIPTOR }, { "openat", do_openat, DESCRIPTOR },       \
	{ "openat2", do_openat2, DESCRIPTOR }, { "creat", do_creat, DESCRIPTOR },   \
	{ "close", do_close, NUMBER }, { "mkdir", do_mkdir, NUMBER },               \
	{ "mkdirat", do_mkdirat, NUMBER }, { "rmdir", do_rmdir, NUMBER },           \
	{ "unlink", do_unlink, NUMBER }, { "unlinkat", do_unlinkat, NUMBER },       \
	{ "remove", do_remove, NUMBER }, { "link", do_link, NUMBER },               \
	{ "linkat", do_linkat, NUMBER }, { "symlink", do_symlink, NUMBER },         \
	{ "symlinkat", do_symlinkat, NUMBER }, { "rename", do_rename, NUMBER },     \
	{ "renameat2", do_renameat2, NUMBER }, { "mknod", do_mknod, NUMBER },       \
	{ "mkfifo", do_mkfifo, NUMBER }, { "chmod", do_chmod, NUMBER },             \
	{ "fchmod", do_fchmod, NUMBER }, { "chown", do_chown, NUMBER },             \
	{ "utimensat", do_utimensat, NUMBER }, { "setxattr", do_setxattr, NUMBER }, \
	{ "access", do_access, NUMBER }, { "truncate", do_truncate, NUMBER },       \
	{ "ftruncate", do_ftruncate, NUMBER }, { "fallocate", do_fallocate, NUMBER }, \
	{ "posix_fallocate", do_posix_fallocate, ERRNO },                           \
	{ "fsync", do_fsync, NUMBER }, { "fdatasync", do_fdatasync, NUMBER },       \
	{ "syncfs", do_syncfs, NUMBER },                                            \
	{ "sync_file_range", do_sync_file_range, NUMBER },                          \
	{ "lseek", do_lseek, NUMBER }, { "mkstemp", do_mkstemp, DESCRIPTOR },       \
	{ "mkostemp", do_mkostemp, DESCRIPTOR }, { "mkdtemp", do_mkdtemp, NUMBER }, \
	{ "bind", do_bind, NUMBER }
