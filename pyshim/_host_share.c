/*
 * The host's side of what plugins share, shim/shared.h. One with _host.c, after it.
 */

/* Where names and values are before the target starts and after its end. */
static struct shared private_shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

__attribute__((constructor)) static void share_nothing(void)
{
	shared = &private_shared;
}

static size_t host_shared_size(void)
{
	return sizeof(struct shared);
}

static int make_robust(pthread_mutex_t *lock)
{
	pthread_mutexattr_t robust;
	int error = pthread_mutexattr_init(&robust);

	if (!error)
		error = pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
	return error ? error : pthread_mutex_init(lock, &robust);
}

static void copy_value(int place, struct shared_slot *to)
{
	struct shared_copy copy;

	shared_get(place, &copy);
	shared_copy_in(&to->values[copy.turn & 1], copy.bytes, copy.size);
	to->number = copy.turn;
}

/* Each name keeps its place: Python's objects know it by that. Nobody else looks at `to`;
 * what is copied may be used on by processes that outlive the command. */
static void copy_slots(struct shared *to)
{
	for (int i = 0; i < SHARED_NAMES; i++) {
		const struct shared_slot *slot = &shared->slots[i];
		/* Acquire pairs with the release in shared_take(): the name is whole. */
		uint32_t kind = __atomic_load_n(&slot->kind, __ATOMIC_ACQUIRE);

		if (kind == SHARED_FREE)
			return;
		memcpy(to->slots[i].name, slot->name, sizeof(slot->name));
		to->slots[i].kind = kind;
		if (kind == SHARED_VALUE)
			copy_value(i, &to->slots[i]);
		else
			to->slots[i].number = (uint64_t)shared_number(i);
	}
}

/* Before the target starts: the arena's region has what was set until now. 0 or an errno:
 * the kernel may know no robust mutexes. */
static int host_share(struct arena *arena)
{
	if (!arena->shared_at)
		return 0;
	struct shared *region = (struct shared *)((char *)arena + arena->shared_at);
	int error = make_robust(&region->lock);

	if (error)
		return error;
	copy_slots(region);
	shared = region;
	return 0;
}

/* Before the arena goes: what it had last is still there to be read. */
static void host_unshare(void)
{
	if (shared == &private_shared)
		return;
	copy_slots(&private_shared);
	shared = &private_shared;
}
