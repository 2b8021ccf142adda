/*
 * The second part of libpybridge.so (embed.c): hooks are called from here directly, with the
 * one object there is for each call: cffi's way into Python takes three times as long. What
 * they return goes to pyshim/inside/hooks.py.
 */

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

/* pyshim/hook_limit.py reads it, when it has its name: which hook, which call, where it
 * stands. snprintf(3) with numbers alone allocates nothing. */
static void gave_up(void)
{
	PyThreadState *mine = PyGILState_GetThisThreadState();
	char part[4096], whole[4096], head[32];
	int fd, pid = (int)getpid();
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;

	snprintf(part, sizeof(part), "%s/.gave-up.%d", ground->rundir, pid);
	snprintf(whole, sizeof(whole), "%s/gave-up.%d", ground->rundir, pid);
	/* Not open(3): a cancellation point may be what the hook hangs in. */
	fd = (int)syscall(SYS_openat, AT_FDCWD, part, flags, 0600);
	if (fd < 0)
		return;
	snprintf(head, sizeof(head), "%d %d\n", now_hook, now.id);
	if (syscall(SYS_write, fd, head, strlen(head)) > 0 && mine)
		_Py_DumpTraceback(fd, mine);
	syscall(SYS_close, fd);
	rename(part, whole);
}
