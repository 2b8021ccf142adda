/*
 * The C half of libpybridge.so, which lives in its own namespace in the target and is
 * called by python.c and bridge.c with the hook mutex held. setup.py wraps it as a cffi
 * embedding module, one source of embed_call.c, embed_hooks.c and this, which starts the
 * interpreter; hooks_setup() is a Python function of pyshim/inside.
 */

static int hooks_setup(const char *);
static int cffi_start_python(void);

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
