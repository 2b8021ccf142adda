/*
 * The glob matcher. It keeps two places to go back to, one for the last `**` and one
 * for the last `*` after it. More are never needed: a star later in the pattern can
 * take up whatever an earlier one would have left it by growing. That holds for `*`,
 * which stops at a slash, because only a written slash matches a slash: text between
 * two stars that holds one can fit in a single place.
 */
#include "glob.h"

#include <stddef.h>

/* A star that matched up to `text`; `pattern` is what follows it. */
struct star {
	const char *pattern;
	const char *text;
};

struct stars {
	struct star any;	/* `**`: may take any byte more */
	struct star part;	/* `*` behind it in the pattern: any but a slash */
};

static unsigned char class_byte(const char **pattern)
{
	if (**pattern == '\\' && (*pattern)[1] != '\0')
		++*pattern;
	return (unsigned char)*(*pattern)++;
}

/* A byte or a range such as `a-z`; a `-` before the `]` stands for itself. */
static bool class_item(const char **pattern, unsigned char byte)
{
	unsigned char low = class_byte(pattern);
	unsigned char high = low;

	if (**pattern == '-' && (*pattern)[1] != '\0' && (*pattern)[1] != ']') {
		++*pattern;
		high = class_byte(pattern);
	}
	return low <= byte && byte <= high;
}

/* `pattern` is behind the `[`. The place behind the `]`, NULL when there is none. */
static const char *class_end(const char *pattern, unsigned char byte, bool *matched)
{
	bool negated = *pattern == '!' || *pattern == '^';
	bool found = false;
	const char *first = pattern + negated;

	pattern = first;
	while (*pattern != '\0' && (*pattern != ']' || pattern == first))
		found |= class_item(&pattern, byte);
	*matched = found != negated && byte != '/';
	return *pattern == ']' ? pattern + 1 : NULL;
}

/* What follows the first element of `pattern` if it matches `byte`, otherwise NULL. */
static const char *element(const char *pattern, unsigned char byte)
{
	bool matched;
	const char *end;

	if (*pattern == '?')
		return byte == '/' ? NULL : pattern + 1;
	if (*pattern == '[') {
		end = class_end(pattern + 1, byte, &matched);
		if (end)
			return matched ? end : NULL;
	}
	if (*pattern == '\\' && pattern[1] != '\0')
		pattern++;
	return (unsigned char)*pattern == byte ? pattern + 1 : NULL;
}

/* Notes the star at the start of `pattern`; what follows it. */
static const char *stars_add(struct stars *stars, const char *pattern, const char *text)
{
	struct star *star = pattern[1] == '*' ? &stars->any : &stars->part;

	while (*pattern == '*')
		pattern++;
	stars->part.pattern = NULL;
	star->pattern = pattern;
	star->text = text;
	return pattern;
}

/* Lets a star take one byte more and goes back to it; false when none can. */
static bool stars_grow(struct stars *stars, const char **pattern, const char **text)
{
	struct star *star = &stars->part;

	/* A `*` that has come to a slash stays there for good. */
	if (!star->pattern || *star->text == '/')
		star = &stars->any;
	if (!star->pattern)
		return false;
	*pattern = star->pattern;
	*text = ++star->text;
	return true;
}

bool glob_match(const char *pattern, const char *text)
{
	struct stars stars = { .any = { NULL, NULL }, .part = { NULL, NULL } };
	const char *next;

	for (;;) {
		if (*pattern == '*') {
			pattern = stars_add(&stars, pattern, text);
			continue;
		}
		/* Bytes ran out: a star that took more would leave still fewer. */
		if (*text == '\0')
			return *pattern == '\0';
		next = element(pattern, (unsigned char)*text);
		if (next) {
			pattern = next;
			text++;
		} else if (!stars_grow(&stars, &pattern, &text)) {
			return false;
		}
	}
}
