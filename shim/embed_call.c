/*
 * The first part of libpybridge.so (embed.c): the call that is being asked about, as Python
 * reads it. One at a time, so it lies at one place; with the hook mutex and the GIL held.
 */
#include <Python.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "call.h"
#include "bridge.h"
#include "heap.h"
#include "process_hooks.h"
#include "shared.h"

enum { TEXT_MOST = 1 << 20 };

static const struct ground *ground;

/* ---- what pyshim/inside/memory.py reads and calls; lock and GIL held ---- */

/* The call that is being asked about. One at a time, so it need not be passed around. */
static struct call now;
static uint32_t now_count;    /* how often this call was asked about */
static int now_entering;      /* 0: it has been made */
static int now_lent;          /* views of memory were given out */
static uint64_t now_delay;    /* ns: to wait afterwards */
static int now_hook = -1;     /* which of them runs; -1: Python is just starting */

/* Of each call that was asked about. */
static struct asked_call {
	PyObject *object;     /* what hooks get, hooks.py owns it */
	uint32_t count;
	uint8_t sign, word;   /* arguments of 32 bits, with and without sign: a bit each */
} *known;

/* Bytes of a string of the program's, or -1 when it can't be read. */
static long text_length(const char *text)
{
	return ground->readable_string(text, TEXT_MOST);
}

static int can_read(const char *at, uint64_t size)
{
	return ground->readable(at, size);
}

/* `path` has room for 4096 bytes. 0: there is none. */
static int now_path(uint32_t index, char *path)
{
	return index < MAX_ARGS && ground->path(&now, index, path);
}

/* cffi has let the GIL go. Other hooks run meanwhile, with a `now` of their own. */
static int now_real(void)
{
	struct call seen = now;
	uint32_t count = now_count;
	int lent = now_lent, made = ground->real(&seen);

	now = seen;
	now_count = count;
	now_entering = 1;
	now_lent = lent;
	now_delay = 0;
	return made;
}

static void narrow(uint32_t id, uint8_t sign, uint8_t word)
{
	known[id].sign = sign;
	known[id].word = word;
}

static void count_error(uint32_t hook, uint32_t error)
{
	ground->count_error(hook, error);
}

static PyObject *find(PyObject *owner, const char *name)
{
	PyObject *found = owner ? PyObject_GetAttrString(owner, name) : NULL;

	if (!found)
		PyErr_Print();
	return found;
}

/* ---- what call.py reads most, as attributes: without a Python function between ---- */

static PyObject *get_int32(PyObject *unused, void *at)
{
	(void)unused;
	return PyLong_FromLong(*(const int32_t *)at);
}

static PyObject *get_uint32(PyObject *unused, void *at)
{
	(void)unused;
	return PyLong_FromUnsignedLong(*(const uint32_t *)at);
}

static PyObject *get_int64(PyObject *unused, void *at)
{
	(void)unused;
	return PyLong_FromLongLong(*(const int64_t *)at);
}

static PyObject *get_uint64(PyObject *unused, void *at)
{
	(void)unused;
	return PyLong_FromUnsignedLongLong(*(const uint64_t *)at);
}

static PyGetSetDef fields[] = {
	{ .name = "pid", .get = get_int32, .closure = &now.pid },
	{ .name = "tid", .get = get_int32, .closure = &now.tid },
	{ .name = "ret", .get = get_int64, .closure = &now.ret },
	{ .name = "errno", .get = get_int32, .closure = &now.err },
	{ .name = "count", .get = get_uint32, .closure = &now_count },
};

static PyGetSetDef arguments[2][MAX_ARGS];  /* with and without sign */

/* Of no type in particular, so that any class may have it: there is one `now` for all. */
static PyObject *member(PyGetSetDef *field)
{
	return PyDescr_NewGetSet(&PyBaseObject_Type, field);
}

static bool give_fields(PyObject *call)
{
	bool done = call;

	for (size_t i = 0; done && i < sizeof(fields) / sizeof(*fields); i++) {
		PyObject *made = member(fields + i);

		done = made && !PyObject_SetAttrString(call, fields[i].name, made);
		Py_XDECREF(made);
	}
	return done;
}

static bool give_numbers(PyObject *numbers)
{
	static char names[2][MAX_ARGS][3];
	bool done = numbers;

	for (int i = 0; done && i < 2 * MAX_ARGS; i++) {
		PyGetSetDef *field = &arguments[i & 1][i / 2];
		PyObject *made;

		snprintf(names[i & 1][i / 2], 3, "%c%d", i & 1 ? 'u' : 's', i / 2);
		*field = (PyGetSetDef){
			.name = names[i & 1][i / 2],
			.get = i & 1 ? get_uint64 : get_int64,
			.closure = &now.args[i / 2],
		};
		made = member(field);
		done = made && !PyDict_SetItemString(numbers, field->name, made);
		Py_XDECREF(made);
	}
	return done;
}

/* What call.py has itself is what the host reads, where there is no bridge. */
static bool give_members(void)
{
	PyObject *module = PyImport_ImportModule("pyshim.inside.call");

	return give_fields(find(module, "Call")) && give_numbers(find(module, "numbers"));
}
