/* Calls that do nothing without privileges, or by these arguments: what the kernel gets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>
#include "target.h"

int capget(void *, void *);
int capset(void *, const void *);
int delete_module(const char *, unsigned);
int init_module(void *, unsigned long, const char *);

/* Names that libc keeps for old programs only. */
#define OLD(name) __asm__(".symver old_" #name "," #name "@GLIBC_2.2.5")
OLD(uselib);
OLD(ustat);
long old_uselib(const char *), old_ustat(dev_t, void *);

static void modules(void)
{
	old_uselib("none");
	old_ustat(0, NULL);
	delete_module("no such module", O_NONBLOCK);
	init_module(NULL, 0, "none=0");
}

static void mounts(void)
{
	fsmount(-1, 0, 0);
	fspick(-1, "none", 0);
	open_tree(-1, "none", 0);
	move_mount(-1, "none", -1, "none", 0);
	mount_setattr(-1, "none", 0, NULL, 0);
}

static void handles(void)
{
	int mount;

	name_to_handle_at(-1, "none", NULL, &mount, 0);
	open_by_handle_at(-1, NULL, O_RDONLY);
	process_mrelease(-1, 0);
}

int main(void)
{
	clockid_t clock;

	capget(NULL, NULL);
	capset(NULL, NULL);
	ioperm(0, 0, -1);
	iopl(-1);
	reboot(-1);
	clock_getcpuclockid(0, &clock);
	modules();
	mounts();
	handles();
	return passed();
}
