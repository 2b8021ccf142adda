/*
 * The few functions on memory and text that we, and the compiler for us, need. libc's
 * own would be taken by name, and a program may define that name: what a sanitizer puts
 * there checks our reads as if they were the program's, and is not ready before its start.
 *
 * Contracts as in string(3). Bytes are read one by one and never past the end: the
 * program's memory may end there.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>

enum { WORDS_FROM = 8, STRING_FROM = 256 };

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	unsigned char *out = to;
	const unsigned char *in = from;

	if (size >= STRING_FROM) {
		__asm__ volatile("rep movsb" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
		return to;
	}
	for (; size >= WORDS_FROM; size -= 8, out += 8, in += 8) {
		uint64_t word;

		__builtin_memcpy(&word, in, 8);
		__builtin_memcpy(out, &word, 8);
	}
	while (size--)
		*out++ = *in++;
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
	return to;
}

size_t strnlen(const char *text, size_t most)
{
	size_t length = 0;

	while (length < most && text[length])
		length++;
	return length;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

char *strchrnul(const char *text, int wanted)
{
	while (*text && *text != (char)wanted)
		text++;
	return (char *)text;
}

char *strchr(const char *text, int wanted)
{
	char *found = strchrnul(text, wanted);

	return *found == (char)wanted ? found : NULL;
}

char *strrchr(const char *text, int wanted)
{
	const char *found = NULL;

	for (;; text++) {
		if (*text == (char)wanted)
			found = text;
		if (!*text)
			return (char *)found;
	}
}

int strncmp(const char *one, const char *other, size_t most)
{
	for (; most; most--, one++, other++)
		if (*one != *other || !*one)
			return (unsigned char)*one - (unsigned char)*other;
	return 0;
}

int strcmp(const char *one, const char *other)
{
	return strncmp(one, other, SIZE_MAX);
}

char *stpcpy(char *restrict to, const char *restrict from)
{
	while ((*to = *from++))
		to++;
	return to;
}

char *strcpy(char *restrict to, const char *restrict from)
{
	stpcpy(to, from);
	return to;
}

size_t strcspn(const char *text, const char *stops)
{
	size_t length = 0;

	while (text[length] && !strchr(stops, text[length]))
		length++;
	return length;
}

size_t strspn(const char *text, const char *wanted)
{
	size_t length = 0;

	while (text[length] && strchr(wanted, text[length]))
		length++;
	return length;
}

char *strstr(const char *text, const char *wanted)
{
	size_t length = strlen(wanted);

	for (; *text; text++)
		if (!strncmp(text, wanted, length))
			return (char *)text;
	return length ? NULL : (char *)text;
}
