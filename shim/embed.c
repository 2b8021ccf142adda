/*
 * The C half of libpybridge.so, which lives in its own namespace in the target and is
 * called by bridge.c with the hook mutex held. setup.py wraps it as a cffi embedding
 * module; hooks_setup() is a Python function of pyshim/inside.
 *
 * A hook is called from here directly, with the one object there is for each call: cffi's
 * way into Python takes three times as long. What it returns goes to pyshim/inside/hooks.py.
 */
#include <Python.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "call.h"
#include "bridge.h"
#include "heap.h"
#include "process_hooks.h"
#include "shared.h"

enum { TEXT_MOST = 1 << 20 };

static int hooks_setup(const char *);
static int cffi_start_python(void);

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

/* ---- hooks ---- */

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

static PyObject *functions, *process_of, *tell, *make, *decide, *failed, *release, *forget;

/* Of pyshim.inside.hooks.Hooks.here: each of these is its, and stays for ever. */
static bool find_hooks(void)
{
	PyObject *class = find(PyImport_ImportModule("pyshim.inside.hooks"), "Hooks");
	PyObject *here = find(class, "here"), *calls = find(here, "calls");

	functions = find(here, "functions");
	process_of = find(here, "process");
	tell = find(here, "tell_process");
	make = find(here, "make");
	decide = find(here, "decide");
	failed = find(here, "failed");
	release = find(here, "release");
	forget = find(here, "forget");
	known = calls ? PyMem_RawCalloc(PyLong_AsSize_t(calls), sizeof(*known)) : NULL;
	return give_members() && functions && process_of && tell && make && decide && failed
		&& release && forget && known;
}

/* A hook's own exceptions end here. */
static void report(long hook, PyObject *object)
{
	PyObject *type, *value, *trace, *done;

	PyErr_Fetch(&type, &value, &trace);
	PyErr_NormalizeException(&type, &value, &trace);
	if (trace)
		PyException_SetTraceback(value, trace);
	done = PyObject_CallFunction(failed, "lOO", hook, object, value);
	if (!done)
		PyErr_Clear();
	Py_XDECREF(done);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
}

/* Takes the verdict; false when it could not be applied. */
static bool apply(long hook, PyObject *object, PyObject *verdict)
{
	PyObject *done = PyObject_CallFunctionObjArgs(decide, object, verdict, NULL);

	Py_DECREF(verdict);
	if (!done)
		report(hook, object);
	Py_XDECREF(done);
	return done;
}

/* An error: something else still uses one of them. */
static void take_back(long hook, PyObject *object)
{
	PyObject *done = PyObject_CallNoArgs(release);

	now_lent = 0;
	if (!done)
		report(hook, object);
	Py_XDECREF(done);
}

/* True: it has decided, the others are not asked. */
static bool ask_one(long hook, PyObject *object)
{
	PyObject *function = PyList_GET_ITEM(functions, hook), *verdict;
	bool decided = false;

	now_hook = (int)hook;
	verdict = PyObject_Vectorcall(function, &object, 1, NULL);
	if (verdict == Py_None)
		Py_DECREF(verdict);
	else if (verdict)
		decided = apply(hook, object, verdict);
	else
		report(hook, object);
	if (now_lent)
		take_back(hook, object);
	return decided;
}

/* A borrowed reference, NULL: it could not be made, for want of memory. */
static PyObject *object_of(uint16_t id)
{
	if (!known[id].object) {
		known[id].object = PyObject_CallFunction(make, "i", (int)id);
		if (!known[id].object)
			PyErr_Print();
	}
	return known[id].object;
}

/* A syscall that came through no function has whatever was in the upper halves. */
static void cut(struct call *call)
{
	for (int i = 0; i < MAX_ARGS; i++) {
		if (known[call->id].sign >> i & 1)
			call->args[i] = (int32_t)call->args[i];
		else if (known[call->id].word >> i & 1)
			call->args[i] = (uint32_t)call->args[i];
	}
}

static void ask_all(struct call *call, uint32_t hooks, int entering)
{
	PyObject *object = object_of(call->id);

	if (!object)
		return;
	now = *call;
	now_entering = entering;
	now_count = known[call->id].count += (uint32_t)entering;
	if (call->flags & CALL_CAUGHT)
		cut(&now);
	for (; hooks; hooks &= hooks - 1)
		if (ask_one(__builtin_ctz(hooks), object))
			break;
	*call = now;
}

/* ---- threads ---- */

static PyThreadState *first;  /* of the thread that started Python: it is never given up, for
                                 an interpreter that has none can't make another */

/* One thread state for each thread until it ends: making one takes 7 us. */
static void enter(void)
{
	PyThreadState *mine = PyGILState_GetThisThreadState();

	if (mine) {
		PyEval_RestoreThread(mine);
		return;
	}
	/* libc fills a thread's own tables for isalpha(3) and its like where the thread begins:
	 * ours was not asked. CPython's tokenizer uses them. uselocale(3) does it, too. */
	uselocale(LC_GLOBAL_LOCALE);
	PyGILState_Ensure();
	ground->thread_begins();
}

static void leave(void)
{
	PyEval_SaveThread();
}

