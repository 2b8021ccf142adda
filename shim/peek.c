/* Rules in peek.h. The host's thorough version is pyshim/elf.py. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include "peek.h"
#include "sys.h"

enum { HEAD = 1024, MOST_HEADERS = 64, SCRIPTS = 4, INTERPRETER = 256 };

static const char *setuid_bypass(int fd)
{
	struct stat st;

	if (sys2(__NR_fstat, fd, &st))
		return NULL;
	if (st.st_mode & S_ISUID && st.st_uid != (uid_t)sys0(__NR_geteuid))
		return "setuid: ld.so ignores the preload";
	if (st.st_mode & S_ISGID && st.st_mode & S_IXGRP
	    && st.st_gid != (gid_t)sys0(__NR_getegid))
		return "setgid: ld.so ignores the preload";
	return NULL;
}

/* glibc's loaders are called ld-linux*.so.2 or ld.so; any other brings another libc,
 * which would refuse to start with a preload made for glibc. */
static const char *loader_bypass(int fd, const Elf64_Phdr *header)
{
	char name[INTERPRETER];
	size_t size = header->p_filesz < sizeof(name) ? header->p_filesz : sizeof(name) - 1;

	memset(name, 0, sizeof(name));
	sys4(__NR_pread64, fd, name, size, header->p_offset);
	if (strstr(name, "/ld-linux") || strstr(name, "/ld.so"))
		return NULL;
	return "another libc: its loader is not glibc's";
}

/* Static, but they take the preload to the program they are given: ld.so itself
 * (`/lib64/ld-linux-x86-64.so.2 ./app`), and valgrind's tools. */
static bool is_loader(const char *path)
{
	const char *tool = strstr(path, "/valgrind/");

	return strstr(path, "/ld-linux") || (tool && strstr(tool, "-amd64-linux"));
}

static const char *elf_bypass(int fd, const Elf64_Ehdr *elf, const char *path)
{
	const char *bypass = setuid_bypass(fd);

	if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != EM_X86_64)
		return "another class or machine";
	for (int i = 0; i < elf->e_phnum && i < MOST_HEADERS; i++) {
		Elf64_Phdr header = { 0 };
		long at = (long)elf->e_phoff + i * (long)elf->e_phentsize;

		sys4(__NR_pread64, fd, &header, sizeof(header), at);
		if (header.p_type == PT_INTERP)
			return bypass ? bypass : loader_bypass(fd, &header);
	}
	return is_loader(path) ? NULL : "static: no PT_INTERP";
}

/* `#! /bin/sh -e` to "/bin/sh", in place. */
static char *interpreter(char *line)
{
	char *name = line + 2;

	name += strspn(name, " \t");
	name[strcspn(name, " \t\n")] = 0;
	return name;
}

const char *peek_bypass(int dirfd, const char *path)
{
	char head[2][HEAD];
	const char *bypass = NULL;

	for (int depth = 0; depth < SCRIPTS; depth++) {
		char *now = head[depth & 1];
		long fd = sys3(__NR_openat, dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		long size = fd < 0 ? fd : sys3(__NR_read, fd, now, HEAD - 1);

		if (size > 0)
			now[size] = 0;
		if (size >= (long)sizeof(Elf64_Ehdr) && !memcmp(now, ELFMAG, SELFMAG))
			bypass = elf_bypass((int)fd, (const Elf64_Ehdr *)(void *)now, path);
		if (fd >= 0)
			sys1(__NR_close, fd);
		if (size < 2 || now[0] != '#' || now[1] != '!')
			return bypass;
		path = interpreter(now);
	}
	return bypass;
}
