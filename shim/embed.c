/*
 * The C half of libpybridge.so, which lives in its own namespace in the target and is
 * called by bridge.c with the hook mutex held. setup.py wraps it as a cffi embedding
 * module; hooks_*() are Python functions of pyshim/bridge_side.py.
 */
#include <Python.h>
#include <stdio.h>
#include <string.h>
#include "call.h"
#include "bridge.h"

enum { TEXT_MOST = 1 << 20 };

static int hooks_setup(const char *);
static void hooks_enter(struct call *, uint64_t key);
static void hooks_exit(struct call *, uint64_t key);
static int cffi_start_python(void);

static int start(const char *plan, long (*readable_string)(const char *, size_t));
static void enter(struct call *call);
static void leave(struct call *call);
static void before_fork(void);
static void after_fork(int in_child);

__attribute__((visibility("default"))) struct bridge pyshim_bridge = {
	.start = start,
	.enter = enter,
	.exit = leave,
	.before_fork = before_fork,
	.after_fork = after_fork,
};

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
	PyEval_SaveThread();
	return 0;
}

static long (*readable)(const char *, size_t);

/* For bridge_side.py: bytes of a string of the program's, or -1 when it can't be read. */
static long text_length(const char *text)
{
	return readable(text, TEXT_MOST);
}

/* Returns what hooks_setup() says: 0, or -1 after it has printed why. */
static int start(const char *plan, long (*readable_string)(const char *, size_t))
{
	readable = readable_string;
	if (start_python(plan) || cffi_start_python())
		return -1;
	return hooks_setup(plan);
}

/* Which call it is and which hooks want it, in one number: each further argument, and
 * each field read in Python, takes 15 to 50 ns. */
static uint64_t key(const struct call *call)
{
	return (uint64_t)call->hooks << 16 | call->id;
}

static void enter(struct call *call)
{
	hooks_enter(call, key(call));
}

static void leave(struct call *call)
{
	hooks_exit(call, key(call));
}

static PyGILState_STATE forking;

static void before_fork(void)
{
	forking = PyGILState_Ensure();
	PyOS_BeforeFork();
}

static void after_fork(int in_child)
{
	if (in_child) {
		PyOS_AfterFork_Child();
		/* Never given back: ours is the only thread state that is left, and an
		 * interpreter that once had none can't make another. */
		PyGILState_Ensure();
	} else {
		PyOS_AfterFork_Parent();
	}
	PyGILState_Release(forking);
}