static uint64_t ask(struct call *call, uint32_t hooks, int entering)
{
	enter();
	now_delay = 0;
	ask_all(call, hooks, entering);
	leave();
	return now_delay;
}

/* The addresses are numbers there. NULL, and printed: for want of memory. */
static PyObject *process_at(const struct moment *moment)
{
	PyObject *made = PyObject_CallFunction(
		process_of, "IiiiKKK", moment->kind, moment->parent, moment->status,
		moment->dirfd, (unsigned long long)(uintptr_t)moment->path,
		(unsigned long long)(uintptr_t)moment->argv,
		(unsigned long long)(uintptr_t)moment->envp);

	if (!made)
		PyErr_Print();
	return made;
}

static void moment(const struct moment *told, uint32_t hooks)
{
	PyObject *process;

	enter();
	process = process_at(told);
	for (; process && hooks; hooks &= hooks - 1) {
		now_hook = __builtin_ctz(hooks);
		Py_XDECREF(PyObject_CallFunction(tell, "iO", now_hook, process));
		PyErr_Clear();
	}
	Py_XDECREF(process);
	leave();
}

static void thread_ends(void)
{
	PyThreadState *mine = PyGILState_GetThisThreadState();

	if (!mine || mine == first)
		return;
	PyEval_RestoreThread(mine);
	Py_XDECREF(PyObject_CallFunction(forget, "i", (int)gettid()));
	PyErr_Clear();
	PyThreadState_Clear(mine);
	PyThreadState_DeleteCurrent();
}

static void before_fork(void)
{
	enter();
	PyOS_BeforeFork();
}

static void after_fork(int in_child)
{
	if (in_child) {
		heap_after_fork();
		PyOS_AfterFork_Child();
		first = PyThreadState_Get();
	} else {
		PyOS_AfterFork_Parent();
	}
	leave();
}

/* CPython's own, for its fault handler: made for signal handlers. */
extern void _Py_DumpTraceback(int fd, PyThreadState *state);

/* pyshim/hook_limit.py reads it: which hook, which call, where it stands. snprintf(3) with
 * numbers alone allocates nothing. */
static void gave_up(void)
{
	PyThreadState *mine = PyGILState_GetThisThreadState();
	char text[4096];
	int fd;

	snprintf(text, sizeof(text), "%s/gave-up.%d", ground->rundir, (int)getpid());
	fd = open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	snprintf(text, sizeof(text), "%d %d\n", now_hook, now.id);
	if (write(fd, text, strlen(text)) > 0 && mine)
		_Py_DumpTraceback(fd, mine);
	close(fd);
}

/* ---- start ---- */

static int complain(PyStatus status)
{
	fprintf(stderr, "pyshim: Python can't start here: %s\n",
		status.err_msg ? status.err_msg : "unknown reason");
	return -1;
}

/* The first line of the plan is sys.path, separated by colons. */
static PyStatus set_path(PyConfig *config, const char *plan)
{
	PyStatus status = PyStatus_Ok();
	const char *end = strchr(plan, '\n');

	config->module_search_paths_set = 1;
	while (plan < end && !PyStatus_Exception(status)) {
		size_t size = strcspn(plan, ":\n");
		char name[4096];
		wchar_t *wide;

		snprintf(name, sizeof(name), "%.*s", (int)size, plan);
		wide = Py_DecodeLocale(name, NULL);
		status = PyWideStringList_Append(&config->module_search_paths, wide);
		PyMem_RawFree(wide);
		plan += size + 1;
	}
	return status;
}

/* Isolated: no signal handlers, no locale, no site, nothing of the target's Python
 * environment variables; never finalised. */
static int start_python(const char *plan)
{
	PyPreConfig before;
	PyConfig config;
	PyStatus status;

	PyPreConfig_InitIsolatedConfig(&before);
	before.configure_locale = 0;
	before.utf8_mode = 1;
	status = Py_PreInitialize(&before);
	if (PyStatus_Exception(status))
		return complain(status);
	PyConfig_InitIsolatedConfig(&config);
	config.install_signal_handlers = 0;
	config.site_import = 0;
	config.write_bytecode = 0;
	config.configure_c_stdio = 0;
	/* Nobody flushes what a hook printed: the interpreter never ends. */
	config.buffered_stdio = 0;
	status = set_path(&config, plan);
	if (!PyStatus_Exception(status))
		status = Py_InitializeFromConfig(&config);
	PyConfig_Clear(&config);
	if (PyStatus_Exception(status))
		return complain(status);
	first = PyEval_SaveThread();
	return 0;
}

/* Returns what hooks_setup() says: 0, or -1 after it has printed why. */
static int start(const char *plan, const struct ground *given)
{
	PyGILState_STATE state;
	bool found;

	ground = given;
	shared = ground->shared();
	if (start_python(plan) || cffi_start_python() || hooks_setup(plan))
		return -1;
	state = PyGILState_Ensure();
	found = find_hooks();
	PyGILState_Release(state);
	return found ? 0 : -1;
}

__attribute__((visibility("default"))) struct bridge pyshim_bridge = {
	.start = start,
	.ask = ask,
	.moment = moment,
	.before_fork = before_fork,
	.after_fork = after_fork,
	.thread_ends = thread_ends,
	.gave_up = gave_up,
};
