/* Rules in remote_serve.h. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include "paths.h"
#include "remote_serve.h"
#include "sys.h"
#include "thread.h"

enum { TEXT_MOST = 1 << 20 };

static int64_t tell_text(struct channel *channel, const char *from)
{
	long length = readable_string(from, TEXT_MOST);

	if (length >= 0)
		memcpy(channel->window, from,
		       length < REMOTE_WINDOW ? (size_t)length : REMOTE_WINDOW);
	return length;
}

static int64_t copy(void *to, const void *from, const void *theirs, size_t size)
{
	if (size > REMOTE_WINDOW || !readable(theirs, size))
		return -1;
	memcpy(to, from, size);
	return (int64_t)size;
}

/* Longer than the window: the stand-in reads it where it is. */
static int64_t tell_path(struct channel *channel, const struct ground *ground)
{
	static char path[PATH_ROOM];
	uint32_t index = (uint32_t)channel->size;

	channel->address = (int64_t)path;
	return index < MAX_ARGS && ground->path(&channel->call, index, path)
		? (int64_t)strlen(path) : -1;
}

int64_t remote_serve(struct channel *channel, const struct ground *ground)
{
	char *window = channel->window, *theirs = (char *)channel->address;
	size_t size = (size_t)channel->size;

	switch (channel->word) {
	case WANT_TEXT: return tell_text(channel, theirs);
	case WANT_READ: return copy(window, theirs, theirs, size);
	case WANT_WRITE: return copy(theirs, window, theirs, size);
	case WANT_PATH: return tell_path(channel, ground);
	case WANT_MEMORY:
		return sys6(__NR_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	default: return -1;
	}
}

void remote_hand_texts(struct channel *channel, const struct call *call)
{
	struct remote_text *next = channel->texts, *end = next + REMOTE_TEXTS;

	for (int i = 0; i < rows[call->id].nargs && next < end; i++) {
		const struct arg *arg = &rows[call->id].args[i];
		const char *text = (const char *)call->args[i];

		if (!text || (arg->kind != ARG_PATH && arg->kind != ARG_TEMPLATE))
			continue;
		next->length = readable_string(text, REMOTE_TEXT);
		if (next->length < 0 || next->length == REMOTE_TEXT)
			continue;
		memcpy(next->text, text, (size_t)next->length);
		next++->address = (int64_t)text;
	}
	while (next < end)
		next++->address = 0;
}
