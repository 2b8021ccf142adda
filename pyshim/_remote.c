/*
 * The host's side of remote_wire.h: who is alive, and taking turns. Compiled into
 * pyshim._host behind _host.c; whatever waits is called with the GIL released.
 */
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/prctl.h>

static uint32_t *word_of(struct alive *who)
{
	return (uint32_t *)who->mutex;
}

static struct channel *remote_channel(struct remote *remote, uint32_t index)
{
	return (struct channel *)((char *)remote + 4096 * (index + 1ul));
}

/* The kernel marks it when this thread ends, and at exec. -1: it can't be had. */
static int remote_take(struct alive *who)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)who->mutex;
	pthread_mutexattr_t kind;

	_Static_assert(sizeof(*mutex) == sizeof(*who), "room for it");
	pthread_mutexattr_init(&kind);
	pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
	if (pthread_mutex_init(mutex, &kind) || pthread_mutex_lock(mutex))
		return -1;
	return (*word_of(who) & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid) ? 0 : -1;
}

static int remote_ended(struct alive *who)
{
	return (__atomic_load_n(word_of(who), __ATOMIC_RELAXED) & FUTEX_OWNER_DIED) != 0;
}

static void wake(uint32_t *word, int most)
{
	syscall(SYS_futex, word, FUTEX_WAKE, most, NULL, NULL, 0);
}

static void remote_set_state(struct channel *channel, uint32_t state)
{
	/* Release pairs with the target's acquire: what we set up is there. */
	__atomic_store_n(&channel->state, state, __ATOMIC_RELEASE);
	wake(&channel->state, 1);
}

static void remote_gave_up(struct channel *channel)
{
	/* Relaxed: it is but a word. */
	__atomic_store_n(&channel->gave_up, 2, __ATOMIC_RELAXED);
	wake(&channel->gave_up, 1);
}

static void remote_close(struct remote *remote)
{
	__atomic_store_n(&remote->closed, 1, __ATOMIC_RELAXED);
}

/* ---- a stand-in ---- */

static struct arena *run;

/* The run's counters, and what plugins share (shared.h), are ours as well. */
static void remote_share(struct arena *arena)
{
	run = arena;
	shared = (struct shared *)((char *)arena + arena->shared_at);
}

static void remote_count_error(uint32_t hook, uint32_t error)
{
	/* Relaxed: the host only adds up. */
	__atomic_fetch_add(&run->errors[hook][error], 1, __ATOMIC_RELAXED);
}

static int ours(struct channel *channel)
{
	/* Acquire pairs with the target's release: all that it wrote is there. */
	return (__atomic_load_n(&channel->turn, __ATOMIC_ACQUIRE) & ~TURN_WAITED)
		== TURN_STAND_IN;
}

static void sleep_on_turn(struct channel *channel)
{
	uint32_t is = TURN_TARGET;

	/* Relaxed: it only says that somebody waits. */
	if (__atomic_compare_exchange_n(&channel->turn, &is, TURN_TARGET | TURN_WAITED, 0,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED)
	    || is == (TURN_TARGET | TURN_WAITED))
		syscall(SYS_futex, &channel->turn, FUTEX_WAIT, TURN_TARGET | TURN_WAITED,
			NULL, NULL, 0);
}

/* As turn_comes_soon() of shim/remote.c. */
static int comes_soon(struct remote *remote, struct channel *channel)
{
	static uint32_t rounds, waits;

	if (waits++ % 64 == 0)
		rounds = remote->spins;
	for (uint32_t round = rounds; round; round--) {
		if (ours(channel)) {
			rounds = remote->spins;
			return 1;
		}
		__builtin_ia32_pause();
	}
	rounds /= 4;
	return 0;
}

/* The next word of the target's. The call is copied to `now`, where hooks look. */
static uint32_t remote_next(struct remote *remote, struct channel *channel,
			    struct call *now)
{
	if (!comes_soon(remote, channel))
		while (!ours(channel))
			sleep_on_turn(channel);
	if (channel->word == SAY_ENTER || channel->word == SAY_EXIT || channel->word == SAY_MADE)
		*now = channel->call;
	return channel->word;
}

static void remote_give(struct channel *channel, uint32_t word)
{
	channel->word = word;
	/* Release pairs with the target's acquire. */
	if (__atomic_exchange_n(&channel->turn, TURN_TARGET, __ATOMIC_RELEASE) & TURN_WAITED)
		wake(&channel->turn, 1);
}

static void remote_answer(struct channel *channel, const struct call *now, uint32_t word)
{
	channel->call = *now;
	remote_give(channel, word);
}

/* What the thread that waits is to do; its result. */
static int64_t remote_want(struct remote *remote, struct channel *channel, uint32_t word,
			   int64_t address, int64_t size)
{
	struct call unused;

	channel->address = address;
	channel->size = size;
	remote_give(channel, word);
	remote_next(remote, channel, &unused);
	return channel->size;
}

/* Hooks are to find the program's working directory. */
static int remote_follow(uint32_t pid)
{
	char cwd[32];

	snprintf(cwd, sizeof(cwd), "/proc/%u/cwd", pid);
	return chdir(cwd);
}

/* End when `parent` ends. -1: it has ended already. prctl(2): where the parent may be
 * about to go, its children are handed to the nursery (PR_SET_CHILD_SUBREAPER). */
static int remote_end_with(int parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return getppid() == parent ? 0 : -1;
}

static void remote_adopts(void)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* Behind a fork: once more, so that the nursery becomes our parent, not a stand-in that
 * may end before us. Returns in the child's child, -1: too late. */
static int remote_detach(struct channel *channel, int nursery)
{
	struct timespec nap = { 0, 20000 };
	int before = getpid(), child = fork();

	if (child < 0)
		remote_set_state(channel, REMOTE_BROKEN);
	if (child)
		_exit(0);
	while (getppid() == before)
		nanosleep(&nap, NULL);
	return remote_end_with(nursery);
}

/* ---- the nursery ---- */

/* Until somebody calls, or for so long at most; what is to be given next time. */
static uint32_t remote_claims(struct remote *remote, uint32_t seen, uint64_t ns)
{
	struct timespec most = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	/* Acquire pairs with the claim's release. */
	if (__atomic_load_n(&remote->claims, __ATOMIC_ACQUIRE) == seen)
		syscall(SYS_futex, &remote->claims, FUTEX_WAIT, seen, &most, NULL, 0);
	return __atomic_load_n(&remote->claims, __ATOMIC_ACQUIRE);
}

/* Channels that are somebody's; how many. */
static uint32_t remote_used(struct remote *remote, uint32_t *found)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < REMOTE_CHANNELS; i++)
		/* Acquire pairs with the release of who adopts it. */
		if (__atomic_load_n(&remote_channel(remote, i)->pid, __ATOMIC_ACQUIRE))
			found[n++] = i;
	return n;
}

/* From now on nobody can adopt it. 0: somebody has, just now. */
static int remote_disown(struct channel *channel, uint32_t pid)
{
	/* Acquire: what the other side wrote before is not written over ours. */
	return __atomic_compare_exchange_n(&channel->pid, &pid, UINT32_MAX, 0,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void remote_free(struct channel *channel)
{
	memset(channel, 0, offsetof(struct channel, pid));
	memset(&channel->pid + 1, 0, sizeof(*channel) - offsetof(struct channel, pid) - 4);
	/* Release pairs with the next claim's acquire. */
	__atomic_store_n(&channel->pid, 0, __ATOMIC_RELEASE);
}
